use super::*;
use crate::backplane::lock::Lock;

const FILE: &str = "name = \"t\"\ntype = \"BD6804\"\nsystem_mac = \"02:00:00:00:00:01\"\n";
const PATIENCE: Duration = Duration::from_secs(5);

struct Bed {
    chassis: Chassis,
    /// This process is in slot B too.
    in_b: Option<Lock>,
    _dir: tempfile::TempDir,
}

fn bed() -> Bed {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("t.toml");
    std::fs::write(&file, format!("run_dir = \"{}\"\n{FILE}", dir.path().display())).expect("written");
    let chassis = Chassis::read(&file, Path::new("/")).expect("good");
    let in_b = Some(Lock::take(&chassis.msm_lock(Slot::B), true).expect("free"));
    Bed { chassis, in_b, _dir: dir }
}

async fn next(events: &mut mpsc::Receiver<LinkEvent>) -> LinkEvent {
    tokio::time::timeout(PATIENCE, events.recv()).await.expect("in time").expect("alive")
}

async fn connected(events: &mut mpsc::Receiver<LinkEvent>) -> Pair {
    match next(events).await {
        LinkEvent::Connected(pair) => pair,
        _ => panic!("not a connection"),
    }
}

#[tokio::test]
async fn two_msms_meet_talk_and_hear_the_end() {
    let bed = bed();
    let (tasks, _exceptions) = Tasks::new().expect("a descriptor");
    let (to_a, mut a) = mpsc::channel(64);
    let (to_b, mut b) = mpsc::channel(64);
    tokio::spawn(meet(&bed.chassis, Slot::A, to_a.clone()).expect("listens"));
    tokio::spawn(meet(&bed.chassis, Slot::B, to_b.clone()).expect("connects"));
    let a_out = connected(&mut a).await.start(1, &tasks, &to_a);
    let b_out = connected(&mut b).await.start(1, &tasks, &to_b);
    assert!(b_out.send(Channel::Bulk, vec![7; FRAME_MAX]));
    let LinkEvent::Frame { session: 1, channel: Channel::Bulk, bytes } = next(&mut a).await else { panic!() };
    assert_eq!(bytes.len(), FRAME_MAX);
    assert!(a_out.send(Channel::Control, vec![8]));
    let LinkEvent::Frame { channel: Channel::Control, bytes, .. } = next(&mut b).await else { panic!() };
    assert_eq!(bytes, [8]);
    drop(b_out);
    assert!(matches!(next(&mut a).await, LinkEvent::Gone { session: 1 }));
    drop(a_out);
    let _again = connected(&mut b).await;
}

#[tokio::test]
async fn an_outbox_that_nobody_empties_refuses_and_does_not_grow() {
    let bed = bed();
    let (tasks, _exceptions) = Tasks::new().expect("a descriptor");
    let (to_a, mut a) = mpsc::channel(1);
    let (to_b, mut b) = mpsc::channel(64);
    tokio::spawn(meet(&bed.chassis, Slot::A, to_a.clone()).expect("listens"));
    tokio::spawn(meet(&bed.chassis, Slot::B, to_b.clone()).expect("connects"));
    let _a = connected(&mut a).await;
    let b_out = connected(&mut b).await.start(1, &tasks, &to_b);
    let mut taken = 0;
    while b_out.send(Channel::Bulk, vec![0; FRAME_MAX]) {
        taken += 1;
        assert!(taken <= 2 * OUTBOX, "unbounded");
    }
    assert!(taken >= OUTBOX);
}

#[tokio::test]
async fn strangers_cost_themselves_the_connection_and_nobody_else_anything() {
    let bed = bed();
    let (to_a, mut a) = mpsc::channel(64);
    tokio::spawn(meet(&bed.chassis, Slot::A, to_a.clone()).expect("listens"));
    let path = bed.chassis.tsync_socket(Slot::A);
    let good = Hello { magic: MAGIC, channel: 1, pair: 1, slot: "b".into() };
    let hellos = [
        vec![0xff; 40],
        vec![0; 60_000],
        Hello { magic: 1, ..good.clone() }.encode_to_vec(),
        Hello { channel: 9, ..good.clone() }.encode_to_vec(),
        Hello { slot: "a".into(), ..good.clone() }.encode_to_vec(),
    ];
    let mut silent = Vec::new();
    for hello in hellos {
        let socket = UnixSeqpacket::connect(&path).await.expect("connects");
        socket.send(&hello).await.expect("sent");
        let mut buffer = [0; 64];
        let end = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.expect("in time");
        assert!(end.is_err() || end.is_ok_and(|info| info.bytes_read() == 0), "was answered");
        silent.push(UnixSeqpacket::connect(&path).await.expect("connects"));
    }
    let (to_b, mut b) = mpsc::channel(64);
    tokio::spawn(meet(&bed.chassis, Slot::B, to_b).expect("connects"));
    let _a = connected(&mut a).await;
    let _b = connected(&mut b).await;
}

#[tokio::test]
async fn a_record_that_is_too_long_ends_the_connection() {
    let bed = bed();
    let (tasks, _exceptions) = Tasks::new().expect("a descriptor");
    let (to_a, mut a) = mpsc::channel(64);
    tokio::spawn(meet(&bed.chassis, Slot::A, to_a.clone()).expect("listens"));
    let (pair, _open) = pair(&bed.chassis.tsync_socket(Slot::A)).await.expect("both");
    let _a_out = connected(&mut a).await.start(4, &tasks, &to_a);
    pair.control.send(&vec![0; FRAME_MAX + 10_000]).await.expect("the kernel takes it");
    assert!(matches!(next(&mut a).await, LinkEvent::Gone { session: 4 }));
}

#[tokio::test]
async fn who_is_not_in_the_slot_begins_no_session() {
    let mut bed = bed();
    drop(bed.in_b.take());
    let (to_a, mut a) = mpsc::channel(64);
    tokio::spawn(meet(&bed.chassis, Slot::A, to_a).expect("listens"));
    let path = bed.chassis.tsync_socket(Slot::A);
    assert!(pair(&path).await.is_err(), "a hello as good as any, from the wrong process");
    let _in_b = Lock::take(&bed.chassis.msm_lock(Slot::B), true).expect("free");
    let _pair = pair(&path).await.expect("now it is");
    let _a = connected(&mut a).await;
}

/// What a master sent before it died is heard before its end, though it died with our records unread.
#[tokio::test]
async fn the_last_words_of_a_peer_come_before_its_end() {
    let bed = bed();
    let (tasks, _exceptions) = Tasks::new().expect("a descriptor");
    let (to_a, mut a) = mpsc::channel(64);
    tokio::spawn(meet(&bed.chassis, Slot::A, to_a.clone()).expect("listens"));
    let (theirs, _open) = pair(&bed.chassis.tsync_socket(Slot::A)).await.expect("both");
    let ours = connected(&mut a).await;
    // Unread at the other end: its close is a reset for us.
    ours.control.send(&[1]).await.expect("sent");
    ours.bulk.send(&[1]).await.expect("sent");
    for word in 0..5u8 {
        theirs.control.send(&[word]).await.expect("sent");
        theirs.bulk.send(&[word]).await.expect("sent");
    }
    drop(theirs);
    let _out = ours.start(1, &tasks, &to_a);
    let mut heard = 0;
    loop {
        match next(&mut a).await {
            LinkEvent::Frame { .. } => heard += 1,
            LinkEvent::Gone { session: 1 } => break,
            _ => panic!("neither a word nor the end"),
        }
    }
    assert_eq!(heard, 10);
}
