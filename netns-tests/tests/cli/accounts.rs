//! Who may do what, by the Unix user of a local connection.
//!
//! The chassis sees files of the test in place of /etc/passwd and /etc/group; the machine's are not touched.

use std::os::unix::process::CommandExt;
use std::process::Command;

use netns_tests::bed::{BedOptions, Mount};

use crate::common::client::{Ended, client_of, command, finish};
use crate::common::{configuration, has, ready};

/// Ids that no machine has given.
const GROUP: u32 = 61_999;
const ALICE: u32 = 61_001;
const BOB: u32 = 61_002;
const STRANGER: u32 = 61_003;

#[test]
fn an_account_of_the_users_name_says_what_the_user_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, more: &str| {
        let path = folder.path().join(name);
        let text = std::fs::read_to_string(format!("/etc/{name}")).expect("the machine's") + more;
        std::fs::write(&path, text).expect("written");
        Mount::Bind { from: path, at: format!("/etc/{name}").into() }
    };
    let users = format!("alice:x:{ALICE}:{ALICE}::/:/bin/sh\nbob:x:{BOB}:{BOB}::/:/bin/sh\n");
    let mounts = vec![file("passwd", &users), file("group", &format!("msm:x:{GROUP}:alice,bob\n"))];
    let (bed, _) = ready(BedOptions { prefix: "ca1-".into(), mounts, ..BedOptions::default() });
    let run = |uid: u32, gid: u32, line: &str| -> Ended {
        let mut command = client_of(&bed, uid, gid);
        command.args(["-c", line]);
        finish(command, b"")
    };
    // Not of the group: not let in at all. To connect is to write (unix(7)).
    let lets_in = |uid: u32, gid: u32| {
        let mut test = Command::new("test");
        test.arg("-w").arg(bed.run_dir().join("cli-a.sock")).gid(gid).uid(uid);
        test.status().expect("test(1)").success()
    };
    assert!(!lets_in(STRANGER, STRANGER) && lets_in(ALICE, GROUP));
    // Of the group: may look.
    assert!(run(ALICE, GROUP, "show switch").good().out.contains("SysName"));
    run(ALICE, GROUP, "show vlan").good();
    for line in
        ["create vlan red", "save", "run msm-failover", "show configuration", "show accounts", "clear fdb"]
    {
        run(ALICE, GROUP, line).refused("may look and not configure");
    }
    assert!(!has(&configuration(&bed), "red"));
    // With an account, what it says.
    command(&bed, "create account admin alice").good();
    command(&bed, "create account user bob").good();
    run(ALICE, GROUP, "create vlan red").good();
    run(BOB, GROUP, "create vlan blue").refused("may look and not configure");
    let made = configuration(&bed);
    assert!(has(&made, "create vlan red") && !has(&made, "blue"), "{made:?}");
    let log = command(&bed, "show log").good().out;
    assert!(log.contains("alice (local") && log.contains("create vlan \"red\""), "who did it: {log}");
    // What is given can be taken.
    command(&bed, "configure account alice access user").good();
    run(ALICE, GROUP, "delete vlan red").refused("may look and not configure");
    // Passwords are not shown.
    command(&bed, "configure account bob \"correct horse\"").good();
    let made = configuration(&bed);
    assert!(has(&made, "$argon2id$") && !has(&made, "horse"), "{made:?}");
    let log = command(&bed, "show log").good().out;
    assert!(!log.contains("horse"), "{log}");
}
