//! FRR's configuration as blocks of lines: read from what a daemon prints, and compared.

/// Lines, and blocks that have a heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// Single lines, in their order.
    pub(super) lines: Vec<String>,
    /// Blocks by heading, in their order.
    pub(super) blocks: Vec<(String, Block)>,
}

/// What opens a block.
const HEADINGS: [&str; 3] = ["interface ", "router ", "address-family "];
/// What closes one.
const ENDS: [&str; 3] = ["exit", "exit-address-family", "end"];
/// What comes before a setting's value: two lines that begin alike are one setting.
const SETTINGS: [&str; 14] = [
    "ip ospf area ",
    "ip ospf cost ",
    "ip ospf dead-interval ",
    "ip ospf hello-interval ",
    "ip ospf priority ",
    "ip ospf retransmit-interval ",
    "ip ospf transmit-delay ",
    "ip ospf network ",
    "ospf router-id ",
    "bgp router-id ",
    "graceful-restart grace-period ",
    "bgp graceful-restart restart-time ",
    "bgp graceful-restart stalepath-time ",
    "bgp graceful-restart rib-stale-time ",
];
/// The same, with a word in between that belongs to the setting's name.
const NAMED: [(&str, &str); 4] =
    [("redistribute ", ""), ("neighbor ", " remote-as "), ("neighbor ", " timers "), ("timers ", "")];

impl Block {
    /// The block of that heading.
    pub(super) fn block(&self, heading: &str) -> Option<&Self> {
        self.blocks.iter().find(|(known, _)| known == heading).map(|(_, block)| block)
    }

    /// The same, made if it is not there.
    pub(super) fn block_mut(&mut self, heading: String) -> &mut Self {
        let at = self.blocks.iter().position(|(known, _)| *known == heading).unwrap_or_else(|| {
            self.blocks.push((heading, Self::default()));
            self.blocks.len() - 1
        });
        &mut self.blocks[at].1
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.blocks.iter().all(|(_, block)| block.is_empty())
    }

    /// Reads what a daemon prints. Lines outside of blocks are its own affair and are passed over.
    pub(super) fn read(text: &str) -> Self {
        let mut root = Self::default();
        let mut path: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('!') {
                continue;
            }
            if ENDS.contains(&line) {
                path.pop();
            } else if HEADINGS.iter().any(|heading| line.starts_with(heading)) {
                path.push(line.to_owned());
                root.at(&path);
            } else if !path.is_empty() {
                root.at(&path).line(line);
            }
        }
        root
    }

    fn at(&mut self, path: &[String]) -> &mut Self {
        path.iter().fold(self, |block, heading| block.block_mut(heading.clone()))
    }

    /// As a file that a daemon reads.
    pub(super) fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out, 0);
        out
    }

    fn write_to(&self, out: &mut String, depth: usize) {
        let indent = " ".repeat(depth);
        for line in &self.lines {
            out.push_str(&format!("{indent}{line}\n"));
        }
        for (heading, block) in &self.blocks {
            out.push_str(&format!("{indent}{heading}\n"));
            block.write_to(out, depth + 1);
            out.push_str(&format!("{indent}{}\n", end(heading)));
        }
    }

    /// The lines that make `self`, which runs, `wanted`; none if they are the same. Headings are lines too.
    pub(super) fn difference(&self, wanted: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for (heading, block) in &self.blocks {
            if wanted.block(heading).is_none() {
                if !heading.starts_with("interface ") {
                    out.push(format!("no {heading}"));
                } else if !block.is_empty() {
                    // An interface is there by itself: its lines go.
                    block.change(&Self::default(), heading, &mut out);
                }
            }
        }
        for (heading, block) in &wanted.blocks {
            self.block(heading).unwrap_or(&Self::default()).change(block, heading, &mut out);
        }
        out
    }

    /// The lines inside `heading` that make `self` `wanted`.
    fn change(&self, wanted: &Self, heading: &str, out: &mut Vec<String>) {
        let mut inside = Vec::new();
        let gone: Vec<&str> = self.lines.iter().filter_map(|line| neighbor_gone(line, wanted)).collect();
        for line in self.lines.iter().filter(|line| !wanted.lines.contains(line)) {
            match neighbor_of(line).filter(|neighbor| gone.contains(neighbor)) {
                // With its first line all others go.
                Some(neighbor) if line.contains(" remote-as ") => {
                    inside.push(format!("no neighbor {neighbor}"));
                }
                Some(_) => {}
                None if wanted.lines.iter().any(|other| same_setting(line, other)) => {}
                None => inside.push(negated(line)),
            }
        }
        for line in wanted.lines.iter().filter(|line| !self.lines.contains(line)) {
            inside.push(line.clone());
        }
        for (heading, block) in &self.blocks {
            if wanted.block(heading).is_none() {
                // What belongs to a neighbour that has gone has gone with it.
                let mut rest = block.clone();
                rest.lines.retain(|line| neighbor_of(line).is_none_or(|neighbor| !gone.contains(&neighbor)));
                rest.change(&Self::default(), heading, &mut inside);
            }
        }
        for (heading, block) in &wanted.blocks {
            let mut rest = self.block(heading).cloned().unwrap_or_default();
            rest.lines.retain(|line| neighbor_of(line).is_none_or(|neighbor| !gone.contains(&neighbor)));
            rest.change(block, heading, &mut inside);
        }
        if !inside.is_empty() {
            out.push(heading.to_owned());
            out.append(&mut inside);
            out.push(end(heading).to_owned());
        }
    }
}

fn end(heading: &str) -> &'static str {
    if heading.starts_with("address-family ") { "exit-address-family" } else { "exit" }
}

