//! kill -9 at random points of `save`: what the next boot finds is whole, and is what was saved last or was being saved.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::Flash;
use msm_config::area::Area;

/// Kills.
const ROUNDS: usize = 1000;
/// Children at once, each with a flash of its own.
const LANES: usize = 3;
/// Commands of a configuration: some pages, so that a write has a middle.
const LINES: usize = 400;
const NAME: &str = "flash::kill_tests::a_kill_at_any_point_of_save_leaves_whole_files";

/// This test binary as a child that runs one test, knowing that it is the child.
pub(super) mod child {
    use std::path::Path;
    use std::process::Command;

    /// Where the child works.
    pub(in crate::flash) const DIR: &str = "MSM_TEST_CHILD_DIR";

    pub(in crate::flash) fn command(test: &str, dir: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(DIR, dir);
        command
    }
}

/// Every line of a generation names it.
fn text(generation: u64) -> String {
    format!("configure snmp sysName \"generation-{generation}\"\n").repeat(LINES)
}

/// The generation that a text is, if all of it is.
fn generation(of: &str) -> Option<u64> {
    let number = of.split_once("generation-")?.1.split_once('"')?.0.parse().ok()?;
    (of == text(number)).then_some(number)
}

fn area(generation: u64) -> Area {
    if generation.is_multiple_of(2) { Area::Primary } else { Area::Secondary }
}

/// What a boot finds in both areas, by generation.
fn found(flash: &Flash) -> BTreeMap<u64, Area> {
    let generations = Area::ALL.into_iter().filter_map(|area| {
        let saved = flash.load(area).unwrap_or_else(|error| panic!("{error}"))?;
        Some((generation(&saved.text).unwrap_or_else(|| panic!("{area} mixes generations")), area))
    });
    generations.collect()
}

/// Saves generation after generation, telling each one done, until it is killed.
fn save_for_ever(dir: &Path) {
    let (flash, faults) = Flash::open(dir).expect("opens");
    assert!(faults.is_empty(), "{faults:?}");
    let mut next = found(&flash).keys().next_back().map_or(0, |last| last + 1);
    let mut out = std::io::stderr();
    loop {
        flash.save(area(next), text(next)).wait().expect("saved");
        out.write_all(&next.to_le_bytes()).expect("told");
        next += 1;
    }
}

/// xorshift64: a seed gives the same points in every run.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Kills by where they hit.
#[derive(Debug, Default)]
struct Hits {
    /// In the first save, before its file.
    before: u32,
    /// With a file half written.
    during: u32,
    /// Written and not told.
    after: u32,
    /// Between saves.
    between: u32,
    longest_death: Duration,
}

/// Lets a child save, kills it, and looks. `pace` is what a save takes, here and now.
fn round(dir: &Path, state: &mut u64, pace: &mut Duration, hits: &mut Hits) {
    let mut child =
        child::command(NAME, dir).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("child starts");
    let mut told = child.stderr.take().expect("piped");
    let mut first = [0; 8];
    told.read_exact(&mut first).expect("the child has saved once");
    let first = u64::from_le_bytes(first);
    let start = Instant::now();
    let at = start + pace.mul_f64(random(state) as f64 / u64::MAX as f64 * 2.5);
    // Timer slack would round the points: the last part is waited for awake.
    std::thread::sleep(at.saturating_duration_since(start).saturating_sub(Duration::from_micros(80)));
    while Instant::now() < at {
        std::hint::spin_loop();
    }
    child.kill().expect("killed");
    let lived = start.elapsed();
    let killed = Instant::now();
    child.wait().expect("reaped");
    // A process is dead when its last thread is, and one that waits for the disk dies when the disk answers.
    hits.longest_death = hits.longest_death.max(killed.elapsed());
    let mut rest = Vec::new();
    told.read_to_end(&mut rest).expect("read");
    let word = |word: &[u8]| u64::from_le_bytes(word.try_into().expect("eight bytes"));
    let last = rest.chunks_exact(8).next_back().map_or(first, word);
    let saves = u32::try_from(last - first).expect("few");
    if saves > 0 {
        *pace = (*pace * 7 + lived / saves) / 8;
    }
    let temporary = || Area::ALL.iter().any(|area| dir.join(format!("{area}.cfg.tmp")).exists());
    let half_written = temporary();

    let (flash, faults) = Flash::open(dir).expect("opens");
    assert!(faults.is_empty(), "{faults:?}");
    assert!(!temporary(), "what was half written is removed");
    let found = found(&flash);
    let newest = *found.keys().next_back().expect("something was saved");
    assert!(found.iter().all(|(generation, holder)| area(*generation) == *holder), "{found:?}");
    // What was told is there; one more may have been finished and not told.
    assert!(newest == last || newest == last + 1, "told {last}, found {found:?}");
    assert!(newest == 0 || found.contains_key(&(newest - 1)), "the other area is as it was: {found:?}");
    let hit = match (half_written, newest > last) {
        (true, _) => &mut hits.during,
        (false, true) => &mut hits.after,
        (false, false) if saves == 0 => &mut hits.before,
        (false, false) => &mut hits.between,
    };
    *hit += 1;
    assert!(flash.end(Duration::from_secs(10)));
}

#[test]
fn a_kill_at_any_point_of_save_leaves_whole_files() {
    if let Ok(dir) = std::env::var(child::DIR) {
        return save_for_ever(Path::new(&dir));
    }
    let seed: u64 = std::env::var("MSM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed);
    let root = tempfile::tempdir().expect("temporary directory");
    // Each waits for the disk most of the time.
    let lane = |lane: usize| {
        let dir = root.path().join(lane.to_string());
        let mut state = seed.wrapping_mul(2).wrapping_add(lane as u64).max(1);
        let (mut pace, mut hits) = (Duration::from_millis(1), Hits::default());
        for _ in 0..ROUNDS / LANES {
            round(&dir, &mut state, &mut pace, &mut hits);
        }
        println!("seed {seed} lane {lane}: {hits:?}, a save takes {pace:?}");
        let Hits { before, during, after, between, .. } = hits;
        assert!(before > 0 && during > 0 && after > 0 && between > 0, "not all points were hit: {hits:?}");
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|n| {
                scope.spawn({
                    let lane = &lane;
                    move || lane(n)
                })
            })
            .collect();
        for handle in lanes {
            handle.join().unwrap_or_else(|_| panic!("seed {seed}: see above"));
        }
    });
}
