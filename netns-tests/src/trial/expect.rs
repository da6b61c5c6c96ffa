//! What a cause must do under some options: DESIGN's table of causes, for switched traffic.

use super::cause::{Cause, Fate};
use super::setup::{LinkAction, Setup, SlaveConfig};
use crate::report::causes::{Class, Expected, Source};

/// A port that was taken down is up again, and stations are learned: so long after the commit. Ports stay down for a second.
const UP_AGAIN_MS: f64 = 4000.0;
/// Tables that were flushed are no gap, for what is unknown is flooded: so long for all else.
const FLOODED_MS: f64 = 1000.0;

/// The table.
pub fn expected(cause: Cause, setup: Setup) -> Expected {
    let known_ms = cause.detected_within(setup).as_secs_f64() * 1e3;
    let fate = cause.fate(setup.recovery);
    let stays = Expected {
        class: Class::Hitless,
        moves: Some(false),
        recorded: None,
        configuration: Source::Inherited,
        links_down: false,
        fdb_kept: true,
        commit_within_ms: known_ms,
        back_within_ms: known_ms,
        heals: cause.heals(),
    };
    let moves = Expected { moves: Some(true), recorded: Some(cause.word().to_owned()), ..stays.clone() };
    match fate {
        Fate::Stays => stays,
        Fate::StaysOneFabric => {
            Expected { class: Class::Partial, back_within_ms: known_ms + FLOODED_MS, ..stays }
        }
        Fate::Orphaned => Expected { moves: None, configuration: Source::Flash, ..stays },
        Fate::Discards => Expected {
            class: Class::NotHitless,
            configuration: Source::Flash,
            links_down: true,
            fdb_kept: false,
            back_within_ms: known_ms + UP_AGAIN_MS,
            ..moves
        },
        Fate::Keeps | Fate::KeepsOneFabric => {
            let links_down = setup.links == LinkAction::Down;
            let fdb_kept = setup.links >= LinkAction::PreserveL2;
            let class = match (fdb_kept, fate) {
                (false, _) => Class::NotHitless,
                (true, Fate::Keeps) => Class::Hitless,
                (true, _) => Class::Partial,
            };
            let configuration = match setup.slave {
                SlaveConfig::Flash => Source::Flash,
                SlaveConfig::Inherited => Source::Inherited,
            };
            let back_ms = if links_down { UP_AGAIN_MS } else { FLOODED_MS };
            Expected {
                class,
                configuration,
                links_down,
                fdb_kept,
                back_within_ms: known_ms + back_ms,
                ..moves
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::super::cause::{Task, Who};
    use super::super::setup::Recovery;
    use super::*;

    /// A line a cause: its class in the factory's configuration and in the hitless one. H hitless, P partial, N not hitless; a letter in
    /// lower case if mastership stays.
    const TABLE: [(Cause, &str); 12] = [
        (Cause::Command, "NH"),
        (Cause::Panic(Task::Critical), "hH"),
        (Cause::Panic(Task::Other), "hH"),
        (Cause::Signal(Who::Master, Signal::KILL), "NH"),
        (Cause::Stop(Who::Master), "NN"),
        (Cause::Freeze, "NN"),
        (Cause::Silence, "pp"),
        (Cause::Diagnostic, "NP"),
        (Cause::Removal(Who::Master), "NP"),
        (Cause::HardReset(Who::Master), "NP"),
        (Cause::Removal(Who::Slave), "pp"),
        (Cause::Reboot, "hh"),
    ];

    fn letter(expected: &Expected) -> char {
        let letter = match expected.class {
            Class::Hitless => 'H',
            Class::Partial => 'P',
            Class::NotHitless => 'N',
        };
        if expected.moves == Some(false) { letter.to_ascii_lowercase() } else { letter }
    }

    #[test]
    fn both_configurations_are_as_the_table_says() {
        for (cause, letters) in TABLE {
            let found: String = [Setup::FACTORY, Setup::HITLESS]
                .map(|setup| letter(&expected(cause, setup)))
                .iter()
                .collect();
            assert_eq!(found, letters, "{cause}");
        }
    }

    #[test]
    fn options_decide_what_stays() {
        let states: Vec<_> = Setup::LAWFUL
            .iter()
            .map(|setup| expected(Cause::Command, *setup))
            .map(|e| (e.links_down, e.fdb_kept, e.configuration, e.class))
            .collect();
        let (hitless, not) = (Class::Hitless, Class::NotHitless);
        let should = [
            (true, false, Source::Flash, not),
            (true, false, Source::Inherited, not),
            (false, false, Source::Flash, not),
            (false, false, Source::Inherited, not),
            (false, true, Source::Inherited, hitless),
            (false, true, Source::Inherited, hitless),
        ];
        assert_eq!(states, should);
        // A long event discards whatever the options say.
        for setup in Setup::LAWFUL {
            let long = expected(Cause::Stop(Who::Master), setup);
            assert!(long.links_down && !long.fdb_kept && long.configuration == Source::Flash);
        }
        let none = Setup::HITLESS.recovering(Recovery::None);
        assert_eq!(expected(Cause::Signal(Who::Master, Signal::SEGV), none).class, not);
    }
}
