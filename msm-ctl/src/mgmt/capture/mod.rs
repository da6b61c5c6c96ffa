//! `capture port`: what a port really receives and sends, as a pcapng file. Redirected frames pass by every other observer.

mod pcapng;
mod stream;

pub(crate) use pcapng::{Clock, Writer};
pub(crate) use stream::{Bounds, End, Stream};
