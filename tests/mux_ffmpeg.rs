//! What the muxers write, as ffmpeg and ffprobe read it.
//!
//! The clips are x264's, made when the test runs: Debian's `ffmpeg` must be installed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is the failure of a test")]

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use camgate::audio::Encoder;
use camgate::media::nal::START_CODE;
use camgate::media::parameter_sets::h264_track;
use camgate::media::{
    Arrival, AudioEncoding, AudioSample, AudioSource, AudioUnit, Sample, Ticks, Timescale, Tracks,
    VideoTrack, WallTime,
};
use camgate::mux::{Container, Muxer};
use tempfile::TempDir;

/// Frames in a clip: four seconds at 25 a second, a keyframe each second.
const FRAMES: usize = 100;
/// Decode time of the first sample: an hour of 90 kHz, as in a stream that has run for a while.
const HOUR: i64 = 3600 * 90_000;
/// How the transport stream's times lie beside the stream's own.
const TS_DELAY: i64 = 63_000;

/// Runs a program of the ffmpeg package: its stdout, and its stderr, which holds what it complains of.
fn run(program: &str, args: &[&str], file: &Path) -> (Vec<u8>, String) {
    let mut command = Command::new(program);
    for arg in args {
        match *arg {
            "FILE" => command.arg(file),
            arg => command.arg(arg),
        };
    }
    let output = command.output().unwrap_or_else(|e| {
        panic!("cannot run {program} ({e}): install the package ffmpeg, as `make test` does")
    });
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {complaints}");
    (output.stdout, complaints)
}

/// Decode time, presentation time, keyframe: of each packet, as ffprobe sees it.
fn packets(file: &Path) -> Vec<(i64, i64, bool)> {
    let args = ["-v", "error", "-show_entries", "packet=pts,dts,flags", "-of", "json", "FILE"];
    let (json, _) = run("ffprobe", &args, file);
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let packet = |packet: &serde_json::Value| {
        let time = |name: &str| packet[name].as_i64().unwrap_or_else(|| panic!("no {name} in {packet}"));
        (time("dts"), time("pts"), packet["flags"].as_str().unwrap().starts_with('K'))
    };
    json["packets"].as_array().unwrap().iter().map(packet).collect()
}

/// How many frames come out of the decoder.
fn frames(file: &Path) -> usize {
    let args =
        ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", "FILE"];
    let (count, _) = run("ffprobe", &args, file);
    String::from_utf8(count).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

fn decodes_without_a_warning(file: &Path) {
    let (_, complaints) = run("ffmpeg", &["-v", "warning", "-i", "FILE", "-f", "null", "-"], file);
    assert_eq!(complaints, "", "{}", file.display());
}

/// A clip as a camera's samples: its parameter sets taken out, its times those that x264 gave it.
fn clip(dir: &TempDir, b_frames: &str) -> (VideoTrack, Vec<Sample>) {
    let file = dir.path().join("clip.mp4");
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=25:duration=4",
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-threads",
            "1",
            "-bf",
            b_frames,
            "-g",
            "25",
            "-x264-params",
            "aud=1:scenecut=0",
            "-video_track_timescale",
            "90000",
            "FILE",
        ],
        &file,
    );
    let (stream, _) = run("ffmpeg", &["-v", "error", "-i", "FILE", "-c", "copy", "-f", "h264", "-"], &file);
    let units = nal_units(&stream);
    let of_type = |wanted| units.iter().find(|unit| unit[0] & 0x1f == wanted).copied().unwrap();
    let track = h264_track(Bytes::copy_from_slice(of_type(7)), Bytes::copy_from_slice(of_type(8))).unwrap();

    let access_units: Vec<_> = units.split(|unit| unit[0] & 0x1f == 9).skip(1).collect();
    let times = packets(&file);
    assert_eq!((access_units.len(), times.len()), (FRAMES, FRAMES));
    let first = times[0].0;
    let sample = |(units, (dts, pts, random_access)): (&&[&[u8]], &(i64, i64, bool))| Sample {
        decode_time: Ticks(dts - first + HOUR),
        duration: Ticks(3600),
        composition_offset: Ticks(pts - dts),
        arrival: Arrival { elapsed: Duration::ZERO, wall: WallTime(0) },
        random_access: *random_access,
        data: length_prefixed(units),
    };
    (track, access_units.iter().zip(&times).map(sample).collect())
}

fn nal_units(annex_b: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut start = 0;
    for at in 0..annex_b.len() {
        if annex_b[at..].starts_with(&START_CODE[1..]) {
            units.push(&annex_b[start..at]);
            start = at + 3;
        }
    }
    units.push(&annex_b[start..]);
    let trimmed = |unit: &&[u8]| unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    units.iter().map(|unit| &unit[..trimmed(unit)]).filter(|unit| !unit.is_empty()).collect()
}

/// As RTP delivers an access unit: without delimiter and parameter sets, each NAL unit behind its length.
fn length_prefixed(units: &[&[u8]]) -> Bytes {
    let slices = units.iter().filter(|unit| !matches!(unit[0] & 0x1f, 7..=9));
    let framed = slices.flat_map(|unit| [&u32::try_from(unit.len()).unwrap().to_be_bytes(), *unit].concat());
    framed.collect::<Vec<_>>().into()
}

