//! What MSMs and backplane tell each other over `chassis.sock`: one SEQPACKET message each.

use prost::Message;

/// Longest message; the longest of these has less than 64 bytes.
pub(crate) const MESSAGE_MAX: usize = 512;

/// MSM to backplane.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FromMsm {
    /// What it says.
    #[prost(oneof = "from_msm::Body", tags = "1, 2")]
    pub(crate) body: Option<from_msm::Body>,
}

/// Bodies of [`FromMsm`].
pub(crate) mod from_msm {
    /// What an MSM says.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum Body {
        /// First message: who this is.
        #[prost(message, tag = "1")]
        Hello(super::Hello),
        /// Take power from a slot and give it again.
        #[prost(message, tag = "2")]
        Reset(super::Reset),
    }
}

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

/// Reset request.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Reset {
    /// `a` or `b`.
    #[prost(string, tag = "1")]
    pub(crate) slot: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_a_message_or_an_error() {
        for length in 0..MESSAGE_MAX {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 37 + length) as u8).collect();
            let _ = FromMsm::decode(bytes.as_slice());
        }
        let hello = FromMsm {
            body: Some(from_msm::Body::Hello(Hello { slot: "a".into(), version: "0.1.0".into() })),
        };
        let bytes = hello.encode_to_vec();
        assert!(bytes.len() < MESSAGE_MAX);
        assert_eq!(FromMsm::decode(bytes.as_slice()), Ok(hello));
        assert!(FromMsm::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
