//! Packetized elementary stream: an access unit as a byte stream behind its times (ISO/IEC 13818-1 §2.4.3.6).

use bytes::Bytes;

use super::packet::{self, Pid, Start};
use crate::media::nal::{START_CODE, length_prefixed};
use crate::media::{Sample, VideoTrack};

/// Where decode time zero lies on the 90 kHz clock. The clock itself starts at zero: a decoder has this long to
/// fetch an access unit before it is due, within the second that the standard's own decoder holds data (§2.4.2).
pub(super) const DECODE_DELAY: i64 = 63_000;

/// Times are counted in 33 bits.
const TIME_MASK: i64 = (1 << 33) - 1;

/// `video_stream`, number 0 (Table 2-22).
const STREAM_ID: u8 = 0xe0;

/// An access unit delimiter of any slice types (ISO/IEC 14496-10 §7.3.2.4), which §2.14.1 wants before each.
const ACCESS_UNIT_DELIMITER: [u8; 2] = [0x09, 0xf0];

/// `nal_unit_type` (ISO/IEC 14496-10 Table 7-1).
fn nal_unit_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & 0x1f)
}
const TYPE_SPS: u8 = 7;
const TYPE_PPS: u8 = 8;
const TYPE_ACCESS_UNIT_DELIMITER: u8 = 9;

/// A sample on its way into packets.
pub(super) struct Pes<'a> {
    track: &'a VideoTrack,
    sample: &'a Sample,
    /// SPS and PPS to tell again where it is no place to start.
    again: &'a [Bytes],
    header: Header,
    /// Bytes of header and access unit.
    length: usize,
}

impl<'a> Pes<'a> {
    pub(super) fn new(track: &'a VideoTrack, sample: &'a Sample, again: &'a [Bytes]) -> Self {
        let header = Header::new(sample);
        let units = units(track, sample, again).map(|unit| START_CODE.len() + unit.len());
        let length = header.bytes().len() + units.sum::<usize>();
        Self { track, sample, again, header, length }
    }

    /// How many packets [`Self::write`] appends.
    pub(super) fn packets(&self) -> usize {
        packet::packets(self.length)
    }

    pub(super) fn write(&self, pid: &mut Pid, out: &mut Vec<u8>) {
        let start =
            Start { clock: on_clock(self.sample.decode_time.0), random_access: self.sample.random_access };
        let mut payload = pid.access_unit(start, self.length, out);
        payload.write(self.header.bytes());
        for unit in units(self.track, self.sample, self.again) {
            payload.write(&START_CODE);
            payload.write(unit);
        }
    }
}

/// The NAL units of `sample` as a decoder in mid-stream needs them: a delimiter first, then the parameter
/// sets where it may start, each unless the camera sends its own; elsewhere the sets to tell `again`.
fn units<'a>(
    track: &'a VideoTrack,
    sample: &'a Sample,
    again: &'a [Bytes],
) -> impl Iterator<Item = &'a [u8]> {
    // A unit of no bytes is no unit: its start code would be part of the next one's.
    let mut own = length_prefixed(&sample.data).filter(|unit| !unit.is_empty()).peekable();
    let own_delimiter = own.next_if(|unit| nal_unit_type(unit) == TYPE_ACCESS_UNIT_DELIMITER);
    let own_sets = own.peek().is_some_and(|unit| nal_unit_type(unit) == TYPE_SPS);
    let sets = (sample.random_access && !own_sets).then_some(&track.parameter_sets);
    let again = if sample.random_access || own_sets { &[] } else { again };
    std::iter::once(own_delimiter.unwrap_or(&ACCESS_UNIT_DELIMITER))
        .chain(
            sets.into_iter()
                .flat_map(|sets| std::iter::once(&sets.sps).chain(&sets.pps))
                .chain(again)
                .map(|unit| &unit[..]),
        )
        .chain(own)
}

/// SPS and PPS that `keyframe` stands behind: its own, or those of the track.
pub(super) fn parameter_sets(track: &VideoTrack, keyframe: &Sample) -> Vec<Bytes> {
    let mut own = length_prefixed(&keyframe.data).filter(|unit| !unit.is_empty()).peekable();
    own.next_if(|unit| nal_unit_type(unit) == TYPE_ACCESS_UNIT_DELIMITER);
    let own: Vec<Bytes> = own
        .take_while(|unit| matches!(nal_unit_type(unit), TYPE_SPS | TYPE_PPS))
        // Not a slice of the buffer, which would keep the whole picture.
        .map(Bytes::copy_from_slice)
        .collect();
    if own.first().is_some_and(|unit| nal_unit_type(unit) == TYPE_SPS) {
        return own;
    }
    let sets = &track.parameter_sets;
    std::iter::once(&sets.sps).chain(&sets.pps).cloned().collect()
}

/// `PES_packet()` up to the payload.
struct Header {
    bytes: [u8; 19],
    length: usize,
}

impl Header {
    fn new(sample: &Sample) -> Self {
        let dts = sample.decode_time.0.saturating_add(DECODE_DELAY);
        // A picture cannot be due before it is decoded; it seems so only while B-frames are being learned.
        let pts = dts.saturating_add(sample.composition_offset.0.max(0));
        let both = pts != dts;
        let mut bytes = [0; 19];
        bytes[..6].copy_from_slice(&[0, 0, 1, STREAM_ID, 0, 0]); // PES_packet_length 0: to the next start
        bytes[6] = 0x84; // data_alignment_indicator
        bytes[7] = if both { 0xc0 } else { 0x80 }; // PTS_DTS_flags
        bytes[8] = if both { 10 } else { 5 }; // PES_header_data_length
        bytes[9..14].copy_from_slice(&time(if both { 0b0011 } else { 0b0010 }, pts));
        bytes[14..19].copy_from_slice(&time(0b0001, dts));
        Self { bytes, length: if both { 19 } else { 14 } }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// `ticks` modulo 2³³.
pub(super) fn on_clock(ticks: i64) -> u64 {
    (ticks & TIME_MASK).cast_unsigned()
}

/// A time in its five bytes, in three pieces that each end in a marker bit.
pub(super) fn time(prefix: u64, ticks: i64) -> [u8; 5] {
    let t = on_clock(ticks);
    let (high, middle, low) = (t >> 30, t >> 15 & 0x7fff, t & 0x7fff);
    let [_, _, _, bytes @ ..] =
        (prefix << 36 | high << 33 | 1 << 32 | middle << 17 | 1 << 16 | low << 1 | 1).to_be_bytes();
    bytes
}