/// Segments of a second in parts of eight samples, each segment as its bytes.
fn segments(muxer: &mut Muxer, tracks: &Tracks, samples: &[Sample]) -> Vec<Vec<u8>> {
    let mut segments = Vec::new();
    for segment in samples.chunk_by(|_, next| !next.random_access) {
        let parts = segment.chunks(8).enumerate();
        let chunks = parts.flat_map(|(i, part)| muxer.part(tracks, part, &[], i == 0)).flatten();
        segments.push(chunks.collect());
    }
    segments
}

/// `segments` behind what a decoder needs first, as a file.
fn save(dir: &TempDir, name: &str, init: Option<&Bytes>, segments: &[Vec<u8>]) -> PathBuf {
    let file = dir.path().join(name);
    std::fs::write(&file, [init.map_or(&[][..], |init| &init[..]), &segments.concat()].concat()).unwrap();
    file
}

/// Every container plays `b_frames` whole, and from any segment on, with the times it was given.
fn plays(container: Container, b_frames: &str, delay: i64) {
    let dir = tempfile::tempdir().unwrap();
    let (track, samples) = clip(&dir, b_frames);
    assert_eq!(samples.iter().any(|s| s.composition_offset != Ticks::ZERO), b_frames != "0");

    let mut muxer = Muxer::new(container);
    let tracks = Tracks { video: track, audio: None };
    let init = muxer.init_section(&tracks);
    let segments = segments(&mut muxer, &tracks, &samples);
    assert_eq!(segments.len(), 4);

    let whole = save(&dir, "whole", init.as_ref(), &segments);
    decodes_without_a_warning(&whole);
    assert_eq!(frames(&whole), FRAMES);
    let given = samples.iter().map(|s| {
        let dts = s.decode_time.0 + delay;
        (dts, dts + s.composition_offset.0, s.random_access)
    });
    assert_eq!(packets(&whole), given.collect::<Vec<_>>());

    let rest = save(&dir, "rest", init.as_ref(), &segments[2..]);
    decodes_without_a_warning(&rest);
    assert_eq!(frames(&rest), FRAMES / 2);
}

#[test]
fn ffmpeg_plays_fmp4() {
    plays(Container::Fmp4, "0", 0);
}

#[test]
fn ffmpeg_plays_fmp4_with_b_frames() {
    plays(Container::Fmp4, "2", 0);
}

#[test]
fn ffmpeg_plays_a_transport_stream() {
    plays(Container::MpegTs, "0", TS_DELAY);
}

#[test]
fn ffmpeg_plays_a_transport_stream_with_b_frames() {
    plays(Container::MpegTs, "2", TS_DELAY);
}

/// Four seconds of a sine of 440 Hz.
const TONE: [&str; 6] =
    ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4", "-af", "volume=6dB"];

/// The tone as ffmpeg encodes it: raw bytes, or the frames of an ADTS stream.
fn tone(format: &[&str]) -> Vec<u8> {
    let args: Vec<_> = ["-v", "error"].iter().chain(&TONE).chain(format).chain(&["-"]).copied().collect();
    run("ffmpeg", &args, Path::new("")).0
}

/// The mean volume of the tone, in dB. ffmpeg spreads it over two channels at half of its power each.
fn tone_volume(channels: u16) -> f64 {
    let args: Vec<_> =
        TONE[..5].iter().copied().chain(["volume=6dB,volumedetect", "-f", "null", "-"]).collect();
    detected(&run("ffmpeg", &args, Path::new("")).1, "mean_volume:") - if channels == 2 { 3.0 } else { 0.0 }
}

