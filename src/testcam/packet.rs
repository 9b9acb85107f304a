//! RTP packets of H.264 (RFC 6184, packetization mode 1), interleaved in RTSP (RFC 2326 §10.12).
//!
//! A clip is cut into packets once. What differs between sessions is a few
//! header fields, written into a copy: that is what makes a session cheap.

use bytes::Bytes;

use super::ParameterSetPlacement;
use super::clip::Clip;

/// The RTP payload type that the SDP names.
pub(super) const PAYLOAD_TYPE: u8 = 96;

/// The longest RTP payload, in bytes: it fits an Ethernet frame, as cameras have it.
const MAX_PAYLOAD: usize = 1400;

/// `$`, channel and length (RFC 2326 §10.12).
const INTERLEAVED_HEADER: usize = 4;
const RTP_HEADER: usize = 12;
pub(super) const HEADERS: usize = INTERLEAVED_HEADER + RTP_HEADER;

/// `FU-A` (RFC 6184 §5.8).
const FU_A: u8 = 28;

/// What each session has of its own in the packets of an access unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The interleaved channel of RTP.
    pub(super) channel: u8,
    pub(super) ssrc: u32,
    /// The sequence number of the first packet.
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
}

/// The packets of one access unit behind each other, with the fields of [`Stamp`] left at zero.
#[derive(Clone, Debug, Default)]
pub(super) struct AccessUnitPackets {
    bytes: Vec<u8>,
    /// Where each packet begins.
    starts: Vec<usize>,
}

impl AccessUnitPackets {
    /// Cuts NAL units, in order, into packets; the last one carries the marker bit (RFC 6184 §5.1).
    pub(super) fn new<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut packets = Self::default();
        for unit in units {
            if unit.len() <= MAX_PAYLOAD {
                packets.push(&[], unit);
                continue;
            }
            let (header, body) = (unit[0], &unit[1..]);
            let indicator = header & 0b1110_0000 | FU_A;
            let mut fragments = body.chunks(MAX_PAYLOAD - 2).peekable();
            let mut start = 0b1000_0000;
            while let Some(fragment) = fragments.next() {
                let end = if fragments.peek().is_none() { 0b0100_0000 } else { 0 };
                packets.push(&[indicator, start | end | header & 0b0001_1111], fragment);
                start = 0;
            }
        }
        if let Some(last) = packets.starts.last() {
            packets.bytes[last + INTERLEAVED_HEADER + 1] |= 0b1000_0000;
        }
        packets
    }

    /// So many packets out of the middle of one slice, the first of which begins it where that is `start`.
    pub(super) fn endless(start: bool, count: usize) -> Self {
        let mut packets = Self::default();
        for index in 0..count {
            let start = if start && index == 0 { 0b1000_0000 } else { 0 };
            packets.push(&[0b0110_0000 | FU_A, start | 1], &[0x55; MAX_PAYLOAD - 2]);
        }
        packets
    }

    /// One packet of sound, with another payload type; marked where it ends an access unit (RFC 3640 §3.1).
    pub(super) fn of_sound(payload_type: u8, marker: bool, payload: &[u8]) -> Self {
        let mut packets = Self::default();
        packets.push(&[], payload);
        packets.bytes[INTERLEAVED_HEADER + 1] = payload_type | if marker { 0b1000_0000 } else { 0 };
        packets
    }

    fn push(&mut self, payload_header: &[u8], payload: &[u8]) {
        self.starts.push(self.bytes.len());
        // A packet of video is at most 1412 bytes long, one of sound as long as its time and rate make it.
        let length = u16::try_from(RTP_HEADER + payload_header.len() + payload.len()).unwrap_or(u16::MAX);
        let [high, low] = length.to_be_bytes();
        self.bytes.extend([b'$', 0, high, low, 0b1000_0000, PAYLOAD_TYPE]);
        self.bytes.extend([0; 10]);
        self.bytes.extend(payload_header);
        self.bytes.extend(payload);
    }

    /// How many packets there are.
    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// RTP payload bytes in all packets.
    pub(super) fn payload_bytes(&self) -> usize {
        self.bytes.len() - self.count() * HEADERS
    }

    /// Appends the packets to `out` as the session of `stamp` sends them.
    pub(super) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let base = out.len();
        out.extend_from_slice(&self.bytes);
        let mut sequence = stamp.sequence;
        for start in &self.starts {
            let header = &mut out[base + start..base + start + HEADERS];
            header[1] = stamp.channel;
            header[6..8].copy_from_slice(&sequence.to_be_bytes());
            header[8..12].copy_from_slice(&stamp.timestamp.to_be_bytes());
            header[12..16].copy_from_slice(&stamp.ssrc.to_be_bytes());
            sequence = sequence.wrapping_add(1);
        }
    }

    /// The bytes of packet `index` within the access unit.
    pub(super) fn range(&self, index: usize) -> std::ops::Range<usize> {
        self.starts[index]..self.starts.get(index + 1).copied().unwrap_or(self.bytes.len())
    }
}

