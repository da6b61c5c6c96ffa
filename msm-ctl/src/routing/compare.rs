//! Compares what a daemon runs with what is wanted, and sends what differs.

use std::path::Path;

use super::lines::Block;
use super::vty::{Vty, VtyError};

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Lines sent.
    pub(super) lines: usize,
    /// What differs nevertheless.
    pub(super) left: Vec<String>,
    /// What the daemon refused, and what it said.
    pub(super) refused: Option<String>,
}

/// Makes the daemon at `vty` run `wanted`.
pub(super) fn settle(vty: &Path, wanted: &Block) -> Result<Sent, VtyError> {
    let mut daemon = Vty::connect(vty)?;
    let difference = running(&mut daemon)?.difference(wanted);
    if difference.is_empty() {
        return Ok(Sent::default());
    }
    let mut sent = Sent { lines: difference.len(), ..Sent::default() };
    daemon.command("configure terminal")?;
    for line in &difference {
        match daemon.command(line) {
            Ok(_) => {}
            Err(error @ VtyError::Refused { .. }) => {
                sent.refused.get_or_insert(error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    daemon.command("end")?;
    sent.left = running(&mut daemon)?.difference(wanted);
    Ok(sent)
}

fn running(daemon: &mut Vty) -> Result<Block, VtyError> {
    daemon.command("show running-config").map(|text| Block::read(&text))
}
