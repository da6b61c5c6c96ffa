//! The client as a script has it: arguments, standard input, both outputs, exit status.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use netns_tests::bed::Testbed;

/// Longest that any script of a test takes.
const WITHIN: Duration = Duration::from_secs(60);

/// A client that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Ended {
    /// Fails unless every command was done.
    pub(crate) fn good(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }

    /// Fails unless it was refused with a reason that has `wanted` in it.
    pub(crate) fn refused(self, wanted: &str) -> Self {
        assert!(!self.status.success(), "it was done: {self:#?}");
        assert_eq!(self.status.code(), Some(1), "a refusal, and no crash: {self:#?}");
        let said = self.out.clone() + &self.err;
        assert!(said.contains(wanted), "it does not say `{wanted}`: {self:#?}");
        self
    }
}

/// `msm-ctl cli` of a bed, with nothing on its standard input yet.
pub(crate) fn client(bed: &Testbed) -> Command {
    let mut command = Command::new(bed.msm_ctl().expect("a binary"));
    command.arg("cli").arg("--run-dir").arg(bed.run_dir());
    command
}

/// The same as another user.
pub(crate) fn client_of(bed: &Testbed, uid: u32, gid: u32) -> Command {
    let mut command = client(bed);
    command.gid(gid).uid(uid);
    command
}

/// Runs it with this input to its end.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Ended {
    let started = Instant::now();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a client");
    let mut stdin = child.stdin.take().expect("a pipe");
    let (mut out, mut err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    std::thread::scope(|scope| {
        // It may end before it has read everything.
        scope.spawn(move || drop(stdin.write_all(input)));
        let out = scope.spawn(move || text(&mut out));
        let err = scope.spawn(move || text(&mut err));
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if started.elapsed() > WITHIN {
                let _ = child.kill();
                let _ = child.wait();
                let said = (out.join(), err.join());
                panic!("the client has not ended within {WITHIN:?}: {said:?}");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = started.elapsed();
        let said = |thread: std::thread::ScopedJoinHandle<'_, String>| thread.join().expect("an output");
        Ended { status, out: said(out), err: said(err), took }
    })
}

/// Runs a script.
pub(crate) fn script(bed: &Testbed, lines: &str) -> Ended {
    finish(client(bed), lines.as_bytes())
}

/// Runs one command, given as an argument.
pub(crate) fn command(bed: &Testbed, line: &str) -> Ended {
    let mut command = client(bed);
    command.args(["-c", line]);
    finish(command, b"")
}

fn text(from: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("an output");
    String::from_utf8_lossy(&bytes).into_owned()
}
