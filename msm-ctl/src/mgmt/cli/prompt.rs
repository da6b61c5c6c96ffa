//! The line editor of an interactive client, on a thread of its own: it blocks on the terminal.

use std::sync::mpsc as std_mpsc;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Cmd, CompletionType, Config, Context, Editor, ExternalPrinter, Helper, KeyEvent};
use tokio::sync::mpsc;

use super::messages::Announce;

/// Lines that the up key goes back to.
const HISTORY: usize = 500;

/// An editor at work.
pub(super) struct Prompt {
    /// What was typed; the end of the channel is the end of the input.
    pub(super) lines: mpsc::Receiver<Result<String, ReadlineError>>,
    /// One prompt for each line to be read.
    pub(super) asks: std_mpsc::Sender<String>,
    /// Prints above the line that is being typed.
    pub(super) above: Box<dyn ExternalPrinter + Send>,
}

/// Starts the editor. It reads one line for each prompt it is sent, and ends with the input.
pub(super) fn start() -> Result<Prompt, ReadlineError> {
    let config = Config::builder()
        .max_history_size(HISTORY)?
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .build();
    let mut editor: Editor<Words, DefaultHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(Words));
    editor.bind_sequence(KeyEvent::from('?'), Cmd::Complete);
    let printer = editor.create_external_printer()?;
    let (asks, prompts) = std_mpsc::channel::<String>();
    let (sender, lines) = mpsc::channel(1);
    std::thread::Builder::new().name("prompt".to_owned()).spawn(move || {
        while let Ok(prompt) = prompts.recv() {
            let line = match editor.readline(&prompt) {
                Err(ReadlineError::Eof) => return,
                // Ctrl-C gives up the line, not the session.
                Err(ReadlineError::Interrupted) => Ok(String::new()),
                line => line,
            };
            if let Ok(line) = &line {
                let _ = editor.add_history_entry(line.as_str());
            }
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(Prompt { lines, asks, above: Box::new(printer) })
}

/// `* name:7 # `: unsaved changes, sysName, number of the command.
pub(super) fn text(announce: Option<&Announce>, number: u32) -> String {
    let star = if announce.is_some_and(|a| a.unsaved) { "* " } else { "" };
    let name = announce.map_or("(no MSM)", |a| a.sys_name.as_str());
    format!("{star}{name}:{number} # ")
}

/// Completion and help out of the grammar.
struct Words;

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, choices) = msm_config::command::choices(&line[..at]);
        let pairs = choices
            .into_iter()
            .map(|choice| Pair {
                display: format!("{:<18} {}", choice.text, choice.help),
                replacement: if choice.keyword {
                    format!("{} ", choice.text)
                } else {
                    line[start..at].to_owned()
                },
            })
            .collect();
        Ok((start, pairs))
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_the_manuals() {
        let mut announce = Announce { sys_name: "bed".into(), ..Announce::default() };
        assert_eq!(text(Some(&announce), 7), "bed:7 # ");
        announce.unsaved = true;
        assert_eq!(text(Some(&announce), 8), "* bed:8 # ");
    }
}
