//! What is measured of a stream: numbers that can be read of a thousand streams at once, and change nothing in them.

use std::time::Duration;

use super::status::State;
use super::{Stream, lock};
use crate::clock;

/// A stream at one instant, in numbers. What its camera counts begins anew when the stream moves to another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vitals {
    /// How its camera is.
    pub state: State,
    /// Bits per second over the listed segments.
    pub bit_rate: f64,
    /// Pictures that its camera has sent.
    pub pictures: u64,
    /// Bytes of pictures and audio that its camera has sent.
    pub received_bytes: u64,
    /// Since the latest picture came; before the first one, since the stream was started.
    pub picture_age: Duration,
    /// RTP packets that did not arrive, or made no sense.
    pub packets_lost: u64,
    /// How often its camera came back.
    pub reconnects: u64,
    /// Viewers of the last 15 seconds, estimated.
    pub viewers: usize,
    /// Bytes of media held.
    pub held_bytes: usize,
}

impl Stream {
    /// The stream now. To look is not to watch: it stays as idle as it was, and no playlist is rendered.
    pub fn vitals(&self) -> Vitals {
        let camera = self.camera();
        let (tally, now) = (camera.tally(), clock::elapsed());
        let bit_rate = self.snapshots.borrow().as_ref().map_or(0.0, |snapshot| snapshot.average_bit_rate());
        Vitals {
            state: camera.state(),
            bit_rate,
            pictures: tally.pictures,
            received_bytes: tally.bytes,
            picture_age: now.saturating_sub(tally.latest.unwrap_or(self.started)),
            packets_lost: camera.packets_lost(),
            reconnects: camera.reconnects(),
            viewers: lock(&self.viewers).count(now),
            held_bytes: self.byte_length(),
        }
    }
}
