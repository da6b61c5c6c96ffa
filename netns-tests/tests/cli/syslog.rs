//! What a syslog host gets.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use netns_tests::bed::{MGMT_SERVER, MGMT_SWITCH, Testbed};

use crate::common::client::{command, script};
use crate::common::ready_bed;

/// A datagram that has all of `wanted`, of those that arrive within some seconds, and those before it.
fn line_with(socket: &UdpSocket, wanted: &[&str]) -> (String, Vec<String>) {
    let until = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 4096];
    let mut others = Vec::new();
    while Instant::now() < until {
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if wanted.iter().all(|word| line.contains(word)) {
            return (line, others);
        }
        others.push(line);
    }
    panic!("no line with {wanted:?}; there came {others:#?}");
}

pub(super) fn with_mgmt_address(bed: &Testbed) {
    let (address, prefix) = MGMT_SWITCH;
    command(bed, &format!("configure vlan Mgmt ipaddress {address}/{prefix}")).good();
}

#[test]
fn a_syslog_host_receives_who_configured_what_from_where() {
    let (bed, _) = ready_bed("cs1-");
    let mg = bed.mgmt().expect("a management network");
    let sink = mg.enter(|| UdpSocket::bind((MGMT_SERVER, 5514))).expect("inside").expect("a socket");
    sink.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    with_mgmt_address(&bed);
    command(&bed, &format!("configure syslog add {MGMT_SERVER} port 5514 local3 info")).good();
    command(&bed, "configure snmp sysName core-1").good();
    command(&bed, "create vlan red").good();
    let (line, _) = line_with(&sink, &["create vlan \"red\""]);
    // RFC 5424: <PRI>1 TIME HOST APP PID MSGID [SD] MSG. local3 is 19; info is 6.
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[0], format!("<{}>1", 19 * 8 + 6), "{line}");
    assert!(words[1].len() >= 20 && words[1].contains('T') && words[1].ends_with('Z'), "{line}");
    assert_eq!(&words[2..4], ["core-1", "msm-ctl"], "{line}");
    assert!(line.contains("root") && line.contains("local"), "who, and from where: {line}");
    // A failure is told of by its severity; what is below the host's is not sent.
    let host = MGMT_SERVER;
    script(
        &bed,
        &format!("configure syslog delete {host}\nconfigure syslog add {host} port 5514 local3 warning\n"),
    )
    .good();
    command(&bed, "create vlan quiet").good();
    let ready = bed.wait_ready(crate::common::READY).expect("ready");
    bed.kill(ready.slave, rustix::process::Signal::KILL).expect("killed");
    let (_, before) = line_with(&sink, &[&format!("<{}>1", 19 * 8 + 4), "is gone"]);
    assert!(!before.iter().any(|line| line.contains("quiet")), "below the host's severity: {before:#?}");
}
