//! Frames that are made here, as ffmpeg decodes them (tests/mux_ffmpeg.rs has them in a container).

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::media::{Arrival, AudioCodec, Timescale, WallTime};

fn source(encoding: AudioEncoding, hz: u32, channels: u16) -> AudioSource {
    AudioSource { encoding, timescale: Timescale::new(NonZeroU32::new(hz).unwrap()), channels }
}

fn unit(pts: i64, data: &[u8]) -> AudioUnit {
    let arrival = Arrival { elapsed: Duration::ZERO, wall: WallTime(0) };
    AudioUnit { pts: Ticks(pts), arrival, data: Bytes::copy_from_slice(data) }
}

fn frames(encoder: &mut Encoder, unit: &AudioUnit) -> Vec<Frame> {
    let mut frames = Vec::new();
    encoder.push(unit, |frame| frames.push(frame));
    frames
}

#[test]
fn g711_becomes_flac_frames_of_40_ms_whatever_the_packets_are() {
    for packet in [80, 160, 320, 1000, 1024] {
        let mut encoder = Encoder::new(&source(AudioEncoding::Pcmu, 8000, 1)).unwrap();
        assert_eq!((encoder.track().codec, encoder.track().frame_length), (AudioCodec::Flac, Ticks(320)));
        let mut made = Vec::new();
        for n in 0..100 {
            let data: Vec<u8> = (0..packet).map(|at| u8::try_from(at % 256).unwrap()).collect();
            made.extend(frames(&mut encoder, &unit(500 + n * i64::try_from(packet).unwrap(), &data)));
        }
        assert_eq!(made.len(), 100 * packet / 320);
        for (n, frame) in (0..).zip(&made) {
            assert_eq!(frame.pts, Ticks(500 + n * 320), "{packet}");
            // Sync code, and a fixed block size (RFC 9639 §9.1).
            assert_eq!(frame.data[..2], [0xff, 0xf8]);
        }
    }
}

#[test]
fn stereo_l16_has_half_as_many_samples_as_values() {
    let mut encoder = Encoder::new(&source(AudioEncoding::L16, 48_000, 2)).unwrap();
    assert_eq!(encoder.track().frame_length, Ticks(1920));
    assert_eq!(frames(&mut encoder, &unit(0, &[0; 1920 * 2 * 2])).len(), 1);
}

#[test]
fn what_is_stamped_anew_is_labelled_anew() {
    let mut encoder = Encoder::new(&source(AudioEncoding::Pcma, 8000, 1)).unwrap();
    assert!(frames(&mut encoder, &unit(0, &[0xd5; 160])).is_empty());
    let made = frames(&mut encoder, &unit(1_000_000, &[0xd5; 160]));
    assert_eq!(made[0].pts, Ticks(1_000_000 - 160), "160 samples of it came just before");
}

#[test]
fn the_stream_information_of_flac_is_this() {
    let encoder = Encoder::new(&source(AudioEncoding::Pcmu, 8000, 1)).unwrap();
    let info = &encoder.track().decoder_config;
    // Block sizes 320, no frame sizes; 8000 Hz, one channel, 16 bits, no number of samples; no checksum.
    assert_eq!(info[..10], [1, 64, 1, 64, 0, 0, 0, 0, 0, 0]);
    assert_eq!(info[10..18], [0x01, 0xf4, 0x00, 0xf0, 0, 0, 0, 0]);
    assert_eq!(info[18..], [0; 16]);
}

#[test]
fn silence_of_aac_is_a_block_without_spectral_data() {
    // One channel: element 0, tag 0, gain 0, an empty ics_info, no tools; then the end, 111.
    assert_eq!(aac::silence(1)[..], [0, 0, 0, 0b0000_0111]);
    assert_eq!(aac::silence(2).len(), 6);
    assert_eq!(aac::silence(2)[0], 0b0010_0001);
}

#[test]
fn descriptions_that_no_decoder_takes_are_refused() {
    for bad in [
        source(AudioEncoding::L16, 1, 1),
        source(AudioEncoding::L16, 8000, 0),
        source(AudioEncoding::L16, 8000, 9),
    ] {
        assert_eq!(Encoder::new(&bad).unwrap_err(), AudioError::BadDescription("L16"));
    }
    let aac = AudioEncoding::Aac { config: Bytes::new(), rfc6381: "mp4a.40.2".into(), frame_length: 1024 };
    assert!(Encoder::new(&source(aac, 48_000, 2)).is_err());
}
