//! Answers as they are printed: for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use msm_config::Command;

use super::client::Format;
use super::history;
use super::session::Finished;
use super::text::Layout;

/// Where text goes: to the terminal by screenfuls, or straight out.
pub(super) trait Screen {
    /// Takes more of it. False: nobody wants the rest.
    fn print(&mut self, text: String) -> io::Result<bool>;
}

/// Standard output as it is.
pub(super) struct Straight;

impl Screen for Straight {
    fn print(&mut self, text: String) -> io::Result<bool> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(true)
    }
}

/// The answer to one command.
pub(super) enum Output {
    /// For people.
    Text {
        /// Lays it out.
        layout: Layout,
        /// The command.
        command: Option<Command>,
        /// Something was shown of it.
        begun: bool,
        /// The rest is wanted.
        wanted: bool,
    },
    /// For programs: one line, so it is printed when it is whole.
    Json(Vec<u8>),
}

impl Output {
    /// For the answer to `command`.
    pub(super) fn new(format: Format, command: Option<&Command>) -> Self {
        match format {
            Format::Text => Self::Text {
                layout: Layout::new(command),
                command: command.cloned(),
                begun: false,
                wanted: true,
            },
            Format::Json => Self::Json(Vec::new()),
        }
    }

    /// More of it.
    pub(super) fn data(&mut self, data: &[u8], screen: &mut dyn Screen) -> io::Result<()> {
        match self {
            Self::Text { layout, begun, wanted, .. } if *wanted => {
                let text = layout.more(data);
                if !text.is_empty() {
                    *begun = true;
                    *wanted = screen.print(text)?;
                }
            }
            Self::Text { .. } => {}
            // Line ends are between rows, never inside a string.
            Self::Json(all) => all.extend(data.iter().filter(|byte| **byte != b'\n')),
        }
        Ok(())
    }

    /// Nobody wants the rest of it.
    pub(super) fn enough(&mut self) {
        if let Self::Text { wanted, .. } = self {
            *wanted = false;
        }
    }

    /// It begins again.
    pub(super) fn again(&mut self, screen: &mut dyn Screen) -> io::Result<()> {
        match self {
            Self::Text { layout, command, begun, wanted } => {
                *layout = Layout::new(command.as_ref());
                if std::mem::take(begun) && *wanted {
                    *wanted = screen.print("(the answer begins again, at the new master)\n".to_owned())?;
                }
            }
            Self::Json(all) => all.clear(),
        }
        Ok(())
    }

    /// The end of a command that was done, or of one in JSON. Why a command was not done is the front end's to print as text.
    pub(super) fn end(self, line: &str, finished: &Finished, screen: &mut dyn Screen) -> io::Result<()> {
        match self {
            Self::Text { layout, wanted, .. } => {
                if finished.result.is_ok() && wanted {
                    screen.print(layout.end())?;
                }
                Ok(())
            }
            Self::Json(all) => {
                let shown = history::shown(line);
                let error = finished.result.as_ref().err();
                let mut out = io::stdout().lock();
                write!(out, "{{\"command\":{},\"data\":", json!(shown.as_deref().unwrap_or(line)))?;
                match error {
                    None if !all.is_empty() => out.write_all(&all)?,
                    _ => write!(out, "{}", Value::Null)?,
                }
                writeln!(
                    out,
                    ",\"error\":{},\"ok\":{},\"role\":{},\"slot\":{}}}",
                    json!(error),
                    error.is_none(),
                    json!(finished.role),
                    json!(finished.slot)
                )?;
                out.flush()
            }
        }
    }
}

/// An error as people read it. `place` is `line 7` in a script. A line with a caret under it stays as it is, so that the caret stays under
/// its word.
pub(super) fn error(place: Option<&str>, why: &str) -> String {
    let lead = place.map_or_else(|| "Error".to_owned(), str::to_owned);
    let mut lines = why.lines();
    let (Some(line), Some(caret)) = (lines.next(), lines.next()) else { return format!("{lead}: {why}\n") };
    if caret.trim_start_matches(' ').is_empty() || !caret.chars().all(|c| c == ' ' || c == '^') {
        return format!("{lead}: {why}\n");
    }
    let message = lines.collect::<Vec<_>>().join("\n");
    match place {
        // A script's errors are searched for by their first line.
        Some(_) => format!("{lead}: {message}\n{line}\n{caret}\n"),
        None => format!("{line}\n{caret}\n{lead}: {message}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stays_under_its_word() {
        let line = "configure vlan red tga 10";
        let fault = msm_config::parse(line).expect_err("no such word");
        let shown = error(None, &fault.render(line));
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[1].find('^').expect("a caret");
        assert_eq!((&lines[0][at..at + 3], lines[0]), ("tga", line));
        assert!(lines[2].starts_with("Error: \"tga\""), "{shown}");
        let shown = error(Some("line 7"), &fault.render(line));
        assert!(shown.starts_with("line 7: \"tga\" is not understood"), "{shown}");
        assert!(shown.contains("configure vlan red tga 10\n                   ^^^\n"), "{shown}");
        assert_eq!(
            error(None, "VLAN \"x\" exists\nsee show vlan"),
            "Error: VLAN \"x\" exists\nsee show vlan\n"
        );
    }

    #[test]
    fn what_nobody_wants_is_not_printed() {
        struct Nothing;
        impl Screen for Nothing {
            fn print(&mut self, text: String) -> io::Result<bool> {
                panic!("printed: {text}");
            }
        }
        let command = msm_config::parse("show fdb").expect("a command");
        let mut output = Output::new(Format::Text, Some(&command));
        output.enough();
        output.data(b"{\"entries\":[\n{\"mac\":\"02:00:00:00:00:01\"", &mut Nothing).expect("dropped");
        output.again(&mut Nothing).expect("dropped");
        let done = Finished { result: Ok(()), ..Finished::refused(String::new()) };
        output.end("show fdb", &done, &mut Nothing).expect("dropped");
    }

    #[test]
    fn json_is_one_line_whatever_comes() {
        let mut output = Output::new(Format::Json, None);
        output.data(b"{\"void\":1}", &mut Straight).expect("kept");
        output.again(&mut Straight).expect("kept");
        output.data(b"{\"a\":[\n1\n,", &mut Straight).expect("kept");
        output.data(b"2\n]}", &mut Straight).expect("kept");
        let Output::Json(all) = &output else { panic!("JSON") };
        assert_eq!(all, b"{\"a\":[1,2]}");
    }
}
