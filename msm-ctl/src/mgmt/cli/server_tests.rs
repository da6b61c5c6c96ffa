use super::*;
use msm_config::Running;
use msm_proto::{Identity, Machine, Slot};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const FILE: &str = "name = \"t\"\ntype = \"BD6804\"\nsystem_mac = \"02:00:00:00:00:01\"\n";
const PATIENCE: Duration = Duration::from_secs(5);

struct Bed {
    path: std::path::PathBuf,
    jobs: mpsc::Receiver<Job>,
    _board: watch::Sender<Arc<Board>>,
    _exceptions: mpsc::Receiver<crate::task::Exception>,
    _dir: tempfile::TempDir,
}

/// A server of an MSM that has not booted.
async fn bed() -> Bed {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("t.toml");
    std::fs::write(&file, FILE).expect("written");
    let chassis = Chassis::read(&file, Path::new("/")).expect("good");
    let identity =
        Identity { slot: Slot::A, instance: 1, pid: 1, version: "0".into(), image: "primary".into() };
    let (board, shown) = watch::channel(Arc::new(Board {
        anew: None,
        status: Machine::new(identity).status(),
        config: Arc::new(Running::factory(&chassis.facts())),
        observer: None,
        faults: Arc::default(),
        fabric_failed: false,
        lacp: Default::default(),
    }));
    let (tasks, exceptions) = Tasks::new().expect("a descriptor");
    let (sender, jobs) = mpsc::channel(8);
    let path = dir.path().join("cli-a.sock");
    let flash = Flash::open(&dir.path().join("flash")).expect("opens").0;
    let desk = Desk {
        examiner: crate::diagnostics::Examiner::new(shown.clone(), sender.clone(), flash.clone()),
        chassis: Arc::new(chassis),
        board: shown,
        view: View::default(),
        log: Log::default(),
        flash,
        routing: crate::routing::ledger::Ledger::default(),
        started: std::time::SystemTime::now(),
        jobs: sender,
        sessions: Sessions::default(),
        baseline: Baseline::default(),
        hits_baseline: Default::default(),
        answers: Arc::new(Semaphore::new(ANSWERS)),
    };
    let listener = bind(&path).expect("binds");
    tasks.spawn("cli", false, serve(listener, desk, tasks.clone()));
    Bed { path, jobs, _board: board, _exceptions: exceptions, _dir: dir }
}

struct Client(tokio_util::codec::Framed<UnixStream, LengthDelimitedCodec>);

impl Client {
    async fn connect(bed: &Bed) -> Self {
        let stream = UnixStream::connect(&bed.path).await.expect("connects");
        Self(tokio_util::codec::Framed::new(stream, messages::codec(ANSWER_MAX)))
    }

    async fn ask(&mut self, id: u64, line: &str) {
        let request = Request { id, line: line.into(), ..Request::default() }.encode_to_vec();
        self.0.send(Bytes::from(request)).await.expect("sent");
    }

    async fn hear(&mut self) -> Option<Body> {
        let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("in time")?;
        FromServer::decode(frame.ok()?).expect("a message").body
    }

    async fn answer(&mut self) -> messages::Answer {
        loop {
            match self.hear().await.expect("connected") {
                Body::Answer(answer) => return answer,
                Body::Announce(_) => {}
            }
        }
    }
}

