//! The video of a session: which picture comes next, and what the faults make of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::clock::{Clock, Position, rate_of_stamps, slowness};
use super::network::Network;
use super::report::Reporter;
use super::{Media, Origin, Setting};
use crate::testcam::clip::filler;
use crate::testcam::fault::{Fault, FaultKind, holding};
use crate::testcam::packet::{AccessUnitPackets, PacketizedClip, Stamp};
use crate::testcam::rewrite::{self, SliceChange};
use crate::testcam::script::Script;

/// The clock of H.264 in RTP (RFC 6184 §8.1), in Hz.
const CLOCK_RATE: u32 = 90_000;

/// Packets of an access unit that never ends, in the time of a picture: 90 kB.
const ENDLESS_PACKETS: usize = 64;

/// The id of the other PPS; the clip's own have the first ones.
const OTHER_PPS: u32 = 7;

/// A clip that is sent for ever.
#[derive(Debug)]
pub(super) struct Video {
    media: Arc<Media>,
    script: Script,
    origin: Origin,
    reporter: Reporter,
    network: Network,
    clock: Clock,
    position: Position,
    switched: bool,
    /// The next access unit of the current clip.
    picture: usize,
    sequence: u16,
    access_units: u64,
    keyframes: Keyframes,
    /// In an access unit that never ends: its timestamp.
    endless: Option<u32>,
}

/// What became of the clip's keyframes.
#[derive(Debug, Default)]
struct Keyframes {
    /// When the last one was sent, on the script's clock.
    sent: Option<Duration>,
    /// Pictures since then, that one not counted.
    pictures_since: u32,
    /// Whether one was left out since then.
    left_out: bool,
    /// Those that were sent while [`FaultKind::AlternatePps`] held.
    alternated: u32,
}

impl Video {
    pub(super) fn new(media: Arc<Media>, script: Script, origin: Origin, setting: Setting) -> Self {
        Self {
            picture: setting.picture % media.clip.access_units.len(),
            media,
            script,
            origin,
            reporter: Reporter::new(origin, setting),
            network: Network::default(),
            clock: Clock::new(CLOCK_RATE, origin.timestamp, setting.started),
            position: Position::new(setting.started, Duration::ZERO),
            switched: false,
            sequence: origin.sequence,
            access_units: 0,
            keyframes: Keyframes::default(),
            endless: None,
        }
    }

    pub(super) fn due(&self) -> Duration {
        self.position.due
    }

    /// Appends the next access unit to `out`, behind a sender report where one is due.
    pub(super) fn write_next(&mut self, out: &mut Vec<u8>) {
        let media = self.media.clone();
        let (faults, now) = (&media.faults[..], self.position.now());
        self.clock.turn_to(faults, now);
        if !self.switched && self.is_to_switch(faults, now) {
            self.switched = true;
            self.picture = 0;
        }
        self.reporter.write_if_due(self.position, self.clock.report(), out);
        self.write_picture(faults, now, out);

        let clip = if self.switched { &media.other } else { &media.clip };
        self.picture = (self.picture + 1) % clip.access_units.len();
        let ticks = f64::from(clip.picture_ticks) * slowness(faults, now);
        self.clock.advance(ticks * rate_of_stamps(faults, now));
        self.position.advance(faults, duration(clip.picture_ticks, slowness(faults, now)));
    }

    fn is_to_switch(&self, faults: &[Fault], now: Duration) -> bool {
        let by_path = matches!(self.script, Script::SwitchAfter(after) if self.position.due >= after);
        by_path || faults.iter().any(|fault| fault.kind == FaultKind::OtherClip && now >= fault.start)
    }

