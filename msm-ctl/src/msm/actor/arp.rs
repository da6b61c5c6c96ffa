//! Subsystem ARP's place in the actor: what the machine asks for goes to who knows the neighbours, what a master tells is held.

use msm_proto::{Input, Reason, Subsystem};

use super::Actor;
use crate::switch::l3::arp::{Ask, Held};
use crate::switch::l3::names;

impl Actor {
    /// Asks for a subsystem's state. The only one that has state of its own is ARP.
    pub(super) fn ask_for(&mut self, subsystem: Subsystem, ask: Ask) {
        let failed = |reason, text: &str| Input::SubsystemFailed { subsystem, reason, text: text.to_owned() };
        if subsystem == Subsystem::Arp {
            if self.arp.try_send(ask).is_err() {
                self.results
                    .push_back(failed(Reason::BracketOverflow, "too many questions about neighbours wait"));
            }
        } else if ask == Ask::Next {
            self.results.push_back(Input::Items { subsystem, bytes: Vec::new(), last: true });
        }
    }

    /// Takes what the master tells.
    pub(super) fn hold(&mut self, subsystem: Subsystem, bytes: &[u8], first: bool) {
        let taken = match subsystem {
            Subsystem::Arp => self.held.take(bytes, first),
            _ if bytes.is_empty() => Ok(()),
            _ => Err((Reason::InvalidSubtype, format!("nothing is known of {subsystem}'s state"))),
        };
        if let Err((reason, text)) = taken {
            self.results.push_back(Input::SubsystemFailed { subsystem, reason, text });
        }
    }

    /// This MSM is the master: the old one's neighbours are looked for in the kernel. Not here: there may be very many.
    pub(super) fn link_neighbours(&mut self) {
        let held = std::mem::take(&mut self.held);
        if held.len() == 0 {
            return;
        }
        let (view, config) = (self.view.clone(), std::sync::Arc::clone(&self.config));
        self.tasks.spawn("neighbours", false, async move {
            let link = move || {
                let vlans = config.config.vlans.iter();
                let netdevs: std::collections::BTreeMap<u16, u32> =
                    vlans.filter_map(|(_, vlan)| Some((vlan.vid, names::outer(vlan.svi?)))).collect();
                Held::link(held, &view, |vid| netdevs.get(&vid).copied());
            };
            let _ = tokio::task::spawn_blocking(move || crate::process::patiently(link)).await;
        });
    }
}
