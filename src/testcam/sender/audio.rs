//! The audio of a session: which packet comes next.

use std::sync::Arc;
use std::time::Duration;

use super::clock::{Clock, Position};
use super::network::Network;
use super::report::Reporter;
use super::{Media, Origin, Setting};
use crate::testcam::audio::{Audio, AudioCodec};
use crate::testcam::fault::{FaultKind, holding};
use crate::testcam::packet::{AccessUnitPackets, Stamp};

/// Sound that is sent for ever.
#[derive(Debug)]
pub(super) struct Sound {
    media: Arc<Media>,
    audio: Audio,
    origin: Origin,
    reporter: Reporter,
    network: Network,
    clock: Clock,
    position: Position,
    /// Packets that were made so far, sent or not.
    made: u64,
    sequence: u16,
}

impl Sound {
    pub(super) fn new(media: Arc<Media>, audio: Audio, origin: Origin, setting: Setting) -> Self {
        Self {
            media,
            audio,
            origin,
            reporter: Reporter::new(origin, setting),
            network: Network::default(),
            clock: Clock::new(audio.clock_rate(), origin.timestamp, setting.started),
            position: Position::new(setting.started, audio.offset),
            made: 0,
            sequence: origin.sequence,
        }
    }

    pub(super) fn due(&self) -> Duration {
        self.position.due
    }

    /// Appends the next packet to `out`, behind a sender report where one is due.
    pub(super) fn write_next(&mut self, out: &mut Vec<u8>) {
        let media = self.media.clone();
        let (faults, now) = (&media.faults[..], self.position.now());
        self.clock.turn_to(faults, now);
        if !holding(faults, now).any(|kind| *kind == FaultKind::NoAudio) {
            if self.audio.reports {
                self.reporter.write_if_due(self.position, self.clock.report(), out);
            }
            let packet = AccessUnitPackets::of_sound(
                self.audio.payload_type(),
                self.audio.codec == AudioCodec::Aac,
                &self.audio.payload(self.made),
            );
            let start = out.len();
            let Origin { channels: (channel, _), ssrc, .. } = self.origin;
            let timestamp = self.clock.stamp();
            packet.write(Stamp { channel, ssrc, sequence: self.sequence, timestamp }, out);
            self.sequence = self.reporter.count(&packet, self.sequence);
            self.network.carry(faults, now, start, out);
        }

        self.made += 1;
        let ticks = self.audio.samples_per_packet();
        self.clock.advance(ticks.into());
        let exact =
            Duration::from_nanos(u64::from(ticks) * 1_000_000_000 / u64::from(self.audio.clock_rate()));
        // Samples that are taken too fast are there too soon; their stamps count samples.
        let too_fast = holding(faults, now).find_map(|kind| match kind {
            FaultKind::AudioClockRate(rate) => Some(*rate),
            _ => None,
        });
        let lasts = too_fast.map_or(exact, |rate| exact.div_f64(1.0 + rate));
        self.position.advance(faults, lasts);
    }
}
