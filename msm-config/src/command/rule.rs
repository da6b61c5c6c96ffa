//! A rule: a command's notation, its help, and what it means.

use super::Command;
use crate::grammar::Arguments;

/// What the words of a command mean; the error says which of them exclude each other.
pub(super) type Build = fn(&Arguments) -> Result<Command, String>;

/// One command.
#[derive(Debug)]
pub struct Rule {
    /// In the manual's notation.
    pub syntax: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What holds without it; empty if that has no meaning.
    pub default: &'static str,
    /// Lines that lead to it, and it: each can be typed at a switch that has just been unpacked, one after the other.
    pub example: &'static [&'static str],
    /// What the user is asked first, at a terminal.
    pub question: Option<&'static str>,
    /// Neither offered nor documented.
    pub hidden: bool,
    /// Its meaning.
    pub(super) build: Build,
}

impl Rule {
    pub(super) const fn new(syntax: &'static str, help: &'static str, build: Build) -> Self {
        Self { syntax, help, default: "", example: &[], question: None, hidden: false, build }
    }

    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(super) const fn example(self, example: &'static [&'static str]) -> Self {
        Self { example, ..self }
    }

    pub(super) const fn asks(self, question: &'static str) -> Self {
        Self { question: Some(question), ..self }
    }

    pub(super) const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }
}

/// A parameter that the notation demands and so is there.
pub(super) fn given<T>(value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| "a parameter is missing".to_owned())
}
