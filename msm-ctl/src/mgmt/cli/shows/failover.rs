//! `show msm-failover`: both MSMs, the options in force, the last failover, the fabrics, and how far each subsystem is.

use msm_abi::FabricState;
use msm_proto::{Identity, Reason, Role, State, SubsystemStatus};

use crate::mgmt::cli::views;
use crate::msm::board::Board;

/// What it means that nobody is ready.
const NO_SLAVE: &str = "No slave is ready: commands are answered at once and are in this master alone; what is not saved ends with it.";
/// Letters of the slots with a fabric.
const SLOTS: [&str; msm_abi::FABRICS] = ["a", "b", "c", "d"];

/// The whole answer. Reads one entry of the tables.
pub(super) fn failover(board: &Board) -> views::Failover {
    let status = &board.status;
    let here = msm(&status.identity, status.role);
    let there = match &status.peer {
        Some(peer) => msm(&peer.identity, peer.role),
        None => views::Msm {
            slot: status.identity.slot.peer().to_string(),
            role: "absent".to_owned(),
            pid: 0,
            version: String::new(),
            image: String::new(),
        },
    };
    let mut msm = vec![here, there];
    msm.sort_by(|a, b| a.slot.cmp(&b.slot));
    let options = &status.options;
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    views::Failover {
        msm,
        owner: status.owner.map(|owner| views::Owner { slot: owner.slot.to_string(), epoch: owner.epoch }),
        ready_slot: status.ready_slot.map(|slot| slot.to_string()),
        note: (status.role.is_master() && status.ready_slot.is_none()).then(|| NO_SLAVE.to_owned()),
        generation: status.generation,
        cause: status.history.cause.to_string(),
        link_action: options.link_action.to_string(),
        preserve_state: options.link_action.preserve().to_string(),
        slave_config: options.slave_config.to_string(),
        timeout_s: options.timeout.as_secs(),
        esrp_failover_mode: options.esrp.to_string(),
        reelect_s: options.reelect.as_secs(),
        recovery_level: options.recovery.to_string(),
        routing: options.routing.to_string(),
        watchdog_ms: ms(options.watchdog),
        keepalive_ms: ms(options.keepalive),
        fabrics: fabrics(board),
        failovers: status.history.failovers,
        subsystems: status.subsystems.iter().map(row).collect(),
        last: status.history.last.map(|last| views::Last {
            event_ns: last.event_ns.0,
            detected_ns: last.detected_ns.0,
            committed_ns: last.committed_ns.0,
            serving_ns: last.serving_ns.0,
        }),
    }
}

fn msm(identity: &Identity, role: Role) -> views::Msm {
    views::Msm {
        slot: identity.slot.to_string(),
        role: role.name().to_owned(),
        pid: identity.pid,
        version: identity.version.clone(),
        image: identity.image.clone(),
    }
}

fn row(row: &SubsystemStatus) -> views::Subsystem {
    views::Subsystem {
        name: row.name.to_string(),
        state: row.state.to_string(),
        reason: reason(row.state, row.reason),
        old_state: row.old_state.to_string(),
        old_reason: reason(row.old_state, row.old_reason),
    }
}

/// Of a slave that is not there neither state nor reason is shown (manual, "Displaying Hitless Failover Statistics").
fn reason(state: State, reason: Reason) -> String {
    match state {
        State::NotAvailable => state.to_string(),
        _ => reason.to_string(),
    }
}

/// Those of MSM slots that are, or were, there: C and D in the largest chassis alone.
fn fabrics(board: &Board) -> Vec<views::Fabric> {
    let states = board.observer.as_ref().and_then(|observer| observer.fabrics().ok()).unwrap_or_default();
    let shown = SLOTS.iter().zip(states).enumerate().filter(|(at, (_, is))| *at < 2 || is.present != 0);
    shown
        .map(|(_, (slot, is))| views::Fabric { slot: (*slot).to_owned(), state: word(is).to_owned() })
        .collect()
}

fn word(state: FabricState) -> &'static str {
    match (state.present, state.programmed) {
        (0, _) => "absent",
        (_, 0) => "not programmed",
        _ => "in use",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_slave_that_is_not_there_state_and_reason_are_not_available() {
        assert_eq!(reason(State::NotAvailable, Reason::None), "<not available>");
        assert_eq!(reason(State::Failed, Reason::InvalidSubtype), "invalid subtype");
        assert_eq!(reason(State::Ready, Reason::None), "none");
    }

    #[test]
    fn a_fabric_is_in_use_when_it_is_there_and_programmed() {
        let word = |present, programmed| word(FabricState { present, programmed });
        assert_eq!(
            [word(0, 0), word(0, 1), word(1, 0), word(1, 1)],
            ["absent", "absent", "not programmed", "in use"]
        );
    }
}
