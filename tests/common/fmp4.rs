//! Fragmented MP4 as mp4-atom reads it, as far as the playlist speaks of it.

use mp4_atom::{Decode as _, Ftyp, Mdat, Moof, Moov};

use super::playlist::Measured;

/// Ticks a second, of an initialisation section with one track.
pub fn timescale(mut init: &[u8]) -> f64 {
    Ftyp::decode(&mut init).unwrap();
    let moov = Moov::decode(&mut init).unwrap();
    assert!(init.is_empty(), "something follows moov");
    let [track] = &moov.trak[..] else { panic!("{} tracks", moov.trak.len()) };
    track.mdia.mdhd.timescale.into()
}

/// What a segment holds. Its fragments have to follow one another without a gap (`tfdt`).
pub fn measure(media_sequence: u64, timescale: f64, mut segment: &[u8]) -> Measured {
    let mut first: Option<(u64, bool)> = None;
    let mut next = None;
    while !segment.is_empty() {
        let moof = Moof::decode(&mut segment).unwrap();
        Mdat::decode(&mut segment).unwrap();
        let [traf] = &moof.traf[..] else { panic!("{} tracks", moof.traf.len()) };
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
    let seconds = |ticks: u64| ticks as f64 / timescale;
    Measured { media_sequence, start: seconds(start), duration: seconds(end - start), random_access }
}
