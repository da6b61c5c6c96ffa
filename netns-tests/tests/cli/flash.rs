//! What outlives both MSMs: configurations in flash, the areas, the slave's copy.

use netns_tests::bed::{BedOptions, Mount, Slot, Testbed};

use crate::common::client::{command, script};
use crate::common::{
    READY, assert_same, assert_whole, configuration, flow, has, kill_everybody, logs, ready, ready_bed,
    repeat, traffic,
};

fn unsaved(bed: &Testbed) -> bool {
    bed.show("switch").expect("shown")["unsaved"].as_bool().expect("a bool")
}

/// All processes die at once and the chassis is started again.
fn power_cycle(bed: &Testbed) {
    kill_everybody(bed);
    bed.start_chassis().expect("started");
    bed.wait_ready(READY).unwrap_or_else(|error| panic!("{error}\n{}", logs(bed)));
}

/// Fails unless the log of some MSM has it.
fn logged(bed: &Testbed, wanted: &str) {
    let said: Vec<String> = Slot::ALL
        .iter()
        .map(|&slot| {
            let lines = bed.cli_of(slot).and_then(|mut cli| cli.run("show log"));
            lines.map(|answer| answer.data["lines"].to_string()).unwrap_or_default()
        })
        .collect();
    assert!(said.iter().any(|lines| lines.contains(wanted)), "nobody says `{wanted}`: {said:#?}");
}

#[test]
fn what_was_saved_boots_and_what_was_not_is_gone_and_said_so() {
    let (bed, _) = ready_bed("cf1-");
    script(&bed, "create vlan red\nconfigure vlan red tag 10\nconfigure fdb agingtime 600\n").good();
    assert!(unsaved(&bed));
    command(&bed, "save").good();
    assert!(!unsaved(&bed), "the star is off");
    let saved = configuration(&bed);
    command(&bed, "create vlan lost").good();
    assert!(unsaved(&bed));
    power_cycle(&bed);
    assert_same(&configuration(&bed), &saved, "what was saved");
    assert!(!unsaved(&bed), "what runs is what is saved");
    logged(&bed, "not saved is gone");
    // Once more, with nothing unsaved: nothing is said of what is not.
    assert_eq!(bed.show("fdb").expect("shown")["agingtime_s"], 600);
}

#[test]
fn the_other_area_is_selected_saved_and_booted() {
    let (bed, _) = ready_bed("cf2-");
    script(
        &bed,
        "create vlan first\nsave primary\ncreate vlan second\nsave secondary\nuse configuration secondary\n",
    )
    .good();
    command(&bed, "synchronize").good();
    power_cycle(&bed);
    let booted = configuration(&bed);
    assert!(has(&booted, "first") && has(&booted, "second"), "{booted:?}");
    // Without an area, the selected one is saved.
    script(&bed, "create vlan third\nsave\nuse configuration primary\nsynchronize\n").good();
    power_cycle(&bed);
    let booted = configuration(&bed);
    assert!(has(&booted, "first") && !has(&booted, "second") && !has(&booted, "third"), "{booted:?}");
    script(&bed, "use configuration secondary\nsynchronize\n").good();
    power_cycle(&bed);
    assert!(has(&configuration(&bed), "third"), "the area that was selected had been saved");
}

#[test]
fn a_damaged_file_is_reported_and_the_other_area_is_booted() {
    let (bed, _) = ready_bed("cf3-");
    script(&bed, "create vlan good\nsave secondary\ncreate vlan bad\nsave primary\nsynchronize\n").good();
    kill_everybody(&bed);
    for slot in Slot::ALL {
        let path = bed.flash_dir().join(slot.letter()).join("primary.cfg");
        let text = std::fs::read_to_string(&path).expect("saved there");
        std::fs::write(&path, text.replace("bad", "BAD")).expect("written");
    }
    bed.start_chassis().expect("started");
    bed.wait_ready(READY).expect("both MSMs");
    let booted = configuration(&bed);
    assert!(has(&booted, "good") && !has(&booted, "bad") && !has(&booted, "BAD"), "{booted:?}");
    logged(&bed, "primary.cfg is not used");
    // A torn one too, and none at all is the factory's.
    kill_everybody(&bed);
    for slot in Slot::ALL {
        let folder = bed.flash_dir().join(slot.letter());
        let torn = std::fs::read(folder.join("secondary.cfg")).expect("saved there");
        std::fs::write(folder.join("secondary.cfg"), &torn[..torn.len() / 2]).expect("written");
    }
    bed.start_chassis().expect("started");
    bed.wait_ready(READY).expect("both MSMs");
    assert!(!has(&configuration(&bed), "good"), "no area is whole: the factory's");
    logged(&bed, "secondary.cfg is not used");
}

