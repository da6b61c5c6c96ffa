//! What the tables can hold: checked before the first write.

use msm_abi::{DOMAINS, FABRICS, Lport, PORTS};

use crate::{Desired, TableError, store::Table, tables::fabric::BUCKETS};

/// VLAN ids of IEEE 802.1Q: 0 is "priority only", 4095 reserved.
const VIDS: std::ops::RangeInclusive<u16> = 1..=4094;

/// Refuses what no table could hold.
pub(super) fn check(desired: &Desired) -> Result<(), TableError> {
    let refuse = |why: String| Err(TableError::Desired(why));
    let port = |lport: &Lport| usize::from(*lport) < PORTS;
    if let Some((lport, _)) = desired.ports.iter().find(|(l, _)| !port(l)) {
        return refuse(format!("logical port {lport}; there are {PORTS}"));
    }
    if let Some((lport, p)) = desired.ports.iter().find(|(_, p)| p.pvid != 0 && !VIDS.contains(&p.pvid)) {
        return refuse(format!("VLAN {} for untagged frames of logical port {lport}; 1 to 4094", p.pvid));
    }
    for (vid, vlan) in &desired.vlans {
        if !VIDS.contains(vid) {
            return refuse(format!("VLAN {vid}; 1 to 4094"));
        }
        if let Some(lport) = vlan.untagged.union(&vlan.tagged).find(|l| !port(l)) {
            return refuse(format!("logical port {lport} in VLAN {vid}; there are {PORTS}"));
        }
        if vlan.domain as usize >= DOMAINS {
            return refuse(format!("domain {} of VLAN {vid}; there are {DOMAINS}", vlan.domain));
        }
    }
    let room = Table::Control.spec().entries.map_or(0, |n| n as usize);
    if desired.control.len() > room {
        return refuse(format!("{} control addresses; there is room for {room}", desired.control.len()));
    }
    if desired.buckets.len() > BUCKETS {
        return refuse(format!("{} fabric buckets; there are {BUCKETS}", desired.buckets.len()));
    }
    if let Some(fabric) = desired.buckets.iter().find(|f| usize::from(**f) >= FABRICS) {
        return refuse(format!("fabric {fabric}; there are {FABRICS}"));
    }
    if let Some((key, _)) = desired.static_fdb.iter().find(|(_, s)| !s.blackhole && !port(&s.lport)) {
        return refuse(format!("a static station {:02x?} on no port", key.mac()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DesiredPort, DesiredVlan, StaticEntry};
    use msm_abi::{FdbKey, NO_LPORT};

    #[test]
    fn what_no_table_holds_is_refused_by_name() {
        let refused = |change: fn(&mut Desired), word: &str| {
            let mut desired = Desired::default();
            change(&mut desired);
            let text = check(&desired).expect_err(word).to_string();
            assert!(text.contains(word), "{text}");
        };
        refused(|d| d.ports = [(1024, DesiredPort::default())].into(), "port 1024");
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
        refused(|d| d.buckets = vec![4], "fabric 4");
        refused(|d| d.buckets = vec![0; BUCKETS + 1], "1025 fabric buckets");
        let nowhere = StaticEntry { lport: NO_LPORT, blackhole: false };
        assert!(check(&Desired { static_fdb: [(FdbKey(1), nowhere)].into(), ..Desired::default() }).is_err());
        assert!(check(&Desired::default()).is_ok());
    }
}
