//! `capture port`: frames from the ring to the client's file, as they come.

use std::time::Duration;

use msm_config::port::PortName;
use msm_dataplane::Capture;
use tokio::sync::{mpsc, oneshot};

use super::actions::{Data, done, master};
use super::messages::CHUNK;
use super::server::{Asker, Job, Trouble, Work};
use crate::mgmt::capture::{Bounds, Clock, End, Stream, Writer};

/// What was captured is in the client's file after this time at the latest.
const FLUSH: Duration = Duration::from_millis(100);

/// Tells the actor that the capture is over, however it ended.
struct Ending {
    jobs: mpsc::Sender<Job>,
    id: u64,
    who: String,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (jobs, id, who) = (self.jobs.clone(), self.id, std::mem::take(&mut self.who));
        tokio::spawn(async move {
            let (reply, _) = oneshot::channel();
            // An actor that is gone records nothing any more.
            let _ = jobs.send(Job { id, work: Work::EndCapture, who, reply }).await;
        });
    }
}

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::Failed(error.to_string())
}

/// Captures until a bound is reached; dropped when the client gives up.
pub(super) async fn capture(port: PortName, count: u32, seconds: u32, asker: &Asker<'_>) -> Data {
    master(asker)?;
    let board = asker.desk.board.borrow().clone();
    let config = &board.config.config;
    let Some(netdev) = config.ports.netdev(config.facts(), port.lport()) else {
        return Err(Trouble::Failed(format!(
            "port {port} is none of this chassis, or has no netdev; show ports lists what there is"
        )));
    };
    let source = begin(port, asker).await?;
    let ending = Ending { jobs: asker.desk.jobs.clone(), id: asker.id, who: asker.who.to_string() };
    let bounds =
        Bounds { count: Some(u64::from(count)), time: Some(Duration::from_secs(u64::from(seconds))) };
    let mut stream = Stream::new(source, bounds).map_err(failed)?;
    let mut file = Writer::new(Vec::new(), Clock::now(), &port.to_string(), netdev).map_err(failed)?;
    let mut frames = 0u64;
    let end = loop {
        match tokio::time::timeout(FLUSH, stream.next()).await {
            Ok(Ok(frame)) => {
                frames += 1;
                file.frame(&frame).map_err(failed)?;
            }
            Ok(Err(end)) => break end,
            Err(_) => send(file.written(), 0, asker).await?,
        }
        send(file.written(), CHUNK, asker).await?;
    };
    send(file.written(), 0, asker).await?;
    let lost = stream.source().lost().map_err(failed)?;
    drop(ending);
    let why = match end {
        End::Count | End::Time => "",
        End::Taken => "; it ended because another MSM became master: start it again",
    };
    let missing = match lost {
        0 => String::new(),
        lost => format!(", {lost} more not recorded (too fast)"),
    };
    done(format!("{frames} frames of port {port}{missing}{why}"))
}

async fn begin(port: PortName, asker: &Asker<'_>) -> Result<Capture, Trouble> {
    let (reply, _) = oneshot::channel();
    let (source, begun) = oneshot::channel();
    let work = Work::Capture { port, source };
    let job = Job { id: asker.id, work, who: asker.who.to_string(), reply };
    let ending = || Trouble::Elsewhere("this MSM is ending; ask the other one".to_owned());
    asker.desk.jobs.send(job).await.map_err(|_| ending())?;
    begun.await.map_err(|_| ending())?.map_err(Trouble::Failed)
}

/// Hands on what was written, if it is more than `least`, in pieces of a chunk.
async fn send(written: &mut Vec<u8>, least: usize, asker: &Asker<'_>) -> Result<(), Trouble> {
    if written.len() <= least {
        return Ok(());
    }
    let bytes = std::mem::take(written);
    for piece in bytes.chunks(CHUNK) {
        let gone = |_| Trouble::Failed("the client is gone".to_owned());
        asker.file.send(piece.to_vec()).await.map_err(gone)?;
    }
    Ok(())
}