    fn write_picture(&mut self, faults: &[Fault], now: Duration, out: &mut Vec<u8>) {
        let media = self.media.clone();
        let clip = if self.switched { &media.other } else { &media.clip };
        if holding(faults, now).any(|kind| *kind == FaultKind::EndlessUnit) {
            let begins = self.endless.is_none();
            let timestamp = *self.endless.get_or_insert(self.clock.stamp());
            let unit = AccessUnitPackets::endless(begins, ENDLESS_PACKETS);
            return self.send(&unit, timestamp, faults, now, out);
        }
        self.endless = None;
        let is_keyframe = clip.clip.pictures[self.picture].keyframe;
        if is_keyframe && self.is_left_out(faults, now) {
            self.keyframes.left_out = true;
            return;
        }
        if is_keyframe {
            self.keyframes.sent = Some(now);
            self.keyframes.pictures_since = 0;
            self.keyframes.left_out = false;
            let alternates = holding(faults, now).any(|kind| *kind == FaultKind::AlternatePps);
            self.keyframes.alternated = if alternates { self.keyframes.alternated + 1 } else { 0 };
        } else {
            self.keyframes.pictures_since += 1;
        }
        let timestamp = self.clock.stamp();
        match self.altered(clip, faults, now) {
            None => self.send(&clip.access_units[self.picture], timestamp, faults, now, out),
            Some(units) => {
                let unit = AccessUnitPackets::new(units.iter().map(|unit| &unit[..]));
                self.send(&unit, timestamp, faults, now, out);
            }
        }
    }

    fn is_left_out(&self, faults: &[Fault], now: Duration) -> bool {
        holding(faults, now).any(|kind| match kind {
            FaultKind::NoKeyframes => true,
            FaultKind::KeyframeEvery(seconds) => {
                let apart = Duration::from_secs((*seconds).into());
                self.keyframes.sent.is_some_and(|sent| now - sent < apart)
            }
            _ => false,
        })
    }

    /// The NAL units of the picture as the faults have them; `None` where they are the clip's.
    fn altered(&self, clip: &PacketizedClip, faults: &[Fault], now: Duration) -> Option<Vec<Bytes>> {
        let other_timing = holding(faults, now).any(|kind| *kind == FaultKind::OtherTiming);
        let huge = holding(faults, now).find_map(|kind| match kind {
            FaultKind::HugeUnits(bytes) => Some(usize::try_from(*bytes).unwrap_or(usize::MAX)),
            _ => None,
        });
        let other_pps = self.keyframes.alternated > 0 && self.keyframes.alternated.is_multiple_of(2);
        // Where a keyframe is missing, its followers count on from the one before (ISO/IEC 14496-10 §7.4.3): to a
        // decoder this is one long group of pictures, and what it shows is all but right.
        let frame_num = self.keyframes.left_out.then_some(self.keyframes.pictures_since);
        if !other_timing && !other_pps && frame_num.is_none() && huge.is_none() {
            return None;
        }
        let sets = &clip.clip.parameter_sets;
        let change = SliceChange { pps_id: other_pps.then_some(OTHER_PPS), frame_num };
        let alter = |unit: Bytes| match unit[0] & 0x1f {
            7 if other_timing => rewrite::sps_with_other_timing(&unit),
            8 if other_pps => rewrite::pps_with_id(&unit, OTHER_PPS),
            1 | 5 if other_pps || frame_num.is_some() => rewrite::slice(&unit, sets, change),
            _ => unit,
        };
        let mut units: Vec<Bytes> = clip.units(self.picture).into_iter().map(alter).collect();
        // Where the SDP alone has the clip's sets, nothing told of this one yet.
        let is_told = units.iter().any(|unit| unit[0] & 0x1f == 8);
        if other_pps && !is_told && clip.clip.pictures[self.picture].keyframe {
            let pps = sets.iter().filter(|set| set[0] & 0x1f == 8);
            units.splice(..0, pps.map(|pps| rewrite::pps_with_id(pps, OTHER_PPS)));
        }
        let length: usize = units.iter().map(Bytes::len).sum();
        units.extend(huge.filter(|huge| *huge > length + 1).map(|huge| filler(huge - length)));
        Some(units)
    }

    fn send(
        &mut self,
        unit: &AccessUnitPackets,
        timestamp: u32,
        faults: &[Fault],
        now: Duration,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let Origin { channels: (channel, _), ssrc, .. } = self.origin;
        unit.write(Stamp { channel, ssrc, sequence: self.sequence, timestamp }, out);
        self.access_units += 1;
        if matches!(self.script, Script::Lossy(every) if self.access_units.is_multiple_of(every)) {
            let lost = unit.range(unit.count() / 2);
            out.drain(start + lost.start..start + lost.end);
        }
        self.sequence = self.reporter.count(unit, self.sequence);
        self.network.carry(faults, now, start, out);
    }
}

/// How long `ticks` are where everything takes so many times as long.
fn duration(ticks: u32, times: f64) -> Duration {
    let exact = Duration::from_nanos(u64::from(ticks) * 100_000 / 9);
    if times == 1.0 { exact } else { exact.mul_f64(times) }
}
