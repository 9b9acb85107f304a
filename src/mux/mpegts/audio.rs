//! AAC in a transport stream: frames behind ADTS headers (ISO/IEC 13818-7 §6.2), several in a PES packet.

use super::packet::{self, Pid};
use super::pes::{DECODE_DELAY, time};
use crate::media::{AudioCodec, AudioSample, AudioTrack, Timescale};

/// `audio_stream`, number 0 (ISO/IEC 13818-1 Table 2-22).
const STREAM_ID: u8 = 0xc0;

const ADTS_HEADER: usize = 7;
const PES_HEADER: usize = 14;

/// `PES_packet_length` has 16 bits, and counts what comes after it.
const MOST_PAYLOAD: usize = 0xffff - (PES_HEADER - 6);

/// Whether `track` can be carried: AAC whose configuration an ADTS header can tell.
pub(in crate::mux) fn carries(track: &AudioTrack) -> bool {
    adts(track, 0).is_some()
}

/// The longest frame: an ADTS header has 13 bits for its length and its own.
const MOST_DATA: usize = (1 << 13) - 1 - ADTS_HEADER;

/// The frames of `audio` whose length a header can tell. RFC 3640 lets a camera send slightly longer ones, which are none
/// of AAC.
pub(super) fn carried(audio: &[AudioSample]) -> Vec<AudioSample> {
    audio.iter().filter(|sample| sample.data.len() <= MOST_DATA).cloned().collect()
}

/// Frames of `audio` that fit one PES packet, and the rest.
fn split(audio: &[AudioSample]) -> (&[AudioSample], &[AudioSample]) {
    let mut length = 0;
    let fits = audio.iter().take_while(|sample| {
        length += ADTS_HEADER + sample.data.len();
        length <= MOST_PAYLOAD
    });
    // A frame of AAC has 13 bits of length: the first one fits.
    audio.split_at(fits.count().max(1).min(audio.len()))
}

/// How many packets [`write`] appends.
pub(super) fn packets(audio: &[AudioSample]) -> usize {
    let mut rest = audio;
    let mut packets = 0;
    while !rest.is_empty() {
        let (now, later) = split(rest);
        packets += packet::packets_without_clock(PES_HEADER + payload_length(now));
        rest = later;
    }
    packets
}

/// Appends the frames of a part.
pub(super) fn write(track: &AudioTrack, audio: &[AudioSample], pid: &mut Pid, out: &mut Vec<u8>) {
    let mut rest = audio;
    while let (now @ [first, ..], later) = split(rest) {
        let length = payload_length(now);
        let pts = Timescale::VIDEO.rescale(first.decode_time, track.timescale).0.saturating_add(DECODE_DELAY);
        let mut header = [0; PES_HEADER];
        header[..4].copy_from_slice(&[0, 0, 1, STREAM_ID]);
        let pes_length = u16::try_from(PES_HEADER - 6 + length).unwrap_or(0);
        header[4..6].copy_from_slice(&pes_length.to_be_bytes());
        header[6] = 0x84; // data_alignment_indicator
        header[7] = 0x80; // PTS alone
        header[8] = 5; // PES_header_data_length
        header[9..].copy_from_slice(&time(0b0010, pts));
        let mut payload = pid.payload(PES_HEADER + length, out);
        payload.write(&header);
        for sample in now {
            payload.write(&adts(track, sample.data.len()).unwrap_or_default());
            payload.write(&sample.data);
        }
        rest = later;
    }
}

fn payload_length(audio: &[AudioSample]) -> usize {
    audio.iter().map(|sample| ADTS_HEADER + sample.data.len()).sum()
}

/// The header of a frame of `length` bytes; `None` for what ADTS has no words for.
fn adts(track: &AudioTrack, length: usize) -> Option<[u8; ADTS_HEADER]> {
    const LOW_COMPLEXITY: u8 = 2;
    const SPECTRAL_BAND_REPLICATION: u8 = 5;
    if track.codec != AudioCodec::Aac {
        return None;
    }
    // AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): five bits of object type, four of rate, four of channels.
    let [first, second, ..] = track.decoder_config[..] else { return None };
    let object_type = first >> 3;
    let rate = (first & 0x07) << 1 | second >> 7;
    let channels = second >> 3 & 0x0f;
    // What band replication adds, decoders find by themselves: the core is of low complexity.
    let object_type = if object_type == SPECTRAL_BAND_REPLICATION { LOW_COMPLEXITY } else { object_type };
    let known = (1..=4).contains(&object_type) && rate < 13 && (1..=7).contains(&channels);
    let length = u16::try_from(length + ADTS_HEADER).ok().filter(|length| known && *length < 1 << 13)?;
    let [length_high, length_low] = length.to_be_bytes();
    Some([
        0xff,
        0xf1, // MPEG-4, no checksum
        (object_type - 1) << 6 | rate << 2 | channels >> 2,
        channels << 6 | length_high >> 3,
        length_high << 5 | length_low >> 3,
        length_low << 5 | 0x1f, // variable rate
        0xfc,                   // one frame
    ])
}
