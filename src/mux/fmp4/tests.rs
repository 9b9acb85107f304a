//! Boxes as bytes, and as a demuxer that is not ours reads them.

use bytes::Bytes;
use mp4_atom::{Codec, Decode, FixedPoint, Ftyp, Mdat, Moof, Moov};
use proptest::prelude::*;

use super::{Muxer, init_section};
use crate::media::{Sample, VideoTrack};
use crate::mux::testing::{h265_track, hex_dump, parts, sample, silent, track};

/// An init section as mp4-atom reads it, to its last byte.
fn read_init(track: &VideoTrack) -> (Ftyp, Moov) {
    let init = init_section(&silent(track.clone()));
    let mut init = &init[..];
    let ftyp = Ftyp::decode(&mut init).unwrap();
    let moov = Moov::decode(&mut init).unwrap();
    assert!(init.is_empty());
    (ftyp, moov)
}

/// Parts as mp4-atom reads them: each fragment, its offset, and the offset where its `mdat` ends.
fn read_parts(stream: &Bytes) -> Vec<(Moof, usize, usize)> {
    let mut rest = &stream[..];
    let mut read = Vec::new();
    while !rest.is_empty() {
        let start = stream.len() - rest.len();
        let moof = Moof::decode(&mut rest).unwrap();
        Mdat::decode(&mut rest).unwrap();
        read.push((moof, start, stream.len() - rest.len()));
    }
    read
}

#[test]
fn the_init_section_is_this() {
    insta::assert_snapshot!(hex_dump(&init_section(&silent(track()))));
}

#[test]
fn the_header_of_a_part_is_this() {
    let samples = [
        sample(90_000, 3600, 7200, true, &[&[0x65, 1, 2]]),
        sample(93_600, 3600, 10_800, false, &[&[0x41, 3]]),
        sample(97_200, 3600, -3600, false, &[&[0x01, 4]]),
    ];
    insta::assert_snapshot!(hex_dump(&Muxer::default().part(&samples, &[])[0]));
}

#[test]
fn another_demuxer_reads_the_init_section() {
    let track = track();
    let (ftyp, moov) = read_init(&track);
    assert_eq!(&<[u8; 4]>::from(ftyp.major_brand), b"iso6");
    assert!(ftyp.compatible_brands.contains(&b"cmfc".into()));
    assert_eq!(moov.mvhd.timescale, 90_000);
    assert_eq!(moov.mvhd.next_track_id, 2);
    let trex = &moov.mvex.unwrap().trex[0];
    assert_eq!((trex.track_id, trex.default_sample_description_index), (1, 1));
    let [trak] = &moov.trak[..] else { panic!("one track") };
    assert_eq!((trak.tkhd.track_id, trak.tkhd.enabled, trak.tkhd.in_movie), (1, true, true));
    assert_eq!(trak.tkhd.volume, FixedPoint::new(0, 0));
    assert_eq!((trak.tkhd.width, trak.tkhd.height), (FixedPoint::new(640, 0), FixedPoint::new(360, 0)));
    assert_eq!(trak.mdia.mdhd.timescale, 90_000);
    assert_eq!(trak.mdia.hdlr.handler, b"vide".into());
    let stbl = &trak.mdia.minf.stbl;
    assert!(stbl.stts.entries.is_empty());
    assert!(stbl.stco.as_ref().unwrap().entries.is_empty());
    let [Codec::Avc1(avc1)] = &stbl.stsd.codecs[..] else { panic!("one avc1") };
    assert_eq!((avc1.visual.width, avc1.visual.height), (640, 360));
    assert_eq!(avc1.avcc.sequence_parameter_sets, [track.parameter_sets.sps.to_vec()]);
    assert_eq!(avc1.avcc.picture_parameter_sets, [track.parameter_sets.pps[0].to_vec()]);
    assert_eq!(avc1.pasp, None);
}

#[test]
fn h265_has_its_parameter_sets_in_the_sample_entry() {
    let track = h265_track();
    let (_, moov) = read_init(&track);
    let [Codec::Hvc1(hvc1)] = &moov.trak[0].mdia.minf.stbl.stsd.codecs[..] else { panic!("one hvc1") };
    assert_eq!((hvc1.visual.width, hvc1.visual.height), (640, 360));
    let sets = &track.parameter_sets;
    let units: Vec<_> = hvc1.hvcc.arrays.iter().flat_map(|array| array.nalus.clone()).collect();
    assert_eq!(units, [sets.vps.clone().unwrap().to_vec(), sets.sps.to_vec(), sets.pps[0].to_vec()]);
}

#[test]
fn a_picture_of_wide_pixels_is_displayed_wider_than_it_is_coded() {
    let track = VideoTrack { pixel_aspect: Some((16, 11)), width: 704, height: 576, ..track() };
    let (_, moov) = read_init(&track);
    let trak = &moov.trak[0];
    assert_eq!((trak.tkhd.width, trak.tkhd.height), (FixedPoint::new(1024, 0), FixedPoint::new(576, 0)));
    let [Codec::Avc1(avc1)] = &trak.mdia.minf.stbl.stsd.codecs[..] else { panic!("one avc1") };
    assert_eq!(avc1.visual.width, 704);
    let pasp = avc1.pasp.as_ref().unwrap();
    assert_eq!((pasp.h_spacing, pasp.v_spacing), (16, 11));
}

