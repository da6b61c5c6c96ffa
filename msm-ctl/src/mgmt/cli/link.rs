//! The client's connection to one MSM: made again for as long as the client lives.

use std::path::PathBuf;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use prost::Message;
use prost::bytes::Bytes;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_util::codec::{FramedRead, FramedWrite};

use super::messages::{self, ANSWER_MAX, Announce, Answer, Body, FromServer, REQUEST_MAX, Request};

/// How often a missing MSM is looked for. The other one's connection stands meanwhile: nobody waits for this.
const RETRY: Duration = Duration::from_millis(20);

/// What a link tells the session. `link` is its number there.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// Connected and introduced, or changed.
    Announce { link: usize, announce: Announce },
    /// Part of an answer.
    Answer { link: usize, answer: Answer },
    /// The connection is lost; requests without an answer are open.
    Lost { link: usize },
    /// No connection could be made; told once until there is one.
    Unreachable { link: usize, why: String, denied: bool },
}

/// Runs link number `link` to the socket at `path` until the session ends.
pub(crate) async fn run(
    link: usize,
    path: PathBuf,
    events: mpsc::Sender<LinkEvent>,
    mut requests: mpsc::Receiver<Request>,
) {
    let mut told = false;
    loop {
        match UnixStream::connect(&path).await {
            Ok(stream) => {
                told = false;
                if !converse(link, stream, &events, &mut requests).await
                    || events.send(LinkEvent::Lost { link }).await.is_err()
                {
                    return;
                }
            }
            Err(error) if !told => {
                told = true;
                let why = format!("{}: {error}", path.display());
                let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
                if events.send(LinkEvent::Unreachable { link, why, denied }).await.is_err() {
                    return;
                }
            }
            Err(_) => {}
        }
        // A request that came while there was no connection is the session's to send again.
        while requests.try_recv().is_ok() {}
        tokio::time::sleep(RETRY).await;
    }
}

/// False when the session has ended.
async fn converse(
    link: usize,
    stream: UnixStream,
    events: &mpsc::Sender<LinkEvent>,
    requests: &mut mpsc::Receiver<Request>,
) -> bool {
    let (read, write) = stream.into_split();
    let mut reader = FramedRead::new(read, messages::codec(ANSWER_MAX));
    let mut writer = FramedWrite::new(write, messages::codec(REQUEST_MAX));
    loop {
        let event = tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { return false };
                if writer.send(Bytes::from(request.encode_to_vec())).await.is_err() {
                    return true;
                }
                continue;
            }
            frame = reader.next() => {
                let Some(Ok(bytes)) = frame else { return true };
                match FromServer::decode(bytes).map(|message| message.body) {
                    Ok(Some(Body::Announce(announce))) => LinkEvent::Announce { link, announce },
                    Ok(Some(Body::Answer(answer))) => LinkEvent::Answer { link, answer },
                    // A newer server may say more than this client knows.
                    Ok(None) => continue,
                    Err(_) => return true,
                }
            }
        };
        if events.send(event).await.is_err() {
            return false;
        }
    }
}
