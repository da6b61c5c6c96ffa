//! What scenarios ask of a world.

use msm_proto::{Answer, Outcome, Reason, Slot, State, Subsystem, Takeover, Verdict};

use crate::{index, world::World};

pub(crate) const A: Slot = Slot::A;
pub(crate) const B: Slot = Slot::B;

pub(crate) fn done(world: &World, id: u64) -> bool {
    matches!(world.last_answer(id), Some(Answer::Outcome(Outcome::Done(_))))
}

/// Kinds of takeover so far.
pub(crate) fn kinds(world: &World) -> Vec<(Slot, &'static str)> {
    let kind = |takeover: &Takeover| match takeover {
        Takeover::Cold => "cold",
        Takeover::Adopted => "adopted",
        Takeover::Failover(decision) => match decision.verdict {
            Verdict::Hitless => "hitless",
            Verdict::Partial => "partial",
            _ => "not hitless",
        },
    };
    world.serves.iter().map(|(slot, takeover)| (*slot, kind(takeover))).collect()
}

pub(crate) fn said(world: &World, text: &str) -> bool {
    world.log.iter().any(|line| line.contains("Log {") && line.contains(text))
}

pub(crate) fn row(world: &World, slot: Slot, subsystem: Subsystem) -> (State, Reason) {
    let rows = world.status(slot).expect("it runs").subsystems;
    let row = rows.into_iter().find(|row| row.name == subsystem).expect("all are listed");
    (row.state, row.reason)
}

/// No checker has seen anything.
pub(crate) fn sound(world: &World) {
    assert_eq!(world.checks.found.0, [], "{}", world.log.join("\n"));
}

pub(crate) fn config(world: &World, slot: Slot) -> Vec<u64> {
    world.processes[index(slot)].as_ref().expect("it runs").config.iter().map(|id| id.0).collect()
}