fn negated(line: &str) -> String {
    line.strip_prefix("no ").map_or_else(|| format!("no {line}"), str::to_owned)
}

/// The neighbour that a line is about.
fn neighbor_of(line: &str) -> Option<&str> {
    line.strip_prefix("neighbor ")?.split(' ').next()
}

/// The neighbour of a first line that `wanted` has no first line of.
fn neighbor_gone<'a>(line: &'a str, wanted: &Block) -> Option<&'a str> {
    let neighbor = neighbor_of(line).filter(|_| line.contains(" remote-as "))?;
    let first = format!("neighbor {neighbor} remote-as ");
    (!wanted.lines.iter().any(|other| other.starts_with(&first))).then_some(neighbor)
}

/// Whether the lines give one setting two values: then the second takes the first's place.
fn same_setting(one: &str, other: &str) -> bool {
    if SETTINGS.iter().any(|setting| one.starts_with(setting) && other.starts_with(setting)) {
        return true;
    }
    NAMED.iter().any(|(first, then)| {
        let name = |line: &str| {
            let rest = line.strip_prefix(first)?;
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            format!(" {rest}").starts_with(then).then(|| name.to_owned())
        };
        let longer = then.is_empty() && *first == "timers ";
        match (name(one), name(other)) {
            // `timers throttle spf` and `timers throttle lsa` are two.
            (Some(a), Some(b)) if longer => a == b && a == "basic",
            (Some(a), Some(b)) => {
                a == b && (*then != " timers " || !(one.contains(" connect ") ^ other.contains(" connect ")))
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `show running-config` of FRR 8.4.4's bgpd.
    const BGP: &str = "frr version 8.4.4\nfrr defaults traditional\n!\nhostname vm\n!\nrouter bgp 65001\n bgp router-id 1.1.1.1\n \
        no bgp ebgp-requires-policy\n neighbor 10.1.0.2 remote-as 65002\n neighbor 10.1.0.2 timers 3 9\n neighbor 10.1.0.2 timers connect 1\n !\n \
        address-family ipv4 unicast\n  network 10.9.0.0/24\n  neighbor 10.1.0.2 next-hop-self\n exit-address-family\n!\nexit\n!\n";

    fn with(text: &str, change: impl FnOnce(&mut Block)) -> Vec<String> {
        let running = Block::read(text);
        let mut wanted = running.clone();
        change(&mut wanted);
        running.difference(&wanted)
    }

    #[test]
    fn what_is_printed_is_read_and_written() {
        let block = Block::read(BGP);
        let bgp = block.block("router bgp 65001").expect("there");
        assert_eq!(bgp.lines.len(), 5);
        assert_eq!(bgp.block("address-family ipv4 unicast").expect("there").lines.len(), 2);
        assert_eq!(Block::read(&block.write()), block);
        assert_eq!(block.difference(&block), Vec::<String>::new(), "equal is nothing to send");
    }

    #[test]
    fn order_is_no_difference() {
        let other = with(BGP, |block| block.block_mut("router bgp 65001".into()).lines.reverse());
        assert_eq!(other, Vec::<String>::new());
    }

    #[test]
    fn a_setting_is_replaced_without_a_moment_in_between() {
        let lines = with(BGP, |block| {
            block.block_mut("router bgp 65001".into()).lines[0] = "bgp router-id 2.2.2.2".into();
        });
        assert_eq!(lines, ["router bgp 65001", "bgp router-id 2.2.2.2", "exit"]);
        let lines = with(BGP, |block| {
            block.block_mut("router bgp 65001".into()).lines[3] = "neighbor 10.1.0.2 timers 1 3".into();
        });
        assert_eq!(lines, ["router bgp 65001", "neighbor 10.1.0.2 timers 1 3", "exit"]);
        let text = "interface v1\n ip ospf cost 10\nexit\n";
        let lines =
            with(text, |block| block.block_mut("interface v1".into()).lines[0] = "ip ospf cost 20".into());
        assert_eq!(lines, ["interface v1", "ip ospf cost 20", "exit"]);
    }

    #[test]
    fn what_is_not_wanted_is_taken_back() {
        let lines = with(BGP, |block| {
            block.block_mut("router bgp 65001".into()).lines.remove(1);
        });
        assert_eq!(lines, ["router bgp 65001", "bgp ebgp-requires-policy", "exit"]);
        let running = Block::read(BGP);
        assert_eq!(running.difference(&Block::default()), ["no router bgp 65001"]);
        let text = "interface v1\n ip ospf cost 10\nexit\ninterface v2\nexit\n";
        assert_eq!(
            Block::read(text).difference(&Block::default()),
            ["interface v1", "no ip ospf cost 10", "exit"]
        );
    }

    #[test]
    fn a_neighbour_goes_with_all_its_lines() {
        let lines = with(BGP, |block| {
            let bgp = block.block_mut("router bgp 65001".into());
            bgp.lines.retain(|line| !line.starts_with("neighbor"));
            bgp.block_mut("address-family ipv4 unicast".into()).lines.truncate(1);
        });
        assert_eq!(lines, ["router bgp 65001", "no neighbor 10.1.0.2", "exit"]);
    }

    #[test]
    fn throttles_are_not_mistaken_for_each_other() {
        let text = "router ospf\n timers throttle spf 0 50 200\n timers throttle lsa all 0\nexit\n";
        let lines = with(text, |block| {
            block.block_mut("router ospf".into()).lines.remove(0);
        });
        assert_eq!(lines, ["router ospf", "no timers throttle spf 0 50 200", "exit"]);
    }
}
