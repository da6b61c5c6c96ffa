//! `show switch` and `show version`.

use std::fmt::Write;

use super::super::views::{Saved, Switch, Version};
use super::{aging, capital, rows};

pub(super) fn switch(view: &Switch) -> String {
    let gap = || ("", String::new());
    let area = |area: &Option<String>, none: &str| area.as_deref().map_or_else(|| none.to_owned(), capital);
    rows(&[
        ("SysName", view.sys_name.clone()),
        ("SysLocation", view.sys_location.clone()),
        ("SysContact", view.sys_contact.clone()),
        ("System MAC", view.system_mac.clone()),
        gap(),
        ("Platform", view.platform.clone()),
        gap(),
        ("Recovery Mode", capital(&view.recovery_mode)),
        gap(),
        ("Current Time", view.current_time.clone()),
        ("Timezone", "GMT Offset: 0 minutes, name is GMT.".to_owned()),
        ("Boot Time", view.boot_time.clone()),
        ("Config Modified", if view.unsaved { "yes, not saved" } else { "no" }.to_owned()),
        gap(),
        ("FDB Aging Time", aging(view.agingtime_s)),
        gap(),
        ("Answered by", format!("MSM-{} ({})", view.slot.to_uppercase(), view.role)),
        ("EW Version", view.version.clone()),
        ("Image Selected", capital(&view.image_selected)),
        ("Image Booted", area(&view.image_booted, "unknown")),
        gap(),
        ("Config Selected", capital(&view.config_selected)),
        ("Config Booted", area(&view.config_booted, "none (factory defaults)")),
        ("Primary Config", saved(&view.primary_config)),
        ("Secondary Config", saved(&view.secondary_config)),
    ])
}

fn saved(view: &Saved) -> String {
    match view {
        Saved { fault: Some(fault), .. } => format!("Damaged: {fault}"),
        Saved { saved: Some(at), version, bytes, .. } => {
            let version = version.as_deref().unwrap_or("?");
            let indent = " ".repeat(18);
            format!("Created by EW Version:\n{indent}{version}\n{indent}{bytes} bytes saved on {at}")
        }
        _ => "Empty".to_owned(),
    }
}

pub(super) fn version(view: &Version) -> String {
    let mut text = format!("Chassis : {}\n", view.platform);
    for msm in &view.msm {
        let _ = writeln!(
            text,
            "MSM-{}   : {} image, version {}",
            msm.slot.to_uppercase(),
            msm.image,
            msm.version
        );
    }
    let _ = write!(text, "Map ABI : {}\nKernel  : {}\n", view.map_abi, view.kernel);
    text
}
