//! Processes that are stopped and go on, clocks that leap: nobody writes what it does not own.

use super::*;

/// A master is stopped in the middle of a handover; the slave has the tree; it goes on.
#[test]
fn a_master_that_was_stopped_after_the_release_and_goes_on_does_nothing_and_ends() {
    for cut in [false, true] {
        let mut pair = Pair::hitless();
        pair.command(A, 10);
        pair.node(B).stopped = true;
        pair.give(A, Input::RunFailover { id: CommandId(99) });
        assert_eq!(pair.holder, None, "released");
        pair.node(A).stopped = true;
        pair.go_on(B);
        pair.wait(ms(1));
        assert_eq!(pair.role(B), Role::Master);
        let before = pair.node(A).out.len();
        if cut {
            pair.cut();
        }
        // While it does not run, everything else does.
        pair.command(B, 11);
        pair.wait(Duration::from_secs(60));
        pair.go_on(A);
        pair.wait(Duration::from_secs(1));
        assert!(pair.node(A).ended, "its process ends");
        let after = pair.node(A).out[before..].to_vec();
        let harmless = |output: &Output| {
            matches!(
                output,
                Output::Reopen { .. } | Output::Observe | Output::ResetSelf { .. } | Output::Answer { .. }
            )
        };
        assert!(after.iter().all(harmless), "{after:?}");
        assert_eq!(pair.tree.map(|name| name.slot), Some(B));
        pair.sound();
    }
}

/// The same for one whose tree was taken by force: it can only be one that was thought dead.
#[test]
fn a_master_that_finds_the_tree_renamed_ends() {
    let mut pair = Pair::hitless();
    pair.tree = Some(OwnerName { slot: B, epoch: 2 });
    pair.holder = Some(77);
    let before = pair.node(A).out.len();
    pair.give(A, Input::OwnershipLost);
    assert!(pair.node(A).ended);
    let writes = |output: &Output| matches!(output, Output::SetReady { .. } | Output::Apply { .. });
    assert!(!pair.node(A).out[before..].iter().any(writes));
}

#[test]
fn a_slave_that_slept_through_everything_is_of_use_again() {
    for length in [ms(300), Duration::from_secs(3), Duration::from_secs(3600)] {
        let mut pair = Pair::hitless();
        pair.node(B).stopped = true;
        pair.command(A, 10);
        pair.wait(length);
        assert_eq!(pair.meta.and_then(|meta| meta.ready), None, "the command was not held up");
        pair.go_on(B);
        pair.wait(Duration::from_secs(3));
        assert_eq!(pair.meta.and_then(|meta| meta.ready), Some(B), "{length:?}: {:?}", pair.status(A));
        pair.sound();
    }
}

/// Time only goes forward, but it may leap: a virtual machine that was paused.
#[test]
fn a_leap_of_the_clock_leaves_a_pair_that_settles() {
    for leap in [ms(250), Duration::from_secs(3), Duration::from_secs(86_400), Duration::from_secs(1 << 33)] {
        for during in 0..4 {
            let mut pair = Pair::hitless();
            match during {
                0 => {}
                1 => {
                    pair.node(B).stopped = true;
                    pair.command(A, 10);
                }
                2 => {
                    pair.node(B).stopped = true;
                    pair.give(A, Input::RunFailover { id: CommandId(99) });
                }
                _ => {
                    pair.kill(B);
                    pair.boot(B);
                    pair.connect();
                }
            }
            pair.now = pair.now + leap;
            if pair.nodes[1].as_ref().is_some_and(|node| node.stopped) {
                pair.go_on(B);
            }
            for _ in 0..3 {
                pair.wait(ms(100));
                for slot in [A, B] {
                    if pair.nodes[slot as usize].as_ref().is_some_and(|node| node.ended) {
                        pair.kill(slot);
                        pair.boot(slot);
                        pair.connect();
                    }
                }
            }
            pair.wait(Duration::from_secs(5));
            let roles = [pair.role(A), pair.role(B)];
            assert!(
                roles.contains(&Role::Master) && roles.contains(&Role::Slave),
                "{leap:?} {during}: {roles:?}"
            );
            assert!(pair.meta.and_then(|meta| meta.ready).is_some(), "{leap:?} {during}");
            pair.sound();
        }
    }
}
