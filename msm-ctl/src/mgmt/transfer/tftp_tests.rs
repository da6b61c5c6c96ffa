//! The client over loopback, with servers that keep the rules and servers that do not.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use msm_proto::tftp::{Packet, TftpError};
use tokio::net::UdpSocket;

use super::TransferError;
use super::tftp::{read, write};

async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = socket.local_addr().unwrap();
    (socket, at)
}

async fn hear(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut room = vec![0; 2000];
    let (length, from) = socket.recv_from(&mut room).await.unwrap();
    room.truncate(length);
    (room, from)
}

/// One request, answered from a new port with each of `answers` in turn, the next when something is heard.
async fn script(answers: Vec<Vec<u8>>, pause: Duration) -> SocketAddr {
    let (listening, at) = socket().await;
    tokio::spawn(async move {
        let (_, client) = hear(&listening).await;
        let (transfer, _) = socket().await;
        for answer in answers {
            tokio::time::sleep(pause).await;
            transfer.send_to(&answer, client).await.unwrap();
            hear(&transfer).await;
        }
    });
    at
}

fn data(block: u16, bytes: &[u8]) -> Vec<u8> {
    Packet::Data { block, bytes }.encode()
}

fn why(result: Result<Vec<u8>, TransferError>) -> TftpError {
    match result {
        Err(TransferError::Tftp { source, .. }) => *source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_is_read() {
    let answers = vec![data(1, &[7; 512]), data(2, b"end")];
    let server = script(answers, Duration::ZERO).await;
    let bytes = read(server, "f", 1000).await.unwrap();
    assert_eq!(bytes, [&[7; 512][..], b"end"].concat());
}

#[tokio::test]
async fn a_file_is_written() {
    let (listening, at) = socket().await;
    let server = tokio::spawn(async move {
        let (_, client) = hear(&listening).await;
        let (transfer, _) = socket().await;
        let mut got = Vec::new();
        for block in 0.. {
            transfer.send_to(&Packet::Ack { block }.encode(), client).await.unwrap();
            if block > 0 && got.len() % 512 != 0 {
                return got;
            }
            let (bytes, _) = hear(&transfer).await;
            let Ok(Packet::Data { bytes, .. }) = Packet::decode(&bytes) else { panic!("{bytes:?}") };
            got.extend_from_slice(bytes);
        }
        got
    });
    write(at, "f", vec![9; 1300]).await.unwrap();
    assert_eq!(server.await.unwrap(), vec![9; 1300]);
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let server = script(vec![data(1, b"late")], Duration::from_millis(1200)).await;
    assert_eq!(read(server, "f", 1000).await.unwrap(), b"late");
}

#[tokio::test]
async fn lies_and_garbage_are_named() {
    let lie = Packet::OptionsAck { options: vec![("tsize".into(), "5".into())] }.encode();
    let server = script(vec![lie, data(1, b"123456")], Duration::ZERO).await;
    assert_eq!(why(read(server, "f", 1000).await), TftpError::SizeLie { announced: 5, sent: 6 });
    let server = script(vec![data(1, &[1; 512]), data(2, &[1; 512])], Duration::ZERO).await;
    assert_eq!(why(read(server, "f", 1000).await), TftpError::TooLarge { limit: 1000 });
    let server = script(vec![b"HTTP/1.1 400".to_vec()], Duration::ZERO).await;
    assert!(matches!(why(read(server, "f", 1000).await), TftpError::Garbage(_)));
    // Far more than there is room for.
    let server = script(vec![data(1, &[1; 20_000])], Duration::ZERO).await;
    assert_eq!(why(read(server, "f", 100_000).await), TftpError::BlockTooLong { agreed: 512 });
    let error = read(server, "", 1).await.unwrap_err().to_string();
    assert!(error.contains("reading \"\" by TFTP, server 127.0.0.1:"), "{error}");
}

/// Datagrams from elsewhere never reach the transfer, and do not keep its clock from being looked at.
#[tokio::test]
async fn other_addresses_are_not_heard() {
    let (listening, at) = socket().await;
    let elsewhere = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).await.unwrap();
    tokio::spawn(async move {
        let (_, client) = hear(&listening).await;
        elsewhere.send_to(&data(1, b"forged"), client).await.unwrap();
        let (transfer, _) = socket().await;
        transfer.send_to(&data(1, b"true"), client).await.unwrap();
    });
    assert_eq!(read(at, "f", 1000).await.unwrap(), b"true");
}

/// Fifteen seconds of a real clock, on purpose: that the adapter's clock goes is what is tested.
#[tokio::test]
async fn a_silent_server_ends_in_time() {
    let (_silent, at) = socket().await;
    let start = Instant::now();
    assert_eq!(why(read(at, "f", 1000).await), TftpError::NoAnswer);
    let took = start.elapsed();
    assert!((15.0..17.0).contains(&took.as_secs_f64()), "{took:?}");
}
