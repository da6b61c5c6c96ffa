//! The commands of a session by number, without passwords.

use std::collections::VecDeque;
use std::fmt::Write;

use msm_config::grammar::split;
use msm_config::model::Change;
use msm_config::{Command, LINE_MAX};

/// Commands that are kept.
pub(super) const KEPT: usize = 500;
/// What stands where a password was.
const STARS: &str = "***";

/// See the file's first line.
pub(super) struct History {
    /// Number of the next.
    next: u32,
    lines: VecDeque<(u32, String)>,
}

impl Default for History {
    fn default() -> Self {
        Self { next: 1, lines: VecDeque::new() }
    }
}

impl History {
    /// Number of the next command.
    pub(super) fn number(&self) -> u32 {
        self.next
    }

    /// Keeps a command.
    pub(super) fn add(&mut self, line: &str) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back((self.next, shown(line).unwrap_or_else(|| line.to_owned())));
        self.next = self.next.wrapping_add(1);
    }

    /// As `history` prints it.
    pub(super) fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |mut text, (number, line)| {
            let _ = writeln!(text, "{number:>5}  {line}");
            text
        })
    }
}

/// The line with stars instead of what is, or may be meant as, a password; none if it has no place for one.
pub(super) fn shown(line: &str) -> Option<String> {
    if let Ok(Command::Change(Change::Accounts(change))) = msm_config::parse(line) {
        let mut change = Change::Accounts(change);
        change.secret()?;
    }
    // A line that is wrong somewhere has its password too.
    let words: Vec<(usize, usize)> = match split(line) {
        Ok(words) => words.into_iter().map(|word| (word.span.start, word.span.end)).collect(),
        Err(_) if line.len() <= LINE_MAX => blanks(line),
        Err(_) => return Some(STARS.to_owned()),
    };
    let word = |at: usize| words.get(at).map(|(start, end)| line[*start..*end].to_ascii_lowercase());
    let is = |at: usize, keyword: &str, least: usize| {
        word(at).is_some_and(|word| word.len() >= least && keyword.starts_with(&word))
    };
    let kept = match () {
        () if !is(1, "account", 1) => return None,
        () if is(0, "create", 2) => 4,
        () if is(0, "configure", 3) => 3,
        () => return None,
    };
    let (_, end) = *words.get(kept - 1)?;
    (words.len() > kept).then(|| format!("{} {STARS}", &line[..end]))
}

/// Words of a line that cannot be split as the grammar does.
fn blanks(line: &str) -> Vec<(usize, usize)> {
    let base = line.as_ptr() as usize;
    line.split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(|word| {
            let start = word.as_ptr() as usize - base;
            (start, start + word.len())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_stars_also_in_lines_that_are_wrong() {
        for (line, expected) in [
            ("create account admin bob \"correct horse\"", "create account admin bob ***"),
            ("cr acc user bob secret", "cr acc user bob ***"),
            ("configure account bob secret", "configure account bob ***"),
            ("config acco \"bob\" secret # why", "config acco \"bob\" ***"),
            ("create account admin bob \"open quote", "create account admin bob ***"),
            ("create account root bob secret", "create account root bob ***"),
            ("configure account bob encrypted nonsense trailing", "configure account bob ***"),
        ] {
            assert_eq!(shown(line).as_deref(), Some(expected), "{line}");
        }
        for line in [
            "create account admin bob",
            "configure account bob access admin",
            "create vlan account",
            "configure vlan account tag 7",
            "show accounts",
        ] {
            assert_eq!(shown(line), None, "{line}");
        }
    }

    #[test]
    fn commands_keep_their_numbers_and_the_oldest_go() {
        let mut history = History::default();
        for _ in 0..KEPT + 2 {
            history.add("show switch");
        }
        let text = history.text();
        assert!(text.starts_with("    3  show switch\n"), "{text}");
        assert_eq!(text.lines().count(), KEPT);
    }
}