#[test]
fn a_full_disk_fails_the_save_and_keeps_the_old_file() {
    let mounts = vec![Mount::SmallFlash { bytes: 96 << 10 }];
    let (bed, ready) = ready(BedOptions { prefix: "cf4-".into(), mounts, ..BedOptions::default() });
    script(&bed, "create vlan old\nsave\n").good();
    let root = format!("/proc/{}/root", bed.pid(ready.master).expect("a pid").as_raw_pid());
    let file = format!("{root}{}/{}/primary.cfg", bed.flash_dir().display(), ready.master);
    let before = std::fs::read(&file).expect("saved there");
    let many: String = (0..3000).map(|n| format!("create vlan quite-a-long-name-of-a-vlan{n}\n")).collect();
    script(&bed, &many).good();
    let error = command(&bed, "save").refused("flash").err;
    assert!(error.contains("old file is kept") && error.contains("space"), "what, and what to do: {error}");
    assert_eq!(std::fs::read(&file).expect("still there"), before);
    assert!(unsaved(&bed), "the star stays");
    assert_eq!(bed.wait_ready(READY).expect("ready").epoch, ready.epoch, "nobody died of it");
    script(&bed, "unconfigure switch\ncreate vlan small\nsave\n").good();
    assert!(!unsaved(&bed));
    assert!(std::fs::read_to_string(&file).expect("there").contains("small"));
}

#[test]
fn reboots_boot_from_flash_while_frames_flow() {
    let (bed, before) = ready_bed("cf5-");
    let probe = traffic(&bed, 20_000);
    script(&bed, "configure snmp sysName saved\nsave\nsynchronize\nconfigure snmp sysName lost\n").good();
    command(&bed, &format!("reboot slot msm-{}", before.master)).refused("master");
    let old = bed.pid(before.slave).expect("a pid");
    command(&bed, &format!("reboot slot msm-{}", before.slave)).good();
    crate::common::within(READY, "the slave's new process", || {
        bed.pid(before.slave).is_ok_and(|pid| pid != old)
    });
    let after = bed.wait_ready(READY).expect("both MSMs");
    assert_eq!((after.master, after.epoch), (before.master, before.epoch));
    assert!(has(&configuration(&bed), "lost"), "the master goes on");
    let old = Slot::ALL.map(|slot| bed.pid(slot).expect("a pid"));
    command(&bed, "reboot").good();
    for (slot, old) in Slot::ALL.into_iter().zip(old) {
        crate::common::within(READY, "a new process", || bed.pid(slot).is_ok_and(|pid| pid != old));
    }
    bed.wait_ready(READY).expect("both MSMs");
    let booted = configuration(&bed);
    assert!(has(&booted, "saved") && !has(&booted, "lost"), "{booted:?}\n{}", logs(&bed));
    flow(0.2);
    assert_whole(&probe.stop().expect("a report"));
}

#[test]
fn synchronize_gives_the_slave_the_masters_flash() {
    let (bed, before) = ready_bed("cf6-");
    script(
        &bed,
        "create vlan one\nsave primary\ncreate vlan two\nsave secondary\nuse configuration secondary\n",
    )
    .good();
    let file = |slot: Slot, area: &str| std::fs::read(bed.flash_dir().join(slot.letter()).join(area)).ok();
    assert_eq!(file(before.slave, "secondary.cfg"), None, "save writes the master's flash only");
    command(&bed, "synchronize").good();
    for area in ["primary.cfg", "secondary.cfg"] {
        assert!(file(before.master, area).is_some());
        assert_eq!(file(before.master, area), file(before.slave, area), "{area}");
    }
    command(&bed, "run msm-failover").good();
    let after = bed.wait_ready(READY).expect("both MSMs");
    assert_eq!(after.master, before.slave);
    let old = Slot::ALL.map(|slot| bed.pid(slot).expect("a pid"));
    command(&bed, "reboot").good();
    for (slot, old) in Slot::ALL.into_iter().zip(old) {
        crate::common::within(READY, "a new process", || bed.pid(slot).is_ok_and(|pid| pid != old));
    }
    bed.wait_ready(READY).expect("both MSMs");
    assert!(has(&configuration(&bed), "two"));
    if repeat(0, 1) == 0 {
        return;
    }
    // A slave that does not answer, which takes its time.
    let ready = bed.wait_ready(READY).expect("both MSMs");
    let slave = bed.pid(ready.slave).expect("a pid");
    rustix::process::kill_process(slave, rustix::process::Signal::STOP).expect("stopped");
    let refused = command(&bed, "synchronize");
    rustix::process::kill_process(slave, rustix::process::Signal::CONT).expect("continued");
    refused.refused("did not store it");
}
