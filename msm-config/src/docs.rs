//! The reference of all commands, written from their rules.

use std::fmt::Write;

use crate::command::{self, Rule};
use crate::{LINE_MAX, name::NAME_MAX};

/// docs/commands.md.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from("# Commands\n\n");
    let _ = write!(
        out,
        "Written from the grammar by `cargo xtask docs`; a test compares. `{{x}}` may be left out, `[a | b]` is a choice, `<x>` stands for a\n\
         value. Keywords may be cut to any beginning that is not ambiguous (`config` for `configure`), letters' case does not matter, names\n\
         are at most {NAME_MAX} characters, lines at most {LINE_MAX} bytes. A word in quotes is never a keyword. `#` begins a comment.\n\n"
    );
    let shown: Vec<(usize, &Rule)> = command::rules().enumerate().filter(|(_, rule)| !rule.hidden).collect();
    for (_, rule) in &shown {
        let _ = writeln!(out, "- [{}](#{})", heading(rule.syntax), anchor(rule.syntax));
    }
    for (number, rule) in shown {
        one(&mut out, number, rule);
    }
    out
}

fn one(out: &mut String, number: usize, rule: &Rule) {
    let _ = write!(out, "\n## {}\n\n{}.\n", heading(rule.syntax), rule.help);
    let parameters = command::parameters(number);
    if !parameters.is_empty() {
        out.push_str("\n| parameter | range |\n|---|---|\n");
        for parameter in parameters {
            let _ = writeln!(out, "| `<{}>` | {} |", parameter.label, parameter.kind.describe());
        }
    }
    if !rule.default.is_empty() {
        let _ = write!(out, "\nDefault: {}.\n", rule.default);
    }
    let _ = write!(out, "\n```\n{}\n```\n", rule.example.join("\n"));
}

/// `<label:kind>` as help shows it.
fn heading(syntax: &str) -> String {
    let mut out = String::new();
    let mut kind = false;
    for c in syntax.chars() {
        match c {
            ':' => kind = true,
            '>' => kind = false,
            _ => {}
        }
        if !kind {
            out.push(c);
        }
    }
    format!("`{out}`")
}

/// As web pages of repositories make them: lower case, blanks to hyphens, the rest of the punctuation gone.
fn anchor(syntax: &str) -> String {
    heading(syntax)
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}
