//! The sets are x264's, made on Debian 12 with
//! `ffmpeg -f lavfi -i testsrc2=size=SIZE:rate=RATE:duration=0.2 -c:v libx264 -preset veryfast OPTIONS
//! -bsf:v filter_units=pass_types=7-8 -f h264 -`, and split at the start codes.

use h264_reader::rbsp::decode_nal;
use mp4_atom::{Atom, Avcc};
use proptest::prelude::*;

use super::*;
use crate::mux::testing::h265_track;

/// SPS and PPS.
type Pair = (&'static [u8], &'static [u8]);

/// 1920x1080 at 25, `-profile:v high`: 1088 lines coded, eight cropped.
const FULL_HD: Pair = (
    b"\x67\x64\x00\x28\xac\xd9\x40\x78\x02\x27\xe5\xc0\x44\x00\x00\x03\x00\x04\x00\x00\x03\x00\xc8\x3c\x60\xc6\x58",
    b"\x68\xef\x8f\xcb",
);
/// 640x360 at 25, `-profile:v high`.
const SMALL: Pair = (
    b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2f\xf9\x70\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2d\x96",
    b"\x68\xef\x8f\xcb",
);
/// As [`SMALL`], but at 30.
const SMALL_AT_30: Pair = (
    b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2f\xf9\x70\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x3c\x0f\x16\x2d\x96",
    b"\x68\xef\x8f\xcb",
);
/// As [`SMALL`], and `-crf 30`: another initial quantiser in the PPS.
const SMALL_COARSE: Pair = (SMALL.0, b"\x68\xef\x84\x72\xc0");
/// 640x360 at 25, `-profile:v baseline`.
const BASELINE: Pair = (
    b"\x67\x42\xc0\x1e\xda\x02\x80\xbf\xe5\xc0\x44\x00\x00\x03\x00\x04\x00\x00\x03\x00\xc8\x3c\x58\xba\x80",
    b"\x68\xce\x0f\xc8",
);
/// 704x576 at 25, `-profile:v main -vf setsar=16/11`.
const WIDE_PIXELS: Pair = (
    b"\x67\x4d\x40\x1e\xec\xa0\x58\x09\x36\x08\x20\x00\x00\x03\x00\x20\x00\x00\x06\x41\xe2\xc5\xb2\xc0",
    b"\x68\xef\x8f\xc8",
);

fn read((sps, pps): Pair) -> VideoTrack {
    h264_track(Bytes::from_static(sps), Bytes::from_static(pps)).unwrap()
}

/// `pps` under another id.
fn with_pps_id(pps: &[u8], id: u32) -> Bytes {
    let rbsp = decode_nal(pps).unwrap();
    let bits: String = rbsp.iter().map(|byte| format!("{byte:08b}")).collect();
    let after_id = &bits[1..bits.rfind('1').unwrap()]; // id 0 is one bit
    let code = format!("{:b}", id + 1);
    let mut bits = format!("{}{code}{after_id}1", "0".repeat(code.len() - 1));
    while bits.len() % 8 != 0 {
        bits.push('0');
    }
    let bytes = bits.as_bytes().chunks(8).map(|b| u8::from_str_radix(str::from_utf8(b).unwrap(), 2).unwrap());
    [pps[0]].into_iter().chain(bytes).collect::<Vec<_>>().into()
}

#[test]
fn the_sps_tells_the_cropped_size_the_rate_and_the_codec() {
    let track = read(FULL_HD);
    assert_eq!((track.width, track.height), (1920, 1080));
    assert_eq!(track.frame_rate, Some(25.0));
    assert_eq!(track.rfc6381, "avc1.640028");
    assert_eq!(track.pixel_aspect, None);
    assert_eq!(track.reorder_depth, Some(2));
    assert_eq!(read(SMALL_AT_30).frame_rate, Some(30.0));
}

#[test]
fn pixels_that_are_not_square_are_told() {
    let track = read(WIDE_PIXELS);
    assert_eq!((track.width, track.height), (704, 576));
    assert_eq!(track.pixel_aspect, Some((16, 11)));
}

#[test]
fn baseline_has_no_pictures_to_reorder() {
    assert_eq!(read(BASELINE).reorder_depth, Some(0));
    assert_eq!(read(BASELINE).rfc6381, "avc1.42C01E");
}

#[test]
fn another_demuxer_reads_the_decoder_configuration() {
    for pair in [FULL_HD, SMALL, BASELINE, WIDE_PIXELS] {
        let track = read(pair);
        let mut config = &track.decoder_config[..];
        let avcc = Avcc::decode_body(&mut config).unwrap();
        assert!(config.is_empty());
        assert_eq!(avcc.length_size, 4);
        assert_eq!(
            (avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication),
            (pair.0[1], pair.0[2], pair.0[3])
        );
        assert_eq!(avcc.sequence_parameter_sets, [pair.0.to_vec()]);
        assert_eq!(avcc.picture_parameter_sets, [pair.1.to_vec()]);
        let high = pair.0[1] == 100;
        assert_eq!(avcc.ext.map(|ext| (ext.chroma_format, ext.bit_depth_luma)), high.then_some((1, 8)));
    }
}

#[test]
fn the_sets_come_out_behind_their_lengths() {
    let sets = read(BASELINE).parameter_sets;
    let (sps, pps) = BASELINE;
    assert_eq!(sets.length_prefixed(), [&[0, 0, 0, 25], sps, &[0, 0, 0, 4], pps].concat());
}

