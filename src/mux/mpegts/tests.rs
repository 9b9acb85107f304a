//! Packets as bytes, and as a demuxer that is not ours reads them.

#![expect(unreachable_pub, reason = "the macro of the demuxer makes its enum public")]

use bytes::Bytes;
use mpeg2ts_reader::demultiplex::{
    Demultiplex, DemuxContext, FilterChangeset, FilterRequest, NullPacketFilter, PatPacketFilter,
    PmtPacketFilter,
};
use mpeg2ts_reader::packet::Packet;
use mpeg2ts_reader::pes::{ElementaryStreamConsumer, PesContents, PesHeader, PesPacketFilter, PtsDts};
use mpeg2ts_reader::psi::pat::PAT_PID;
use mpeg2ts_reader::{StreamType, packet_filter_switch};
use proptest::prelude::*;

use super::Muxer;
use super::packet::PACKET;
use super::pes::DECODE_DELAY;
use crate::media::{AudioCodec, AudioSample, AudioTrack, Sample, Ticks, Timescale, Tracks, VideoTrack};
use crate::mux::testing::{hex_dump, parts, sample, silent, track};

/// What the demuxer found.
#[derive(Default)]
pub struct Demuxed {
    changes: FilterChangeset<Filter>,
    units: Vec<Unit>,
    broken: usize,
}

#[derive(Debug, PartialEq)]
struct Unit {
    pts: u64,
    dts: Option<u64>,
    bytes: Vec<u8>,
}

pub struct Video;

packet_filter_switch! {
    Filter<Demuxed> {
        Pat: PatPacketFilter<Demuxed>,
        Pmt: PmtPacketFilter<Demuxed>,
        Video: PesPacketFilter<Demuxed, Video>,
        Null: NullPacketFilter<Demuxed>,
    }
}

impl DemuxContext for Demuxed {
    type F = Filter;

    fn filter_changeset(&mut self) -> &mut FilterChangeset<Filter> {
        &mut self.changes
    }

    fn construct(&mut self, request: FilterRequest<'_, '_>) -> Filter {
        match request {
            FilterRequest::ByPid(PAT_PID) => Filter::Pat(PatPacketFilter::default()),
            FilterRequest::Pmt { pid, program_number } => {
                Filter::Pmt(PmtPacketFilter::new(pid, program_number))
            }
            FilterRequest::ByStream { stream_type: StreamType::H264, pmt, stream_info, .. } => {
                assert_eq!(pmt.pcr_pid(), stream_info.elementary_pid());
                Filter::Video(PesPacketFilter::new(Video))
            }
            _ => Filter::Null(NullPacketFilter::default()),
        }
    }
}

impl ElementaryStreamConsumer<Demuxed> for Video {
    fn start_stream(&mut self, _: &mut Demuxed) {}

    fn begin_packet(&mut self, found: &mut Demuxed, header: PesHeader<'_>) {
        let PesContents::Parsed(Some(parsed)) = header.contents() else { panic!("no PES header") };
        let (pts, dts) = match parsed.pts_dts().unwrap() {
            PtsDts::PtsOnly(pts) => (pts.unwrap().value(), None),
            PtsDts::Both { pts, dts } => (pts.unwrap().value(), Some(dts.unwrap().value())),
            other => panic!("{other:?}"),
        };
        found.units.push(Unit { pts, dts, bytes: parsed.payload().to_vec() });
    }

    fn continue_packet(&mut self, found: &mut Demuxed, data: &[u8]) {
        found.units.last_mut().unwrap().bytes.extend_from_slice(data);
    }

    fn end_packet(&mut self, _: &mut Demuxed) {}

    fn continuity_error(&mut self, found: &mut Demuxed) {
        found.broken += 1;
    }
}

/// The units as the demuxer reads them; panics where the continuity counter of a PID breaks.
fn demux(stream: &[u8]) -> Vec<Unit> {
    let mut found = Demuxed::default();
    let mut demultiplex = Demultiplex::new(&mut found);
    demultiplex.push(&mut found, stream);
    assert_eq!(found.broken, 0, "continuity errors");
    let mut counters = std::collections::HashMap::new();
    for packet in packets(stream) {
        if let Some(last) = counters.insert(u16::from(packet.pid()), packet.continuity_counter()) {
            assert!(packet.continuity_counter().follows(last), "PID {:?} skips", packet.pid());
        }
    }
    found.units
}

fn packets(stream: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    assert_eq!(stream.len() % PACKET, 0);
    stream.chunks(PACKET).map(|packet| Packet::try_new(packet).unwrap())
}

/// One buffer, as every part is.
fn part(muxer: &mut Muxer, samples: &[Sample], starts_segment: bool) -> Bytes {
    let [bytes] = <[Bytes; 1]>::try_from(muxer.part(&silent(track()), samples, &[], starts_segment)).unwrap();
    bytes
}

/// The bytes of the only access unit in a stream of one sample.
fn access_unit(sample: Sample) -> Vec<u8> {
    demux(&part(&mut Muxer::default(), &[sample], true)).remove(0).bytes
}

