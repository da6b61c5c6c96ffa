//! What the client does by itself.

use super::rule::Rule;
use super::{Command, Session};

fn session(what: Session) -> Result<Command, String> {
    Ok(Command::Session(what))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("history", "The commands of this session", |_| session(Session::History)).example(&["history"]),
    Rule::new("exit", "Ends the session", |_| session(Session::Exit)).example(&["exit"]),
    Rule::new("quit", "Ends the session", |_| session(Session::Exit)).example(&["quit"]),
    Rule::new("logout", "Ends the session", |_| session(Session::Exit)).example(&["logout"]),
];
