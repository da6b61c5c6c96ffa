//! A person at a terminal: what they type and what they see, compared with a transcript that people have read.
//!
//! `MSM_BLESS=1` writes the transcript anew.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::{Duration, Instant};

use netns_tests::bed::{Testbed, wait_dead};
use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use rustix::process::Signal;
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::client::client;
use crate::common::screen::{COLUMNS, Screen};
use crate::common::{READY, ready_bed};

/// Longest wait for what is expected.
const WITHIN: Duration = Duration::from_secs(20);

struct Terminal {
    session: PtySession,
    screen: Screen,
}

impl Terminal {
    /// A client at a terminal of so many rows.
    fn start(bed: &Testbed, rows: u16) -> Self {
        let mut command = client(bed);
        command.env("TERM", "xterm");
        let size = Winsize { ws_row: rows, ws_col: COLUMNS as u16, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: after fork, before exec: one ioctl on the terminal that is standard input by then.
        unsafe { command.pre_exec(move || Ok(tcsetwinsize(rustix::stdio::stdin(), size)?)) };
        let session = spawn_command(command, Some(WITHIN.as_millis() as u64)).expect("a client on a pty");
        Self { session, screen: Screen::default() }
    }

    fn type_in(&mut self, keys: &str) {
        self.session.send(keys).expect("typed");
        self.session.flush().expect("typed");
    }

    /// Reads until the screen is so.
    fn until(&mut self, what: &str, holds: impl Fn(&Screen) -> bool) {
        let end = Instant::now() + WITHIN;
        loop {
            while let Some(c) = self.session.try_read() {
                self.screen.put(c);
            }
            if holds(&self.screen) {
                return;
            }
            assert!(
                Instant::now() < end,
                "{what}: not within {WITHIN:?}; the screen:\n{}|",
                self.screen.text()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for a prompt with nothing typed.
    fn prompt(&mut self, prompt: &str) {
        self.until(&format!("the prompt `{prompt}`"), |screen| screen.here() == prompt);
    }

    /// Waits for the end of the client, and takes what it said last.
    fn end(&mut self) {
        let end = Instant::now() + WITHIN;
        loop {
            let status = self.session.process().status();
            while let Some(c) = self.session.try_read() {
                self.screen.put(c);
            }
            match status {
                Some(WaitStatus::Exited(_, 0)) => return,
                Some(WaitStatus::StillAlive) if Instant::now() < end => {}
                other => panic!("the client's end: {other:?}; the screen:\n{}|", self.screen.text()),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn line(&mut self, line: &str, prompt: &str) {
        self.type_in(&format!("{line}\r"));
        self.prompt(prompt);
    }
}

/// What differs from run to run, made the same: dates, times, process ids, versions.
fn masked(text: &str) -> String {
    let digits = |word: &str| word.chars().any(|c| c.is_ascii_digit());
    let mask = |word: &str| -> String {
        let separators = word.chars().filter(|c| matches!(c, '/' | ':' | '.')).count();
        let only = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | ':' | '.' | ','));
        match word {
            _ if digits(word) && only && word.contains('/') && separators == 2 => "MM/DD/YYYY".to_owned(),
            _ if digits(word) && only && word.matches(':').count() == 2 => "HH:MM:SS".to_owned(),
            _ => word.to_owned(),
        }
    };
    let version = env!("CARGO_PKG_VERSION");
    let lines = text.lines().map(|line| {
        let words: Vec<String> = line.split(' ').map(mask).collect();
        words.join(" ").replace(version, "X.Y.Z") + "\n"
    });
    lines.collect()
}

fn compare(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/transcript.txt");
    let text = masked(text);
    if std::env::var_os("MSM_BLESS").is_some() {
        std::fs::write(&path, &text).expect("written");
        return;
    }
    let golden = std::fs::read_to_string(&path).expect("the transcript; mend: MSM_BLESS=1");
    if golden != text {
        let lines = golden.lines().zip(text.lines());
        let differing = lines.enumerate().find(|(_, (was, is))| was != is);
        panic!(
            "{differing:?} differ; MSM_BLESS=1 writes {} anew, to be read before it is kept:\n{text}",
            path.display()
        );
    }
}

#[test]
fn a_session_over_a_failover() {
    let (bed, ready) = ready_bed("ct1-");
    let mut person = Terminal::start(&bed, 200);
    person.prompt("ct1-bed:1 # ");
    // Help and completion.
    person.type_in("create ?");
    person
        .until("help", |screen| screen.text().contains("fdbentry") && screen.here() == "ct1-bed:1 # create ");
    person.type_in("vl\t");
    person.until("completion", |screen| screen.here() == "ct1-bed:1 # create vlan ");
    person.line("red", "* ct1-bed:2 # ");
    // An error points at the word.
    person.line("configure vlan red tga 10", "* ct1-bed:3 # ");
    person.line("config vlan red tag 10", "* ct1-bed:4 # ");
    person.line("configure vlan Default delete ports 1:2", "* ct1-bed:5 # ");
    person.line("configure vlan red add ports 1:2", "* ct1-bed:6 # ");
    person.line("configure vlan red add ports 2:* tagged", "* ct1-bed:7 # ");
    person.line("save", "ct1-bed:8 # ");
    person.line("configure snmp sysName core", "* core:9 # ");
    bed.wait_ready(READY).expect("a slave that has it all");
    let (_, dead) = bed.kill(ready.master, Signal::KILL).expect("killed");
    wait_dead(&dead, WITHIN).expect("dead");
    let news = format!("MSM-{} is master now", ready.slave.letter().to_uppercase());
    person.until("the new master", |screen| screen.text().contains(&news) && screen.here() == "* core:9 # ");
    person.line("create vlan blue", "* core:10 # ");
    person.line("show configuration", "* core:11 # ");
    // How many members are active is known when the new master knows every port.
    bed.wait_ready(READY).expect("both MSMs");
    person.line("show vlan", "* core:12 # ");
    // Leaving asks, and does what it is told.
    person.type_in("exit\r");
    person.until("a question", |screen| screen.here().ends_with("(y/n/cancel) "));
    person.line("cancel", "* core:13 # ");
    person.type_in("exit\r");
    person.until("a question", |screen| screen.here().ends_with("(y/n/cancel) "));
    person.type_in("n\r");
    person.end();
    assert_eq!(bed.show("switch").expect("shown")["unsaved"], true, "no was no");
    assert_eq!(bed.owner().expect("an owner").1, ready.epoch + 1);
    compare(&person.screen.text());
}

#[test]
fn long_answers_stop_at_each_screenful() {
    const MORE: &str = "Press <SPACE>";
    let (bed, _) = ready_bed("ct2-");
    let mut person = Terminal::start(&bed, 8);
    person.prompt("ct2-bed:1 # ");
    person.type_in("show configuration\r");
    person.until("the first page", |screen| screen.here().contains(MORE));
    let first = person.screen.text().lines().count();
    assert!(first <= 9, "{first} lines before the question");
    person.type_in(" ");
    person.until("the second page", |screen| {
        screen.here().contains(MORE) && screen.text().lines().count() > first
    });
    person.type_in("q");
    person.prompt("ct2-bed:2 # ");
    person.line("disable clipaging", "* ct2-bed:3 # ");
    person.line("show configuration", "* ct2-bed:4 # ");
    assert!(person.screen.text().contains("disable clipaging"));
}
