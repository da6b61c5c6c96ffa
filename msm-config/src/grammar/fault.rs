//! What is wrong with a line: where, what was expected there, and what may have been meant.

use std::fmt::Write;
use std::ops::Range;

use crate::LINE_MAX;

/// Alternatives that a message lists; the rest is counted.
const LISTED: usize = 8;
/// Characters of a bad word that a message repeats.
const SHOWN: usize = 40;
/// Width of the window of a line that is shown around a fault.
const WINDOW: usize = 100;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing on the line.
    Empty,
    /// Over [`LINE_MAX`]; its length.
    LineTooLong(usize),
    /// A control character.
    Control(char),
    /// A quote without its end.
    OpenQuote,
    /// Something glued to the end of a quote.
    AfterQuote,
    /// No keyword begins like this.
    Unknown(String),
    /// Several keywords begin like this.
    Ambiguous(String),
    /// A value that cannot be; the second is why.
    Value(String, String),
    /// The command is not at its end.
    Incomplete,
    /// The command has ended before this word.
    TooMuch(String),
    /// All words are right and their sum is not.
    Refused(String),
}

/// A fault of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the line.
    pub span: Range<usize>,
    /// What is wrong there.
    pub wrong: Wrong,
    /// What could stand there.
    pub expected: Vec<String>,
    /// What may have been meant.
    pub nearest: Option<String>,
}

impl Fault {
    /// A fault without alternatives.
    #[must_use]
    pub fn new(span: Range<usize>, wrong: Wrong) -> Self {
        Self { span, wrong, expected: Vec::new(), nearest: None }
    }

    /// In one line.
    #[must_use]
    pub fn message(&self) -> String {
        let mut text = match &self.wrong {
            Wrong::Empty => "empty command; type ? for the commands".to_owned(),
            Wrong::LineTooLong(length) => {
                format!("the line has {length} bytes; at most {LINE_MAX} are read")
            }
            Wrong::Control(c) => format!("control character {} in the line; remove it", c.escape_default()),
            Wrong::OpenQuote => "this quote is not closed; end it with \"".to_owned(),
            Wrong::AfterQuote => "a blank is missing after the quote".to_owned(),
            Wrong::Unknown(word) => format!("\"{}\" is not understood here", cut(word)),
            Wrong::Ambiguous(word) => format!("\"{}\" is ambiguous", cut(word)),
            Wrong::Value(_, why) => why.clone(),
            Wrong::Incomplete => "the command is not complete".to_owned(),
            Wrong::TooMuch(word) => format!("\"{}\" is too much; the command ends before it", cut(word)),
            Wrong::Refused(why) => why.clone(),
        };
        if !self.expected.is_empty() {
            let listed = &self.expected[..self.expected.len().min(LISTED)];
            let _ = write!(text, "; expected {}", listed.join(", "));
            if self.expected.len() > LISTED {
                let _ = write!(text, " and {} more (type ?)", self.expected.len() - LISTED);
            }
        }
        if let Some(nearest) = &self.nearest {
            let _ = write!(text, "; did you mean {nearest}?");
        }
        text
    }

    /// The line, a caret under the word, and the message.
    #[must_use]
    pub fn render(&self, line: &str) -> String {
        let start = line.floor_char_boundary(self.span.start.min(line.len()));
        let end = line.ceil_char_boundary(self.span.end.clamp(start, line.len()));
        let column = line[..start].chars().count();
        let width = line[start..end].chars().count().clamp(1, WINDOW);
        // A long line is shown around the fault alone.
        let from = if column + width > WINDOW { (column + width).saturating_sub(WINDOW / 2) } else { 0 };
        let shown: String = line
            .chars()
            .skip(from)
            .take(WINDOW.max(width))
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let blanks = " ".repeat(column.saturating_sub(from));
        format!("{}\n{blanks}{}\n{}", shown.trim_end(), "^".repeat(width), self.message())
    }
}

fn cut(word: &str) -> String {
    let shown: String = word.chars().take(SHOWN).collect();
    if shown.len() < word.len() { format!("{shown}...") } else { shown }
}

/// The nearest of `words` to `typed`, if it is near enough to have been meant.
pub(super) fn nearest<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> Option<String> {
    let typed: String = typed.chars().take(SHOWN).collect::<String>().to_ascii_lowercase();
    words
        .map(|word| {
            // What was cut short is compared as far as it goes.
            let head: String = word.to_ascii_lowercase().chars().take(typed.chars().count().max(2)).collect();
            let whole = strsim::damerau_levenshtein(&typed, &word.to_ascii_lowercase());
            (whole.min(strsim::damerau_levenshtein(&typed, &head) + 1), word)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= typed.chars().count().div_ceil(3).max(1))
        .map(|(_, word)| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_under_the_word() {
        let fault = Fault {
            expected: vec!["tag".into(), "add".into()],
            nearest: Some("tag".into()),
            ..Fault::new(19..22, Wrong::Unknown("tga".into()))
        };
        assert_eq!(
            fault.render("configure vlan red tga 10"),
            "configure vlan red tga 10\n                   ^^^\n\"tga\" is not understood here; expected tag, add; did you mean tag?"
        );
    }

    #[test]
    fn a_fault_far_right_is_still_seen() {
        let line = format!("{}é bad", "x".repeat(3000));
        let at = line.len() - 3;
        let text = Fault::new(at..line.len(), Wrong::Unknown("bad".into())).render(&line);
        let lines: Vec<&str> = text.lines().collect();
        let caret = lines[1].chars().count() - 3;
        assert_eq!(lines[0].chars().skip(caret).collect::<String>(), "bad");
    }

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["configure", "create", "clear"];
        assert_eq!(nearest("confgure", words.into_iter()), Some("configure".into()));
        assert_eq!(nearest("xyz", words.into_iter()), None);
    }
}
