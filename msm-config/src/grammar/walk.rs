//! Reading a line: from state to state, each word a keyword (also abbreviated) or a value.

use std::net::{IpAddr, Ipv4Addr};

use super::fault::{self, Fault, Wrong};
use super::kind::Value;
use super::tree::{Token, Tree};
use super::words::Word;
use crate::ipv4net::Ipv4Net;
use crate::mac::Mac;
use crate::name::Name;
use crate::network::{Interface, Interface6, Network};
use crate::port::PortName;
use crate::portlist::PortList;

/// Where a reading is, and what it has seen.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    pub(super) rule: usize,
    pub(super) state: usize,
    seen: Arguments,
}

/// The words of a command as its meaning wants them: keywords that were there, values by their label.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    keywords: Vec<&'static str>,
    values: Vec<(&'static str, Value)>,
}

/// A line that is command number `rule`.
#[derive(Clone, Debug)]
pub struct Match {
    /// Its number.
    pub rule: usize,
    /// Its words.
    pub arguments: Arguments,
}

impl Arguments {
    /// Whether the keyword was there.
    #[must_use]
    pub fn has(&self, keyword: &str) -> bool {
        self.keywords.contains(&keyword)
    }

    /// Which of these keywords was there.
    #[must_use]
    pub fn which<T: Copy>(&self, keywords: &[(&str, T)]) -> Option<T> {
        keywords.iter().find(|(word, _)| self.has(word)).map(|(_, meaning)| *meaning)
    }

