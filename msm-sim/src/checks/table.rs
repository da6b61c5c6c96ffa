//! What survives which event: DESIGN.md section 7 and the manual's pages 1 to 5, transcribed by hand.
//!
//! It has to be written twice: a table that asked the machine's own would agree with its mistakes.

use msm_proto::{Cause, LinkAction, Options, Preserve, RecoveryLevel, SlaveConfig};

/// What became of a master, as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Operator,
    Panic {
        critical: bool,
    },
    Death,
    Watchdog,
    Keepalive,
    Diagnostic,
    /// Pulled out, or hard reset.
    Removal,
}

impl Event {
    /// The operator's word for it.
    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::Operator => Cause::Admin,
            Self::Panic { .. } | Self::Death => Cause::Exception,
            Self::Watchdog => Cause::Watchdog,
            Self::Keepalive => Cause::Keepalive,
            Self::Diagnostic => Cause::HwFailure,
            Self::Removal => Cause::Removal,
        }
    }
}

/// What the slave, when it takes over, has kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The master's configuration; else its own flash's.
    pub(crate) configuration: bool,
    pub(crate) links: bool,
    pub(crate) l2: bool,
    pub(crate) l3: bool,
}

impl Kept {
    pub(crate) const NOTHING: Self = Self { configuration: false, links: false, l2: false, l3: false };

    fn by(options: &Options) -> Self {
        let (links, l2, l3) = match options.link_action {
            LinkAction::TakeLinksDown => (false, false, false),
            LinkAction::KeepLinksUp(Preserve::None) => (true, false, false),
            LinkAction::KeepLinksUp(Preserve::L2) => (true, true, false),
            LinkAction::KeepLinksUp(Preserve::L2L3) => (true, true, true),
        };
        Self { configuration: options.slave_config == SlaveConfig::Inherited, links, l2, l3 }
    }

    /// It could not be more under any options.
    pub(crate) fn is_all(self) -> bool {
        self.configuration && self.links && self.l2 && self.l3
    }
}

/// `None`: the slave does not take over. The master stays, or its slot boots again and adopts.
pub(crate) fn kept(event: Event, options: &Options, ready: bool) -> Option<Kept> {
    let able = ready || options.slave_config == SlaveConfig::Flash;
    match (event, options.recovery) {
        (Event::Watchdog | Event::Keepalive, _) => Some(Kept::NOTHING),
        (Event::Death, RecoveryLevel::None) => Some(Kept::NOTHING),
        (Event::Panic { .. }, RecoveryLevel::None) => None,
        (Event::Panic { critical: false }, RecoveryLevel::Critical) => None,
        // The card is gone: somebody has to be master, even without the inheritance.
        (Event::Diagnostic | Event::Removal, _) if !able => Some(Kept::NOTHING),
        _ if !able => None,
        _ => Some(Kept::by(options)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_that_matter_most() {
        let hitless = Options::hitless();
        let all = Kept { configuration: true, links: true, l2: true, l3: true };
        assert_eq!(kept(Event::Operator, &hitless, true), Some(all));
        assert_eq!(kept(Event::Operator, &hitless, false), None);
        assert_eq!(kept(Event::Watchdog, &hitless, true), Some(Kept::NOTHING));
        assert_eq!(kept(Event::Removal, &hitless, true), Some(all));
        assert_eq!(kept(Event::Removal, &hitless, false), Some(Kept::NOTHING));
        let none = Options { recovery: RecoveryLevel::None, ..hitless };
        assert_eq!(kept(Event::Death, &none, true), Some(Kept::NOTHING));
        assert_eq!(kept(Event::Death, &Options::default(), false), Some(Kept::NOTHING));
        // Two hands wrote the table; they agree where both can be asked.
        for ready in [true, false] {
            for recovery in [RecoveryLevel::None, RecoveryLevel::Critical, RecoveryLevel::All] {
                let options = Options { recovery, ..hitless };
                for (trigger, event) in [
                    (msm_proto::Trigger::Operator, Event::Operator),
                    (msm_proto::Trigger::ProcessDeath, Event::Death),
                    (msm_proto::Trigger::KeepaliveLoss, Event::Keepalive),
                    (msm_proto::Trigger::HotRemoval, Event::Removal),
                    (msm_proto::Trigger::Diagnostic, Event::Diagnostic),
                ] {
                    let decision = msm_proto::decide(trigger, &options, ready);
                    let moves = !matches!(
                        decision.verdict,
                        msm_proto::Verdict::NoFailover | msm_proto::Verdict::Reboot
                    );
                    assert_eq!(kept(event, &options, ready).is_some(), moves, "{trigger:?} {options:?}");
                    assert_eq!(decision.cause, event.cause());
                }
            }
        }
    }
}
