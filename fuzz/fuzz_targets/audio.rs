//! Audio encoders: no source and no bytes make one panic; FLAC holds every sample that came, as another decoder reads it.
#![no_main]

use arbitrary::Arbitrary;
use camgate::audio::Encoder;
use camgate::media::{AudioCodec, AudioEncoding, AudioUnit, Ticks};
use camgate_fuzz::input::{Audio, arrival};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    source: Audio,
    units: Vec<(i64, Vec<u8>, bool)>,
}

fuzz_target!(|input: Input| {
    let Audio(source) = &input.source;
    let Ok(mut encoder) = Encoder::new(source) else { return };
    let track = encoder.track().clone();
    let mut pending = Vec::new();
    for (pts, data, silence) in input.units {
        let unit = AudioUnit { pts: Ticks(pts), arrival: arrival(0, 0), data: data.clone().into() };
        let mut frames = Vec::new();
        encoder.push(&unit, |frame| frames.push(frame));
        if track.codec == AudioCodec::Aac {
            assert_eq!(frames.len(), usize::from(!data.is_empty()));
            assert!(frames.iter().all(|frame| frame.data == data && frame.pts == Ticks(pts)));
            continue;
        }
        match source.encoding {
            AudioEncoding::L16 => {
                let sample = |bytes: &[u8]| Some(i32::from(i16::from_be_bytes([bytes[0], bytes[1]])));
                pending.extend(data.chunks_exact(2).map(sample));
            }
            // What G.711 means is for the unit tests: here, that none is lost.
            _ => pending.extend(data.iter().map(|_| None)),
        }
        let frame_length = usize::try_from(track.frame_length.0).unwrap();
        let channels = usize::from(track.channels);
        assert_eq!(frames.len(), pending.len() / (frame_length * channels));
        for frame in frames {
            let given: Vec<Option<i32>> = pending.drain(..frame_length * channels).collect();
            check(&frame.data, &given, frame_length, channels);
        }
        if silence {
            check(&encoder.silence(), &vec![Some(0); frame_length * channels], frame_length, channels);
        }
    }
});

/// A frame of FLAC is of one length, and its samples are those that were given, channels interleaved.
fn check(frame: &[u8], given: &[Option<i32>], frame_length: usize, channels: usize) {
    // Sync code, and a fixed block size (RFC 9639 §9.1).
    assert_eq!(frame[..2], [0xff, 0xf8]);
    let mut rest = frame;
    let block = claxon::frame::FrameReader::new(claxon::input::BufferedReader::new(&mut rest))
        .read_next_or_eof(Vec::new())
        .unwrap()
        .unwrap();
    assert_eq!((block.duration() as usize, block.channels() as usize), (frame_length, channels));
    for (at, given) in given.iter().enumerate().filter_map(|(at, given)| Some((at, (*given)?))) {
        let (time, channel) = (at / channels, at % channels);
        assert_eq!(block.sample(channel as u32, time as u32), given);
    }
}