/// A number that ffmpeg's volumedetect has found.
fn detected(said: &str, name: &str) -> f64 {
    let rest = &said[said.find(name).unwrap_or_else(|| panic!("{said}")) + name.len()..];
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

fn source(encoding: AudioEncoding, hz: u32, channels: u16) -> AudioSource {
    AudioSource { encoding, timescale: Timescale::new(NonZeroU32::new(hz).unwrap()), channels }
}

/// The units of a source and how long each is, from an hour on; `silent` of its frames are made of silence.
fn samples_of(
    encoder: &mut Encoder,
    units: &[&[u8]],
    hz: i64,
    silent: std::ops::Range<usize>,
) -> Vec<AudioSample> {
    let arrival = Arrival { elapsed: Duration::ZERO, wall: WallTime(0) };
    let mut frames = Vec::new();
    for unit in units {
        let unit = AudioUnit { pts: Ticks(0), arrival, data: Bytes::copy_from_slice(unit) };
        encoder.push(&unit, |frame| frames.push(frame.data));
    }
    let length = encoder.track().frame_length;
    for at in silent {
        frames[at] = encoder.silence();
    }
    let sample =
        |(n, data)| AudioSample { decode_time: Ticks(3600 * hz + n * length.0), duration: length, data };
    (0..).zip(frames).map(sample).collect()
}

/// The mean volume of what ffmpeg decodes, in dB, and of how many samples, over all channels.
fn heard(file: &Path) -> (f64, f64) {
    let args = ["-i", "FILE", "-vn", "-af", "volumedetect", "-f", "null", "-"];
    let (_, said) = run("ffmpeg", &args, file);
    (detected(&said, "mean_volume:"), detected(&said, "n_samples:"))
}

/// Packs `audio` beside a picture, and returns what ffmpeg hears; it may not complain.
fn plays_audio(
    container: Container,
    source: &AudioSource,
    units: &[&[u8]],
    silent: std::ops::Range<usize>,
) -> (f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let (video, pictures) = clip(&dir, "0");
    let mut encoder = Encoder::new(source).unwrap();
    let samples = samples_of(&mut encoder, units, source.timescale.hz().into(), silent);
    let tracks = Tracks { video, audio: Some(encoder.track().clone()) };
    assert!(container.carries_audio(encoder.track()));
    let mut muxer = Muxer::new(container);
    let init = muxer.init_section(&tracks);
    // Parts of a fifth of a second, with the audio that belongs there.
    let mut audio = samples.into_iter().peekable();
    let mut bytes = Vec::new();
    for (n, part) in pictures.chunks(5).enumerate() {
        let end = Timescale::VIDEO.rescale(part[4].decode_time + part[4].duration, Timescale::VIDEO);
        let beside: Vec<_> = std::iter::from_fn(|| {
            audio.next_if(|sample| Timescale::VIDEO.rescale(sample.decode_time, source.timescale) < end)
        })
        .collect();
        bytes.extend(muxer.part(&tracks, part, &beside, n % 5 == 0).into_iter().flatten());
    }
    let file = save(&dir, "whole", init.as_ref(), &[bytes]);
    decodes_without_a_warning(&file);
    assert_eq!(frames(&file), FRAMES);
    let (volume, samples) = heard(&file);
    (volume, samples / f64::from(source.timescale.hz()) / f64::from(source.channels))
}

/// Frames of an ADTS stream without their headers (ISO/IEC 13818-7 §6.2).
fn adts_frames(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let [0xff, _, _, b3, b4, b5, _, ..] = stream {
        let length = usize::from(b3 & 3) << 11 | usize::from(*b4) << 3 | usize::from(b5 >> 5);
        let (frame, rest) = stream.split_at(length);
        frames.push(&frame[7..]);
        stream = rest;
    }
    frames
}

fn aac(channels: u16) -> (AudioSource, Vec<u8>) {
    let count = channels.to_string();
    let stream = tone(&["-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-ac", &count, "-f", "adts"]);
    // Low complexity, 48 kHz.
    let config = [0x11, 0x80 | u8::try_from(channels << 3).unwrap()];
    let config = Bytes::copy_from_slice(&config);
    let encoding = AudioEncoding::Aac { config, rfc6381: "mp4a.40.2".into(), frame_length: 1024 };
    (source(encoding, 48_000, channels), stream)
}

#[test]
fn ffmpeg_hears_g711_and_l16_as_flac_as_loud_as_they_were() {
    for (format, encoding, hz, channels) in [
        (["-ar", "8000", "-ac", "1", "-f", "mulaw"], AudioEncoding::Pcmu, 8000, 1),
        (["-ar", "8000", "-ac", "1", "-f", "alaw"], AudioEncoding::Pcma, 8000, 1),
        (["-ar", "44100", "-ac", "2", "-f", "s16be"], AudioEncoding::L16, 44_100, 2),
    ] {
        let bytes = tone(&format);
        let units: Vec<_> = bytes.chunks(640).collect();
        let (volume, seconds) = plays_audio(Container::Fmp4, &source(encoding, hz, channels), &units, 0..0);
        assert!((volume - tone_volume(channels)).abs() < 0.5, "{format:?}: {volume} dB");
        assert!((seconds - 4.0).abs() < 0.05, "{format:?}: {seconds} s");
    }
}

#[test]
fn ffmpeg_hears_aac_in_both_containers() {
    for container in [Container::Fmp4, Container::MpegTs] {
        for channels in [1, 2] {
            let (source, stream) = aac(channels);
            let (volume, seconds) = plays_audio(container, &source, &adts_frames(&stream), 0..0);
            assert!((volume - tone_volume(channels)).abs() < 0.5, "{container:?}: {volume} dB");
            assert!((seconds - 4.0).abs() < 0.1, "{container:?}: {seconds} s");
        }
    }
}

#[test]
fn silence_in_the_place_of_audio_is_heard_as_silence() {
    for channels in [1, 2] {
        let (aac, stream) = aac(channels);
        let frames = adts_frames(&stream);
        let (volume, _) = plays_audio(Container::Fmp4, &aac, &frames, 0..frames.len());
        assert!(volume < -90.0, "{volume} dB");
    }
    let bytes = tone(&["-ar", "8000", "-ac", "1", "-f", "mulaw"]);
    let units: Vec<_> = bytes.chunks(160).collect();
    let (volume, _) = plays_audio(Container::Fmp4, &source(AudioEncoding::Pcmu, 8000, 1), &units, 0..100);
    assert!(volume < -90.0, "{volume} dB");
}
