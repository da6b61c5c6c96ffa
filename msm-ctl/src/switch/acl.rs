//! The access list, out of the configuration. Pure.

use msm_config::ipv4net::Ipv4Net;
use msm_config::model::{AccessLists, AccessRule, Matches};
use msm_dataplane::plane::acl::{AclFrames, AclList, AclPrefix, AclRule};

/// Rules by precedence.
pub(super) fn list(access: &AccessLists) -> AclList {
    AclList { rules: access.iter().map(|(_, access)| rule(access)).collect() }
}

fn rule(rule: &AccessRule) -> AclRule {
    AclRule {
        permit: rule.permit,
        counter: rule.counter,
        ingress: rule.ports.as_ref().map(|ports| ports.iter().copied().collect()),
        frames: frames(&rule.matches),
    }
}

fn frames(matches: &Matches) -> AclFrames {
    // Any address is no prefix of nothing: the field is not asked for.
    let prefix = |net: Option<Ipv4Net>| {
        net.filter(|net| net.prefix() > 0).map(|net| AclPrefix::new(net.address().into(), net.prefix()))
    };
    match *matches {
        Matches::Ip { protocol, destination, source, destination_port, source_port } => AclFrames::Ipv4 {
            source: prefix(source),
            destination: prefix(destination),
            protocol,
            source_port,
            destination_port,
        },
        Matches::Mac { destination, source, ethertype } => AclFrames::Ethernet {
            source: source.map(|mac| mac.0),
            destination: destination.map(|mac| mac.0),
            ethertype,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_config::model::{Config, Facts, script};
    use msm_dataplane::plane::acl::{AclFields, AclIp};
    use std::sync::Arc;

    #[test]
    fn the_rule_with_the_smallest_precedence_decides() {
        let facts = Facts {
            ports: [0, 1].into(),
            netdevs: Default::default(),
            sys_name: "t".into(),
            options: msm_proto::Options::default(),
        };
        let lines = "create access-list c ip destination 0.0.0.0/0 source 10.0.0.0/8 permit precedence 30 counter 5\n\
                     create access-list b udp destination any ip-port range 5 9 source any ip-port 7 deny ports 1:2 precedence 20\n\
                     create access-list a mac destination any source 02:00:00:00:00:01 ethertype 0x0806 deny precedence 10\n";
        let config =
            Config::factory(&Arc::new(facts)).with(&script(lines).expect("commands")).expect("lawful");
        let list = list(&config.access);
        assert_eq!(list.rules.iter().map(|rule| rule.counter).collect::<Vec<_>>(), [1, 0, 5]);
        let ip = AclIp { source: 0x0a00_0001, destination: 9, protocol: 17, ports: Some((7, 9)) };
        let udp = AclFields { ingress: 1, ethertype: 0x0800, ip: Some(ip), ..AclFields::default() };
        assert_eq!(list.decide(&udp), Some(1));
        assert_eq!(list.decide(&AclFields { ingress: 0, ..udp }), Some(2), "by another port");
        let fragment = AclFields { ip: Some(AclIp { ports: None, ..ip }), ..udp };
        assert_eq!(list.decide(&fragment), Some(2), "a fragment has no ports");
        let arp = AclFields { source: [2, 0, 0, 0, 0, 1], ethertype: 0x0806, ..AclFields::default() };
        assert_eq!(list.decide(&arp), Some(0));
        assert_eq!(list.decide(&AclFields { ethertype: 0x86dd, ..arp }), None);
        assert!(list.compile().is_ok());
    }
}
