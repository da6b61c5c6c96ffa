//! What a script says again: refused when typed, nothing to do when read.

use std::borrow::Cow;

use super::{
    AccessChange, AccountChange, BgpChange, Change, Config, DnsChange, FdbChange, LogChange, OspfChange,
    Refusal, RipChange, RoutingChange, Secret, SharingChange, VlanChange,
};
use crate::portlist::{PortList, PortSet};

/// Of ports that are to leave a VLAN, those that are in it.
pub(super) fn only_what_is_left<'a>(config: &Config, change: &'a Change) -> Cow<'a, Change> {
    if let Change::Vlan(VlanChange::Remove { vlan, ports: Some(ports) }) = change
        && let Some(members) = config.vlans.get(vlan)
        && let Ok(ports) = ports.resolve(&config.facts().ports)
    {
        let is_member = |lport: &u16| members.untagged.contains(lport) || members.tagged.contains(lport);
        let left: PortSet = ports.into_iter().filter(is_member).collect();
        let remove = VlanChange::Remove { vlan: vlan.clone(), ports: Some(PortList::of(&left)) };
        return Cow::Owned(Change::Vlan(remove));
    }
    Cow::Borrowed(change)
}

/// Whether `change` was refused because it holds already. Such a change is refused before anything is touched.
pub(super) fn holds(config: &Config, change: &Change, refusal: &Refusal) -> bool {
    match (change, refusal) {
        (Change::Vlan(VlanChange::Create { name, internal }), Refusal::VlanExists(_)) => {
            let vlan = config.vlans.get(name);
            vlan.is_some_and(|vlan| vlan.tag.is_some() || internal.is_none_or(|vid| vid == vlan.vid))
        }
        (Change::Vlan(VlanChange::NoAddress(..)), Refusal::NoAddress(_) | Refusal::NoAddress6(..))
        | (Change::Routing(RoutingChange::Delete { .. }), Refusal::NoRoute(_))
        | (Change::Routing(RoutingChange::Forget(_)), Refusal::NoArp(_))
        | (Change::Dns(DnsChange::Add(_)), Refusal::ServerExists(_))
        | (Change::Dns(DnsChange::Delete(_)), Refusal::NoServer(_))
        | (Change::Fdb(FdbChange::Delete { .. }), Refusal::NoEntry(_))
        | (Change::Access(AccessChange::Delete(_)), Refusal::NoRule(_))
        | (Change::Ospf(OspfChange::Remove(_)), Refusal::NotRouted { .. })
        | (Change::Rip(RipChange::Remove(_)), Refusal::NotRouted { .. })
        | (Change::Bgp(BgpChange::Delete(_)), Refusal::NoNeighbor(_))
        | (Change::Bgp(BgpChange::RemoveNetwork(_)), Refusal::NoNetwork { .. })
        | (Change::Log(LogChange::DeleteHost(_)), Refusal::NoSyslog(_))
        | (Change::Accounts(AccountChange::Delete(_)), Refusal::NoAccount(_)) => true,
        (Change::Access(AccessChange::Create(name, rule)), Refusal::RuleExists(_)) => {
            config.access.get(name).is_some_and(|is| is.was_made_by(rule, config.facts()))
        }
        (Change::Sharing(change @ SharingChange::Enable { .. }), Refusal::PortGrouped { .. }) => {
            config.sharing.has(change, &config.facts().ports)
        }
        (Change::Sharing(SharingChange::Disable(_)), Refusal::NoGroup(_)) => true,
        (Change::Bgp(BgpChange::Create { address, remote_as, multihop }), Refusal::NeighborExists(_)) => {
            config
                .bgp
                .neighbors
                .get(address)
                .is_some_and(|there| there.remote_as == *remote_as && there.multihop == *multihop)
        }
        (Change::Log(LogChange::AddHost(name, host)), Refusal::SyslogExists(_)) => {
            config.log.hosts.get(name) == Some(host)
        }
        (Change::Accounts(AccountChange::Create { access, name, secret }), Refusal::AccountExists(_)) => {
            let hash = secret.as_ref().map(|(Secret::Plain(text) | Secret::Hash(text))| text);
            let account = config.accounts.by_name.get(name);
            account.is_some_and(|account| account.access == *access && account.hash.as_ref() == hash)
        }
        _ => false,
    }
}
