//! The TFTP client's socket and clock: carries out what `msm_proto::tftp` decides.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use msm_proto::Time;
use msm_proto::tftp::{DATAGRAM_ROOM, Input, Output, TftpError, Transfer};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::TransferError;

/// Reads `file`, of at most `limit` bytes, from the server that listens at `server`. Ends within two minutes.
///
/// # Errors
/// [`TransferError::Tftp`], [`TransferError::Network`].
pub(crate) async fn read(server: SocketAddr, file: &str, limit: usize) -> Result<Vec<u8>, TransferError> {
    carry("reading", server, file, Transfer::read(server.port(), file, limit)).await
}

/// Writes `bytes` as `file` to the server that listens at `server`. Ends within two minutes.
///
/// # Errors
/// [`TransferError::Tftp`], [`TransferError::Network`].
pub(crate) async fn write(server: SocketAddr, file: &str, bytes: Vec<u8>) -> Result<(), TransferError> {
    carry("writing", server, file, Transfer::write(server.port(), file, bytes)).await.map(|_| ())
}

async fn carry(
    doing: &'static str,
    server: SocketAddr,
    file: &str,
    transfer: Result<Transfer, TftpError>,
) -> Result<Vec<u8>, TransferError> {
    let refused = |source: TftpError| TransferError::Tftp {
        doing,
        file: file.into(),
        server,
        source: Box::new(source),
    };
    let transfer = transfer.map_err(refused)?;
    match drive(server.ip(), transfer).await {
        Ok(result) => result.map_err(refused),
        Err(source) => Err(TransferError::Network { doing, file: file.into(), server, source }),
    }
}

async fn drive(server: IpAddr, mut transfer: Transfer) -> io::Result<Result<Vec<u8>, TftpError>> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    let start = Instant::now();
    let mut room = vec![0; DATAGRAM_ROOM];
    let mut input = Input::Start;
    loop {
        for output in transfer.step(time(start), input) {
            match output {
                Output::Send { port, bytes } => {
                    socket.send_to(&bytes, (server, port)).await?;
                }
                Output::Done(result) => return Ok(result),
            }
        }
        // It has a deadline until it is done; without one, a tick says what it makes of that.
        let due = transfer.deadline().map_or(start, |due| start + Duration::from_nanos(due.0));
        input = match timeout_at(due, receive(&socket, server, &mut room)).await {
            Ok(datagram) => datagram?,
            Err(_) => Input::Tick,
        };
    }
}

/// The next datagram from the server's address. What others send is not for the transfer.
async fn receive(socket: &UdpSocket, server: IpAddr, room: &mut [u8]) -> io::Result<Input> {
    loop {
        let (length, from) = socket.recv_from(room).await?;
        if from.ip().to_canonical() == server.to_canonical() {
            return Ok(Input::Datagram { port: from.port(), bytes: room[..length].to_vec() });
        }
    }
}

/// The engine's clock begins with the transfer.
fn time(start: Instant) -> Time {
    Time::default() + start.elapsed()
}
