//! What RFC 6201 and RFC 2889 ask a report to say, and what RFC 7654 calls the same figures.

use serde::{Deserialize, Serialize};

use super::causes::{CauseRow, CauseTrial};

/// RFC 6201, 4: the parameters and the results of reset tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResetReport {
    /// Throughput that was found and offered in each trial, all streams between modules; frames a second.
    pub throughput_fps: u64,
    /// The same in bits a second, of frames with FCS.
    pub throughput_bps: u64,
    /// One line a step of the search.
    pub search: Vec<String>,
    /// Seconds of traffic before each event.
    pub steady_secs: f64,
    /// Trials of each row.
    pub trials: u32,
    /// Frame length in octets, with FCS.
    pub frame_octets: u64,
    /// `IPv4, UDP`.
    pub protocol: String,
    /// `veth`.
    pub media: String,
    /// Speed of a port.
    pub speed: String,
    /// `Ethernet, untagged`.
    pub encapsulation: String,
    /// Everything else that the RFC lists: redundancy, scale, how state was learned.
    pub factors: Vec<(String, String)>,
    /// One line a cause and configuration.
    pub resets: Vec<Reset>,
}

/// One reset test: averages over its trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reset {
    /// The row's cause.
    pub cause: String,
    /// The row's configuration.
    pub configuration: String,
    /// The row's recovery level.
    pub recovery: String,
    /// `route processor switchover`, `line card`, ... as the RFC names its tests.
    pub test: String,
    /// `software` or `hardware`.
    pub kind: String,
    /// `manual` or `automatic`.
    pub manner: String,
    /// Trials that count.
    pub trials: u64,
    /// Frames lost, average of trials; RFC 7654's TPL_frames of a switchover.
    pub lost_frames: f64,
    /// Reset time by frame loss, average; ms. RFC 7654's TPL_time. 0: no loss.
    pub reset_ms_loss: f64,
    /// Reset time by time stamps, average; ms. 0: no loss.
    pub reset_ms_timestamp: f64,
    /// Least and most of the latter.
    pub reset_ms_range: (f64, f64),
    /// RFC 7654, T2: event to the new master in charge of its configuration, average; ms. Null if mastership stays.
    pub switchover_ms: Option<f64>,
    /// RFC 7654, T3: from there to a slave that is ready, average; ms.
    pub redundancy_ms: Option<f64>,
}

fn average(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u64), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}

impl Reset {
    /// Averages of a row that was tried.
    pub fn of(row: &CauseRow) -> Option<Self> {
        let over = |value: fn(&CauseTrial) -> Option<f64>| average(row.measured().filter_map(value));
        let stamps = || row.measured().map(CauseTrial::reset_ms_timestamp);
        let about = |word: &str| row.cause.contains(word);
        let by_hand = ["operator", "removal", "hard reset", "rebooted"].iter().any(|word| about(word));
        let hardware = ["removal", "hard reset", "diagnostic"].iter().any(|word| about(word));
        let test = if about("removal") {
            "4.1.2 removal and insertion"
        } else if about("operator") {
            "4.1.1.2 switchover"
        } else if hardware || about("rebooted") || about("stopped") || about("watchdog") || about("keepalive")
        {
            "4.1.1.2 reset of one of two"
        } else if about("both") {
            "4.2.1 reset of the system's software"
        } else {
            "4.2.2 reset of a process"
        };
        Some(Self {
            cause: row.cause.clone(),
            configuration: row.configuration.clone(),
            recovery: row.recovery.clone(),
            test: test.to_owned(),
            kind: if hardware { "hardware" } else { "software" }.to_owned(),
            manner: if by_hand { "manual" } else { "automatic" }.to_owned(),
            trials: row.measured().count() as u64,
            lost_frames: over(|trial| Some(trial.lost() as f64))?,
            reset_ms_loss: over(|trial| Some(trial.reset_ms_loss()))?,
            reset_ms_timestamp: average(stamps())?,
            reset_ms_range: (stamps().fold(f64::INFINITY, f64::min), stamps().fold(0.0, f64::max)),
            switchover_ms: over(|trial| trial.seen.serving_ms),
            redundancy_ms: over(|trial| Some(trial.seen.ready_ms? - trial.seen.serving_ms?)),
        })
    }
}

/// RFC 2889, 5.7, across a failover: addresses learned before it must be known after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caching {
    /// What was done: `run msm-failover`.
    pub cause: String,
    /// Addresses learned on the learning port.
    pub addresses: u64,
    /// Frames sent to them from the test port, after the failover.
    pub sent: u64,
    /// Those that arrived on the learning port.
    pub arrived: u64,
    /// Those that a monitor port saw: addresses that were not known any more.
    pub flooded: u64,
    /// Why it is red.
    pub faults: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::judge::tests::{good, hitless, not_hitless};

    #[test]
    fn a_reset_is_the_average_of_what_counts() {
        let expected = not_hitless();
        let mut slow = good(&expected);
        slow.streams.iter_mut().for_each(|s| (s.lost, s.reset_ms_timestamp) = (s.lost * 2, 2400.0));
        let mut void = good(&expected);
        void.void = vec!["away".into()];
        let trials = vec![good(&expected), slow, void];
        let row = CauseRow { cause: "operator".into(), expected, trials, ..CauseRow::default() };
        let reset = Reset::of(&row).expect("two trials");
        assert_eq!((reset.trials, reset.lost_frames, reset.reset_ms_timestamp), (2, 5400.0, 1800.0));
        assert_eq!(reset.reset_ms_range, (1200.0, 2400.0));
        assert_eq!((reset.switchover_ms, reset.redundancy_ms), (Some(8.0), Some(192.0)));
        assert_eq!((reset.test.as_str(), reset.manner.as_str()), ("4.1.1.2 switchover", "manual"));
    }

    #[test]
    fn no_loss_is_no_reset_time_and_no_trial_is_no_reset() {
        let row = CauseRow { trials: vec![good(&hitless())], ..CauseRow::default() };
        let reset = Reset::of(&row).expect("a trial");
        assert_eq!((reset.lost_frames, reset.reset_ms_loss, reset.reset_ms_timestamp), (0.0, 0.0, 0.0));
        assert_eq!(Reset::of(&CauseRow::default()), None);
    }
}