    fn value(&self, label: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == label).map(|(_, value)| value)
    }

    /// A number.
    #[must_use]
    pub fn number<T: TryFrom<u64>>(&self, label: &str) -> Option<T> {
        match self.value(label)? {
            Value::Number(number) => T::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A text.
    #[must_use]
    pub fn text(&self, label: &str) -> Option<String> {
        match self.value(label)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// A name.
    #[must_use]
    pub fn name(&self, label: &str) -> Option<Name> {
        match self.value(label)? {
            Value::Name(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// A port.
    #[must_use]
    pub fn port(&self, label: &str) -> Option<PortName> {
        match self.value(label)? {
            Value::Port(port) => Some(*port),
            _ => None,
        }
    }

    /// Ports.
    #[must_use]
    pub fn ports(&self, label: &str) -> Option<PortList> {
        match self.value(label)? {
            Value::Ports(ports) => Some(ports.clone()),
            _ => None,
        }
    }

    /// A station.
    #[must_use]
    pub fn mac(&self, label: &str) -> Option<Mac> {
        match self.value(label)? {
            Value::Mac(mac) => Some(*mac),
            _ => None,
        }
    }

    /// An address.
    #[must_use]
    pub fn address(&self, label: &str) -> Option<Ipv4Addr> {
        match self.value(label)? {
            Value::Address(address) => Some(*address),
            _ => None,
        }
    }

    /// An address that came with its prefix.
    #[must_use]
    pub fn interface(&self, label: &str) -> Option<Interface> {
        match self.value(label)? {
            Value::Interface(interface) => Some(*interface),
            _ => None,
        }
    }

    /// A network.
    #[must_use]
    pub fn ipv4_net(&self, label: &str) -> Option<Ipv4Net> {
        match self.value(label)? {
            Value::Ipv4Net(network) => Some(*network),
            _ => None,
        }
    }

    /// The same, of IPv6.
    #[must_use]
    pub fn interface6(&self, label: &str) -> Option<Interface6> {
        match self.value(label)? {
            Value::Interface6(interface) => Some(*interface),
            _ => None,
        }
    }

    /// An address of either family.
    #[must_use]
    pub fn ip(&self, label: &str) -> Option<IpAddr> {
        match self.value(label)? {
            Value::Ip(address) => Some(*address),
            _ => None,
        }
    }

    /// Where a route leads.
    #[must_use]
    pub fn network(&self, label: &str) -> Option<Network> {
        match self.value(label)? {
            Value::Network(network) => Some(*network),
            _ => None,
        }
    }

    /// Bits of a network part.
    #[must_use]
    pub fn prefix(&self, label: &str) -> Option<u8> {
        match self.value(label)? {
            Value::Prefix(prefix) => Some(*prefix),
            _ => None,
        }
    }
}

impl Tree {
    /// Before the first word.
    pub(super) fn start(&self) -> Vec<Thread> {
        (0..self.rules.len()).map(|rule| Thread { rule, state: 0, seen: Arguments::default() }).collect()
    }

    fn edges<'a>(&'a self, thread: &Thread) -> impl Iterator<Item = (Token, usize)> + use<'a> {
        self.rules[thread.rule].states[thread.state].edges.iter().copied()
    }

    /// What may stand next, hidden commands left out unless there is nothing else.
    pub(super) fn tokens(&self, threads: &[Thread]) -> Vec<(Token, usize)> {
        let all = |hidden: bool| {
            threads
                .iter()
                .filter(move |thread| hidden || !self.rules[thread.rule].hidden)
                .flat_map(|thread| self.edges(thread).map(|(token, _)| (token, thread.rule)))
                .collect::<Vec<_>>()
        };
        let shown = all(false);
        if shown.is_empty() { all(true) } else { shown }
    }

    /// The keyword that `word` is, if it is one.
    fn keyword(&self, threads: &[Thread], word: &Word<'_>) -> Result<Option<&'static str>, Fault> {
        if word.quoted {
            return Ok(None);
        }
        let text: &str = &word.text;
        let written_out =
            threads.iter().flat_map(|thread| self.edges(thread)).find_map(|(token, _)| match token {
                Token::Word(keyword) if keyword.eq_ignore_ascii_case(text) => Some(keyword),
                _ => None,
            });
        if written_out.is_some() {
            return Ok(written_out);
        }
        let mut begun: Vec<&'static str> = self
            .tokens(threads)
            .into_iter()
            .filter_map(|(token, _)| match token {
                Token::Word(keyword) if begins(keyword, text) => Some(keyword),
                _ => None,
            })
            .collect();
        begun.sort_unstable();
        begun.dedup();
        match begun.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            several => Err(Fault {
                expected: several.iter().map(|&word| word.to_owned()).collect(),
                ..Fault::new(word.span.clone(), Wrong::Ambiguous(word.text.to_string()))
            }),
        }
    }

    /// Takes one word.
    pub(super) fn advance(&self, threads: &[Thread], word: &Word<'_>) -> Result<Vec<Thread>, Fault> {
        let keyword = self.keyword(threads, word)?;
        let mut next = Vec::new();
        let mut why = None;
        for thread in threads {
            for (token, state) in self.edges(thread) {
                let mut seen = match (token, keyword) {
                    (Token::Word(name), Some(keyword)) if name == keyword => thread.seen.clone(),
                    (Token::Value(parameter), None) => match parameter.kind.read(&word.text) {
                        Ok(value) => {
                            let mut seen = thread.seen.clone();
                            seen.values.push((parameter.label, value));
                            seen
                        }
                        Err(reason) => {
                            why.get_or_insert(format!("<{}>: {reason}", parameter.label));
                            continue;
                        }
                    },
                    _ => continue,
                };
                seen.keywords.extend(keyword);
                next.push(Thread { rule: thread.rule, state, seen });
            }
        }
        if next.is_empty() { Err(self.stuck(threads, word, why)) } else { Ok(next) }
    }

    fn stuck(&self, threads: &[Thread], word: &Word<'_>, why: Option<String>) -> Fault {
        let tokens = self.tokens(threads);
        let keywords = || {
            tokens.iter().filter_map(|(token, _)| match token {
                Token::Word(keyword) => Some(*keyword),
                Token::Value(_) => None,
            })
        };
        let text = word.text.to_string();
        let nearest = fault::nearest(&word.text, keywords());
        let wrong = match why {
            Some(why) if nearest.is_none() => Wrong::Value(text, why),
            _ if tokens.is_empty() => Wrong::TooMuch(text),
            _ => Wrong::Unknown(text),
        };
        let expected = match keywords().next() {
            Some(_) => expected(&tokens),
            None => Vec::new(),
        };
        Fault { expected, nearest, ..Fault::new(word.span.clone(), wrong) }
    }

    /// Reads a line's words as one command.
    ///
    /// # Errors
    /// The first word that cannot stand where it does, or what is missing after the last.
    pub fn read(&self, line: &str, words: &[Word<'_>]) -> Result<Match, Fault> {
        let end = words.last().map_or(0, |word| word.span.end);
        if words.is_empty() {
            return Err(Fault::new(0..line.len().min(1), Wrong::Empty));
        }
        let mut threads = self.start();
        for word in words {
            threads = self.advance(&threads, word)?;
        }
        let done = threads.iter().find(|thread| self.rules[thread.rule].states[thread.state].end);
        match done {
            Some(thread) => Ok(Match { rule: thread.rule, arguments: thread.seen.clone() }),
            None => Err(Fault {
                expected: expected(&self.tokens(&threads)),
                ..Fault::new(end..end, Wrong::Incomplete)
            }),
        }
    }
}

/// Whether `keyword` begins with `word`, letters' case aside.
pub(super) fn begins(keyword: &str, word: &str) -> bool {
    keyword.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

fn expected(tokens: &[(Token, usize)]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (token, _) in tokens {
        let word = match token {
            Token::Word(word) => (*word).to_owned(),
            Token::Value(parameter) => format!("<{}>", parameter.label),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
