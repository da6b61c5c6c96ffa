//! Names, asked of a tiny server on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::Message;
use tokio::net::UdpSocket;

use super::TransferError;
use super::resolve::{resolve, resolve_at};

/// Knows one name and its address; refuses all others.
async fn server(known: &'static str, address: Ipv4Addr) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut room = vec![0; 2000];
        loop {
            let (length, from) = socket.recv_from(&mut room).await.unwrap();
            socket.send_to(&answer(&room[..length], known, address), from).await.unwrap();
        }
    });
    at
}

/// RFC 1035 by hand: the question repeated, and one A record that points at it.
fn answer(question: &[u8], known: &str, address: Ipv4Addr) -> Vec<u8> {
    let message = Message::from_vec(question).unwrap();
    let name = message.queries[0].name().to_ascii();
    let is_a = message.queries[0].query_type() == hickory_resolver::proto::rr::RecordType::A;
    let found = is_a && name.trim_end_matches('.') == known;
    // The question ends after its name's zero, type and class; EDNS in the additional section is left out.
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut out = question[..end].to_vec();
    out[2..12].copy_from_slice(&[
        0x85,
        if found { 0x80 } else { 0x83 },
        0,
        1,
        0,
        u8::from(found),
        0,
        0,
        0,
        0,
    ]);
    if found {
        out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend_from_slice(&address.octets());
    }
    out
}

#[tokio::test]
async fn an_address_is_itself() {
    for text in ["10.0.0.1", "::1"] {
        assert_eq!(resolve(text, &[], None).await.unwrap(), text.parse::<IpAddr>().unwrap());
    }
}

#[tokio::test]
async fn a_name_is_asked_for() {
    let address = Ipv4Addr::new(192, 0, 2, 7);
    let server = server("tftp.example.com", address).await;
    assert_eq!(resolve_at("tftp.example.com", &[server], None).await.unwrap(), address);
    assert_eq!(resolve_at("tftp", &[server], Some("example.com")).await.unwrap(), address);
    let error = resolve_at("nobody.example.com", &[server], None).await.unwrap_err();
    assert!(matches!(error, TransferError::UnknownName { .. }), "{error:?}");
}

#[tokio::test]
async fn without_servers_it_says_how_to_have_one() {
    let error = resolve("tftp", &[], None).await.unwrap_err().to_string();
    assert!(error.contains("`configure dns-client add <ip>`"), "{error}");
}

#[tokio::test]
async fn what_is_no_name_is_not_asked_for() {
    for text in ["", "a b", "a..b", "ä", &"x".repeat(254), &"x".repeat(64), "10.0.0.1:69/x"] {
        let error = resolve(text, &[Ipv4Addr::LOCALHOST.into()], None).await.unwrap_err();
        assert!(matches!(error, TransferError::BadName(_)), "{text:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_silent_server_ends_in_time() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let start = Instant::now();
    let error = resolve_at("tftp.example.com", &[silent.local_addr().unwrap()], None).await.unwrap_err();
    assert!(matches!(error, TransferError::NameServers { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(16), "{:?}", start.elapsed());
}
