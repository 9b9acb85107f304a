//! Fragmented MP4 as mp4-atom reads it, as far as the playlist speaks of it.

use mp4_atom::{Decode as _, FourCC, Ftyp, Mdat, Moof, Moov, Traf};

use super::playlist::Measured;

/// A track of an initialisation section.
#[derive(Clone, Copy, Debug)]
pub struct Track {
    pub id: u32,
    /// Ticks a second.
    pub timescale: f64,
}

/// The video of an initialisation section, which is its first track, and the audio beside it.
pub fn tracks(mut init: &[u8]) -> (Track, Option<Track>) {
    Ftyp::decode(&mut init).unwrap();
    let moov = Moov::decode(&mut init).unwrap();
    assert!(init.is_empty(), "something follows moov");
    let found: Vec<(FourCC, Track)> = moov
        .trak
        .iter()
        .map(|trak| {
            let track = Track { id: trak.tkhd.track_id, timescale: trak.mdia.mdhd.timescale.into() };
            (trak.mdia.hdlr.handler, track)
        })
        .collect();
    let (video, audio) = (FourCC::new(b"vide"), FourCC::new(b"soun"));
    match found[..] {
        [(first, track)] if first == video => (track, None),
        [(first, track), (second, beside)] if (first, second) == (video, audio) => (track, Some(beside)),
        _ => panic!("not a video track and perhaps an audio track: {found:?}"),
    }
}

/// The audio that a segment holds, in ticks of its track.
#[derive(Clone, Copy, Debug)]
pub struct Audio {
    pub media_sequence: u64,
    pub timescale: f64,
    /// Decode time of its first frame (`tfdt`).
    pub start: u64,
    /// Where its last frame ends.
    pub end: u64,
}

/// What a segment holds: the video, and the audio if there is some. The fragments of each track have to follow one
/// another without a gap (`tfdt`).
pub fn measure(
    media_sequence: u64,
    (video, audio): (Track, Option<Track>),
    mut segment: &[u8],
) -> (Measured, Option<Audio>) {
    let (mut pictures, mut sound) = (Run::default(), Run::default());
    while !segment.is_empty() {
        let moof = Moof::decode(&mut segment).unwrap();
        Mdat::decode(&mut segment).unwrap();
        for traf in &moof.traf {
            let run = match traf.tfhd.track_id {
                id if id == video.id => &mut pictures,
                id if audio.is_some_and(|audio| audio.id == id) => &mut sound,
                id => panic!("segment {media_sequence} has a track {id} that its map does not have"),
            };
            run.take(media_sequence, traf);
        }
    }
    let (start, end) = pictures.span.unwrap();
    let seconds = |ticks: u64| ticks as f64 / video.timescale;
    let measured = Measured {
        media_sequence,
        start: seconds(start),
        duration: seconds(end - start),
        random_access: pictures.random_access,
    };
    let beside = audio.zip(sound.span).map(|(track, (start, end))| Audio {
        media_sequence,
        timescale: track.timescale,
        start,
        end,
    });
    (measured, beside)
}

/// The samples of one track in a segment.
#[derive(Default)]
struct Run {
    /// First decode time and end, in ticks.
    span: Option<(u64, u64)>,
    /// Whether its first sample is a random access point.
    random_access: bool,
}

impl Run {
    fn take(&mut self, media_sequence: u64, traf: &Traf) {
        let start = traf.tfdt.as_ref().unwrap().base_media_decode_time;
        let samples = || traf.trun.iter().flat_map(|trun| trun.samples.iter());
        let flags = samples().next().unwrap().flags.or(traf.tfhd.default_sample_flags).unwrap();
        if self.span.is_none() {
            // sample_is_non_sync_sample (ISO/IEC 14496-12 §8.8.3.1).
            self.random_access = flags & 0x0001_0000 == 0;
        }
        let (first, next) = self.span.unwrap_or((start, start));
        assert_eq!(
            next, start,
            "a fragment of track {} in segment {media_sequence} is not where it has to be",
            traf.tfhd.track_id
        );
        let duration = |sample: mp4_atom::TrunEntry| -> u64 {
            sample.duration.or(traf.tfhd.default_sample_duration).unwrap().into()
        };
        self.span = Some((first, start + samples().map(duration).sum::<u64>()));
    }
}
