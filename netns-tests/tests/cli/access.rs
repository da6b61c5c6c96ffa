//! Access lists at the command line: in force when the command is answered, kept by the next master, with their hits.

use crate::common::client::script;
use crate::common::{READY, ready_bed};

#[test]
fn rules_are_in_force_and_kept_over_a_failover() {
    let (bed, _) = ready_bed("ac1-");
    let create = "create access-list no-arp mac destination any source any ethertype 0x0806 deny ports 1:1 precedence 20\n\
                  create access-list first ip destination 192.0.2.0/24 source any permit precedence 10\n";
    script(&bed, create).good();
    script(&bed, "create access-list again ip destination any source any deny precedence 10\n")
        .refused("precedence 10 is that of access list \"first\"");
    script(&bed, "create access-list far ip destination any source any deny ports 9:1\n")
        .refused("there is no port 9:1");
    let shown = script(&bed, "show access-list\n").good().out;
    let at = |name: &str| shown.find(name).unwrap_or_else(|| panic!("{name}: {shown}"));
    assert!(at("first") < at("no-arp") && shown.contains("0x0806") && shown.contains("2 of 4096"), "{shown}");
    script(&bed, "run msm-failover\n").good();
    bed.wait_ready(READY).expect("both MSMs");
    assert_eq!(script(&bed, "show access-list\n").good().out, shown, "the next master has the same");
    script(&bed, "clear access-list counters\ndelete access-list all\n").good();
    let shown = script(&bed, "show access-list\n").good().out;
    assert!(shown.contains("0 of 4096"), "{shown}");
}
