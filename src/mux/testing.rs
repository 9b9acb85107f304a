//! Tracks and samples for the tests of both containers.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use crate::media::parameter_sets::h264_track;
use crate::media::{Arrival, ParameterSets, Sample, Ticks, Tracks, VideoCodec, VideoTrack, WallTime};

/// 640x360, High profile, 25 pictures a second. The sets as x264 wrote them for
/// `ffmpeg -f lavfi -i testsrc2=size=640x360:rate=25 -c:v libx264 -preset veryfast -profile:v high`.
pub(crate) fn track() -> VideoTrack {
    const SPS: &[u8] = b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2f\xf9\x70\x11\
        \x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2d\x96";
    const PPS: &[u8] = b"\x68\xef\x8f\xcb";
    h264_track(Bytes::from_static(SPS), Bytes::from_static(PPS)).unwrap()
}

/// The same picture in H.265. The configuration as ffmpeg wrote it for
/// `ffmpeg -f lavfi -i testsrc2=size=640x360:rate=25 -c:v libx265 -preset ultrafast -tag:v hvc1 x.mp4`.
pub(crate) fn h265_track() -> VideoTrack {
    const CONFIG: &[u8] = b"\x01\x01\x60\x00\x00\x00\x90\x00\x00\x00\x00\x00\x3f\xf0\x00\xfc\xfd\xf8\xf8\
        \x00\x00\x0f\x03\
        \xa0\x00\x01\x00\x18\x40\x01\x0c\x01\xff\xff\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\
        \x00\x03\x00\x3f\x95\x94\x09\
        \xa1\x00\x01\x00\x2b\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\
        \x3f\xa0\x05\x02\x01\x71\xf2\xe5\x95\x95\x29\x30\xbc\x05\xa0\x20\x00\x00\x03\x00\x20\x00\x00\
        \x03\x03\x21\
        \xa2\x00\x01\x00\x06\x44\x01\xc0\x73\xc1\x89";
    let unit = |at: usize, length: usize| Bytes::from_static(&CONFIG[at..at + length]);
    VideoTrack {
        codec: VideoCodec::H265,
        rfc6381: "hvc1.1.6.L63.90".into(),
        decoder_config: Bytes::from_static(CONFIG),
        parameter_sets: ParameterSets { vps: Some(unit(28, 24)), sps: unit(57, 43), pps: vec![unit(105, 6)] },
        reorder_depth: None,
        ..track()
    }
}

/// A presentation without audio.
pub(crate) fn silent(video: VideoTrack) -> Tracks {
    Tracks { video, audio: None }
}

/// A sample of NAL units; times in ticks.
pub(crate) fn sample(decode_time: i64, duration: i64, offset: i64, key: bool, units: &[&[u8]]) -> Sample {
    let framed = units.iter().flat_map(|unit| {
        let length = u32::try_from(unit.len()).unwrap().to_be_bytes();
        [&length[..], unit].concat()
    });
    Sample {
        decode_time: Ticks(decode_time),
        duration: Ticks(duration),
        composition_offset: Ticks(offset),
        arrival: Arrival { elapsed: Duration::ZERO, wall: WallTime(0) },
        random_access: key,
        data: framed.collect::<Vec<_>>().into(),
    }
}

/// The NAL units of one access unit: delimiters, parameter sets, SEI and slices, in any order, some empty.
fn units() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let unit = (
        prop::sample::select(&[0x65_u8, 0x41, 0x06, 0x09, 0x67, 0x68][..]),
        prop::collection::vec(any::<u8>(), 0..600),
        prop::bool::weighted(0.95),
    )
        .prop_map(|(header, body, whole)| if whole { [&[header][..], &body].concat() } else { Vec::new() });
    prop::collection::vec(unit, 0..5)
}

/// A stream in parts. Each sample comes with its NAL units as they were before framing.
pub(crate) fn parts() -> impl Strategy<Value = Vec<Vec<(Sample, Vec<Vec<u8>>)>>> {
    let shape = (
        prop_oneof![Just(3600_i64), 1..20_000_i64],
        prop_oneof![Just(0_i64), -7200..20_000_i64],
        any::<bool>(),
        units(),
    );
    let parts = prop::collection::vec(prop::collection::vec(shape, 1..6), 1..5);
    (0..1_i64 << 34, parts).prop_map(|(mut now, parts)| {
        let mut place = |(duration, offset, key, units): (i64, i64, bool, Vec<Vec<u8>>)| {
            let slices: Vec<_> = units.iter().map(Vec::as_slice).collect();
            let sample = sample(now, duration, offset, key, &slices);
            now += duration;
            (sample, units)
        };
        parts.into_iter().map(|part| part.into_iter().map(&mut place).collect()).collect()
    })
}

/// Sixteen bytes a line, in hexadecimal and as text.
pub(crate) fn hex_dump(bytes: &[u8]) -> String {
    let line = |(i, line): (usize, &[u8])| {
        let hex: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String =
            line.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' }).collect();
        format!("{:04x}  {:47}  {text}", i * 16, hex.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect::<Vec<_>>().join("\n")
}