/// A clip as packets, one entry an access unit.
#[derive(Clone, Debug)]
pub(super) struct PacketizedClip {
    pub(super) access_units: Vec<AccessUnitPackets>,
    /// How long an access unit lasts, in ticks of 90 kHz.
    pub(super) picture_ticks: u32,
    /// What it was cut from, for faults that cut it otherwise.
    pub(super) clip: Clip,
    placement: ParameterSetPlacement,
}

impl PacketizedClip {
    pub(super) fn new(clip: &Clip, placement: ParameterSetPlacement) -> Self {
        let mut this = Self {
            access_units: Vec::new(),
            picture_ticks: clip.picture_ticks,
            clip: clip.clone(),
            placement,
        };
        let cut = |picture: usize| AccessUnitPackets::new(this.units(picture).iter().map(|unit| &unit[..]));
        this.access_units = (0..clip.pictures.len()).map(cut).collect();
        this
    }

    /// The NAL units of a picture, behind the parameter sets that are sent with it.
    pub(super) fn units(&self, picture: usize) -> Vec<Bytes> {
        let picture = &self.clip.pictures[picture];
        let in_band = picture.keyframe && self.placement != ParameterSetPlacement::Sdp;
        let sets: &[Bytes] = if in_band { &self.clip.parameter_sets } else { &[] };
        sets.iter().chain(&picture.units).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { channel: 2, ssrc: 0xdead_beef, sequence: 0xffff, timestamp: 0x0102_0304 };

    fn written(units: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        AccessUnitPackets::new(units.iter().copied()).write(STAMP, &mut bytes);
        let mut packets = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(bytes[..2], [b'$', 2]);
            let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
            let rest = bytes.split_off(4 + length);
            packets.push(bytes.split_off(4));
            bytes = rest;
        }
        packets
    }

    /// NAL units out of RTP packets, as RFC 6184 §5.8 has it.
    fn reassembled(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut units: Vec<Vec<u8>> = Vec::new();
        for payload in packets.iter().map(|packet| &packet[12..]) {
            if payload[0] & 0x1f != FU_A {
                units.push(payload.to_vec());
                continue;
            }
            if payload[1] & 0x80 != 0 {
                units.push(vec![payload[0] & 0xe0 | payload[1] & 0x1f]);
            }
            units.last_mut().unwrap().extend(&payload[2..]);
        }
        units
    }

    #[test]
    fn a_short_unit_is_one_packet_with_every_field_stamped() {
        let packets = written(&[&[0x65, 1, 2]]);
        let header = [0x80, 0x80 | 96, 0xff, 0xff, 1, 2, 3, 4, 0xde, 0xad, 0xbe, 0xef];
        assert_eq!(packets, [[&header[..], &[0x65, 1, 2]].concat()]);
    }

    #[test]
    fn fragments_reassemble_to_the_units_they_came_from() {
        for length in [1, 1399, 1400, 1401, 1398 + 1, 1398 + 2, 2 * 1398 + 1, 2 * 1398 + 2, 100_000] {
            let mut long: Vec<u8> = (0..=255).cycle().take(length).collect();
            long[0] = 0x65;
            let units: [&[u8]; 3] = [&[0x67, 9], &long, &[0x0c, 0x80]];
            let packets = written(&units);
            assert_eq!(reassembled(&packets), units, "{length} bytes");
            assert!(packets.iter().all(|packet| packet.len() <= 12 + 1400));
        }
    }

    #[test]
    fn only_the_first_fragment_starts_and_only_the_last_ends() {
        let packets = written(&[&[0x65; 4000]]);
        let headers: Vec<_> = packets.iter().map(|packet| packet[13]).collect();
        assert_eq!(headers, [0x85, 0x05, 0x45]);
    }

    #[test]
    fn sequence_numbers_wrap_and_the_last_packet_is_marked() {
        let packets = written(&[&[0x65; 4000]]);
        let sequence: Vec<_> = packets.iter().map(|p| u16::from_be_bytes([p[2], p[3]])).collect();
        assert_eq!(sequence, [0xffff, 0, 1]);
        let marked: Vec<_> = packets.iter().map(|packet| packet[1] & 0x80 != 0).collect();
        assert_eq!(marked, [false, false, true]);
    }

    #[test]
    fn parameter_sets_stand_before_keyframes_unless_the_sdp_alone_has_them() {
        let clip = Clip::demo().first(51);
        let kinds = |placement, picture: usize| -> Vec<u8> {
            let packets = &PacketizedClip::new(&clip, placement).access_units[picture];
            packets.starts.iter().map(|start| packets.bytes[start + HEADERS] & 0x1f).take(3).collect()
        };
        for placement in [ParameterSetPlacement::InBand, ParameterSetPlacement::Both] {
            assert_eq!(kinds(placement, 50), [7, 8, FU_A]);
            assert_eq!(kinds(placement, 1)[0], 1);
        }
        assert_eq!(kinds(ParameterSetPlacement::Sdp, 50)[0], FU_A);
    }
}