fn annex_b(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

const DELIMITER: &[u8] = &[0x09, 0xf0];

#[test]
fn the_start_of_a_segment_is_this() {
    let keyframe = sample(0, 3600, 7200, true, &[&[0x06, 5, 1, 0, 0x80], &[0x65; 250]]);
    insta::assert_snapshot!(hex_dump(&part(&mut Muxer::default(), &[keyframe], true)));
}

#[test]
fn a_keyframe_stands_behind_a_delimiter_and_the_parameter_sets() {
    let VideoTrack { parameter_sets: sets, .. } = track();
    let found = access_unit(sample(0, 1, 0, true, &[&[0x65, 7]]));
    assert_eq!(found, annex_b(&[DELIMITER, &sets.sps, &sets.pps[0], &[0x65, 7]]));
}

#[test]
fn other_pictures_get_a_delimiter_alone() {
    let found = access_unit(sample(0, 1, 0, false, &[&[0x41, 7], &[0x41, 8]]));
    assert_eq!(found, annex_b(&[DELIMITER, &[0x41, 7], &[0x41, 8]]));
}

#[test]
fn a_camera_that_sends_delimiters_gets_no_second_one() {
    let VideoTrack { parameter_sets: sets, .. } = track();
    let own = &[0x09, 0x10];
    let found = access_unit(sample(0, 1, 0, true, &[own, &[0x65, 7]]));
    assert_eq!(found, annex_b(&[own, &sets.sps, &sets.pps[0], &[0x65, 7]]));
}

#[test]
fn a_sample_with_parameter_sets_of_its_own_keeps_them_alone() {
    let units: [&[u8]; 3] = [&[0x67, 1, 2, 3], &[0x68, 4], &[0x65, 7]];
    let found = access_unit(sample(0, 1, 0, true, &units));
    assert_eq!(found, annex_b(&[DELIMITER, units[0], units[1], units[2]]));
}

#[test]
fn a_segment_without_a_keyframe_starts_with_the_parameter_sets_of_the_last_one() {
    let VideoTrack { parameter_sets: sets, .. } = track();
    let own: [&[u8]; 2] = [&[0x67, 1, 2, 3], &[0x68, 4]];
    for (keyframe, expected) in
        [(vec![&[0x65, 7][..]], [&sets.sps[..], &sets.pps[0]]), (vec![own[0], own[1], &[0x65, 7]], own)]
    {
        let mut muxer = Muxer::default();
        let samples = [
            sample(0, 1, 0, true, &keyframe),
            sample(1, 1, 0, false, &[&[0x41, 7]]),
            sample(2, 1, 0, false, &[&[0x41, 8]]),
            sample(3, 1, 0, false, &[&[0x41, 9]]),
        ];
        let mut stream = part(&mut muxer, &samples[..1], true).to_vec();
        stream.extend(part(&mut muxer, &samples[1..3], true));
        // Within a segment nothing is told again.
        stream.extend(part(&mut muxer, &samples[3..], false));
        let found: Vec<_> = demux(&stream).into_iter().skip(1).map(|unit| unit.bytes).collect();
        let first = annex_b(&[DELIMITER, expected[0], expected[1], &[0x41, 7]]);
        let others = [8, 9].map(|slice| annex_b(&[DELIMITER, &[0x41, slice]]));
        assert_eq!(found, [&[first][..], &others].concat());
    }
}

#[test]
fn the_clock_runs_ahead_of_the_decode_time_and_random_access_is_marked() {
    let samples = [sample(0, 3600, 0, true, &[&[0x65; 400]]), sample(3600, 3600, 0, false, &[&[0x41]])];
    let stream = part(&mut Muxer::default(), &samples, true);
    let starts: Vec<_> = packets(&stream)
        .filter(|packet| u16::from(packet.pid()) == super::psi::VIDEO_PID)
        .filter(Packet::payload_unit_start_indicator)
        .map(|packet| packet.adaptation_field().unwrap())
        .map(|field| (field.pcr().unwrap().base(), field.random_access_indicator()))
        .collect();
    assert_eq!(starts, [(0, true), (3600, false)]);
    let times: Vec<_> = demux(&stream).iter().map(|unit| (unit.pts, unit.dts)).collect();
    assert_eq!(times, [(63_000, None), (66_600, None)]);
}

#[test]
fn times_wrap_at_33_bits() {
    let last = (1 << 33) - DECODE_DELAY;
    let samples = [sample(last - 1, 1, 3, true, &[&[0x65]]), sample(last, 1, 0, false, &[&[0x41]])];
    let found = demux(&part(&mut Muxer::default(), &samples, true));
    assert_eq!((found[0].pts, found[0].dts), (2, Some((1 << 33) - 1)));
    assert_eq!((found[1].pts, found[1].dts), (0, None));
}

#[test]
fn a_picture_is_never_shown_before_it_is_decoded() {
    let found = demux(&part(&mut Muxer::default(), &[sample(3600, 1, -3600, true, &[&[0x65]])], true));
    assert_eq!((found[0].pts, found[0].dts), (3600 + 63_000, None));
}

#[test]
fn tables_stand_where_a_segment_starts_or_a_player_may_and_nowhere_else() {
    let pids = |starts_segment, keyframe| {
        let stream = part(&mut Muxer::default(), &[sample(0, 1, 0, keyframe, &[&[0x65]])], starts_segment);
        packets(&stream).map(|packet| u16::from(packet.pid())).collect::<Vec<_>>()
    };
    assert_eq!(pids(true, true), [0, 0x1000, 0x100]);
    assert_eq!(pids(true, false), [0, 0x1000, 0x100]);
    assert_eq!(pids(false, true), [0, 0x1000, 0x100]);
    assert_eq!(pids(false, false), [0x100]);
}

#[test]
fn every_length_of_the_last_packet_is_stuffed_right() {
    for length in 1..2 * PACKET {
        let slice = vec![0x41; length];
        let found = access_unit(sample(0, 1, 0, false, &[&slice]));
        assert_eq!(found, annex_b(&[DELIMITER, &slice]), "slice of {length} bytes");
    }
}

#[test]
fn the_room_for_an_access_unit_is_known_before_it_is_written() {
    for length in 1..2 * PACKET {
        let sample = sample(0, 1, 9, true, &[&vec![0x65; length]]);
        let counted = super::Pes::new(&track(), &sample, &[]).packets();
        let written = part(&mut Muxer::default(), &[sample], false).len();
        // Two of them are the tables.
        assert_eq!(written, (2 + counted) * PACKET, "slice of {length} bytes");
    }
}

#[test]
fn a_frame_whose_length_no_adts_header_can_tell_is_left_out() {
    let audio = AudioTrack {
        codec: AudioCodec::Aac,
        timescale: Timescale::VIDEO,
        channels: 2,
        rfc6381: "mp4a.40.2".into(),
        decoder_config: Bytes::from_static(&[0x11, 0x90]),
        frame_length: Ticks(1920),
    };
    let tracks = Tracks { video: track(), audio: Some(audio) };
    let frame = |length: &usize| AudioSample {
        decode_time: Ticks(0),
        duration: Ticks(1920),
        data: vec![0x21; *length].into(),
    };
    let part = |lengths: &[usize]| {
        let frames: Vec<_> = lengths.iter().map(frame).collect();
        Muxer::default().part(&tracks, &[sample(0, 1, 0, true, &[&[0x65]])], &frames, true).concat()
    };
    assert_eq!(part(&[5, 8185, 6]), part(&[5, 6]));
    assert!(part(&[8184]).len() > 8184);
}

/// The parameter sets that a keyframe of these units stands behind.
fn sets_behind(units: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let VideoTrack { parameter_sets: sets, .. } = track();
    let mut own: Vec<_> = units.iter().filter(|unit| !unit.is_empty()).cloned().collect();
    if own.first().is_some_and(|unit| unit[0] == 0x09) {
        own.remove(0);
    }
    own.truncate(own.iter().take_while(|unit| matches!(unit[0] & 0x1f, 7 | 8)).count());
    if own.first().is_some_and(|unit| unit[0] & 0x1f == 7) {
        return own;
    }
    vec![sets.sps.to_vec(), sets.pps[0].to_vec()]
}

/// What a decoder must get for a sample, from its units as they were before framing.
fn written(sample: &Sample, units: &[Vec<u8>], again: &[Vec<u8>]) -> Unit {
    let VideoTrack { parameter_sets: sets, .. } = track();
    let mut own: Vec<&[u8]> = units.iter().map(Vec::as_slice).filter(|unit| !unit.is_empty()).collect();
    let delimiter = if own.first().is_some_and(|u| u[0] == 0x09) { own.remove(0) } else { DELIMITER };
    let mut all = vec![delimiter];
    if own.first().is_none_or(|unit| unit[0] & 0x1f != 7) {
        if sample.random_access {
            all.extend([&sets.sps[..], &sets.pps[0][..]]);
        } else {
            all.extend(again.iter().map(Vec::as_slice));
        }
    }
    all.extend(own);
    let clock = |ticks: Ticks| u64::try_from((ticks.0 + 63_000) % (1 << 33)).unwrap();
    let dts = clock(sample.decode_time);
    let pts = clock(sample.decode_time + sample.composition_offset.max(Ticks::ZERO));
    Unit { pts, dts: (pts != dts).then_some(dts), bytes: annex_b(&all) }
}

proptest! {
    #[test]
    fn another_demuxer_reads_back_every_access_unit(parts in parts(), starts in any::<[bool; 5]>()) {
        let mut muxer = Muxer::default();
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        let mut sets = Vec::new();
        for (i, samples) in parts.iter().enumerate() {
            let (samples, units): (Vec<_>, Vec<_>) = samples.iter().cloned().unzip();
            stream.extend(part(&mut muxer, &samples, i == 0 || starts[i]));
            for (at, (sample, units)) in samples.iter().zip(&units).enumerate() {
                let again = if at == 0 && (i == 0 || starts[i]) { &sets[..] } else { &[] };
                expected.push(written(sample, units, again));
            }
            if let Some(at) = samples.iter().rposition(|sample| sample.random_access) {
                sets = sets_behind(&units[at]);
            }
        }
        prop_assert_eq!(demux(&stream), expected);
    }
}
