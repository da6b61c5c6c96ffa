//! What MSMs, operators and the backplane tell each other over `chassis.sock`: one SEQPACKET message each.
//!
//! Numbers stand for words; 0 is none of them. A message of which nothing is understood is passed over: the two ends may be of different
//! images.

use std::time::Duration;

use msm_proto::backplane::{BackplaneInput, Bay, Fabric, Operate};
use msm_proto::{Slot, Trigger};
use prost::Message;

/// Longest message. What an operator reads and a diagnostic's text are the only parts that vary.
pub(crate) const MESSAGE_MAX: usize = 1024;
/// Longest text in a message.
const TEXT_MAX: usize = 768;

/// To the backplane.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ToBackplane {
    /// What it says.
    #[prost(oneof = "to_backplane::Body", tags = "1, 3, 4, 5, 6, 7, 8, 9")]
    pub(crate) body: Option<to_backplane::Body>,
}

/// Bodies of [`ToBackplane`]. Tag 2 was an image's that knew no other reset.
pub(crate) mod to_backplane {
    /// What an MSM or an operator says.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum Body {
        /// First message of an MSM: who this is.
        #[prost(message, tag = "1")]
        Hello(super::Hello),
        /// The watchdog's.
        #[prost(message, tag = "3")]
        Kick(super::Kick),
        /// Answer to a ping, with its number.
        #[prost(uint64, tag = "4")]
        Pong(u64),
        /// Nothing is heard of the master for so many ms.
        #[prost(uint64, tag = "5")]
        Suspect(u64),
        /// Diagnostics failed.
        #[prost(message, tag = "6")]
        DiagnosticsFailed(super::Failure),
        /// Diagnostics passed: its own.
        #[prost(message, tag = "7")]
        DiagnosticsPassed(super::Nothing),
        /// Acknowledges the notice of this number.
        #[prost(uint64, tag = "8")]
        Noted(u64),
        /// First and only message of an operator.
        #[prost(message, tag = "9")]
        Operate(super::Wish),
    }
}

/// A word that needs no more words.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Nothing {}

/// Who speaks. The pid is the socket's, never what a message says.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Hello {
    /// `a` or `b`.
    #[prost(string, tag = "1")]
    pub(crate) slot: String,
    /// Version of the image.
    #[prost(string, tag = "2")]
    pub(crate) version: String,
}

/// The MSM lives, and its critical tasks get their turns.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Kick {
    /// The option in force, ms.
    #[prost(uint32, tag = "1")]
    pub(crate) timeout_ms: u32,
    /// This MSM is the master.
    #[prost(bool, tag = "2")]
    pub(crate) master: bool,
}

/// A failed self test.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Failure {
    /// Whose: `a` or `b`.
    #[prost(string, tag = "1")]
    pub(crate) slot: String,
    /// What failed.
    #[prost(string, tag = "2")]
    pub(crate) text: String,
}

/// What an operator wishes.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Wish {
    /// 1 remove, 2 insert, 3 reset, 4 hard reset, 5 reset of all.
    #[prost(uint32, tag = "1")]
    pub(crate) what: u32,
    /// Which bay, from 1.
    #[prost(uint32, tag = "2")]
    pub(crate) bay: u32,
}

/// From the backplane.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FromBackplane {
    /// What it says.
    #[prost(oneof = "from_backplane::Body", tags = "1, 2, 3, 4")]
    pub(crate) body: Option<from_backplane::Body>,
}

/// Bodies of [`FromBackplane`].
pub(crate) mod from_backplane {
    /// What the backplane says.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum Body {
        /// Answer with this number, by way of the critical tasks.
        #[prost(uint64, tag = "1")]
        Ping(u64),
        /// An MSM is about to be reset.
        #[prost(message, tag = "2")]
        Notice(super::Notice),
        /// All fabrics.
        #[prost(message, tag = "3")]
        Fabrics(super::Fabrics),
        /// To an operator.
        #[prost(message, tag = "4")]
        Answer(super::Answer),
    }
}

