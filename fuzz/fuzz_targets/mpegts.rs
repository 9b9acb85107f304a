//! MPEG-TS: mpeg2ts-reader reads back every access unit and every frame of AAC with their times, out of whole packets
//! whose counters run on.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use camgate::audio::Encoder;
use camgate::media::{AudioSample, AudioTrack, Sample, Timescale, Tracks, VideoCodec, VideoTrack};
use camgate::mux::{Container, mpegts};
use camgate_fuzz::input::{Audio, Described, Frame, Picture, audio_samples, samples};
use libfuzzer_sys::fuzz_target;
use mpeg2ts_reader::demultiplex::{
    Demultiplex, DemuxContext, FilterChangeset, FilterRequest, NullPacketFilter, PatPacketFilter,
    PmtPacketFilter,
};
use mpeg2ts_reader::packet::Packet;
use mpeg2ts_reader::pes::{ElementaryStreamConsumer, PesContents, PesHeader, PesPacketFilter, PtsDts};
use mpeg2ts_reader::psi::pat::PAT_PID;
use mpeg2ts_reader::{StreamType, packet_filter_switch};

#[derive(Arbitrary, Debug)]
struct Input {
    video: Described,
    audio: Option<Audio>,
    start: u64,
    parts: Vec<(Picture, Vec<Picture>, Vec<Frame>, bool)>,
}

fuzz_target!(|input: Input| {
    let video = input.video.track();
    if video.codec != VideoCodec::H264 {
        return;
    }
    let audio = input.audio.and_then(|Audio(source)| Some(Encoder::new(&source).ok()?.track().clone()));
    let tracks = Tracks { video, audio: audio.filter(|track| Container::MpegTs.carries_audio(track)) };
    let mut muxer = mpegts::Muxer::default();
    let (mut stream, mut units, mut frames) = (Vec::new(), Vec::new(), Vec::new());
    let (mut now, mut audio_now) = ((input.start >> 2) as i64, 0);
    let mut sets: Vec<Vec<u8>> = Vec::new();
    for (i, (first, others, audio, starts)) in input.parts.iter().enumerate() {
        let pictures: Vec<_> = std::iter::once(first).chain(others).cloned().collect();
        let video = samples(&pictures, &mut now);
        let audio = if tracks.audio.is_some() { audio_samples(audio, &mut audio_now) } else { Vec::new() };
        let starts = *starts || i == 0;
        stream.extend(muxer.part(&tracks, &video, &audio, starts).concat());
        for (at, (sample, picture)) in video.iter().zip(&pictures).enumerate() {
            let again = if starts && at == 0 { &sets[..] } else { &[] };
            units.push(expected(&tracks.video, sample, picture, again));
        }
        if let Some(keyframe) = pictures.iter().rev().find(|picture| picture.random_access) {
            sets = keyframe_sets(&tracks.video, keyframe);
        }
        frames.extend(audio);
    }
    let found = demux(&stream);
    assert_eq!(found.video, units);
    if let Some(track) = &tracks.audio {
        check_audio(track, &frames, &found.audio);
    }
});

/// The parameter sets that a keyframe stands behind: its own, or those of the track.
fn keyframe_sets(track: &VideoTrack, keyframe: &Picture) -> Vec<Vec<u8>> {
    let units = keyframe.units.iter().filter(|unit| !unit.is_empty()).enumerate();
    let own = units.skip_while(|(at, unit)| *at == 0 && unit[0] & 0x1f == 9).map(|(_, unit)| unit);
    let own: Vec<_> = own.take_while(|unit| matches!(unit[0] & 0x1f, 7 | 8)).cloned().collect();
    if own.first().is_some_and(|unit| unit[0] & 0x1f == 7) {
        return own;
    }
    let sets = &track.parameter_sets;
    std::iter::once(&sets.sps).chain(&sets.pps).map(|set| set.to_vec()).collect()
}

/// What a decoder must get for a picture: a delimiter, the parameter sets where it may start, or those to tell `again` at the start
/// of a segment, and the camera's units.
fn expected(track: &VideoTrack, sample: &Sample, picture: &Picture, again: &[Vec<u8>]) -> Unit {
    let mut own: Vec<&[u8]> =
        picture.units.iter().map(Vec::as_slice).filter(|unit| !unit.is_empty()).collect();
    let is = |unit: &&[u8], kind| unit[0] & 0x1f == kind;
    let delimiter = if own.first().is_some_and(|unit| is(unit, 9)) { own.remove(0) } else { &[0x09, 0xf0] };
    let mut all = vec![delimiter];
    if !own.first().is_some_and(|unit| is(unit, 7)) {
        let sets = &track.parameter_sets;
        if sample.random_access {
            all.extend(std::iter::once(&sets.sps).chain(&sets.pps).map(|set| &set[..]));
        } else {
            all.extend(again.iter().map(Vec::as_slice));
        }
    }
    all.extend(own);
    let dts = clock(sample.decode_time.0);
    let pts = clock(sample.decode_time.0.saturating_add(sample.composition_offset.0.max(0)));
    let bytes = all.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect();
    Unit { pts, dts: (pts != dts).then_some(dts), bytes }
}

