//! Fragmented MP4: mp4-atom reads back every sample's data, times and flags as given.
#![no_main]

use arbitrary::Arbitrary;
use camgate::audio::Encoder;
use camgate::media::Tracks;
use camgate::mux::fmp4::{Muxer, init_section};
use camgate_fuzz::fmp4;
use camgate_fuzz::input::{Audio, Described, Frame, Picture, audio_samples, samples};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    video: Described,
    audio: Option<Audio>,
    start: u32,
    parts: Vec<(Picture, Vec<Picture>, Vec<Frame>)>,
}

fuzz_target!(|input: Input| {
    let video = input.video.track();
    let audio = input.audio.and_then(|Audio(source)| Some(Encoder::new(&source).ok()?.track().clone()));
    let tracks = Tracks { video, audio };
    let moov = fmp4::init(&init_section(&tracks));
    assert_eq!(moov.trak.len(), 1 + usize::from(tracks.audio.is_some()));
    assert_eq!(moov.trak[0].mdia.mdhd.timescale, 90_000);
    if let Some(audio) = &tracks.audio {
        assert_eq!(moov.trak[1].mdia.mdhd.timescale, audio.timescale.hz());
    }

    let mut muxer = Muxer::default();
    let (mut now, mut audio_now) = (i64::from(input.start), i64::from(input.start));
    for (first, others, frames) in &input.parts {
        let pictures: Vec<_> = std::iter::once(first).chain(others).cloned().collect();
        let video = samples(&pictures, &mut now);
        let audio = if tracks.audio.is_some() { audio_samples(frames, &mut audio_now) } else { Vec::new() };
        let part = muxer.part(&video, &audio).concat();
        let read = fmp4::parts(&part);
        let [runs] = &read[..] else { panic!("{} fragments", read.len()) };
        assert_eq!(runs.len(), if audio.is_empty() { 1 } else { 2 });

        assert_eq!((runs[0].track_id, runs[0].samples.len()), (1, video.len()));
        assert_eq!(i64::try_from(runs[0].decode_time).unwrap(), video[0].decode_time.0);
        for (read, given) in runs[0].samples.iter().zip(&video) {
            let flags = if given.random_access { 0x0200_0000 } else { 0x0101_0000 };
            assert_eq!(i64::from(read.duration), given.duration.0);
            assert_eq!(read.composition_offset, given.composition_offset.0);
            assert_eq!((read.flags, read.data), (flags, &given.data[..]));
        }
        let Some(run) = runs.get(1) else { continue };
        assert_eq!((run.track_id, run.samples.len()), (2, audio.len()));
        assert_eq!(i64::try_from(run.decode_time).unwrap(), audio[0].decode_time.0);
        for (read, given) in run.samples.iter().zip(&audio) {
            assert_eq!((i64::from(read.duration), read.composition_offset), (given.duration.0, 0));
            assert_eq!((read.flags, read.data), (0x0200_0000, &given.data[..]));
        }
    }
});