#[test]
fn an_absurd_pixel_aspect_is_written_as_wide_as_the_field_allows() {
    let track = VideoTrack { pixel_aspect: Some((u16::MAX, 0)), width: u16::MAX, ..track() };
    let (_, moov) = read_init(&track);
    assert_eq!(moov.trak[0].tkhd.width, FixedPoint::new(u16::MAX, u16::MAX));
}

#[test]
fn samples_are_passed_on_not_copied() {
    let samples = [sample(0, 1, 0, true, &[&[0x65, 1]]), sample(1, 1, 0, false, &[&[0x41, 2]])];
    let chunks = Muxer::default().part(&samples, &[]);
    assert_eq!(chunks.len(), 3);
    for (chunk, sample) in chunks[1..].iter().zip(&samples) {
        assert_eq!(chunk.as_ptr(), sample.data.as_ptr());
    }
}

#[test]
fn sequence_numbers_rise_from_part_to_part() {
    let mut muxer = Muxer::default();
    let samples = [sample(0, 1, 0, true, &[&[0x65]])];
    let stream: Vec<_> = (0..3).flat_map(|_| muxer.part(&samples, &[])).flatten().collect();
    let read = read_parts(&stream.into());
    let numbers: Vec<_> = read.iter().map(|(moof, ..)| moof.mfhd.sequence_number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn a_group_of_even_pictures_needs_one_column() {
    let picture = |i: i64| sample(i * 3600, 3600, 0, i == 0, &[&[0x65]]);
    let header = |count| Muxer::default().part(&(0..count).map(picture).collect::<Vec<_>>(), &[])[0].len();
    assert_eq!(header(50) - header(49), 4);
}

#[test]
fn times_beyond_their_fields_saturate() {
    let samples =
        [sample(-5, i64::MAX, i64::MIN, true, &[&[0x65]]), sample(i64::MAX, -1, i64::MAX, false, &[&[0x41]])];
    let stream: Vec<_> = Muxer::default().part(&samples, &[]).into_iter().flatten().collect();
    let traf = &read_parts(&stream.into())[0].0.traf[0];
    assert_eq!(traf.tfdt.as_ref().unwrap().base_media_decode_time, 0);
    let entries: Vec<_> = traf.trun[0].samples.iter().collect();
    assert_eq!((entries[0].duration, entries[1].duration), (Some(u32::MAX), Some(0)));
    assert_eq!(entries[0].cts, Some(i64::from(i32::MIN)));
    assert_eq!(entries[1].cts, Some(i64::from(i32::MAX)));
}

/// What a player does with a fragment: entries, else defaults; data one after the other from the offset.
fn resolve(stream: &Bytes, moof: &Moof, start: usize) -> Vec<(u32, i64, u32, Bytes)> {
    let [traf] = &moof.traf[..] else { panic!("one traf") };
    let [trun] = &traf.trun[..] else { panic!("one trun") };
    assert!(traf.tfhd.default_base_is_moof);
    assert_eq!(traf.tfhd.track_id, 1);
    let mut at = start + usize::try_from(trun.data_offset.unwrap()).unwrap();
    let entry = |entry: mp4_atom::TrunEntry| {
        let size = entry.size.unwrap() as usize;
        let data = stream.slice(at..at + size);
        at += size;
        (
            entry.duration.or(traf.tfhd.default_sample_duration).unwrap(),
            entry.cts.unwrap_or(0),
            entry.flags.or(traf.tfhd.default_sample_flags).unwrap(),
            data,
        )
    };
    trun.samples.iter().map(entry).collect()
}

fn written(sample: &Sample) -> (u32, i64, u32, Bytes) {
    let flags = if sample.random_access { 0x0200_0000 } else { 0x0101_0000 };
    let duration = u32::try_from(sample.duration.0).unwrap();
    (duration, sample.composition_offset.0, flags, sample.data.clone())
}

proptest! {
    #[test]
    fn another_demuxer_reads_back_every_sample(parts in parts()) {
        let parts: Vec<Vec<Sample>> =
            parts.into_iter().map(|part| part.into_iter().map(|(sample, _)| sample).collect()).collect();
        let mut muxer = Muxer::default();
        let stream: Vec<_> = parts.iter().flat_map(|part| muxer.part(part, &[])).flatten().collect();
        let stream = Bytes::from(stream);
        let read = read_parts(&stream);
        prop_assert_eq!(read.len(), parts.len());
        for ((moof, start, end), part) in read.iter().zip(&parts) {
            let tfdt = moof.traf[0].tfdt.as_ref().unwrap().base_media_decode_time;
            prop_assert_eq!(i64::try_from(tfdt).unwrap(), part[0].decode_time.0);
            let samples = resolve(&stream, moof, *start);
            let data: Vec<_> = samples.iter().flat_map(|(.., data)| data).collect();
            prop_assert!(stream[..*end].iter().rev().take(data.len()).eq(data.into_iter().rev()));
            prop_assert_eq!(samples, part.iter().map(written).collect::<Vec<_>>());
        }
    }
}