#[test]
fn the_same_sets_again_are_no_change() {
    let mut tracker = ParameterSetTracker::new(read(SMALL));
    assert_eq!(tracker.update(&read(SMALL)), Change::None);
}

#[test]
fn another_frame_rate_in_the_vui_is_no_change() {
    let mut tracker = ParameterSetTracker::new(read(SMALL));
    assert_eq!(tracker.update(&read(SMALL_AT_30)), Change::None);
}

#[test]
fn another_resolution_is_a_new_track() {
    let mut tracker = ParameterSetTracker::new(read(SMALL));
    assert_eq!(tracker.update(&read(FULL_HD)), Change::NewTrack(Box::new(read(FULL_HD))));
    assert_eq!(tracker.current(), &read(FULL_HD));
}

#[test]
fn a_return_to_a_resolution_is_a_new_track_too() {
    let mut tracker = ParameterSetTracker::new(read(SMALL));
    tracker.update(&read(FULL_HD));
    assert_eq!(tracker.update(&read(SMALL)), Change::NewTrack(Box::new(read(SMALL))));
}

#[test]
fn a_second_pps_under_another_id_is_one_new_track_with_both() {
    let second = with_pps_id(SMALL_COARSE.1, 1);
    let with_second = h264_track(Bytes::from_static(SMALL.0), second.clone()).unwrap();
    let mut tracker = ParameterSetTracker::new(read(SMALL));
    let Change::NewTrack(merged) = tracker.update(&with_second) else { panic!("no new track") };
    assert_eq!(merged.parameter_sets.pps, [Bytes::from_static(SMALL.1), second]);
    assert_eq!(merged.decoder_config[5 + 1 + 2 + SMALL.0.len()], 2, "PPS in the decoder configuration");
    for _ in 0..3 {
        assert_eq!(tracker.update(&read(SMALL)), Change::None);
        assert_eq!(tracker.update(&with_second), Change::None);
    }
}

#[test]
fn sets_that_alternate_under_one_id_are_one_new_track_and_then_in_band() {
    let mut tracker = ParameterSetTracker::new(read(SMALL));
    assert_eq!(tracker.update(&read(SMALL_COARSE)), Change::NewTrack(Box::new(read(SMALL_COARSE))));
    for _ in 0..3 {
        assert_eq!(tracker.update(&read(SMALL)), Change::InBand);
        assert_eq!(tracker.update(&read(SMALL_COARSE)), Change::None);
    }
}

#[test]
fn a_set_with_its_end_missing_is_refused() {
    let (sps, pps) = SMALL;
    for length in 0..sps.len() - 1 {
        let cut = h264_track(Bytes::from_static(&sps[..length]), Bytes::from_static(pps));
        assert!(matches!(cut, Err(ParameterSetError::BadSps(_))), "SPS of {length} bytes: {cut:?}");
    }
    let cut = h264_track(Bytes::from_static(sps), Bytes::from_static(&pps[..1]));
    assert_eq!(cut, Err(ParameterSetError::BadPps));
}

#[test]
fn a_set_of_absurd_length_is_refused() {
    let long = Bytes::from(vec![0x68; MAX_UNIT_LENGTH + 1]);
    assert!(h264_track(Bytes::from_static(SMALL.0), long).is_err());
}

proptest! {
    #[test]
    fn no_bytes_of_a_camera_cause_a_panic(sps: Vec<u8>, pps: Vec<u8>) {
        let _ = h264_track(sps.into(), pps.into());
    }

    /// Damage behind a good start gets further into the parser than noise does.
    #[test]
    fn no_damage_to_a_good_set_causes_a_panic(
        damage in prop::collection::vec((4..26_usize, any::<u8>()), 1..6),
        pps: [u8; 4],
    ) {
        let mut sps = SMALL.0.to_vec();
        for (at, byte) in damage {
            sps[at] = byte;
        }
        if let Ok(track) = h264_track(sps.into(), pps.to_vec().into()) {
            let mut tracker = ParameterSetTracker::new(read(SMALL));
            tracker.update(&track);
            prop_assert_eq!(tracker.update(&track), Change::None);
        }
    }
}

#[test]
fn sets_of_h265_are_compared_as_they_stand_and_another_codec_is_another_track() {
    let mut tracker = ParameterSetTracker::new(h265_track());
    assert_eq!(tracker.update(&h265_track()), Change::None);
    let mut other = h265_track();
    other.parameter_sets.pps[0] = Bytes::from_static(b"\x44\x01\xc0\x73\xc1\x8a");
    assert_eq!(tracker.update(&other), Change::NewTrack(Box::new(other.clone())));
    assert_eq!(tracker.update(&h265_track()), Change::InBand);
    assert_eq!(tracker.update(&read(SMALL)), Change::NewTrack(Box::new(read(SMALL))));
}

#[test]
fn junk_behind_the_sps_is_cut_off() {
    for junk in [&[0xff][..], &[0x42, 0x17], &[0x01, 0x02, 0x03]] {
        let track = h264_track([SMALL.0, junk].concat().into(), Bytes::from_static(SMALL.1)).unwrap();
        assert_eq!(track, read(SMALL), "{junk:?}");
    }
}

#[test]
fn the_reorder_depth_of_h265_is_read_and_garbage_has_none() {
    let sps = h265_track().parameter_sets.sps;
    // x265's default: four B-frames in a pyramid.
    assert_eq!(h265_reorder_depth(&sps), Some(2));
    for length in 0..20 {
        assert_eq!(h265_reorder_depth(&sps[..length]), None, "{length} bytes");
    }
}