/// See [`msm_proto::backplane::BackplaneOutput::Notice`].
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Notice {
    /// To be acknowledged with it.
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    /// Which MSM, from 1.
    #[prost(uint32, tag = "2")]
    pub(crate) about: u32,
    /// Why: see [`TRIGGERS`].
    #[prost(uint32, tag = "3")]
    pub(crate) trigger: u32,
}

/// See [`msm_proto::backplane::BackplaneOutput::Fabrics`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Fabrics {
    /// By bay: 1 absent, 2 present, 3 reset, 4 failed.
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) all: Vec<u32>,
}

/// What became of a wish.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Answer {
    /// It was done.
    #[prost(bool, tag = "1")]
    pub(crate) done: bool,
    /// What was done, or why it was not.
    #[prost(string, tag = "2")]
    pub(crate) text: String,
}

/// Reasons of a notice: the first has number 1.
const TRIGGERS: [Trigger; 7] = [
    Trigger::WatchdogTimeout,
    Trigger::KeepaliveLoss,
    Trigger::Diagnostic,
    Trigger::HotRemoval,
    Trigger::HardReset,
    Trigger::ProcessDeath,
    Trigger::SlaveReboot,
];
/// Fabrics: the first has number 1.
const FABRICS: [Fabric; 4] = [Fabric::Absent, Fabric::Present, Fabric::Reset, Fabric::Failed];

fn number<T: PartialEq>(all: &[T], one: &T) -> u32 {
    all.iter().position(|other| other == one).map_or(0, |at| at as u32 + 1)
}

fn word<T: Copy>(all: &[T], number: u32) -> Option<T> {
    all.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}

fn slot(text: &str) -> Option<Slot> {
    [Slot::A, Slot::B].into_iter().find(|slot| slot.to_string() == text)
}

/// What fits into a message.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_MAX)].to_owned()
}

impl Hello {
    /// Who, if it is an MSM.
    pub(crate) fn slot(&self) -> Option<Slot> {
        slot(&self.slot)
    }
}

impl Wish {
    /// For the wire.
    pub(crate) fn of(what: Operate) -> Self {
        let bay = |bay: Bay| bay.index() as u32 + 1;
        match what {
            Operate::Remove(at) => Self { what: 1, bay: bay(at) },
            Operate::Insert(at) => Self { what: 2, bay: bay(at) },
            Operate::Reset { slot, hard } => Self { what: if hard { 4 } else { 3 }, bay: bay(slot.into()) },
            Operate::ResetAll => Self { what: 5, bay: 0 },
        }
    }

    /// From the wire.
    pub(crate) fn what(self) -> Option<Operate> {
        let bay = word(&Bay::ALL, self.bay);
        match self.what {
            1 => bay.map(Operate::Remove),
            2 => bay.map(Operate::Insert),
            3 | 4 => Some(Operate::Reset { slot: bay?.msm()?, hard: self.what == 4 }),
            5 => Some(Operate::ResetAll),
            _ => None,
        }
    }
}

impl ToBackplane {
    /// `body` alone.
    pub(crate) fn say(body: to_backplane::Body) -> Vec<u8> {
        Self { body: Some(body) }.encode_to_vec()
    }

    /// A failed self test of `of`.
    pub(crate) fn failure(of: Slot, text: &str) -> to_backplane::Body {
        to_backplane::Body::DiagnosticsFailed(Failure { slot: of.to_string(), text: cut(text) })
    }
}

impl to_backplane::Body {
    /// What the machine hears if the MSM in `slot`, process `pid`, says it; `None` if it is nothing that an MSM says.
    pub(crate) fn input(self, from: Slot, pid: u32) -> Option<BackplaneInput> {
        Some(match self {
            Self::Hello(_) | Self::Operate(_) => return None,
            Self::Kick(Kick { timeout_ms, master }) => BackplaneInput::Kick {
                slot: from,
                pid,
                timeout: Duration::from_millis(timeout_ms.into()),
                master,
            },
            Self::Pong(number) => BackplaneInput::Pong { slot: from, number },
            Self::Suspect(ms) => BackplaneInput::Suspect { by: from, keepalive: Duration::from_millis(ms) },
            Self::DiagnosticsFailed(Failure { slot: of, text }) => {
                BackplaneInput::DiagnosticsFailed { slot: slot(&of)?, text }
            }
            Self::DiagnosticsPassed(Nothing {}) => BackplaneInput::DiagnosticsPassed { slot: from },
            Self::Noted(number) => BackplaneInput::Noted { slot: from, number },
        })
    }
}

