//! The contract's part about the access list: in force whole, found right, finished by the next owner.

use msm_abi::{ACL_BLOCKS, ACL_LINES, ACL_RULES, acl_active, tables as sets};
use msm_dataplane::Changes;
use msm_dataplane::plane::acl::{AclFields, AclList, InForce, decide};
use msm_dataplane::store::{Store, Table};
use msm_dataplane::tables::{acl_hits, plane_config, states};

use super::Subject;
use crate::acl_lists::Random;

/// Frames by which lists are told apart.
const FRAMES: usize = 60;

pub fn frames() -> Vec<AclFields> {
    let random = &mut Random(0xf4a3);
    (0..FRAMES).map(|_| random.frame()).collect()
}

/// What the tables in force say of each frame.
pub fn verdicts(store: &impl Store) -> Vec<Option<usize>> {
    let tables = InForce::now(store).expect("read");
    frames().iter().map(|frame| decide(&tables, frame).map(|(rule, _)| usize::from(rule))).collect()
}

/// What the list means for each frame.
pub fn meant(list: &AclList) -> Vec<Option<usize>> {
    frames().iter().map(|frame| list.decide(frame)).collect()
}

/// Lists of which each means something else.
pub fn lists(seed: u64) -> Vec<AclList> {
    let random = &mut Random(seed);
    let mut lists: Vec<AclList> = Vec::new();
    while lists.len() < 4 {
        let list = random.list(40);
        if lists.iter().all(|other| meant(other) != meant(&list)) {
            lists.push(list);
        }
    }
    lists
}

fn in_force(subject: &mut impl Subject, list: &AclList) {
    assert!(subject.reconcile_acl(list).expect("installed").writes > 0);
    assert_eq!(verdicts(subject.store()), meant(list));
    assert_eq!(subject.reconcile_acl(list).expect("found"), Changes::default());
    subject.next_owner();
    assert_eq!(subject.reconcile_acl(list).expect("found"), Changes::default(), "nothing for the next owner");
}

/// A list is in force whole; again, and for the next owner, nothing is written.
pub fn a_list_is_in_force_and_found_right(subject: &mut impl Subject) {
    assert_eq!(
        subject.reconcile_acl(&AclList::default()).expect("found"),
        Changes::default(),
        "none at first"
    );
    for list in lists(1) {
        in_force(subject, &list);
    }
    in_force(subject, &AclList::default());
    assert!(verdicts(subject.store()).iter().all(Option::is_none), "everything is permitted");
    for list in lists(2) {
        in_force(subject, &list);
        assert!(subject.reconcile_acl(&AclList::default()).expect("none").writes > 0);
    }
    super::cold_start(subject);
    let list = &lists(3)[0];
    in_force(subject, list);
    subject.reconcile(&super::desired()).expect("reconciled");
    assert_eq!(verdicts(subject.store()), meant(list), "what else is configured leaves it alone");
}

/// An owner that died while it wrote a list: the one before stays in force until the next owner is done.
pub fn an_interrupted_list_is_finished(subject: &mut impl Subject) {
    let [a, b, c, d] = <[AclList; 4]>::try_from(lists(4)).expect("four");
    in_force(subject, &a);
    in_force(subject, &b);

    // While it filled the half: whatever is there.
    let idle = 1 - u32::from(plane_config::get(subject.store()).expect("read").acl & acl_active::HALF);
    for block in 0..ACL_BLOCKS / 64 {
        subject.write(Table::AclClass, idle * ACL_BLOCKS + 64 * block, [0xff; 512]);
    }
    (0..40).for_each(|line| subject.write(Table::AclBits, idle * ACL_LINES + line, [0xff; 32]));
    (0..40).for_each(|rule| subject.write(Table::AclActions, idle * ACL_RULES as u32 + rule, [0xff; 8]));
    subject.next_owner();
    assert_eq!(verdicts(subject.store()), meant(&b));
    assert_eq!(subject.reconcile_acl(&b).expect("found"), Changes::default());
    in_force(subject, &c);

    // Between its last two writes: TABLES speaks of a list that is not in force.
    for wanted in [&d, &d, &a] {
        let before = verdicts(subject.store());
        let state = states::get(subject.store(), sets::ACL).expect("read");
        let mut value = [0; 32];
        value[..8].copy_from_slice(&wanted.digest().to_ne_bytes());
        value[8..16].copy_from_slice(&(state.generation + 1).to_ne_bytes());
        subject.write(Table::Tables, sets::ACL, value);
        subject.next_owner();
        assert_eq!(verdicts(subject.store()), before);
        in_force(subject, wanted);
    }
}

/// A rule keeps its hits for as long as it exists; who comes after it begins at 0.
pub fn hits_are_of_a_rule(subject: &mut impl Subject) {
    let list = lists(5).swap_remove(0);
    let (mut before, mut after) = (list.clone(), list.clone());
    before.rules.truncate(4);
    subject.reconcile_acl(&before).expect("installed");
    (0..40).for_each(|counter| subject.hit(counter, u64::from(counter) + 1));
    assert_eq!(acl_hits::read(subject.store()).expect("read").len(), 40);

    // Rules 1 and 2 go, others come; counter 3 passes on.
    after.rules.truncate(5);
    after.rules.drain(1..3);
    after.rules[1].permit ^= true;
    subject.reconcile_acl(&after).expect("installed");
    let found = acl_hits::read(subject.store()).expect("read");
    assert_eq!([0, 3, 4].map(|counter| found.get(&counter).copied()), [Some(1), None, None]);

    // The next owner does not know what the rules were, but which counters were theirs.
    subject.hit(3, 7);
    subject.next_owner();
    after.rules.push(list.rules[6].clone());
    subject.reconcile_acl(&after).expect("installed");
    let found = acl_hits::read(subject.store()).expect("read");
    assert_eq!([0, 3, 6].map(|counter| found.get(&counter).copied()), [Some(1), Some(7), None]);
}
