//! Fragmented MP4 as mp4-atom reads it, as far as the playlist speaks of it: the video, for it is what segments are cut
//! by.

use mp4_atom::{Decode as _, FourCC, Ftyp, Mdat, Moof, Moov};

use super::playlist::Measured;

/// Which of the tracks of an initialisation section is the video, and its ticks a second.
#[derive(Clone, Copy, Debug)]
pub struct Video {
    id: u32,
    timescale: f64,
}

impl Video {
    pub fn of(mut init: &[u8]) -> Self {
        Ftyp::decode(&mut init).unwrap();
        let moov = Moov::decode(&mut init).unwrap();
        assert!(init.is_empty(), "something follows moov");
        let is_video = |trak: &&mp4_atom::Trak| trak.mdia.hdlr.handler == FourCC::new(b"vide");
        let track = moov.trak.iter().find(is_video).expect("a video track");
        Self { id: track.tkhd.track_id, timescale: track.mdia.mdhd.timescale.into() }
    }

    /// What a segment holds. Its fragments have to follow one another without a gap (`tfdt`).
    pub fn measure(self, media_sequence: u64, mut segment: &[u8]) -> Measured {
        let mut first: Option<(u64, bool)> = None;
        let mut next = None;
        while !segment.is_empty() {
            let moof = Moof::decode(&mut segment).unwrap();
            Mdat::decode(&mut segment).unwrap();
            // A fragment may hold audio alone.
            let Some(traf) = moof.traf.iter().find(|traf| traf.tfhd.track_id == self.id) else { continue };
            let start = traf.tfdt.as_ref().unwrap().base_media_decode_time;
            assert_eq!(
                next.unwrap_or(start),
                start,
                "a fragment of segment {media_sequence} is not where it has to be"
            );
            let samples = || traf.trun.iter().flat_map(|trun| trun.samples.iter());
            let flags = samples().next().unwrap().flags.or(traf.tfhd.default_sample_flags).unwrap();
            // sample_is_non_sync_sample (ISO/IEC 14496-12 §8.8.3.1).
            first.get_or_insert((start, flags & 0x0001_0000 == 0));
            let duration = |sample: mp4_atom::TrunEntry| -> u64 {
                sample.duration.or(traf.tfhd.default_sample_duration).unwrap().into()
            };
            next = Some(start + samples().map(duration).sum::<u64>());
        }
        let ((start, random_access), end) = (first.unwrap(), next.unwrap());
        let seconds = |ticks: u64| ticks as f64 / self.timescale;
        Measured { media_sequence, start: seconds(start), duration: seconds(end - start), random_access }
    }
}
