//! All commands as one automaton: a state is a place in a command, its edges are the words that may stand there.

use super::notation::{self, Node, Parameter};

/// What a word at an edge must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(&'static str),
    Value(Parameter),
}

/// A place in a command.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) edges: Vec<(Token, usize)>,
    /// The command can end here.
    pub(super) end: bool,
}

/// One command's part of the automaton.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) states: Vec<State>,
    /// Found only when its first word is written out.
    pub(super) hidden: bool,
}

/// The automaton. Commands are known by their number, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub(super) rules: Vec<Rule>,
}

impl Tree {
    /// An automaton of these notations; a hidden one is not offered by help.
    ///
    /// # Panics
    /// If one is no notation.
    #[must_use]
    pub fn new(commands: impl IntoIterator<Item = (&'static str, bool)>) -> Self {
        let rules =
            commands.into_iter().map(|(text, hidden)| compile(&notation::read(text), hidden)).collect();
        Self { rules }
    }

    /// Parameters of command number `rule`, in their order, each label once.
    #[must_use]
    pub fn parameters(&self, rule: usize) -> Vec<Parameter> {
        let mut found: Vec<Parameter> = Vec::new();
        for (token, _) in self.rules[rule].states.iter().flat_map(|state| &state.edges) {
            if let Token::Value(parameter) = token
                && !found.iter().any(|known| known.label == parameter.label)
            {
                found.push(*parameter);
            }
        }
        found
    }
}

/// Compiles from the end to the beginning: each piece knows where it leads.
fn compile(node: &Node, hidden: bool) -> Rule {
    let mut states = vec![State::default(), State { edges: Vec::new(), end: true }];
    let first = lead(&mut states, node, 1);
    states[0] = states[first].clone();
    Rule { states, hidden }
}

/// A state from which `node` leads to state `next`.
fn lead(states: &mut Vec<State>, node: &Node, next: usize) -> usize {
    match node {
        Node::Word(word) => push(states, State { edges: vec![(Token::Word(word), next)], end: false }),
        Node::Value(parameter) => {
            push(states, State { edges: vec![(Token::Value(*parameter), next)], end: false })
        }
        Node::Sequence(parts) => parts.iter().rev().fold(next, |next, part| lead(states, part, next)),
        Node::Choice(parts) => {
            let firsts: Vec<usize> = parts.iter().map(|part| lead(states, part, next)).collect();
            merge(states, &firsts)
        }
        Node::Optional(part) => {
            let first = lead(states, part, next);
            merge(states, &[first, next])
        }
    }
}

fn push(states: &mut Vec<State>, state: State) -> usize {
    states.push(state);
    states.len() - 1
}

/// A state that is each of these.
fn merge(states: &mut Vec<State>, which: &[usize]) -> usize {
    let mut merged = State::default();
    for &at in which {
        merged.edges.extend(states[at].edges.iter().copied());
        merged.end |= states[at].end;
    }
    push(states, merged)
}
