use super::*;
use serde_json::json;

fn render(line: &str, data: &Value) -> String {
    let mut layout = Layout::new(msm_config::parse(line).ok().as_ref());
    let text = layout.more(data.to_string().as_bytes());
    text + &layout.end()
}

#[test]
fn show_switch_has_its_values_in_column_19_and_the_manuals_order() {
    let saved = json!({"bytes": 17, "saved": "then", "version": "0.1.0", "fault": null});
    let empty = json!({"bytes": 0, "saved": null, "version": null, "fault": null});
    let data = json!({
        "sys_name": "bed", "sys_location": "rack 7", "sys_contact": "", "system_mac": "02:e0:2b:00:00:01",
        "platform": "BD6808", "recovery_mode": "none",
        "current_time": "now", "boot_time": "then", "unsaved": true, "generation": 4, "agingtime_s": 0,
        "chassis": "bed", "slot": "a", "role": "master", "version": "0.1.0", "image_selected": "primary",
        "image_booted": null, "config_selected": "primary", "config_booted": "secondary",
        "primary_config": saved, "secondary_config": empty
    });
    let text = render("sh sw", &data);
    assert!(text.starts_with(
        "SysName:          bed\nSysLocation:      rack 7\nSysContact:\nSystem MAC:       02:e0:2b:00:00:01\n\nPlatform:         BD6808\n"
    ), "{text}");
    let order = [
        "Recovery Mode:",
        "Current Time:",
        "Boot Time:",
        "Config Modified:  yes",
        "Image Selected:   Primary",
        "Image Booted:     unknown",
        "Config Selected:  Primary",
        "Config Booted:    Secondary",
        "Primary Config:   Created by EW Version:\n                  0.1.0\n                  17 bytes saved on then",
        "Secondary Config: Empty",
    ];
    let at: Vec<usize> =
        order.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"))).collect();
    assert!(at.is_sorted(), "{text}");
    assert!(text.contains("FDB Aging Time:   never\n"), "{text}");
    assert!(text.contains("MSM-A (master)"), "{text}");
}

#[test]
fn what_cannot_be_laid_out_is_printed_as_it_came() {
    let text = render("show switch", &json!({"new": 1}));
    assert!(text.contains("\"new\": 1"), "{text}");
    assert_eq!(render("configure snmp sysName x", &json!({"message": ""})), "");
    assert_eq!(render("run msm-failover", &json!({"message": "MSM b is master"})), "MSM b is master\n");
}

#[test]
fn an_absent_msm_is_shown_as_absent() {
    let msm = |slot: &str, role: &str, pid: u32| json!({"slot": slot, "role": role, "pid": pid, "version": "0.1.0", "image": "primary"});
    let data = json!({
        "msm": [msm("a", "master", 7), msm("b", "absent", 0)], "owner": {"slot": "a", "epoch": 7}, "ready_slot": null, "note": "No slave is ready: so",
        "generation": 0, "cause": "never", "link_action": "keep-links-up", "preserve_state": "l2_l3",
        "slave_config": "inherited", "timeout_s": 60, "esrp_failover_mode": "none", "failovers": 0, "last": null,
        "subsystems": [{"name": "configuration", "state": "<not available>", "reason": "none", "old_state": "disable",
            "old_reason": "none"}]
    });
    let text = render("show msm-failover", &data);
    assert!(text.contains("MSM-A: Master   Primary image   0.1.0   pid 7\nMSM-B: Absent\n"), "{text}");
    assert!(text.contains("Cause of last MSM failover:  never\n"), "{text}");
    assert!(text.contains("Ready to take over:          none\n"), "{text}");
    assert!(text.contains("No slave is ready: so\n"), "{text}");
}
