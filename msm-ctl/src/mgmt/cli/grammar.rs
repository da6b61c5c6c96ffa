//! The grammar: one table of every command, read by the parser, the help and the completion alike.
//!
//! Words may be cut to any unambiguous beginning; letters' case does not matter.

use crate::config::change::Change;
use crate::config::mac::Mac;
use crate::config::options;

/// Longest command line in bytes.
pub(crate) const LINE_MAX: usize = 1024;
/// Longest sysName (RFC 1213 sysName is a DisplayString of 255; a prompt wants less).
const SYS_NAME_MAX: usize = 32;

/// One element of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// A keyword.
    Word(&'static str),
    /// One of several keywords; which one is an argument.
    One(&'static [&'static str]),
    /// A value, with its name in the help.
    Value(&'static str),
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// Reading.
    Show(Show),
    /// Operator failover.
    Failover,
    /// A change of the configuration.
    Change(Change),
    /// Make a task panic.
    Exception(String),
}

/// What to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// `show switch`
    Switch,
    /// `show version`
    Version,
    /// `show msm-failover`
    Failover,
    /// `show fdb`
    Fdb,
    /// `show ports`
    Ports,
    /// `show log`
    Log,
}

type Build = fn(&[&str]) -> Result<Command, String>;

/// One command.
struct Rule {
    tokens: &'static [Token],
    help: &'static str,
    hidden: bool,
    build: Build,
}

use Token::{One, Value, Word};

const fn rule(tokens: &'static [Token], help: &'static str, build: Build) -> Rule {
    Rule { tokens, help, hidden: false, build }
}

/// Every command.
const RULES: &[Rule] = &[
    rule(&[Word("show"), Word("switch")], "Name, address, kind and state of the chassis", |_| {
        Ok(Command::Show(Show::Switch))
    }),
    rule(&[Word("show"), Word("version")], "Versions of the images", |_| Ok(Command::Show(Show::Version))),
    rule(&[Word("show"), Word("msm-failover")], "Both MSMs, failover options and replication", |_| {
        Ok(Command::Show(Show::Failover))
    }),
    rule(&[Word("show"), Word("fdb")], "Stations and the ports they are on", |_| {
        Ok(Command::Show(Show::Fdb))
    }),
    rule(&[Word("show"), Word("ports")], "Ports, their faults and counters", |_| {
        Ok(Command::Show(Show::Ports))
    }),
    rule(&[Word("show"), Word("log")], "The log of this MSM, newest first", |_| Ok(Command::Show(Show::Log))),
    rule(&[Word("run"), Word("msm-failover")], "Make the slave MSM master", |_| Ok(Command::Failover)),
    rule(
        &[Word("configure"), Word("msm-failover"), Word("slave-config"), One(&["inherited", "flash"])],
        "Whose configuration a new master uses",
        |a| Ok(Command::Change(Change::slave_config(options::parse_slave_config(a[0])?))),
    ),
    rule(
        &[
            Word("configure"),
            Word("msm-failover"),
            Word("link-action"),
            One(&["keep-links-up", "take-links-down"]),
        ],
        "What happens to the ports at a failover",
        |a| Ok(Command::Change(Change::link_action(options::parse_link_action(a[0])?))),
    ),
    rule(
        &[
            Word("configure"),
            Word("msm-failover"),
            Word("link-action"),
            Word("keep-links-up"),
            Word("preserve-state"),
            One(&["l2", "l2_l3"]),
        ],
        "Which state a failover preserves",
        |a| {
            let text = format!("keep-links-up preserve-state {}", a[0]);
            Ok(Command::Change(Change::link_action(options::parse_link_action(&text)?)))
        },
    ),
    rule(
        &[Word("configure"), Word("msm-failover"), Word("timeout"), Value("<30..300 seconds>")],
        "How long preserved state waits to be claimed",
        |a| Ok(Command::Change(Change::timeout(number(a[0], 30, 300)?))),
    ),
    rule(&[Word("unconfigure"), Word("msm-failover")], "Failover options back to their defaults", |_| {
        Ok(Command::Change(Change::unconfigure_failover()))
    }),
    rule(
        &[Word("configure"), Word("sys-recovery-level"), Word("none")],
        "A task exception is only logged",
        |_| recovery("none"),
    ),
    rule(
        &[Word("configure"), Word("sys-recovery-level"), One(&["all", "critical"]), Word("msm-failover")],
        "A task exception makes the slave MSM master",
        |a| recovery(&format!("{} msm-failover", a[0])),
    ),
    rule(
        &[Word("configure"), Word("fdb"), Word("agingtime"), Value("<0 | 15..1000000 seconds>")],
        "Age at which a learned station is forgotten; 0 = never",
        |a| Ok(Command::Change(Change::aging_time(aging_time(a[0])?))),
    ),
    rule(&[Word("configure"), Word("snmp"), Word("sysName"), Value("<name>")], "Name of the switch", |a| {
        Ok(Command::Change(Change::sys_name(sys_name(a[0])?)))
    }),
    rule(
        &[Word("create"), Word("fdbentry"), Value("<mac>"), Word("vlan"), Value("<vlan>"), Word("blackhole")],
        "Drop frames to a station",
        |a| Ok(Command::Change(Change::create_blackhole(station(a[0])?, vlan(a[1])?))),
    ),
    rule(
        &[Word("delete"), Word("fdbentry"), Value("<mac>"), Word("vlan"), Value("<vlan>")],
        "Remove a static or blackhole station",
        |a| Ok(Command::Change(Change::delete_entry(station(a[0])?, vlan(a[1])?))),
    ),
    Rule {
        tokens: &[Word("debug"), Word("exception"), Value("<task>")],
        help: "Panic a task, to try what follows",
        hidden: true,
        build: |a| Ok(Command::Exception(a[0].to_owned())),
    },
];

