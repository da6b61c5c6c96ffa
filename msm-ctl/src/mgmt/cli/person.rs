//! A person at a terminal: prompt, history, questions, screenfuls.

use std::io::IsTerminal;
use std::time::Duration;

use msm_config::Command;
use msm_config::command::Session as Own;

use super::client::{CliError, Client, Outcome};
use super::output::{self, Screen, Straight};
use super::pager::Pager;
use super::prompt::{self, Ask, Prompt, Typed};

/// The first prompt has the name of the switch, if somebody says it within this time.
const NAME: Duration = Duration::from_millis(200);
/// Asked before what is not saved is left behind.
const SAVE: &str = "There are unsaved configuration changes. Save them before you leave? (y/n/cancel) ";

/// Runs an interactive session to its end.
pub(super) async fn run(client: &mut Client) -> Result<Outcome, CliError> {
    let Prompt { mut lines, asks, above } = prompt::start()?;
    client.above = above;
    let deadline = tokio::time::Instant::now() + NAME;
    while client.announce().is_none() && tokio::time::Instant::now() < deadline {
        let step = tokio::time::Instant::now() + Duration::from_millis(5);
        client.meanwhile(tokio::time::sleep_until(step.min(deadline))).await?;
    }
    let mut ask = async |client: &mut Client, ask: Ask| -> Result<Option<Typed>, CliError> {
        if asks.send(ask).is_err() {
            return Ok(None);
        }
        loop {
            // Ctrl-C is the line editor's.
            if let Some(typed) = client.meanwhile(lines.recv()).await? {
                return Ok(typed.transpose()?);
            }
        }
    };
    loop {
        let prompt = prompt::text(client.announce(), client.history.number());
        let line = match ask(client, Ask::Command(prompt)).await? {
            None => return Ok(Outcome::Done),
            Some(Typed::End) => "exit".to_owned(),
            Some(Typed::Line(line)) => line.trim().to_owned(),
        };
        if line.is_empty() {
            continue;
        }
        client.history.add(&line);
        match msm_config::parse(&line) {
            Ok(Command::Session(Own::History)) => {
                let text = client.history.text();
                show(client, text).await?;
            }
            Ok(Command::Session(Own::Exit)) => {
                if !client.announce().is_some_and(|announce| announce.unsaved && announce.admin) {
                    return Ok(Outcome::Done);
                }
                match ask(client, Ask::Question(SAVE.to_owned())).await? {
                    Some(Typed::Line(word)) if yes(&word) => {
                        if execute(client, "save").await? {
                            return Ok(Outcome::Done);
                        }
                    }
                    Some(Typed::Line(word)) if !no(&word) => {}
                    // Also at a second end of the input: there may be no more of it.
                    _ => return Ok(Outcome::Done),
                }
            }
            _ => {
                let sure = match msm_config::command::question(&line) {
                    None => true,
                    Some(question) => {
                        let asked = Ask::Question(format!("{question} (y/n) "));
                        matches!(ask(client, asked).await?, Some(Typed::Line(word)) if yes(&word))
                    }
                };
                if sure {
                    execute(client, &line).await?;
                }
            }
        }
    }
}

fn yes(word: &str) -> bool {
    matches!(word.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn no(word: &str) -> bool {
    matches!(word.trim().to_ascii_lowercase().as_str(), "n" | "no")
}

/// A pager, if long answers are to stop.
fn pager(client: &Client) -> Result<Option<Pager>, CliError> {
    let paging = client.announce().is_some_and(|announce| announce.paging) && std::io::stdout().is_terminal();
    Ok(if paging { Some(Pager::start()?) } else { None })
}

async fn show(client: &mut Client, text: String) -> Result<(), CliError> {
    match pager(client)? {
        None => {
            Straight.print(text)?;
        }
        Some(mut pager) => {
            pager.print(text)?;
            let end = pager.end();
            let mut end = std::pin::pin!(end);
            while client.meanwhile(&mut end).await?.is_none() {}
        }
    }
    Ok(())
}

/// Whether it was done.
async fn execute(client: &mut Client, line: &str) -> Result<bool, CliError> {
    let finished = match pager(client)? {
        None => client.execute(line, &mut Straight).await?,
        Some(mut pager) => {
            let finished = client.execute(line, &mut pager).await;
            let end = pager.end();
            let mut end = std::pin::pin!(end);
            while client.meanwhile(&mut end).await?.is_none() {}
            finished?
        }
    };
    if let Err(why) = &finished.result {
        eprint!("{}", output::error(None, why));
    }
    Ok(finished.result.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_but_yes_and_no_stays() {
        assert!(yes("y") && yes(" YES\n") && no("n") && no("No"));
        for word in ["", "c", "cancel", "yep", "save"] {
            assert!(!yes(word) && !no(word), "{word}");
        }
    }
}
