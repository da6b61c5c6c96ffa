//! Switches of four veths each: a bridge of the kernel's, and ours as its owner makes it.

use std::collections::BTreeMap;

use msm_abi::Lport;
use msm_dataplane::{Desired, DesiredPort, DesiredVlan, Driver, MsmSlot, Owner, PinTree};

use crate::{
    bed::{Bed, FDB, add_veth, object, run},
    frames::{PORTS, Sent, TAGGED, fence, number},
    host::{Host, sysctl},
};

/// What came out, by the number of the frame that went in: ports, and the bytes that each sent.
pub(crate) type Out = BTreeMap<u32, Vec<(usize, Vec<u8>)>>;

/// A switch, by the hosts at its ports. What makes it one lives as long.
pub(crate) struct Switch {
    pub(crate) name: &'static str,
    hosts: Vec<Host>,
    _owner: Option<Owner>,
}

/// Veths from this ifindex on, and the hosts at them.
fn hosts(first: u32) -> Vec<Host> {
    let host = |ifindex| {
        add_veth(ifindex);
        // Without, a veth takes no frame that XDP sends (drivers/net/veth.c: veth_xdp_xmit).
        run("ethtool", &["-K", &format!("h{ifindex}"), "gro", "on"]);
        Host::new(&format!("h{ifindex}"))
    };
    (first..first + PORTS as u32).map(host).collect()
}

/// A bridge that learns, does not forget, and speaks no protocol.
pub(crate) fn linux() -> Switch {
    let first = 2001;
    run("ip", &["link", "add", "br0", "type", "bridge", "stp_state", "0", "ageing_time", "360000"]);
    run("ip", &["link", "set", "br0", "type", "bridge", "mcast_snooping", "0"]);
    run("ip", &["link", "set", "br0", "address", "02:b0:00:00:00:00", "up"]);
    let hosts = hosts(first);
    for port in 0..PORTS as u32 {
        let (name, address) = (format!("p{}", first + port), format!("02:b0:00:00:00:0{}", port + 1));
        run("ip", &["link", "set", &name, "address", &address, "master", "br0"]);
    }
    // In every network namespace until told otherwise: frames that hold bad IP headers would be dropped.
    sysctl("bridge/bridge-nf-call-iptables", "0");
    sysctl("bridge/bridge-nf-call-ip6tables", "0");
    Switch { name: "a Linux bridge", hosts, _owner: None }
}

/// The pinned programs, by their owner: VLAN 1 without a tag, and VLAN 5 with one, at every port.
pub(crate) fn ours(bed: &Bed, driver: Driver) -> Switch {
    let (name, chassis, first) = match driver {
        Driver::Xdp => ("the XDP program", "dp-xdp", 1001),
        Driver::Tcx => ("the tcx program", "dp-tcx", 3001),
    };
    let hosts = hosts(first);
    let tree = PinTree::new(bed.bpffs(), chassis).expect("a bpffs");
    let mut owner = tree.create(MsmSlot::A, &object(), FDB).expect("a cold start");
    let lports = || (0..PORTS as Lport).map(|port| port % 2 * 64 + port / 2);
    let port = |(number, lport)| {
        let ifindex = Some(first + number);
        (lport, DesiredPort { ifindex, enabled: true, pvid: 1, driver, ..DesiredPort::default() })
    };
    let desired = Desired {
        ports: (0..).zip(lports()).map(port).collect(),
        vlans: [
            (1, DesiredVlan { untagged: lports().collect(), ..DesiredVlan::default() }),
            (TAGGED, DesiredVlan { tagged: lports().collect(), ..DesiredVlan::default() }),
        ]
        .into(),
        fabrics: [msm_abi::FabricState { present: 1, programmed: 1 }; msm_abi::FABRICS],
        ..Desired::default()
    };
    let changes = owner.reconcile(&desired).expect("reconciled");
    assert_eq!((changes.attached.len(), changes.port_faults.len()), (PORTS, 0), "{changes:?}");
    Switch { name, hosts, _owner: Some(owner) }
}

impl Switch {
    /// Puts frames in, all at one port, and waits until the last one's way is done.
    pub(crate) fn pass(&self, frames: &[Sent], last: u32) -> Out {
        let from = frames[0].port;
        frames.iter().for_each(|frame| self.hosts[from].send(&frame.bytes));
        self.hosts[from].send(&fence(from, last));
        let mut out = Out::new();
        for (port, host) in self.hosts.iter().enumerate() {
            if port == from {
                continue;
            }
            host.watch(
                &format!("the fence {last:x} from port {from} at port {port} of {}", self.name),
                |bytes| {
                    let Some(number) = number(&bytes) else {
                        panic!("port {port} of {} sends what nobody gave it: {bytes:02x?}", self.name);
                    };
                    if number != last {
                        out.entry(number).or_default().push((port, bytes));
                    }
                    number == last
                },
            );
        }
        out
    }

    /// That no frame was sent out of `port` since what was sent to it was watched.
    pub(crate) fn is_silent(&self, port: usize) -> bool {
        self.hosts[port].is_silent()
    }
}
