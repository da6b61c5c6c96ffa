//! Golden frames: the live programs are run, by BPF_PROG_TEST_RUN, on frames whose fate is known.
//!
//! They come in by a port that is no netdev's: the loopback of the caller's namespace, which is no port of any chassis, made a port for the time
//! of the test, with a VLAN of id 4095 (which 802.1Q reserves) and one station in it. So they meet the programs, the dispatcher and the tables that
//! every frame meets, nothing is learned from them, and what they count counts as of no port. A test run does not send: the verdict is what is looked
//! at, and the reason that was counted.

use msm_abi::{
    DropReason, FdbEntry, FdbKey, LPORTS, Lport, PORTS, PortEntry, VlanEntry, port_flags, vlan_flags,
};

use crate::{
    Owner, TableError,
    store::{Hook, Kernel, Links},
    tables,
};

/// Where golden frames count: the counters of frames of no port.
const LPORT: Lport = LPORTS as Lport;
/// The loopback's ifindex in every network namespace: what a test run without a netdev comes in by.
const LOOPBACK: u32 = 1;
/// A VLAN id that 802.1Q reserves.
const VID: u16 = 4095;
/// The stack's side of a fabric: none is needed to reach its ports, and none from them.
const NO_SLOT: u8 = u8::MAX;
/// Stations of the test; locally administered.
const HERE: [u8; 6] = [0x02, 0x60, 0x1d, 0, 0, 1];
const THERE: [u8; 6] = [0x02, 0x60, 0x1d, 0, 0, 2];

/// XDP_DROP and XDP_REDIRECT.
const XDP: [u32; 2] = [1, 4];
/// TC_ACT_SHOT and TC_ACT_REDIRECT.
const TCX: [u32; 2] = [2, 7];

/// What becomes of a golden frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped(DropReason),
    Redirected,
}

struct Golden {
    what: &'static str,
    frame: Vec<u8>,
    fate: Fate,
    /// It is about a tag in the frame: at tcx the kernel has it beside the frame, where no test run puts one.
    tagged: bool,
}

fn ethernet(destination: [u8; 6], source: [u8; 6], rest: &[u8]) -> Vec<u8> {
    let mut frame = [&destination[..], &source[..], rest].concat();
    frame.resize(60, 0);
    frame
}

/// The frames; `reached`: the port of the station [`THERE`] has a netdev.
fn frames(reached: bool) -> Vec<Golden> {
    let golden = |what, frame: Vec<u8>, fate| {
        let tagged = frame[12..14] == [0x81, 0x00];
        Golden { what, frame, fate, tagged }
    };
    // EtherType of local experiments (IEEE 802).
    let plain = [0x88, 0xb5];
    let mut all = vec![
        golden(
            "a tag that is cut off",
            [&THERE[..], &HERE[..], &[0x81, 0x00][..]].concat(),
            Fate::Dropped(DropReason::Truncated),
        ),
        golden(
            "a PAUSE frame",
            ethernet([0x01, 0x80, 0xc2, 0, 0, 1], HERE, &[0x88, 0x08]),
            Fate::Dropped(DropReason::Control),
        ),
        golden(
            "a tag of another VLAN",
            ethernet(THERE, HERE, &[0x81, 0x00, 0x0f, 0xfe, 0x88, 0xb5]),
            Fate::Dropped(DropReason::NotMember),
        ),
        golden(
            "a group address as source",
            ethernet(THERE, [0x03, 0, 0, 0, 0, 1], &plain),
            Fate::Dropped(DropReason::BadSource),
        ),
    ];
    let fate = if reached { Fate::Redirected } else { Fate::Dropped(DropReason::NoEgress) };
    all.push(golden("a frame to a known station", ethernet(THERE, HERE, &plain), fate));
    all
}

