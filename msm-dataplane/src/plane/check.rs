//! What the tables can hold: checked before the first write.

use msm_abi::{DOMAINS, FABRIC_BUCKETS, FABRICS, FdbKey, GROUP_PORTS, GROUPS, LPORTS, Lport, PORTS};

use crate::{Desired, DesiredPort, DesiredVlan, StaticEntry, TableError, Touched, store::Table};

/// VLAN ids of IEEE 802.1Q: 0 is "priority only", 4095 reserved.
const VIDS: std::ops::RangeInclusive<u16> = 1..=4094;

fn refuse<T>(why: String) -> Result<T, TableError> {
    Err(TableError::Desired(why))
}

/// Refuses what no table could hold.
pub(super) fn check(desired: &Desired) -> Result<(), TableError> {
    desired.ports.iter().try_for_each(|(lport, port)| check_port(*lport, port))?;
    desired.vlans.iter().try_for_each(|(vid, vlan)| check_vlan(*vid, vlan))?;
    desired.static_fdb.iter().try_for_each(|(key, station)| check_station(*key, station))?;
    check_groups(desired)?;
    check_config(desired)
}

/// Refuses what no table could hold, of what is touched.
pub(super) fn check_part(desired: &Desired, touched: &Touched) -> Result<(), TableError> {
    for lport in &touched.ports {
        desired.ports.get(lport).map_or(Ok(()), |port| check_port(*lport, port))?;
    }
    for vid in &touched.vlans {
        desired.vlans.get(vid).map_or(Ok(()), |vlan| check_vlan(*vid, vlan))?;
    }
    for key in &touched.stations {
        desired.static_fdb.get(key).map_or(Ok(()), |station| check_station(*key, station))?;
    }
    check_groups(desired)?;
    if touched.config { check_config(desired) } else { Ok(()) }
}

const fn is_port(lport: Lport) -> bool {
    (lport as usize) < PORTS
}

fn check_port(lport: Lport, port: &DesiredPort) -> Result<(), TableError> {
    if usize::from(lport) >= LPORTS {
        return refuse(format!("logical port {lport}; there are {LPORTS}"));
    }
    if let Some(group) = port.group.filter(|group| !is_port(*group) || !is_port(lport)) {
        return refuse(format!(
            "logical port {lport} in a load-sharing group of port {group}; there are {PORTS}"
        ));
    }
    if port.pvid != 0 && !VIDS.contains(&port.pvid) {
        return refuse(format!("VLAN {} for untagged frames of logical port {lport}; 1 to 4094", port.pvid));
    }
    Ok(())
}

fn check_groups(desired: &Desired) -> Result<(), TableError> {
    let mut indexes = std::collections::BTreeSet::new();
    for (master, group) in &desired.groups {
        if usize::from(group.index) >= GROUPS || !is_port(*master) {
            return refuse(format!(
                "load-sharing group {} of port {master}; there are {GROUPS}",
                group.index
            ));
        }
        if group.members.len() > GROUP_PORTS || group.members.is_empty() {
            return refuse(format!(
                "{} ports in the group of port {master}; 1 to {GROUP_PORTS}",
                group.members.len()
            ));
        }
        if let Some(lport) = group.members.iter().find(|lport| !is_port(**lport)) {
            return refuse(format!("logical port {lport} in the group of port {master}; there are {PORTS}"));
        }
        if !indexes.insert(group.index) {
            return refuse(format!("load-sharing group {} of two masters, {master} the second", group.index));
        }
    }
    Ok(())
}

fn check_vlan(vid: u16, vlan: &DesiredVlan) -> Result<(), TableError> {
    if !VIDS.contains(&vid) {
        return refuse(format!("VLAN {vid}; 1 to 4094"));
    }
    if let Some(lport) = vlan.untagged.iter().chain(&vlan.tagged).find(|l| !is_port(**l)) {
        return refuse(format!("logical port {lport} in VLAN {vid}; there are {PORTS}"));
    }
    if let Some(svi) = vlan.svi.filter(|svi| is_port(*svi) || usize::from(*svi) >= LPORTS) {
        return refuse(format!("logical port {svi} as interface of VLAN {vid}; {PORTS} to {}", LPORTS - 1));
    }
    if vlan.domain as usize >= DOMAINS {
        return refuse(format!("domain {} of VLAN {vid}; there are {DOMAINS}", vlan.domain));
    }
    Ok(())
}

fn check_station(key: FdbKey, station: &StaticEntry) -> Result<(), TableError> {
    if !station.blackhole && !is_port(station.lport) {
        return refuse(format!("a static station {:02x?} on no port", key.mac()));
    }
    Ok(())
}

fn check_config(desired: &Desired) -> Result<(), TableError> {
    let room = Table::Control.spec().entries.map_or(0, |n| n as usize);
    if desired.control.len() > room {
        return refuse(format!("{} control addresses; there is room for {room}", desired.control.len()));
    }
    if desired.buckets.len() > FABRIC_BUCKETS {
        return refuse(format!("{} fabric buckets; there are {FABRIC_BUCKETS}", desired.buckets.len()));
    }
    let limited = desired.limits.keys().map(|(lport, _)| lport).chain(desired.learning.keys());
    if let Some(lport) = limited.chain(&desired.mirror).find(|lport| !is_port(**lport)) {
        return refuse(format!("logical port {lport} with a limit or as mirror; there are {PORTS}"));
    }
    if let Some(fabric) = desired.buckets.iter().find(|f| usize::from(**f) >= FABRICS) {
        return refuse(format!("fabric {fabric}; there are {FABRICS}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_abi::NO_LPORT;

    #[test]
    fn what_no_table_holds_is_refused_by_name() {
        let refused = |change: fn(&mut Desired), word: &str| {
            let mut desired = Desired::default();
            change(&mut desired);
            let text = check(&desired).expect_err(word).to_string();
            assert!(text.contains(word), "{text}");
        };
        refused(|d| d.ports = [(1536, DesiredPort::default())].into(), "port 1536");
        refused(
            |d| d.ports = [(1, DesiredPort { pvid: 4095, ..DesiredPort::default() })].into(),
            "VLAN 4095",
        );
        refused(|d| d.vlans = [(0, DesiredVlan::default())].into(), "VLAN 0");
        refused(
            |d| d.vlans = [(1, DesiredVlan { domain: 64, ..DesiredVlan::default() })].into(),
            "domain 64",
        );
        refused(
            |d| d.vlans = [(1, DesiredVlan { tagged: [1024].into(), ..DesiredVlan::default() })].into(),
            "port 1024 in VLAN 1",
        );
        refused(|d| d.learning = [(1024, None)].into(), "port 1024 with a limit");
        refused(|d| d.mirror = Some(1024), "as mirror");
        refused(|d| d.buckets = vec![4], "fabric 4");
        refused(|d| d.buckets = vec![0; FABRIC_BUCKETS + 1], "1025 fabric buckets");
        let nowhere = StaticEntry { lport: NO_LPORT, blackhole: false };
        assert!(check(&Desired { static_fdb: [(FdbKey(1), nowhere)].into(), ..Desired::default() }).is_err());
        assert!(check(&Desired::default()).is_ok());
    }
}
