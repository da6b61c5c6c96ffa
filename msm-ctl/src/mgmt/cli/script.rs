//! Commands of the command line and of a pipe: scripts, which stop at the first error unless they were told otherwise.

use std::io::{BufRead, Read};

use tokio::sync::mpsc;

use msm_config::command::Session as Own;
use msm_config::grammar::Wrong;
use msm_config::{Command, LINE_MAX};

use super::client::{CliError, Client, Format, Outcome};
use super::output::{self, Output, Straight};
use super::session::Finished;

/// Lines read ahead.
const AHEAD: usize = 64;

/// What is wrong with a line before anybody reads it as a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum BadLine {
    #[error("the line has more than {LINE_MAX} bytes; nothing of it was done")]
    Long,
    #[error("the line is no UTF-8; nothing of it was done")]
    NotText,
}

type Line = std::io::Result<Result<String, BadLine>>;

/// What became of one line.
enum Step {
    Next(Outcome),
    /// `exit`
    End,
}

/// Runs commands that were given one by one.
pub(super) async fn commands(
    client: &mut Client,
    commands: Vec<String>,
    stop: bool,
) -> Result<Outcome, CliError> {
    let several = commands.len() > 1;
    let mut worst = Outcome::Done;
    for (at, line) in commands.into_iter().enumerate() {
        let place = several.then(|| format!("command {}", at + 1));
        let line = if line.len() > LINE_MAX { Err(BadLine::Long) } else { Ok(line) };
        match one(client, line, place.as_deref()).await? {
            Step::End => break,
            Step::Next(outcome) => worst = worst.max(outcome),
        }
        if stop && worst != Outcome::Done {
            break;
        }
    }
    Ok(worst)
}

/// Runs commands of standard input, one a line.
pub(super) async fn pipe(client: &mut Client, stop: bool) -> Result<Outcome, CliError> {
    let mut lines = read_lines()?;
    let mut worst = Outcome::Done;
    let mut number = 0u64;
    loop {
        let Some(line) = client.meanwhile(lines.recv()).await? else { return Ok(Outcome::Trouble) };
        let Some(line) = line else { return Ok(worst) };
        number += 1;
        match one(client, line?, Some(&format!("line {number}"))).await? {
            Step::End => return Ok(worst),
            Step::Next(outcome) => worst = worst.max(outcome),
        }
        if stop && worst != Outcome::Done {
            return Ok(worst);
        }
    }
}

async fn one(
    client: &mut Client,
    line: Result<String, BadLine>,
    place: Option<&str>,
) -> Result<Step, CliError> {
    let finished = match &line {
        Err(bad) => {
            let finished = Finished::refused(bad.to_string());
            Output::new(client.format, None).end("", &finished, &mut Straight)?;
            finished
        }
        Ok(line) => {
            let line = line.trim_matches([' ', '\t', '\r', '\n']);
            match msm_config::parse(line) {
                Err(fault) if fault.wrong == Wrong::Empty => return Ok(Step::Next(Outcome::Done)),
                Ok(Command::Session(Own::Exit)) => return Ok(Step::End),
                Ok(Command::Session(Own::History)) => history(client, line)?,
                _ => client.execute(line, &mut Straight).await?,
            }
        }
    };
    if let Ok(line) = &line {
        client.history.add(line.trim());
    }
    let outcome = match &finished.result {
        Ok(()) => Outcome::Done,
        Err(_) if finished.unanswered => Outcome::Trouble,
        Err(_) => Outcome::Refused,
    };
    if let (Err(why), Format::Text) = (&finished.result, client.format) {
        eprint!("{}", output::error(place, why));
    }
    Ok(Step::Next(outcome))
}

fn history(client: &mut Client, line: &str) -> Result<Finished, CliError> {
    let finished = Finished { result: Ok(()), unanswered: false, slot: None, role: None };
    let mut output = Output::new(client.format, None);
    let data = serde_json::json!({"message": client.history.text().trim_end()}).to_string();
    output.data(data.as_bytes(), &mut Straight)?;
    output.end(line, &finished, &mut Straight)?;
    Ok(finished)
}

/// Lines of standard input, read on a thread of its own: a pipe blocks.
fn read_lines() -> Result<mpsc::Receiver<Line>, CliError> {
    let (sender, lines) = mpsc::channel(AHEAD);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let line = read_line(&mut input).transpose();
            let Some(line) = line else { return };
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(lines)
}

/// The next line, without its end; none at the end of the input. One that is too long is passed over whole.
fn read_line(input: &mut impl BufRead) -> std::io::Result<Option<Result<String, BadLine>>> {
    let mut line = Vec::new();
    let most = LINE_MAX as u64 + 2;
    if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let whole = line.ends_with(b"\n");
    while line.ends_with(b"\n") || line.ends_with(b"\r") {
        line.pop();
    }
    if line.len() <= LINE_MAX {
        return Ok(Some(String::from_utf8(line).map_err(|_| BadLine::NotText)));
    }
    if !whole {
        let mut rest = Vec::new();
        loop {
            rest.clear();
            if input.by_ref().take(most).read_until(b'\n', &mut rest)? == 0 || rest.ends_with(b"\n") {
                break;
            }
        }
    }
    Ok(Some(Err(BadLine::Long)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<Result<String, BadLine>> {
        let mut input = std::io::BufReader::with_capacity(100, input);
        std::iter::from_fn(|| read_line(&mut input).expect("readable")).collect()
    }

    #[test]
    fn long_and_unreadable_lines_are_errors_of_their_own_and_the_next_is_whole() {
        let long = vec![b'x'; 3 * LINE_MAX];
        let fits = vec![b'y'; LINE_MAX];
        let input = [b"a\r\n" as &[u8], &long, b"\nb\n\xff\xfe\n", &fits, b"\n", &fits, b"y\nlast"].concat();
        assert_eq!(
            lines(&input),
            [
                Ok("a".to_owned()),
                Err(BadLine::Long),
                Ok("b".to_owned()),
                Err(BadLine::NotText),
                Ok("y".repeat(LINE_MAX)),
                Err(BadLine::Long),
                Ok("last".to_owned()),
            ]
        );
        assert_eq!(lines(&long), [Err(BadLine::Long)]);
        assert_eq!(lines(b""), []);
    }
}
