//! `show vlan`: a table, or the manual's block for each.

use std::fmt::Write;

use super::super::views::{Vlan, Vlans};

/// A line a VLAN.
pub(super) fn table(view: &Vlans) -> String {
    let mut text = format!("{:<32} {:>4} {:<18} {:<5} Ports\n", "Name", "VID", "Protocol Addr", "Proto");
    text.push_str(&format!("{:<32} {:>4} {:<18} {:<5} Active/Total\n", "", "", "", ""));
    for vlan in &view.vlans {
        let vid = vlan.tag.map_or_else(|| "-".to_owned(), |tag| tag.to_string());
        let _ = writeln!(
            text,
            "{:<32} {vid:>4} {:<18} {:<5} {}/{}",
            vlan.name,
            vlan.address.as_deref().unwrap_or("-"),
            "ANY",
            vlan.active.len(),
            vlan.untagged.len() + vlan.tagged.len()
        );
    }
    let _ = writeln!(text, "Total number of Vlan(s) : {}", view.count);
    text
}

/// A block a VLAN.
pub(super) fn detail(view: &Vlans) -> String {
    let mut text = String::new();
    for (index, vlan) in view.vlans.iter().enumerate() {
        block(&mut text, index, vlan);
    }
    let _ = writeln!(text, "Total number of Vlan(s) : {}", view.count);
    text
}

fn block(text: &mut String, index: usize, vlan: &Vlan) {
    let _ =
        writeln!(text, "VLAN Interface[{index}-{}] with name \"{}\" created by user", vlan.vid, vlan.name);
    let tagging = match (vlan.tag, vlan.vid) {
        (Some(tag), _) => format!("802.1Q Tag {tag}"),
        (None, 0) => "Not switched".to_owned(),
        (None, vid) => format!("Untagged (Internal tag {vid})"),
    };
    let _ = writeln!(text, "     Tagging:\t{tagging}");
    if let Some(address) = &vlan.address {
        let _ = writeln!(text, "     IP:\t{address}");
    }
    if vlan.vid == 0 {
        let netdev = vlan.netdev.as_deref().unwrap_or("none: the chassis file names no mgmt");
        let _ = writeln!(text, "     Netdev:\t{netdev}");
        return;
    }
    text.push_str("     Protocol:\tMatch all unfiltered protocols.\n");
    let total = vlan.untagged.len() + vlan.tagged.len();
    let _ = writeln!(text, "     Ports:\t{total}.     (Number of active ports={})", vlan.active.len());
    text.push_str("\tFlags:\t(*) Active, (!) Disabled\n");
    for (label, ports) in [("Untag", &vlan.untagged), ("Tag", &vlan.tagged)] {
        let mut head = format!("\t{label}:");
        // Eight a line: a chassis has up to 1,024.
        for line in ports.chunks(8) {
            let line: String =
                line.iter().map(|port| format!("{:<7}", format!("{}{port}", flag(vlan, port)))).collect();
            let _ = writeln!(text, "{head}\t{}", line.trim_end());
            head = "\t".to_owned();
        }
    }
}

fn flag(vlan: &Vlan, port: &String) -> &'static str {
    match () {
        () if vlan.disabled.contains(port) => "!",
        () if vlan.active.contains(port) => "*",
        () => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> Vlans {
        let ports = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let vlan = Vlan {
            name: "Default".into(),
            vid: 1,
            tag: Some(1),
            address: Some("10.0.0.1/24".into()),
            netdev: None,
            untagged: ports(&["1:1", "1:3"]),
            tagged: ports(&["2:1"]),
            active: ports(&["1:1"]),
            disabled: ports(&["2:1"]),
        };
        let red = Vlan { name: "red".into(), vid: 4094, tag: None, ..vlan.clone() };
        let mgmt =
            Vlan { name: "Mgmt".into(), vid: 0, tag: None, netdev: Some("mgmt0".into()), ..vlan.clone() };
        Vlans { vlans: vec![vlan, mgmt, red], count: 3 }
    }

    #[test]
    fn the_block_is_the_manuals() {
        let text = detail(&view());
        let expected = "VLAN Interface[0-1] with name \"Default\" created by user\n     Tagging:\t802.1Q Tag 1\n     IP:\t10.0.0.1/24\n     \
                        Protocol:\tMatch all unfiltered protocols.\n     Ports:\t3.     (Number of active ports=1)\n\tFlags:\t(*) Active, (!) Disabled\n\
                        \tUntag:\t*1:1   1:3\n\tTag:\t!2:1\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("     Tagging:\tUntagged (Internal tag 4094)\n"), "{text}");
        assert!(
            text.contains("     Tagging:\tNot switched\n     IP:\t10.0.0.1/24\n     Netdev:\tmgmt0\nVLAN"),
            "{text}"
        );
        assert!(text.ends_with("Total number of Vlan(s) : 3\n"), "{text}");
    }

    #[test]
    fn the_table_has_a_line_a_vlan() {
        let text = table(&view());
        assert_eq!(text.lines().count(), 6);
        assert!(text.contains("1 10.0.0.1/24        ANY   1/3\n"), "{text}");
    }
}
