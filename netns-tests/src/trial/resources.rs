//! What the switch's processes hold: memory and descriptors, by role. Processes come and go with every failover, so like is compared with
//! like: masters with masters, slaves with slaves of the same age.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rustix::process::Pid;

use crate::bed::{Ready, Testbed};

/// Of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holding {
    /// Resident memory, KiB.
    pub rss_kib: u64,
    /// The same with shared pages by their share, KiB.
    pub pss_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// Of all, at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources(BTreeMap<&'static str, Holding>);

/// Over a run.
#[derive(Clone, Debug, Default)]
pub struct Trend(Vec<Resources>);

fn holding(pid: Pid) -> Result<Holding> {
    let place = |file: &str| format!("/proc/{}/{file}", pid.as_raw_pid());
    let path = place("smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
    };
    let path = place("fd");
    let descriptors = std::fs::read_dir(&path).with_context(|| format!("reading {path}"))?.count() as u64;
    Ok(Holding { rss_kib: kib("Rss:"), pss_kib: kib("Pss:"), descriptors })
}

impl Resources {
    /// Now, with both MSMs ready.
    ///
    /// # Errors
    /// A process that is gone.
    pub fn of(bed: &Testbed, ready: &Ready) -> Result<Self> {
        let of = |pid: Result<Pid, _>| holding(pid?);
        Ok(Self(BTreeMap::from([
            ("master", of(bed.pid(ready.master))?),
            ("slave", of(bed.pid(ready.slave))?),
            ("backplane", of(bed.backplane_pid())?),
        ])))
    }
}

impl Trend {
    /// One more moment.
    pub fn push(&mut self, now: Resources) {
        self.0.push(now);
    }

    /// Averages of a role's memory and descriptors over some moments.
    fn average(moments: &[Resources], role: &str, value: fn(&Holding) -> u64) -> f64 {
        let values = moments.iter().filter_map(|moment| moment.0.get(role)).map(value);
        values.sum::<u64>() as f64 / moments.len().max(1) as f64
    }

    /// What grew or shrank from the second `window` moments to the last by more than `part` of itself, a line each; all figures as text.
    ///
    /// # Errors
    /// The lines, if there are any.
    pub fn flat(&self, window: usize, part: f64) -> Result<String, String> {
        type Value = (&'static str, fn(&Holding) -> u64);
        const VALUES: [Value; 3] =
            [("RSS KiB", |h| h.rss_kib), ("PSS KiB", |h| h.pss_kib), ("descriptors", |h| h.descriptors)];
        let (moments, made) = (&self.0, self.0.len());
        if made < 3 * window {
            return Err(format!("{made} moments: too few for a second and a last {window}"));
        }
        let (early, late) = (&moments[window..2 * window], &moments[made - window..]);
        let (mut all, mut moved) = (Vec::new(), Vec::new());
        for role in ["master", "slave", "backplane"] {
            for (name, value) in VALUES {
                let (then, now) = (Self::average(early, role, value), Self::average(late, role, value));
                let line = format!("{role}: {name} {then:.1} -> {now:.1}");
                if (now - then).abs() > part * then.max(1.0) {
                    moved.push(line.clone());
                }
                all.push(line);
            }
        }
        if moved.is_empty() { Ok(all.join("; ")) } else { Err(moved.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(kib: u64, descriptors: u64) -> Resources {
        let holding = Holding { rss_kib: kib, pss_kib: kib, descriptors };
        Resources(["master", "slave", "backplane"].into_iter().map(|role| (role, holding)).collect())
    }

    #[test]
    fn what_stays_is_flat_and_a_leak_is_not() {
        let mut trend = Trend::default();
        (0..40).for_each(|i| trend.push(moment(10_000 + i % 3, 40)));
        assert!(trend.flat(10, 0.02).is_ok());
        let mut leak = Trend::default();
        (0..40).for_each(|i| leak.push(moment(10_000, 40 + i / 10)));
        let lines = leak.flat(10, 0.02).expect_err("two descriptors more");
        assert!(lines.starts_with("master: descriptors 41.0 -> 43.0"), "{lines}");
        assert!(Trend::default().flat(10, 0.02).is_err(), "nothing proves nothing");
    }

    #[test]
    fn own_memory_and_descriptors_are_read() {
        let own = holding(rustix::process::getpid()).expect("this process");
        assert!(own.rss_kib >= own.pss_kib && own.pss_kib > 0 && own.descriptors > 0, "{own:?}");
    }
}
