//! Failover options as operators and chassis files write them.

use msm_proto::{LinkAction, Preserve, RecoveryLevel, Routing, SlaveConfig};

/// `none`, `all msm-failover` or `critical msm-failover`.
pub fn parse_recovery(text: &str) -> Result<RecoveryLevel, String> {
    match words(text).as_slice() {
        ["none"] => Ok(RecoveryLevel::None),
        ["all", "msm-failover"] => Ok(RecoveryLevel::All),
        ["critical", "msm-failover"] => Ok(RecoveryLevel::Critical),
        _ => Err(format!(
            "sys-recovery-level \"{text}\" is none of: none, all msm-failover, critical msm-failover"
        )),
    }
}

/// `take-links-down` or `keep-links-up`, the latter also with `preserve-state l2` or `preserve-state l2_l3`.
pub fn parse_link_action(text: &str) -> Result<LinkAction, String> {
    match words(text).as_slice() {
        ["take-links-down"] => Ok(LinkAction::TakeLinksDown),
        ["keep-links-up"] => Ok(LinkAction::KeepLinksUp(Preserve::None)),
        ["keep-links-up", "preserve-state", "l2"] => Ok(LinkAction::KeepLinksUp(Preserve::L2)),
        ["keep-links-up", "preserve-state", "l2_l3"] => Ok(LinkAction::KeepLinksUp(Preserve::L2L3)),
        _ => Err(format!(
            "link-action \"{text}\" is none of: take-links-down, keep-links-up, keep-links-up preserve-state l2, \
             keep-links-up preserve-state l2_l3"
        )),
    }
}

/// `inherited` or `flash`.
pub fn parse_slave_config(text: &str) -> Result<SlaveConfig, String> {
    match words(text).as_slice() {
        ["inherited"] => Ok(SlaveConfig::Inherited),
        ["flash"] => Ok(SlaveConfig::Flash),
        _ => Err(format!("slave-config \"{text}\" is none of: inherited, flash")),
    }
}

/// `preserve` or `restart`.
pub fn parse_routing(text: &str) -> Result<Routing, String> {
    match words(text).as_slice() {
        ["preserve"] => Ok(Routing::Preserve),
        ["restart"] => Ok(Routing::Restart),
        _ => Err(format!("routing \"{text}\" is none of: preserve, restart")),
    }
}

/// How a link action is written: what [`parse_link_action`] reads.
pub fn link_action_text(action: LinkAction) -> String {
    match action.preserve() {
        Preserve::None => action.to_string(),
        preserve => format!("{action} preserve-state {preserve}"),
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_read_as_it_is_written() {
        for preserve in [Preserve::None, Preserve::L2, Preserve::L2L3] {
            let action = LinkAction::KeepLinksUp(preserve);
            assert_eq!(parse_link_action(&link_action_text(action)), Ok(action));
        }
        assert_eq!(
            parse_link_action(&link_action_text(LinkAction::TakeLinksDown)),
            Ok(LinkAction::TakeLinksDown)
        );
        for level in [RecoveryLevel::None, RecoveryLevel::Critical, RecoveryLevel::All] {
            assert_eq!(parse_recovery(&level.to_string()), Ok(level));
        }
        for source in [SlaveConfig::Flash, SlaveConfig::Inherited] {
            assert_eq!(parse_slave_config(&source.to_string()), Ok(source));
        }
        for routing in [Routing::Preserve, Routing::Restart] {
            assert_eq!(parse_routing(&routing.to_string()), Ok(routing));
        }
        assert!(parse_link_action("take-links-down preserve-state l2").is_err());
        assert!(parse_recovery("all").is_err());
    }
}
