//! What may stand at a place of a line: for `?` and for completion.

use super::tree::{Token, Tree};
use super::walk::begins;
use super::words::Word;

/// One thing that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The keyword, or `<label>` of a value.
    pub text: String,
    /// What it is; for a keyword, the command that it leads to, if only one.
    pub help: String,
    /// True for a keyword: completion can write it.
    pub keyword: bool,
}

/// What stands for the end of a line that is a command already.
pub(super) const END: &str = "<cr>";

impl Tree {
    /// What may stand after `words` and begins with `beginning`; `help` tells of a command by its number. Empty after words
    /// that are no beginning of a command.
    #[must_use]
    pub fn choices(
        &self,
        words: &[Word<'_>],
        beginning: &str,
        help: impl Fn(usize) -> String,
    ) -> Vec<Choice> {
        let mut threads = self.start();
        for word in words {
            threads = match self.advance(&threads, word) {
                Ok(threads) => threads,
                Err(_) => return Vec::new(),
            };
        }
        let mut choices: Vec<(Choice, usize)> = Vec::new();
        for (token, rule) in self.tokens(&threads) {
            let choice = match token {
                Token::Word(word) if begins(word, beginning) => {
                    Choice { text: word.to_owned(), help: help(rule), keyword: true }
                }
                Token::Word(_) => continue,
                Token::Value(parameter) => Choice {
                    text: format!("<{}>", parameter.label),
                    help: parameter.kind.describe(),
                    keyword: false,
                },
            };
            match choices.iter_mut().find(|(known, _)| known.text == choice.text) {
                Some((known, first)) if known.keyword && *first != rule => known.help = "...".to_owned(),
                Some(_) => {}
                None => choices.push((choice, rule)),
            }
        }
        let end = threads.iter().find(|thread| self.rules[thread.rule].states[thread.state].end);
        if let Some(thread) = end.filter(|_| beginning.is_empty()) {
            choices.push((
                Choice { text: END.to_owned(), help: help(thread.rule), keyword: false },
                thread.rule,
            ));
        }
        choices.into_iter().map(|(choice, _)| choice).collect()
    }
}
