//! A routing protocol where FRR is not installed: the command is taken, and says so.

use netns_tests::bed::{BedOptions, Mount};

use crate::common::client::command;
use crate::common::{configuration, has, ready};

#[test]
fn a_protocol_without_frr_is_taken_with_a_warning() {
    let none = tempfile::tempdir().expect("a directory");
    let mounts = vec![Mount::Bind { from: none.path().to_owned(), at: "/usr/lib/frr".into() }];
    let (bed, _) = ready(BedOptions { prefix: "cr1-".into(), mounts, ..BedOptions::default() });
    for protocol in ["ospf", "rip"] {
        let said = command(&bed, &format!("enable {protocol}")).good().out;
        assert!(said.starts_with("Warning: routing protocols need FRR"), "{said}");
        assert!(said.contains("apt-get install frr"), "{said}");
        assert!(has(&configuration(&bed), &format!("enable {protocol}")));
        assert_eq!(command(&bed, &format!("disable {protocol}")).good().out, "");
    }
}
