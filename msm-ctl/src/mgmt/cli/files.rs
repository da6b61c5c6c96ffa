//! Configurations on their way to and from servers and files.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use msm_config::command::Location;
use msm_config::model::{Change, Record, script};
use msm_config::{Config, TEXT_MAX};

use super::actions::{self, Data, done, master, written};
use super::server::{Asker, Trouble, Work, ask};
use crate::mgmt::transfer::{self, resolve, tftp};

/// UDP port of TFTP (RFC 1350 4).
const TFTP: u16 = 69;

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::Failed(error.to_string())
}

/// `upload configuration`
pub(super) async fn upload(to: Location, asker: &Asker<'_>) -> Data {
    let text = actions::text(&asker.desk.board.borrow().config.config.clone(), asker.desk);
    let bytes = text.len();
    match to {
        Location::Tftp { host, file } => {
            let server = server(&host, asker).await?;
            tftp::write(server, &file, text.into_bytes()).await.map_err(failed)?;
            done(format!("{bytes} bytes written to {file} at {host}"))
        }
        Location::Local(file) => {
            // Nobody takes it any more: the client is gone.
            let _ = asker.file.send(text.into_bytes()).await;
            done(format!("{bytes} bytes written to {file}"))
        }
    }
}

/// `download configuration`
pub(super) async fn download(from: Location, incremental: bool, asker: &Asker<'_>) -> Data {
    master(asker)?;
    let (name, bytes) = match from {
        Location::Tftp { host, file } => {
            let server = server(&host, asker).await?;
            let bytes = tftp::read(server, &file, TEXT_MAX).await.map_err(failed)?;
            (format!("{file} at {host}"), bytes)
        }
        Location::Local(file) => (file, asker.attachment.clone()),
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        Trouble::Failed(format!("{name}: it is no configuration: {error}; nothing was changed"))
    })?;
    if incremental { merge(&name, &text, asker).await } else { replace(&name, &text, asker).await }
}

async fn server(host: &str, asker: &Asker<'_>) -> Result<SocketAddr, Trouble> {
    let dns = Arc::clone(&asker.desk.board.borrow().config.config.dns);
    let servers: Vec<IpAddr> = dns.servers.iter().map(|server| IpAddr::V4(*server)).collect();
    let address: Result<IpAddr, transfer::TransferError> =
        resolve::resolve(host, &servers, dns.domain.as_deref()).await;
    Ok(SocketAddr::new(address.map_err(failed)?, TFTP))
}

/// The commands of a text, with passwords hashed.
async fn commands(name: &str, text: &str) -> Result<Vec<Change>, Trouble> {
    let mut changes = script(text)
        .map_err(|(line, why)| Trouble::Failed(format!("{name}, line {line}: {why}\nnothing was changed")))?;
    if changes.is_empty() {
        return Err(Trouble::Failed(format!("{name}: it has no configuration command; nothing was changed")));
    }
    for change in &mut changes {
        if let Some(secret) = change.secret() {
            *secret = actions::hashed(secret).await?;
        }
    }
    Ok(changes)
}

/// Into the running configuration, whole or not at all.
async fn merge(name: &str, text: &str, asker: &Asker<'_>) -> Data {
    let changes = commands(name, text).await?;
    let count = changes.len();
    ask(asker.id, Work::Change(Record::Script(changes)), asker).await?;
    done(format!("{count} commands applied"))
}

/// Into flash, for the next boot.
async fn replace(name: &str, text: &str, asker: &Asker<'_>) -> Data {
    let changes = commands(name, text).await?;
    let facts = Arc::clone(asker.desk.board.borrow().config.config.facts());
    let config = Config::factory(&facts).with_script(&changes).map_err(|(at, why)| {
        Trouble::Failed(format!("{name}: {}: {why}\nit was not written to flash", changes[at].logged()))
    })?;
    let area = asker.desk.flash.nvram().configuration;
    let about = written(asker.desk.flash.save(area, actions::text(&config, asker.desk)).done().await)?;
    done(format!("{} bytes written as {area} configuration; it takes effect at the next reboot", about.bytes))
}