/// Frames behind ADTS headers, in order, all but those that are too long for one; a PES packet has the time of its first.
fn check_audio(track: &AudioTrack, frames: &[AudioSample], packets: &[Unit]) {
    let mut frames = frames.iter().filter(|frame| frame.data.len() + 7 < 1 << 13);
    for packet in packets {
        let mut rest = &packet.bytes[..];
        let mut pts = Some(packet.pts);
        while !rest.is_empty() {
            let [0xff, 0xf1, _, a, b, c, 0xfc, ..] = *rest else { panic!("no ADTS header: {rest:02x?}") };
            let length = usize::from(a & 3) << 11 | usize::from(b) << 3 | usize::from(c >> 5);
            let frame = frames.next().expect("a frame that was not given");
            assert_eq!(&rest[7..length], &frame.data[..]);
            if let Some(pts) = pts.take() {
                assert_eq!(pts, clock(Timescale::VIDEO.rescale(frame.decode_time, track.timescale).0));
            }
            rest = &rest[length..];
        }
    }
    assert!(frames.next().is_none(), "a frame is missing");
}

fn clock(ticks: i64) -> u64 {
    (ticks.saturating_add(63_000) & ((1 << 33) - 1)) as u64
}

/// What the demuxer found.
#[derive(Default)]
pub struct Demuxed {
    changes: FilterChangeset<Filter>,
    video: Vec<Unit>,
    audio: Vec<Unit>,
    broken: usize,
}

#[derive(Debug, PartialEq)]
struct Unit {
    pts: u64,
    dts: Option<u64>,
    bytes: Vec<u8>,
}

/// Takes what is in one kind of stream.
pub struct Units(fn(&mut Demuxed) -> &mut Vec<Unit>);

packet_filter_switch! {
    Filter<Demuxed> {
        Pat: PatPacketFilter<Demuxed>,
        Pmt: PmtPacketFilter<Demuxed>,
        Units: PesPacketFilter<Demuxed, Units>,
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
            FilterRequest::ByStream { stream_type: StreamType::H264, .. } => {
                Filter::Units(PesPacketFilter::new(Units(|found| &mut found.video)))
            }
            FilterRequest::ByStream { .. } => {
                Filter::Units(PesPacketFilter::new(Units(|found| &mut found.audio)))
            }
            _ => Filter::Null(NullPacketFilter::default()),
        }
    }
}

impl ElementaryStreamConsumer<Demuxed> for Units {
    fn start_stream(&mut self, _: &mut Demuxed) {}

    fn begin_packet(&mut self, found: &mut Demuxed, header: PesHeader<'_>) {
        let PesContents::Parsed(Some(parsed)) = header.contents() else { panic!("no PES header") };
        let (pts, dts) = match parsed.pts_dts().unwrap() {
            PtsDts::PtsOnly(pts) => (pts.unwrap().value(), None),
            PtsDts::Both { pts, dts } => (pts.unwrap().value(), Some(dts.unwrap().value())),
            other => panic!("{other:?}"),
        };
        self.0(found).push(Unit { pts, dts, bytes: parsed.payload().to_vec() });
    }

    fn continue_packet(&mut self, found: &mut Demuxed, data: &[u8]) {
        self.0(found).last_mut().unwrap().bytes.extend_from_slice(data);
    }

    fn end_packet(&mut self, _: &mut Demuxed) {}

    fn continuity_error(&mut self, found: &mut Demuxed) {
        found.broken += 1;
    }
}

/// What is in `stream`, which is of whole packets whose counters run on.
fn demux(stream: &[u8]) -> Demuxed {
    assert_eq!(stream.len() % 188, 0);
    let mut found = Demuxed::default();
    let mut demultiplex = Demultiplex::new(&mut found);
    demultiplex.push(&mut found, stream);
    assert_eq!(found.broken, 0, "continuity errors");
    let mut counters = HashMap::new();
    for packet in stream.chunks(188).map(|packet| Packet::try_new(packet).unwrap()) {
        if let Some(last) = counters.insert(u16::from(packet.pid()), packet.continuity_counter()) {
            assert!(packet.continuity_counter().follows(last), "PID {:?} skips", packet.pid());
        }
    }
    found
}