#[tokio::test]
async fn a_client_is_told_the_role_and_shows_work_without_a_master() {
    let bed = bed().await;
    let mode = std::fs::metadata(&bed.path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut client = Client::connect(&bed).await;
    let Some(Body::Announce(announce)) = client.hear().await else { panic!("no announcement") };
    assert_eq!((announce.slot.as_str(), announce.role.as_str(), announce.master), ("a", "booting", false));
    client.ask(5, "show msm-failover").await;
    let answer = client.answer().await;
    assert!(answer.ok && answer.last && answer.id == 5, "{answer:?}");
    client.ask(6, "show fdb").await;
    let answer = client.answer().await;
    assert!(!answer.ok && answer.error.contains("no tables"), "{answer:?}");
    client.ask(7, "show nonsense").await;
    let answer = client.answer().await;
    assert!(!answer.ok && answer.error.contains("nonsense"), "{answer:?}");
}

#[tokio::test]
async fn a_command_goes_to_the_actor_and_its_refusal_says_elsewhere() {
    let mut bed = bed().await;
    let mut client = Client::connect(&bed).await;
    client.ask(9, "run msm-failover").await;
    let job = tokio::time::timeout(PATIENCE, bed.jobs.recv()).await.expect("in time").expect("a job");
    assert_eq!(job.id, 9);
    assert!(matches!(job.work, Work::Failover));
    job.reply.send(Reply::Elsewhere("MSM a is not the master".into())).expect("waited for");
    let answer = client.answer().await;
    assert!(!answer.ok && answer.elsewhere, "{answer:?}");
    client.ask(10, "run msm-failover").await;
    drop(bed.jobs.recv().await);
    let answer = client.answer().await;
    assert!(answer.elsewhere, "an MSM that ends leaves it to the other: {answer:?}");
}

#[tokio::test]
async fn garbage_and_gigabytes_cost_only_their_sender() {
    let bed = bed().await;
    let mut good = Client::connect(&bed).await;
    for garbage in [
        vec![0xff; 64],
        (1u32 << 30).to_be_bytes().to_vec(),
        [&4u32.to_be_bytes()[..], &[0xff; 4]].concat(),
        [&((REQUEST_MAX as u32) + 1).to_be_bytes()[..], &vec![0; REQUEST_MAX + 1]].concat(),
    ] {
        let mut bad = UnixStream::connect(&bed.path).await.expect("connects");
        let _ = bad.write_all(&garbage).await;
        let mut rest = Vec::new();
        let end = tokio::time::timeout(PATIENCE, bad.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "was not dropped");
    }
    // Half a frame, and then nothing: it holds a place, no more.
    let mut half = UnixStream::connect(&bed.path).await.expect("connects");
    half.write_all(&[0, 0, 0, 9, 1]).await.expect("sent");
    good.ask(1, "show switch").await;
    assert!(good.answer().await.ok);
}

#[tokio::test]
async fn one_client_too_many_is_turned_away_and_a_place_becomes_free_again() {
    let bed = bed().await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(&bed).await;
        client.hear().await.expect("announced");
        clients.push(client);
    }
    assert!(Client::connect(&bed).await.hear().await.is_none(), "no place");
    clients.pop();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while Client::connect(&bed).await.hear().await.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "the place is not free");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_long_answer_comes_in_parts() {
    let (ours, theirs) = UnixStream::pair().expect("pair");
    let mut writer: Writer = FramedWrite::new(ours.into_split().1, messages::codec(ANSWER_MAX));
    let data: Vec<u8> = (0..3 * CHUNK + 17).map(|n| n as u8).collect();
    let expected = data.clone();
    tokio::spawn(async move {
        let answer = Answer { result: Ok(Data::Whole(data)), role: "master", elsewhere: false };
        assert!(send_answer(&mut writer, 3, answer).await.is_ok());
    });
    let mut client = Client(tokio_util::codec::Framed::new(theirs, messages::codec(ANSWER_MAX)));
    let mut got: Vec<u8> = Vec::new();
    for part in 0.. {
        // Four parts, and the end.
        let answer = client.answer().await;
        got.extend(&answer.data);
        assert_eq!(answer.last, part == 4);
        if answer.last {
            break;
        }
    }
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_file_of_a_command_comes_before_its_answer() {
    let bed = bed().await;
    let mut client = Client::connect(&bed).await;
    client.ask(3, "show configuration").await;
    let shown = client.answer().await;
    let shown: serde_json::Value = serde_json::from_slice(&shown.data).expect("JSON");
    client.ask(4, "upload configuration x.cfg").await;
    let mut file = Vec::new();
    let end = loop {
        let answer = client.answer().await;
        assert_eq!(answer.id, 4);
        if answer.last {
            break answer;
        }
        assert!(answer.file, "{answer:?}");
        file.extend(answer.data);
    };
    assert!(end.ok && !end.file, "{end:?}");
    let commands = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let file = String::from_utf8(file).expect("text");
    assert!(file.starts_with("#\n# BD6804 Configuration generated"), "{file}");
    assert_eq!(commands(&file), commands(shown["text"].as_str().expect("text")));
}

#[tokio::test]
async fn requests_behind_one_another_are_answered_in_their_order() {
    let mut bed = bed().await;
    let mut client = Client::connect(&bed).await;
    for id in 1..=3 {
        client.ask(id, if id == 1 { "run msm-failover" } else { "show version" }).await;
    }
    // What changes something is not given up: it runs to its end.
    let cancel = Request { id: 1, cancel: true, ..Request::default() }.encode_to_vec();
    client.0.send(Bytes::from(cancel)).await.expect("sent");
    let job = tokio::time::timeout(PATIENCE, bed.jobs.recv()).await.expect("in time").expect("a job");
    job.reply.send(Reply::Done("moved".into())).expect("waited for");
    for id in 1..=3 {
        let answer = client.answer().await;
        assert!(answer.ok && answer.last && answer.id == id, "{answer:?}");
    }
}

#[tokio::test]
async fn who_sends_without_end_while_it_is_answered_is_dropped() {
    let bed = bed().await;
    let mut client = Client::connect(&bed).await;
    for id in 0..=INBOX as u64 + 1 {
        client.ask(id, "run msm-failover").await;
    }
    while let Some(body) = client.hear().await {
        assert!(matches!(body, Body::Announce(_)), "{body:?}");
    }
}

#[tokio::test]
async fn sessions_are_listed_until_they_end() {
    let bed = bed().await;
    let mut client = Client::connect(&bed).await;
    let mut other = Client::connect(&bed).await;
    other.ask(1, "show version").await;
    other.answer().await;
    let sessions = async |client: &mut Client| -> Vec<serde_json::Value> {
        client.ask(7, "show session").await;
        let data: serde_json::Value = serde_json::from_slice(&client.answer().await.data).expect("JSON");
        data["sessions"].as_array().expect("rows").clone()
    };
    let rows = sessions(&mut client).await;
    let pid = std::process::id();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["pid"] == pid && row["from"] == "local"), "{rows:?}");
    assert_eq!(rows.iter().map(|row| row["commands"].as_u64().expect("a number")).sum::<u64>(), 2);
    drop(other);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while sessions(&mut client).await.len() == 2 {
        assert!(tokio::time::Instant::now() < deadline, "it is still there");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_in_the_middle_is_no_answer() {
    let (ours, theirs) = UnixStream::pair().expect("pair");
    let mut writer: Writer = FramedWrite::new(ours.into_split().1, messages::codec(ANSWER_MAX));
    let mut left = 3;
    let pieces = std::iter::from_fn(move || {
        left -= 1;
        assert!(left > 0, "a table went away");
        Some(vec![b'x'; CHUNK])
    });
    tokio::spawn(async move {
        let answer = Answer { result: Ok(Data::Pieces(Box::new(pieces))), role: "master", elsewhere: false };
        assert!(send_answer(&mut writer, 3, answer).await.is_ok());
    });
    let mut client = Client(tokio_util::codec::Framed::new(theirs, messages::codec(ANSWER_MAX)));
    for _ in 0..2 {
        let answer = client.answer().await;
        assert!(!answer.last && answer.data.len() == CHUNK, "{answer:?}");
    }
    let answer = client.answer().await;
    assert!(answer.last && !answer.ok && answer.error.contains("it failed"), "{answer:?}");
}
