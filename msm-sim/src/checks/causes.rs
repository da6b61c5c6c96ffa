//! A cause that is recorded is one that really happened.

use msm_proto::Trigger;

use super::{table::Event, takeovers::Fallen};
use crate::tree::Instance;

impl Fallen {
    /// What may be the reason that `heir` took over from it.
    pub(super) fn events(&self, heir: Instance) -> Vec<Event> {
        let truth = &self.truth;
        let mut events = Vec::new();
        if truth.asked {
            events.push(Event::Operator);
        }
        if let Some(critical) = truth.panicked {
            events.push(Event::Panic { critical });
            // A critical one says nothing of others.
            events.extend(critical.then_some(Event::Panic { critical: false }));
        }
        // What the backplane says counts: whether it says so rightly is another checker's. The operator's hand counts by itself.
        let said = |wanted: Trigger| truth.notices.iter().any(|(trigger, _, _)| *trigger == wanted);
        let removed = said(Trigger::HotRemoval) || said(Trigger::HardReset);
        events.extend((truth.pulled || truth.hard_reset || removed).then_some(Event::Removal));
        events.extend((truth.diagnosed || said(Trigger::Diagnostic)).then_some(Event::Diagnostic));
        events.extend(said(Trigger::WatchdogTimeout).then_some(Event::Watchdog));
        events.extend(said(Trigger::KeepaliveLoss).then_some(Event::Keepalive));
        // Who was told the reason does not take it for a death like another.
        let told = truth.killed && truth.notices.iter().any(|(_, whom, noted)| *noted && *whom == heir);
        if self.died && !told {
            events.push(Event::Death);
        }
        events
    }
}