fn recovery(text: &str) -> Result<Command, String> {
    Ok(Command::Change(Change::recovery(options::parse_recovery(text)?)))
}

fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let range = || format!("\"{text}\" is not a number from {least} to {most}");
    let n: u32 = text.parse().map_err(|_| range())?;
    if (least..=most).contains(&n) { Ok(n) } else { Err(range()) }
}

fn aging_time(text: &str) -> Result<u32, String> {
    if text == "0" {
        return Ok(0);
    }
    number(text, 15, 1_000_000).map_err(|e| format!("{e}, nor 0 (never)"))
}

fn sys_name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > SYS_NAME_MAX || !text.chars().all(good) {
        return Err(format!(
            "\"{}\" cannot be a sysName; 1 to {SYS_NAME_MAX} letters, digits, - _ and .",
            text.chars().take(40).collect::<String>()
        ));
    }
    Ok(text.to_owned())
}

fn station(text: &str) -> Result<Mac, String> {
    let mac: Mac = text.parse().map_err(|e| format!("{e}"))?;
    if mac.is_station() {
        Ok(mac)
    } else {
        Err(format!("{mac} is a group address or zero; no station has it"))
    }
}

/// The only VLAN there is yet.
fn vlan(text: &str) -> Result<u16, String> {
    let name = text.trim_matches('"');
    if name.eq_ignore_ascii_case("Default") {
        Ok(1)
    } else {
        Err(format!("no VLAN \"{}\"; there is Default", name.chars().take(32).collect::<String>()))
    }
}

/// What a token at one place may be, as a person reads it, with the help of the commands it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The keyword, or the value in angle brackets.
    pub(crate) word: &'static str,
    /// What it does, or `...` when several commands go on from it.
    pub(crate) help: &'static str,
    /// A keyword (can be completed), not a value.
    pub(crate) keyword: bool,
}

/// Rules that the words so far lead to, with the arguments taken on the way.
type Candidates<'a> = Vec<(&'static Rule, Vec<&'a str>)>;

