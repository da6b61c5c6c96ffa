use super::*;

fn entry(severity: Severity, message: &str) -> Arc<Entry> {
    Arc::new(Entry {
        at_ms: 1_709_210_096_789,
        severity,
        component: "Msm.Failover".into(),
        message: message.into(),
    })
}

fn local(n: u8) -> Facility {
    Facility(n)
}

#[test]
fn facilities_have_the_codes_of_the_rfc() {
    assert_eq!((facility_code(local(0)), facility_code(local(7))), (16, 23));
}

#[test]
fn a_datagram_is_as_the_rfc_has_it() {
    let settings = Settings { hosts: Vec::new(), sys_name: "core 1".into(), role: "a\"]b".into() };
    let text = |message: &str| {
        let bytes = datagram(&entry(Severity::Warning, message), local(4), &settings, "b");
        String::from_utf8(bytes).expect("UTF-8")
    };
    // 20 * 8 + 4
    let head = format!(
        "<164>1 2024-02-29T12:34:56.789Z core-1 msm-ctl {} Msm.Failover [msm@32473 slot=\"b\" role=\"a\\\"\\]b\"] ",
        std::process::id()
    );
    assert_eq!(text("MSM a is gone"), format!("{head}MSM a is gone"));
    assert_eq!(text("Zürich"), format!("{head}\u{feff}Zürich"));
    let long = text(&"ü".repeat(3000));
    assert!(long.len() <= DATAGRAM && long.len() > DATAGRAM - 2);
    assert_eq!(header("", 32), "-");
}

async fn receive(socket: &UdpSocket) -> String {
    let mut buffer = [0; 4096];
    let (length, _) = tokio::time::timeout(Duration::from_secs(5), socket.recv_from(&mut buffer))
        .await
        .expect("in time")
        .expect("received");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn each_host_gets_what_it_asked_for() {
    let (all, some) = (UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("[::1]:0"));
    let (all, some) = (all.await.expect("bound"), some.await.expect("bound"));
    let host = |socket: &UdpSocket, severity, n| SyslogHost {
        address: socket.local_addr().expect("bound"),
        facility: local(n),
        severity,
    };
    let door = Door::new(Some(Slot::A));
    door.take(&entry(Severity::Critical, "before there was a host"));
    door.set_hosts(vec![host(&all, Severity::Info, 0), host(&some, Severity::Error, 1)]);
    door.set_name("core", "master");
    let task = tokio::spawn(door.sender());
    door.take(&entry(Severity::Debug, "nobody's"));
    door.take(&entry(Severity::Info, "one"));
    door.take(&entry(Severity::Error, "two"));
    assert!(receive(&all).await.ends_with("slot=\"a\" role=\"master\"] one"));
    assert!(receive(&all).await.ends_with("two"));
    let text = receive(&some).await;
    assert!(text.starts_with("<139>1 ") && text.ends_with("two"), "{text}");
    // A host that is taken away gets no more.
    door.set_hosts(vec![host(&some, Severity::Info, 1)]);
    door.take(&entry(Severity::Critical, "three"));
    assert!(receive(&some).await.ends_with("three"));
    let more = all.try_recv_from(&mut [0; 16]);
    assert_eq!(more.expect_err("nothing").kind(), io::ErrorKind::WouldBlock);
    drop(door);
    task.await.expect("ends with the log");
}

#[tokio::test]
async fn an_unreachable_host_harms_no_other() {
    let good = UdpSocket::bind("127.0.0.1:0").await.expect("bound");
    let host = |address| SyslogHost { address, facility: local(0), severity: Severity::Info };
    let door = Door::new(None);
    // Class E: no route, whatever the machine.
    door.set_hosts(vec![
        host("255.255.255.255:514".parse().expect("address")),
        host(good.local_addr().expect("bound")),
    ]);
    tokio::spawn(door.sender());
    for n in 0..3 {
        door.take(&entry(Severity::Info, &format!("line {n}")));
        assert!(receive(&good).await.ends_with(&format!("line {n}")));
    }
}

#[tokio::test]
async fn what_the_queue_does_not_take_is_counted_and_told_once() {
    let door = Door::new(None);
    let host = SyslogHost {
        address: "127.0.0.1:9".parse().expect("address"),
        facility: local(0),
        severity: Severity::Info,
    };
    door.set_hosts(vec![host]);
    for _ in 0..QUEUE + 5 {
        door.take(&entry(Severity::Info, "x"));
    }
    assert_eq!(door.lost.load(Ordering::Relaxed), 5);
    let mut losses = Losses { full: Arc::clone(&door.lost), known: 0, told: None };
    losses.tell();
    assert_eq!(losses.known, 5);
    door.take(&entry(Severity::Info, "x"));
    losses.tell();
    assert_eq!(losses.known, 5, "not again within the minute");
    losses.told = Instant::now().checked_sub(TELL);
    losses.tell();
    assert_eq!(losses.known, 6);
}
