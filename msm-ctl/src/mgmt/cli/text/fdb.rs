//! `show fdb`, row by row: a full table is longer than anybody waits for.

use std::fmt::Write;

use super::super::views;
use super::aging;

/// Longest line that is held while its end is awaited: an answer without line ends is laid out when it is whole.
const ROW_MAX: usize = 4096;

/// Rows so far.
#[derive(Default)]
pub(in crate::mgmt::cli) struct Rows {
    /// What has come and has no line end yet.
    partial: Vec<u8>,
    /// The answer without the rows that were shown.
    frame: Vec<u8>,
    index: usize,
    r#static: usize,
    dynamic: usize,
}

impl Rows {
    /// Text of the rows that are whole now.
    pub(super) fn more(&mut self, data: &[u8]) -> String {
        let mut text = String::new();
        let mut rest = data;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.partial.is_empty() {
                self.line(line, &mut text);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend(line);
                self.line(&whole, &mut text);
            }
        }
        self.partial.extend(rest);
        if self.partial.len() > ROW_MAX {
            self.frame.append(&mut self.partial);
        }
        text
    }

    fn line(&mut self, line: &[u8], text: &mut String) {
        let row = line.strip_prefix(b",").unwrap_or(line);
        match serde_json::from_slice(row) {
            Ok(entry) => self.row(&entry, text),
            Err(_) => self.frame.extend(line),
        }
    }

    fn row(&mut self, entry: &views::FdbEntry, text: &mut String) {
        self.head(text);
        let mut flags = String::new();
        for flag in &entry.flags {
            flags.push(match flag.as_str() {
                "dynamic" => {
                    self.dynamic += 1;
                    'd'
                }
                "static" => {
                    self.r#static += 1;
                    's'
                }
                "blackhole" => 'b',
                _ => '?',
            });
        }
        let vlan = format!("{}({:04})", entry.vlan, entry.vid);
        let _ = writeln!(
            text,
            "{:<7} {:<17} {vlan:<14} {:>6} {flags:<6} {}",
            self.index, entry.mac, entry.age_s, entry.port
        );
        self.index += 1;
    }

    fn head(&self, text: &mut String) {
        if self.index == 0 {
            let _ = writeln!(
                text,
                "{:<7} {:<17} {:<14} {:>6} {:<6} Port",
                "Index", "Mac", "Vlan", "Age", "Flags"
            );
        }
    }

    /// What is below the rows.
    pub(super) fn end(mut self) -> String {
        let mut text = String::new();
        self.frame.append(&mut self.partial);
        let Ok(view) = serde_json::from_slice::<views::Fdb>(&self.frame) else {
            return format!("{}\n", String::from_utf8_lossy(&self.frame));
        };
        for entry in &view.entries {
            self.row(entry, &mut text);
        }
        self.head(&mut text);
        let _ = write!(
            text,
            "\nFlags : d - Dynamic, s - Static, b - Blackhole\nTotal: {} Static: {} Dyn: {}  Capacity: {}\nFDB Aging time: {}\n",
            view.count,
            self.r#static,
            self.dynamic,
            view.capacity,
            aging(view.agingtime_s)
        );
        text
    }
}