impl Owner {
    /// Runs the dispatcher and the tcx program on golden frames. Answers what went otherwise than it must; none: the programs are sound. Takes
    /// a millisecond; writes six entries and takes them back, of a port, a VLAN and a station that nobody else has.
    ///
    /// # Errors
    /// The tables cannot be written or read, or a program cannot be run.
    pub fn golden_frames(&mut self) -> Result<Vec<String>, TableError> {
        let hop = self.port_with_hop()?;
        let store = self.store_mut();
        let there = FdbKey::new(THERE, VID);
        let laid = lay(store, there, hop.unwrap_or_default());
        let result = laid.and_then(|()| {
            let mut wrong = Vec::new();
            for golden in frames(hop.is_some()) {
                judge(store, &golden, Kind::Xdp, &mut wrong)?;
                if !golden.tagged {
                    judge(store, &golden, Kind::Tcx, &mut wrong)?;
                }
            }
            Ok(wrong)
        });
        // Whatever came of it, and however far it came.
        let taken = take_up(store, there);
        let wrong = result?;
        taken?;
        Ok(wrong)
    }

    /// A port that frames can leave by now.
    fn port_with_hop(&mut self) -> Result<Option<Lport>, TableError> {
        let store = self.store_mut();
        let links = store.links(Hook::Tcx).map_err(|source| TableError::Kernel {
            what: "list",
            table: "of links",
            source,
        })?;
        for (lport, _) in links {
            if usize::from(lport) < PORTS
                && tables::tx::get(store, lport)?.is_some()
                && tables::egress::get(store, lport)?.flags == 0
            {
                return Ok(Some(lport));
            }
        }
        Ok(None)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Xdp,
    Tcx,
}

fn lay(store: &mut Kernel, there: FdbKey, to: Lport) -> Result<(), TableError> {
    let mut vlan = VlanEntry { flags: vlan_flags::EXISTS, svi: LPORT, ..VlanEntry::default() };
    vlan.untagged[usize::from(to) / 64] |= 1 << (to % 64);
    tables::vlans::set(store, VID, &vlan)?;
    tables::fdb::set(store, there, FdbEntry::new(to, FdbEntry::STATIC, 0))?;
    let port = PortEntry {
        lport: LPORT,
        logical: LPORT,
        pvid: VID,
        flags: port_flags::VALID | port_flags::ENABLED | port_flags::SVI,
        slot: NO_SLOT,
        pad: [0; 7],
    };
    tables::ports::set(store, LOOPBACK, port)
}

fn take_up(store: &mut Kernel, there: FdbKey) -> Result<(), TableError> {
    tables::ports::set(store, LOOPBACK, PortEntry::default())?;
    tables::vlans::set(store, VID, &VlanEntry::default())?;
    tables::fdb::begin(store)?;
    tables::fdb::remove(store, there)?;
    tables::fdb::end(store)
}

fn judge(store: &Kernel, golden: &Golden, kind: Kind, wrong: &mut Vec<String>) -> Result<(), TableError> {
    let (name, [drop, redirect]) = match kind {
        Kind::Xdp => ("dispatch", XDP),
        Kind::Tcx => ("tcx_ingress", TCX),
    };
    let before = drops(store)?;
    let action = store.test_run(kind == Kind::Tcx, &golden.frame).map_err(|source| TableError::Program {
        what: "run on a golden frame the",
        program: name,
        source,
    })?;
    let Some(action) = action else { return Ok(()) };
    let after = drops(store)?;
    let counted: Vec<_> = DropReason::ALL
        .iter()
        .filter(|(reason, _)| after[*reason as usize] != before[*reason as usize])
        .map(|(_, name)| *name)
        .collect();
    let (expected, reason) = match golden.fate {
        Fate::Dropped(reason) => (drop, Some(reason)),
        Fate::Redirected => (redirect, None),
    };
    let said = |action| match action {
        action if action == drop => "dropped".to_owned(),
        action if action == redirect => "sent on".to_owned(),
        other => format!("answered with {other}"),
    };
    let reason = reason.and_then(|reason| DropReason::ALL.iter().find(|(one, _)| *one == reason));
    if action != expected {
        wrong.push(format!(
            "{name}: {} is {}, must be {} ({counted:?})",
            golden.what,
            said(action),
            said(expected)
        ));
    } else if let Some((_, reason)) = reason.filter(|(_, reason)| !counted.contains(reason)) {
        wrong
            .push(format!("{name}: {} is dropped and counted as {counted:?}, must be {reason}", golden.what));
    }
    Ok(())
}

fn drops(store: &Kernel) -> Result<[u64; msm_abi::PortCounters::REASONS], TableError> {
    Ok(tables::counters::get(store, LPORT)?.drops)
}
