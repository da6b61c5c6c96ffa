//! The line editor of an interactive client, on a thread of its own: it blocks on the terminal.

use std::sync::mpsc as std_mpsc;

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{
    Cmd, ConditionalEventHandler, Config, Editor, Event, EventContext, EventHandler, ExternalPrinter,
    KeyCode, KeyEvent, Modifiers, RepeatCount,
};
use tokio::sync::mpsc;

use msm_config::grammar::Choice;

use super::history;
use super::messages::Announce;

/// A line to be read.
pub(super) enum Ask {
    /// A command, after this prompt.
    Command(String),
    /// An answer, which no history keeps.
    Question(String),
}

/// What was typed.
pub(super) enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-D, or the end of the input.
    End,
}

/// An editor at work.
pub(super) struct Prompt {
    /// What was typed, one for each that was asked; the end of the channel is the end of the terminal.
    pub(super) lines: mpsc::Receiver<Result<Typed, ReadlineError>>,
    /// One for each line to be read.
    pub(super) asks: std_mpsc::Sender<Ask>,
    /// Prints above the line that is being typed, if the terminal can.
    pub(super) above: Option<Box<dyn ExternalPrinter + Send>>,
}

/// Starts the editor. It reads one line for each that it is asked, and ends with the channel.
pub(super) fn start() -> Result<Prompt, ReadlineError> {
    let config = Config::builder().max_history_size(history::KEPT)?.build();
    let mut editor: Editor<(), DefaultHistory> = Editor::with_config(config)?;
    if let Ok(mut printer) = editor.create_external_printer() {
        // The editor's thread takes what is printed above its line, so it must not be the one that prints it.
        let (help, lists) = std_mpsc::channel::<String>();
        std::thread::Builder::new().name("help".to_owned()).spawn(move || {
            while let Ok(list) = lists.recv() {
                if printer.print(list).is_err() {
                    return;
                }
            }
        })?;
        let key = |complete| EventHandler::Conditional(Box::new(Help { list: help.clone(), complete }));
        editor.bind_sequence(KeyEvent::from('?'), key(false));
        editor.bind_sequence(KeyEvent(KeyCode::Tab, Modifiers::NONE), key(true));
    }
    let above = editor.create_external_printer().ok();
    let (asks, asked) = std_mpsc::channel::<Ask>();
    let (sender, lines) = mpsc::channel(1);
    std::thread::Builder::new().name("prompt".to_owned()).spawn(move || {
        while let Ok(ask) = asked.recv() {
            let (prompt, command) = match ask {
                Ask::Command(prompt) => (prompt, true),
                Ask::Question(prompt) => (prompt, false),
            };
            let typed = match editor.readline(&prompt) {
                Err(ReadlineError::Eof) => Ok(Typed::End),
                // Ctrl-C gives up the line, not the session.
                Err(ReadlineError::Interrupted) => Ok(Typed::Line(String::new())),
                line => line.map(Typed::Line),
            };
            if let (Ok(Typed::Line(line)), true) = (&typed, command)
                && history::shown(line).is_none()
            {
                let _ = editor.add_history_entry(line.as_str());
            }
            if sender.blocking_send(typed).is_err() {
                return;
            }
        }
    })?;
    let above = above.map(|printer| Box::new(printer) as Box<dyn ExternalPrinter + Send>);
    Ok(Prompt { lines, asks, above })
}

/// `* name:7 # `: unsaved changes, sysName, number of the command, `>` for who may only look.
pub(super) fn text(announce: Option<&Announce>, number: u32) -> String {
    let star = if announce.is_some_and(|a| a.unsaved) { "* " } else { "" };
    let name = announce.map_or("(no MSM)", |a| a.sys_name.as_str());
    let end = if announce.is_some_and(|a| !a.admin) { '>' } else { '#' };
    format!("{star}{name}:{number} {end} ")
}

/// `?` and Tab: both know the grammar.
struct Help {
    list: std_mpsc::Sender<String>,
    complete: bool,
}

impl ConditionalEventHandler for Help {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let before = &context.line()[..context.pos()];
        if in_quotes(before) {
            // A question mark may be part of what is quoted.
            return if self.complete { Some(Cmd::Noop) } else { None };
        }
        let (start, choices) = msm_config::command::choices(before);
        if self.complete
            && let Some(rest) = completion(&before[start..], &choices)
        {
            return Some(Cmd::Insert(1, rest));
        }
        let _ = self.list.send(list(&choices));
        Some(Cmd::Noop)
    }
}

fn in_quotes(before: &str) -> bool {
    before.bytes().filter(|byte| *byte == b'"').count() % 2 == 1
}

/// What Tab adds to `typed`, if the choices agree on something.
fn completion(typed: &str, choices: &[Choice]) -> Option<String> {
    let mut keywords = choices.iter().filter(|choice| choice.keyword).map(|choice| choice.text.as_str());
    let first = keywords.next()?;
    let others: Vec<&str> = keywords.collect();
    let alone = others.is_empty();
    if typed.is_empty() && choices.len() > 1 {
        return None;
    }
    let common = others.iter().fold(first.len(), |most, word| {
        let same = first.bytes().zip(word.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        most.min(same)
    });
    let rest = first.get(typed.len()..common)?;
    match (alone, rest.is_empty()) {
        (true, _) => Some(format!("{rest} ")),
        (false, true) => None,
        (false, false) => Some(rest.to_owned()),
    }
}

/// What may come, a line each.
fn list(choices: &[Choice]) -> String {
    if choices.is_empty() {
        return "  nothing may come here; the command before it is wrong or has ended\n".to_owned();
    }
    let width = choices.iter().map(|choice| choice.text.len()).max().unwrap_or(0).max(18);
    choices.iter().map(|choice| format!("  {:<width$} {}\n", choice.text, choice.help)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_the_manuals() {
        let mut announce = Announce { sys_name: "bed".into(), admin: true, ..Announce::default() };
        assert_eq!(text(Some(&announce), 7), "bed:7 # ");
        announce.unsaved = true;
        assert_eq!(text(Some(&announce), 8), "* bed:8 # ");
        announce.admin = false;
        assert_eq!(text(Some(&announce), 9), "* bed:9 > ");
    }

    fn tab(line: &str) -> Option<String> {
        let (start, choices) = msm_config::command::choices(line);
        completion(&line[start..], &choices)
    }

    #[test]
    fn tab_adds_keywords_and_nothing_else() {
        assert_eq!(tab("sho").as_deref(), Some("w "));
        assert_eq!(tab("show sw").as_deref(), Some("itch "));
        assert_eq!(tab("show switch").as_deref(), Some(" "), "a blank after a whole word");
        assert_eq!(tab("configure snmp sys").as_deref(), None, "sysName, sysLocation, sysContact");
        assert_eq!(tab("configure msm-failover timeout "), None, "<seconds>");
        assert_eq!(tab("show vlan "), None, "detail, <vlan>, <cr>");
        assert_eq!(tab("show switch "), None, "<cr>");
        assert_eq!(tab("nonsense x"), None);
    }

    #[test]
    fn help_lists_labels_and_the_end_of_the_command() {
        let (_, choices) = msm_config::command::choices("show vlan ");
        let text = list(&choices);
        for expected in ["  detail ", "  <vlan> ", "  <cr> "] {
            assert!(text.contains(expected), "{text}");
        }
        assert!(in_quotes("configure snmp sysName \"who") && !in_quotes("create vlan \"x\" "));
    }
}
