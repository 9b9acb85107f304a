//! What a track tells of itself in RTCP, and the numbers that it counts for that.

use std::time::Duration;

use super::clock::Position;
use super::{Origin, Setting};
use crate::testcam::packet::AccessUnitPackets;
use crate::testcam::rtcp::{self, SenderInfo};

/// Writes the sender reports of one track.
#[derive(Debug)]
pub(super) struct Reporter {
    origin: Origin,
    wall: Duration,
    interval: Duration,
    next: Duration,
    packets: u32,
    payload_bytes: u32,
}

impl Reporter {
    pub(super) fn new(origin: Origin, setting: Setting) -> Self {
        let Setting { wall, report_interval: interval, .. } = setting;
        Self { origin, wall, interval, next: Duration::ZERO, packets: 0, payload_bytes: 0 }
    }

    /// The first report comes with the first unit. It says what the wall clock was when the next unit was captured,
    /// whose timestamp is `timestamp`: that is what tells one track's time from another's (RFC 3550 §6.4.1).
    pub(super) fn write_if_due(&mut self, position: Position, timestamp: u32, out: &mut Vec<u8>) {
        if position.due < self.next {
            return;
        }
        self.next = self.next.max(position.due.saturating_sub(self.interval)) + self.interval;
        let info = SenderInfo {
            ssrc: self.origin.ssrc,
            wall: self.wall + position.captured,
            timestamp,
            packets: self.packets,
            payload_bytes: self.payload_bytes,
        };
        rtcp::write_sender_report(self.origin.channels.1, info, out);
    }

    /// Counts what was sent under sequence numbers from `sequence` on; returns the next one. All of them wrap.
    pub(super) fn count(&mut self, unit: &AccessUnitPackets, sequence: u16) -> u16 {
        let packets = u32::try_from(unit.count()).unwrap_or(u32::MAX);
        let bytes = u32::try_from(unit.payload_bytes()).unwrap_or(u32::MAX);
        self.packets = self.packets.wrapping_add(packets);
        self.payload_bytes = self.payload_bytes.wrapping_add(bytes);
        // The lower half: only access units of 90 MB have more.
        let [_, _, high, low] = packets.to_be_bytes();
        sequence.wrapping_add(u16::from_be_bytes([high, low]))
    }
}
