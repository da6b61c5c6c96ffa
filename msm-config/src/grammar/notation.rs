//! The manual's notation of a command: `{x}` may be left out, `[a | b]` is a choice, `<x>` stands for a value.
//!
//! A parameter is `<name>`, where the name is that of its kind, or `<label:kind>`.

use winnow::combinator::{alt, delimited, opt, preceded, repeat, separated};
use winnow::token::take_while;
use winnow::{ModalResult, Parser};

use super::kind::Kind;

/// A value in a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// What help calls it.
    pub label: &'static str,
    /// How it is read.
    pub kind: Kind,
}

/// A piece of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Word(&'static str),
    Value(Parameter),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Optional(Box<Node>),
}

type Input = &'static str;

fn blanks(input: &mut Input) -> ModalResult<()> {
    take_while(0.., ' ').void().parse_next(input)
}

fn value(input: &mut Input) -> ModalResult<Node> {
    let name = take_while(1.., |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let mut label_and_kind = delimited(
        '<',
        (take_while(1.., |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c)), opt(preceded(':', name))),
        '>',
    );
    let (label, kind) = label_and_kind.parse_next(input)?;
    let read = Kind::named(kind.unwrap_or(label));
    read.map(|kind| Node::Value(Parameter { label, kind }))
        .ok_or(winnow::error::ErrMode::Cut(winnow::error::ContextError::new()))
}

fn word(input: &mut Input) -> ModalResult<Node> {
    take_while(1.., |c: char| c.is_ascii_alphanumeric() || "-_".contains(c)).map(Node::Word).parse_next(input)
}

fn choice(input: &mut Input) -> ModalResult<Node> {
    let alternatives: Vec<Node> = separated(1.., sequence, '|').parse_next(input)?;
    Ok(match <[Node; 1]>::try_from(alternatives) {
        Ok([only]) => only,
        Err(several) => Node::Choice(several),
    })
}

fn piece(input: &mut Input) -> ModalResult<Node> {
    let optional = delimited('{', choice, '}').map(|inner| Node::Optional(Box::new(inner)));
    let one = delimited('[', choice, ']');
    delimited(blanks, alt((optional, one, value, word)), blanks).parse_next(input)
}

fn sequence(input: &mut Input) -> ModalResult<Node> {
    repeat(1.., piece).map(Node::Sequence).parse_next(input)
}

/// Reads a command's notation.
///
/// # Panics
/// If it is none: notations are constants, and a test reads them all.
pub(super) fn read(text: &'static str) -> Node {
    let mut input = text;
    match sequence(&mut input) {
        Ok(node) if input.is_empty() => node,
        _ => panic!("\"{text}\" is no notation of a command"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manuals_notation_is_read() {
        let node = read("a [b {c <seconds:1..9>} | d] {tagged | untagged}");
        let Node::Sequence(parts) = node else { panic!("a sequence") };
        assert_eq!(parts[0], Node::Word("a"));
        assert!(matches!(&parts[1], Node::Choice(two) if two.len() == 2));
        assert!(matches!(&parts[2], Node::Optional(inner) if matches!(**inner, Node::Choice(_))));
    }

    #[test]
    #[should_panic(expected = "no notation")]
    fn a_kind_that_nobody_reads_is_refused() {
        read("a <b:nonsense>");
    }
}
