//! nftables as the oracle: generated access lists over generated frames, rule by rule. Needs root, nft and the object.

#[allow(dead_code, reason = "the pipeline's tests use more of it")]
#[path = "pipeline/mirror.rs"]
mod mirror;
#[path = "acl_oracle/nft.rs"]
mod nft;
#[allow(dead_code, reason = "the pipeline's tests use more of it")]
#[path = "pipeline/plane.rs"]
mod plane;
#[path = "acl_oracle/wire.rs"]
mod wire;

mod acl_lists;

use acl_lists::Random;
use mirror::Mirror;
use msm_abi::{DropReason, PlaneConfig, names};
use msm_dataplane::plane as owner;
use msm_dataplane::plane::acl::{AclFields, AclFrames, AclList};
use msm_dataplane::tables::plane_config;
use nft::Nft;
use plane::{ALL, Plane};

/// Lists, and frames for each.
const LISTS: usize = 1000;
const FRAMES: usize = 24;
/// Lists in nftables at a time: it is asked for all counters of a table at once.
const AT_ONCE: usize = 250;

struct Case {
    fields: AclFields,
    frame: Vec<u8>,
}

/// What a configuration can say, by the four ports of the test.
fn list(random: &mut Random) -> AclList {
    let rules = 1 + random.below(20);
    let mut list = random.list(rules);
    for rule in &mut list.rules {
        if let Some(ports) = &mut rule.ingress {
            ports.iter_mut().for_each(|lport| *lport = ALL[usize::from(*lport) % 4]);
            ports.sort_unstable();
            ports.dedup();
        }
        if let AclFrames::Ethernet { ethertype: Some(kind @ 0..0x600), .. } = &mut rule.frames {
            // Lengths: nftables has another number for them.
            *kind = 0x88cc;
        }
    }
    list
}

fn case(random: &mut Random) -> Case {
    let mut fields = random.frame();
    fields.ingress = ALL[usize::from(fields.ingress) % 4];
    if fields.ethertype < 0x600 {
        fields.ethertype = 0x88cc;
    }
    let (tagged, salt) = (random.one_in(3), random.below(1 << 40));
    Case { fields, frame: wire::frame(&fields, tagged, salt) }
}

fn unshare() {
    // SAFETY: takes no pointers; this thread's alone.
    let done = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(done, 0, "unshare: {} (are you root?)", std::io::Error::last_os_error());
}

/// Frames of `cases` by the rule that decided, those by none last, as the list in force says; and that each was dropped if it had to be.
fn by_the_program(plane: &Plane, list: &AclList, cases: &[Case]) -> Vec<u64> {
    let mut counts = vec![0; list.rules.len() + 1];
    let zeros = vec![0u64; aya::util::nr_cpus().expect("a number")];
    for rule in &list.rules {
        plane.set_bytes(names::ACL_HITS, &u32::from(rule.counter).to_ne_bytes(), &zeros_bytes(&zeros));
    }
    let denied =
        |case: &Case| plane.counters(case.fields.ingress.into()).drops[DropReason::AclDenied as usize];
    for case in cases {
        plane.come_in_by(case.fields.ingress);
        let before = denied(case);
        let outcome = plane.run(&case.frame);
        let wanted = list.decide(&case.fields);
        let drops = wanted.is_some_and(|rule| !list.rules[rule].permit);
        assert_eq!(
            denied(case) - before,
            u64::from(drops),
            "{outcome:?} of {:?} {:02x?}; rule {wanted:?} of {list:#?}",
            case.fields,
            case.frame
        );
        counts[wanted.unwrap_or(list.rules.len())] += 1;
    }
    for (number, rule) in list.rules.iter().enumerate() {
        let hits = plane.acl_hits(rule.counter.into());
        assert_eq!(hits, counts[number], "hits of rule {number} of {list:#?}");
    }
    counts
}

fn zeros_bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
fn a_thousand_lists_decide_as_in_nftables() {
    let mut plane = Plane::new();
    plane.vlan(wire::TAG, 0, &[], &ALL);
    let mut owner = owner::Plane::new(Mirror::of(&plane));
    let config = PlaneConfig { fdb_age: plane::AGE, fdb_refresh: plane::REFRESH, ..PlaneConfig::default() };
    plane_config::set(owner.store_mut(), config).expect("written");

    let random = &mut Random(0x0a_c1e5);
    let (mut frames, mut decided, mut denied) = (0, 0, 0);
    for first in (0..LISTS).step_by(AT_ONCE) {
        let lists: Vec<AclList> = (0..AT_ONCE).map(|_| list(random)).collect();
        let cases: Vec<Vec<Case>> =
            lists.iter().map(|_| (0..FRAMES).map(|_| case(random)).collect()).collect();
        let ours: Vec<Vec<u64>> = lists
            .iter()
            .zip(&cases)
            .map(|(list, cases)| {
                owner.reconcile_acl(list).expect("installed");
                by_the_program(&plane, list, cases)
            })
            .collect();
        let theirs = std::thread::scope(|scope| {
            let nft = || {
                unshare();
                let nft = Nft::new(&ALL, &lists);
                for (number, cases) in cases.iter().enumerate() {
                    cases.iter().for_each(|case| nft.send(number, case.fields.ingress, &case.frame));
                }
                nft.decided((AT_ONCE * FRAMES) as u64)
            };
            scope.spawn(nft).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let fields = || cases[number].iter().map(|case| case.fields).collect::<Vec<_>>();
            assert_eq!(
                ours,
                theirs,
                "list {}: frames by rule, here and in nftables; {:#?} {:#?}",
                first + number,
                lists[number],
                fields()
            );
            let by_rules = &ours[..ours.len() - 1];
            decided += by_rules.iter().sum::<u64>();
            denied += by_rules
                .iter()
                .zip(&lists[number].rules)
                .filter(|(_, rule)| !rule.permit)
                .map(|(n, _)| n)
                .sum::<u64>();
            frames += ours.iter().sum::<u64>();
        }
    }
    println!("{LISTS} lists, {frames} frames: {decided} met a rule, {denied} were denied");
    assert!(decided > frames / 4 && denied > frames / 10, "{decided} of {frames}, {denied} denied");
}