fn advance<'a>(candidates: Candidates<'a>, at: usize, word: &'a str) -> Result<Candidates<'a>, String> {
    let mut keywords: Vec<&'static str> = Vec::new();
    for (rule, _) in &candidates {
        for keyword in rule.tokens.get(at).map_or(&[][..], keywords_of) {
            if !keywords.contains(keyword) && begins(keyword, word) {
                keywords.push(keyword);
            }
        }
    }
    if let Some(exact) = keywords.iter().copied().find(|k| k.eq_ignore_ascii_case(word)) {
        keywords = vec![exact];
    }
    if keywords.len() > 1 {
        return Err(format!("ambiguous \"{word}\": {}", keywords.join(", ")));
    }
    let mut next = Vec::new();
    for (rule, mut arguments) in candidates {
        match (rule.tokens.get(at), keywords.first()) {
            (Some(Word(name)), Some(keyword)) if name == keyword => next.push((rule, arguments)),
            (Some(One(names)), Some(keyword)) if names.contains(keyword) => {
                arguments.push(keyword);
                next.push((rule, arguments));
            }
            (Some(Value(_)), None) => {
                arguments.push(word);
                next.push((rule, arguments));
            }
            _ => {}
        }
    }
    Ok(next)
}

fn keywords_of(token: &Token) -> &[&'static str] {
    match token {
        Word(name) => std::slice::from_ref(name),
        One(names) => names,
        Value(_) => &[],
    }
}

fn begins(keyword: &str, word: &str) -> bool {
    keyword.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

fn walk<'a>(words: &[&'a str]) -> Result<Candidates<'a>, String> {
    let mut candidates: Candidates<'a> = RULES.iter().map(|rule| (rule, Vec::new())).collect();
    for (at, word) in words.iter().enumerate() {
        let before = expected(&candidates, at);
        candidates = advance(candidates, at, word)?;
        if candidates.is_empty() {
            let shown: String = word.chars().take(32).collect();
            return Err(match before.is_empty() {
                true => format!("\"{shown}\" is too much; the command ends before it"),
                false => format!("\"{shown}\" is not understood here; expected {}", before.join(", ")),
            });
        }
    }
    Ok(candidates)
}

fn expected(candidates: &Candidates<'_>, at: usize) -> Vec<&'static str> {
    choices_of(candidates, at).into_iter().map(|choice| choice.word).collect()
}

fn choices_of(candidates: &Candidates<'_>, at: usize) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for (rule, _) in candidates.iter().filter(|(rule, _)| !rule.hidden) {
        let Some(token) = rule.tokens.get(at) else { continue };
        let (words, keyword) = match token {
            Value(name) => (std::slice::from_ref(name), false),
            other => (keywords_of(other), true),
        };
        for word in words {
            match choices.iter_mut().find(|choice| choice.word == *word) {
                Some(known) => known.help = "...",
                None => choices.push(Choice { word, help: rule.help, keyword }),
            }
        }
    }
    choices
}

/// Reads a command line.
///
/// # Errors
/// What is not understood, and what would be.
pub(crate) fn parse(line: &str) -> Result<Command, String> {
    if line.len() > LINE_MAX {
        return Err(format!("the line has {} bytes; at most {LINE_MAX} are read", line.len()));
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.is_empty() {
        return Err("empty command; type ? for the commands".to_owned());
    }
    let candidates = walk(&words)?;
    match candidates.iter().find(|(rule, _)| rule.tokens.len() == words.len()) {
        Some((rule, arguments)) => (rule.build)(arguments),
        None => Err(format!("incomplete; expected {}", expected(&candidates, words.len()).join(", "))),
    }
}

/// What may stand after `words`, for help and completion; beginnings in `words` count as their keyword.
pub(crate) fn choices(words: &[&str], beginning: &str) -> Vec<Choice> {
    let Ok(candidates) = walk(words) else { return Vec::new() };
    let mut choices = choices_of(&candidates, words.len());
    choices.retain(|choice| !choice.keyword || begins(choice.word, beginning));
    choices
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
