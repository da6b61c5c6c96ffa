//! Answers as people read them, in the manual's layout.

mod access;
mod diagnostics;
mod failover;
mod fdb;
mod l3;
mod management;
mod ports;
mod protection;
mod routing;
mod sharing;
mod switch;
mod vlan;

use std::fmt::Write;

use serde::de::DeserializeOwned;
use serde_json::Value;

use msm_config::Command;
use msm_config::command::{Action, Show};

use super::views;
use crate::diagnostics::Diagnosis;
use fdb::Rows;

/// Lays out an answer while it comes.
pub(super) enum Layout {
    /// Row by row.
    Fdb(Rows),
    /// At its end.
    Whole(Option<Command>, Vec<u8>),
}

impl Layout {
    /// For the answer to `command`; none if this client does not know it.
    pub(super) fn new(command: Option<&Command>) -> Self {
        match command {
            Some(Command::Show(Show::Fdb(_))) => Self::Fdb(Rows::default()),
            command => Self::Whole(command.cloned(), Vec::new()),
        }
    }

    /// What can be shown now that `data` has come.
    pub(super) fn more(&mut self, data: &[u8]) -> String {
        match self {
            Self::Fdb(rows) => rows.more(data),
            Self::Whole(_, all) => {
                all.extend(data);
                String::new()
            }
        }
    }

    /// The rest.
    pub(super) fn end(self) -> String {
        match self {
            Self::Fdb(rows) => rows.end(),
            Self::Whole(command, all) => {
                render(command.as_ref(), &serde_json::from_slice(&all).unwrap_or(Value::Null))
            }
        }
    }
}

/// The text of an answer. Data of a newer server that this client cannot lay out is printed as it came.
pub(super) fn render(command: Option<&Command>, data: &Value) -> String {
    let text = match command {
        Some(Command::Show(Show::Switch)) => read(data).map(|view| switch::switch(&view)),
        Some(Command::Show(Show::Version)) => read(data).map(|view| switch::version(&view)),
        Some(Command::Show(Show::Failover)) => read(data).map(|view| failover::failover(&view)),
        Some(Command::Show(Show::Ports { detail: true, .. })) => read(data).map(|view| ports::detail(&view)),
        Some(Command::Show(Show::Ports { .. })) => read(data).map(|view| ports::table(&view)),
        Some(Command::Show(Show::CpuProtection)) => read(data).map(|view| protection::cpu(&view)),
        Some(Command::Show(Show::Mirroring)) => read(data).map(|view| protection::mirroring(&view)),
        Some(Command::Show(Show::Diagnostics) | Command::Act(Action::Diagnostics)) => {
            read(data).map(|view: Option<Diagnosis>| diagnostics::diagnosis(view.as_ref()))
        }
        Some(Command::Show(Show::Log { .. })) => read(data).map(|view| log(&view)),
        Some(Command::Show(Show::Configuration)) => read(data).map(|view: views::Text| view.text),
        Some(Command::Show(Show::Sharing)) => read(data).map(|view| sharing::groups(&view)),
        Some(Command::Show(Show::Lacp)) => read(data).map(|view| sharing::lacp(&view)),
        Some(Command::Show(Show::Vlan { detail: true, .. })) => read(data).map(|view| vlan::detail(&view)),
        Some(Command::Show(Show::Vlan { .. })) => read(data).map(|view| vlan::table(&view)),
        Some(Command::Show(Show::AccessList(_))) => read(data).map(|view| access::table(&view)),
        Some(Command::Show(Show::Accounts)) => read(data).map(|view| management::accounts(&view)),
        Some(Command::Show(Show::Session)) => read(data).map(|view| management::sessions(&view)),
        Some(Command::Show(Show::Memory)) => read(data).map(|view| management::memory(&view)),
        Some(Command::Show(Show::Dns)) => read(data).map(|view| management::dns(&view)),
        Some(Command::Show(Show::Routes(_))) => read(data).map(|view| l3::routes(&view)),
        Some(Command::Show(Show::Hosts(_))) => read(data).map(|view| l3::hosts(&view)),
        Some(Command::Show(Show::Neighbours(_))) => read(data).map(|view| l3::neighbours(&view)),
        Some(Command::Show(Show::IpConfig(_))) => read(data).map(|view| l3::ip_config(&view)),
        Some(Command::Show(Show::Routing(protocol, what))) => {
            read(data).map(|view| routing::routing(&view, *protocol, *what))
        }
        Some(Command::Show(Show::Syslog)) => read(data).map(|view| management::syslog(&view)),
        _ => read(data).map(|done: views::Done| match done.message.as_str() {
            "" => String::new(),
            message => format!("{message}\n"),
        }),
    };
    text.unwrap_or_else(|| format!("{data:#}\n"))
}

fn read<T: DeserializeOwned>(data: &Value) -> Option<T> {
    T::deserialize(data).ok()
}

/// Columns of a terminal.
const WIDTH: usize = 80;

/// Text in as many lines as it takes: `first` before it, and as many spaces before each further line.
fn wrapped(first: &str, text: &str) -> String {
    let indent = " ".repeat(first.chars().count());
    let (mut out, mut line) = (String::new(), first.to_owned());
    for word in text.split_whitespace() {
        let empty = line.chars().count() == indent.len();
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line.clone_from(&indent);
            line.push_str(word);
        } else {
            line.push_str(if empty { "" } else { " " });
            line.push_str(word);
        }
    }
    out + line.trim_end() + "\n"
}

/// Rows of label and value, the value at column 19 as on the original.
fn rows(rows: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (label, value) in rows {
        let line =
            if label.is_empty() { String::new() } else { format!("{:<17} {value}", format!("{label}:")) };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn log(view: &views::Log) -> String {
    view.lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

fn aging(seconds: u32) -> String {
    if seconds == 0 { "never".to_owned() } else { format!("{seconds} seconds") }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
