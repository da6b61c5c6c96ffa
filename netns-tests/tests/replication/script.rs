//! A script of configuration commands whose outcome can be seen in the configuration, each exactly once.
//!
//! VLANs come in sequence; each is created, tagged, gets all ports, and goes some VLANs later. None of these commands can
//! be done twice: the second time it is refused. So an answer that says neither "done" nor "not applied" is a fault.

use std::collections::{BTreeMap, VecDeque};

use netns_tests::bed::{Cli, Testbed};

/// VLANs that are there at a time.
const AT_ONCE: u32 = 12;
/// Tags in use: the VLANs at a time and room, so that a number is not used again too soon.
const TAGS: u32 = 2000;

/// A VLAN of the script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vlan {
    tag: Option<u32>,
    ports: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create(u32),
    Tag(u32),
    Ports(u32),
    Delete(u32),
}

impl Step {
    fn line(self) -> String {
        match self {
            Self::Create(n) => format!("create vlan v{n}"),
            Self::Tag(n) => format!("configure vlan v{n} tag {}", tag(n)),
            Self::Ports(n) => format!("configure vlan v{n} add ports 1:1,1:2,2:1,2:2 tagged"),
            Self::Delete(n) => format!("delete vlan v{n}"),
        }
    }

    fn make(self, vlans: &mut BTreeMap<u32, Vlan>) {
        match self {
            Self::Create(n) => drop(vlans.insert(n, Vlan::default())),
            Self::Tag(n) => vlans.entry(n).or_default().tag = Some(tag(n)),
            Self::Ports(n) => vlans.entry(n).or_default().ports = true,
            Self::Delete(n) => drop(vlans.remove(&n)),
        }
    }
}

fn tag(n: u32) -> u32 {
    2 + n % TAGS
}

/// The script as far as it has come.
pub(crate) struct Script {
    next: u32,
    todo: VecDeque<Step>,
    /// What the acknowledged commands make.
    pub(crate) vlans: BTreeMap<u32, Vlan>,
    /// Lines that were acknowledged, in order.
    pub(crate) acknowledged: Vec<String>,
    /// How many were reported as not applied.
    pub(crate) given_up: u32,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self { next: 1, todo: VecDeque::new(), vlans: BTreeMap::new(), acknowledged: Vec::new(), given_up: 0 }
    }

    /// Sends the next command and waits for its answer. One that is reported as not applied is sent anew, as a user would.
    pub(crate) fn step(&mut self, cli: &mut Cli) {
        if self.todo.is_empty() {
            let n = self.next;
            self.next += 1;
            self.todo.extend([Step::Create(n), Step::Tag(n), Step::Ports(n)]);
            if n > AT_ONCE {
                self.todo.push_back(Step::Delete(n - AT_ONCE));
            }
        }
        let step = self.todo[0];
        let line = step.line();
        cli.send(&line).expect("the session goes on");
        let answer = cli.answer(super::common::READY).expect("an answer");
        if answer.ok {
            step.make(&mut self.vlans);
            self.acknowledged.push(line);
            self.todo.pop_front();
            return;
        }
        let why = answer.error.unwrap_or_default();
        assert!(why.contains("not applied"), "{line}: {why}");
        self.given_up += 1;
    }

    /// Fails unless the configuration has what was acknowledged, and nothing else.
    pub(crate) fn check(&self, bed: &Testbed, when: &str) {
        let found = vlans(&super::common::configuration(bed));
        if found == self.vlans {
            return;
        }
        let missing: Vec<_> = self.vlans.iter().filter(|(n, vlan)| found.get(n) != Some(vlan)).collect();
        let extra: Vec<_> = found.iter().filter(|(n, vlan)| self.vlans.get(n) != Some(vlan)).collect();
        let last: Vec<_> = self.acknowledged.iter().rev().take(5).collect();
        panic!(
            "{when}: acknowledged and not so: {missing:?}; instead: {extra:?}; last acknowledged: {last:?}\n{}",
            super::common::logs(bed)
        );
    }
}

/// The VLANs of the script in a configuration.
fn vlans(configuration: &[String]) -> BTreeMap<u32, Vlan> {
    let mut vlans: BTreeMap<u32, Vlan> = BTreeMap::new();
    for line in configuration {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(at) = words.iter().position(|word| *word == "vlan") else { continue };
        let name = words.get(at + 1).map(|word| word.trim_matches('"')).unwrap_or_default();
        let Some(n) = name.strip_prefix('v').and_then(|n| n.parse().ok()) else { continue };
        let vlan = vlans.entry(n).or_default();
        match words.get(at + 2) {
            Some(&"tag") => vlan.tag = words.last().and_then(|tag| tag.parse().ok()),
            Some(&"add") => {
                // All four or none: a part of a command is no command.
                assert!(
                    line.contains("1:1-1:2,2:1-2:2") || line.contains("1:1,1:2,2:1,2:2"),
                    "half a command: {line}"
                );
                vlan.ports = true;
            }
            _ => {}
        }
    }
    vlans
}