impl FromBackplane {
    /// `body` alone.
    pub(crate) fn say(body: from_backplane::Body) -> Vec<u8> {
        Self { body: Some(body) }.encode_to_vec()
    }
}

impl Notice {
    /// For the wire.
    pub(crate) fn of(number: u64, about: Slot, trigger: Trigger) -> Self {
        Self { number, about: about.number().into(), trigger: self::number(&TRIGGERS, &trigger) }
    }

    /// About whom, and why.
    pub(crate) fn read(self) -> Option<(Slot, Trigger)> {
        Some((Slot::from_number(u8::try_from(self.about).ok()?)?, word(&TRIGGERS, self.trigger)?))
    }
}

impl Fabrics {
    /// For the wire.
    pub(crate) fn of(all: [Fabric; 4]) -> Self {
        Self { all: all.iter().map(|fabric| number(&FABRICS, fabric)).collect() }
    }

    /// From the wire.
    pub(crate) fn read(&self) -> Option<[Fabric; 4]> {
        let all: Option<Vec<Fabric>> = self.all.iter().map(|fabric| word(&FABRICS, *fabric)).collect();
        all?.try_into().ok()
    }
}

impl Answer {
    /// For the wire.
    pub(crate) fn of(result: Result<String, String>) -> Self {
        let (done, text) = match result {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        Self { done, text: cut(&text) }
    }

    /// From the wire.
    pub(crate) fn read(self) -> Result<String, String> {
        if self.done { Ok(self.text) } else { Err(self.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_a_message_or_an_error() {
        for length in 0..MESSAGE_MAX {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 37 + length) as u8).collect();
            let _ = ToBackplane::decode(bytes.as_slice());
            let _ = FromBackplane::decode(bytes.as_slice());
        }
        let hello = to_backplane::Body::Hello(Hello { slot: "a".into(), version: "0.1.0".into() });
        let bytes = ToBackplane::say(hello.clone());
        assert_eq!(ToBackplane::decode(bytes.as_slice()), Ok(ToBackplane { body: Some(hello) }));
        assert!(ToBackplane::decode(&bytes[..bytes.len() - 1]).is_err());
        let later = ToBackplane::decode([0x92, 0x01, 0x00].as_slice()).expect("a tag of a later image");
        assert_eq!(later.body, None);
    }

    #[test]
    fn every_word_comes_back() {
        let wishes = Bay::ALL.into_iter().flat_map(|bay| [Operate::Remove(bay), Operate::Insert(bay)]);
        let resets = [Slot::A, Slot::B]
            .into_iter()
            .flat_map(|slot| [false, true].map(|hard| Operate::Reset { slot, hard }));
        for what in wishes.chain(resets).chain([Operate::ResetAll]) {
            assert_eq!(Wish::of(what).what(), Some(what));
        }
        assert_eq!(Wish { what: 3, bay: 3 }.what(), None, "fabric only");
        assert_eq!(Wish { what: 0, bay: 1 }.what(), None);
        for trigger in TRIGGERS {
            assert_eq!(Notice::of(7, Slot::B, trigger).read(), Some((Slot::B, trigger)));
        }
        assert_eq!(Notice::of(7, Slot::B, Trigger::Operator).read(), None, "not the backplane's to say");
        let all = [Fabric::Reset, Fabric::Absent, Fabric::Failed, Fabric::Present];
        assert_eq!(Fabrics::of(all).read(), Some(all));
        assert_eq!(Fabrics { all: vec![1, 2, 3] }.read(), None);
        let long = Answer::of(Err("ä".repeat(TEXT_MAX)));
        assert!(FromBackplane::say(from_backplane::Body::Answer(long)).len() < MESSAGE_MAX);
    }
}
