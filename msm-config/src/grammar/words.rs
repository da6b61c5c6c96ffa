//! A line as words: separated by blanks, quoted where they must hold some, ended by a comment.

use std::borrow::Cow;
use std::ops::Range;

use super::fault::{Fault, Wrong};
use crate::LINE_MAX;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Without its quotes.
    pub text: Cow<'a, str>,
    /// Where it stands, in bytes of the line, quotes included.
    pub span: Range<usize>,
    /// A quoted word is never a keyword.
    pub quoted: bool,
}

/// Splits a line; `#` begins a comment where a word could begin.
///
/// # Errors
/// A line that is too long, a control character, a quote without its end or with something glued to it.
pub fn split(line: &str) -> Result<Vec<Word<'_>>, Fault> {
    if line.len() > LINE_MAX {
        let at = line.floor_char_boundary(LINE_MAX);
        return Err(Fault::new(at..at, Wrong::LineTooLong(line.len())));
    }
    let control = line.char_indices().find(|(_, c)| c.is_control() && *c != '\t');
    if let Some((at, c)) = control {
        return Err(Fault::new(at..at + c.len_utf8(), Wrong::Control(c)));
    }
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let at = line.len() - rest.len();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(words);
        }
        let word = match rest.strip_prefix('"') {
            Some(inner) => quoted(line, at, inner)?,
            None => {
                let end = rest.find([' ', '\t']).unwrap_or(rest.len());
                Word { text: rest[..end].into(), span: at..at + end, quoted: false }
            }
        };
        rest = &line[word.span.end..];
        words.push(word);
    }
}

fn quoted<'a>(line: &'a str, at: usize, inner: &'a str) -> Result<Word<'a>, Fault> {
    let Some(length) = inner.find('"') else {
        return Err(Fault::new(at..line.len(), Wrong::OpenQuote));
    };
    let end = at + length + 2;
    match line[end..].chars().next() {
        None | Some(' ' | '\t') => Ok(Word { text: inner[..length].into(), span: at..end, quoted: true }),
        Some(glued) => Err(Fault::new(end..end + glued.len_utf8(), Wrong::AfterQuote)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).expect("words").into_iter().map(|word| word.text.into_owned()).collect()
    }

    #[test]
    fn words_are_split_at_blanks_and_kept_together_by_quotes() {
        assert_eq!(texts("  a \t bc  "), ["a", "bc"]);
        assert_eq!(texts("a \"b c\" d # e"), ["a", "b c", "d"]);
        assert_eq!(texts("# all comment"), Vec::<String>::new());
        assert_eq!(texts("a b#c"), ["a", "b#c"], "a comment begins where a word could");
        assert_eq!(texts("\"\""), [""]);
        let words = split("ab \"c d\"").expect("words");
        assert_eq!((words[1].span.clone(), words[1].quoted), (3..8, true));
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        assert_eq!(split("a \"b").expect_err("open").span, 2..4);
        assert_eq!(split("\"a\"b").expect_err("glued").span, 3..4);
        assert_eq!(split("a\u{1}b").expect_err("control").span, 1..2);
        assert!(matches!(split(&"x".repeat(LINE_MAX + 1)).expect_err("long").wrong, Wrong::LineTooLong(_)));
    }
}
