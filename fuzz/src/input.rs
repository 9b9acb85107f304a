//! Tracks, pictures and audio made of the fuzzer's bytes, as far as a camera may choose them.

use std::num::NonZeroU32;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use camgate::media::parameter_sets::h264_track;
use camgate::media::{
    Arrival, AudioEncoding, AudioSample, AudioSource, ParameterSets, Sample, Ticks, Timescale, VideoCodec,
    VideoTrack, WallTime,
};

// Parameter sets as x264 wrote them, for
// `ffmpeg -f lavfi -i testsrc2=size=SIZE:rate=25 -c:v libx264 -preset veryfast -profile:v high`.
const SMALL_SPS: &[u8] = b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2f\xf9\x70\x11\
    \x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2d\x96";
const FULL_HD_SPS: &[u8] = b"\x67\x64\x00\x28\xac\xd9\x40\x78\x02\x27\xe5\xc0\x44\
    \x00\x00\x03\x00\x04\x00\x00\x03\x00\xc8\x3c\x60\xc6\x58";
const PPS: &[u8] = b"\x68\xef\x8f\xcb";
/// With `-crf 30`.
const COARSE_PPS: &[u8] = b"\x68\xef\x84\x72\xc0";
/// `hvcC` as ffmpeg wrote it for the same with `-c:v libx265 -preset ultrafast -tag:v hvc1`.
const HVCC: &[u8] = b"\x01\x01\x60\x00\x00\x00\x90\x00\x00\x00\x00\x00\x3f\xf0\x00\xfc\xfd\xf8\xf8\
    \x00\x00\x0f\x03\
    \xa0\x00\x01\x00\x18\x40\x01\x0c\x01\xff\xff\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\
    \x00\x03\x00\x3f\x95\x94\x09\
    \xa1\x00\x01\x00\x2b\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\
    \x3f\xa0\x05\x02\x01\x71\xf2\xe5\x95\x95\x29\x30\xbc\x05\xa0\x20\x00\x00\x03\x00\x20\x00\x00\
    \x03\x03\x21\
    \xa2\x00\x01\x00\x06\x44\x01\xc0\x73\xc1\x89";

/// What a camera may say of its video.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Video {
    Small,
    SmallCoarse,
    FullHd,
    H265,
}

/// A description: real parameter sets, and whatever may stand in those parts of them that are numbers.
#[derive(Arbitrary, Clone, Debug)]
pub struct Described {
    video: Video,
    pixel_aspect: Option<(u16, u16)>,
    /// In hundredths of a picture a second.
    frame_rate: Option<u16>,
    reorder_depth: Option<u8>,
}

impl Described {
    /// As [`h264_track`] would have it, with its limits.
    pub fn track(&self) -> VideoTrack {
        let h264 = |sps, pps| h264_track(Bytes::from_static(sps), Bytes::from_static(pps)).unwrap();
        let track = match self.video {
            Video::Small => h264(SMALL_SPS, PPS),
            Video::SmallCoarse => h264(SMALL_SPS, COARSE_PPS),
            Video::FullHd => h264(FULL_HD_SPS, PPS),
            Video::H265 => {
                let unit = |at: usize, length: usize| Bytes::from_static(&HVCC[at..at + length]);
                VideoTrack {
                    codec: VideoCodec::H265,
                    rfc6381: "hvc1.1.6.L63.90".into(),
                    decoder_config: Bytes::from_static(HVCC),
                    parameter_sets: ParameterSets {
                        vps: Some(unit(28, 24)),
                        sps: unit(57, 43),
                        pps: vec![unit(105, 6)],
                    },
                    ..h264(SMALL_SPS, PPS)
                }
            }
        };
        let rate = self.frame_rate.map(|rate| f64::from(rate) / 100.0);
        VideoTrack {
            pixel_aspect: self.pixel_aspect,
            frame_rate: rate.filter(|rate| (0.1..=240.0).contains(rate)),
            reorder_depth: self.reorder_depth.map(|depth| depth % 17),
            ..track
        }
    }
}

/// What a camera may say of its audio.
#[derive(Clone, Debug)]
pub struct Audio(pub AudioSource);

impl Arbitrary<'_> for Audio {
    fn arbitrary(u: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        // Usual rates, and any.
        let usual = [8_000, 16_000, 44_100, 48_000];
        let hz = if u.ratio(3, 4)? { NonZeroU32::new(*u.choose(&usual)?) } else { Some(u.arbitrary()?) };
        let channels = if u.ratio(3, 4)? { u.int_in_range(1..=2)? } else { u.arbitrary::<u8>()?.into() };
        let encoding = match u.int_in_range(0..=3)? {
            0 => AudioEncoding::Pcmu,
            1 => AudioEncoding::Pcma,
            2 => AudioEncoding::L16,
            _ => AudioEncoding::Aac {
                config: Bytes::from(if u.ratio(3, 4)? { vec![0x11, 0x90] } else { u.arbitrary()? }),
                rfc6381: "mp4a.40.2".into(),
                frame_length: *u.choose(&[1024, 960, 2048])?,
            },
        };
        Ok(Self(AudioSource { encoding, timescale: Timescale::new(hz.unwrap_or(NonZeroU32::MIN)), channels }))
    }
}

/// A time on both clocks.
pub fn arrival(elapsed_ms: u64, wall_offset_ms: i64) -> Arrival {
    let elapsed = Duration::from_millis(elapsed_ms);
    Arrival { elapsed, wall: WallTime(1_700_006_400_000 + wall_offset_ms).after(elapsed) }
}

/// A picture on the stream's timeline, but for its place.
#[derive(Arbitrary, Clone, Debug)]
pub struct Picture {
    pub duration: u32,
    pub offset: i32,
    pub random_access: bool,
    pub units: Vec<Vec<u8>>,
}

/// A frame of audio on the stream's timeline, but for its place.
#[derive(Arbitrary, Clone, Debug)]
pub struct Frame {
    pub duration: u32,
    pub data: Vec<u8>,
    /// As many zeros behind it: longer than the fuzzer's inputs are.
    pub zeros: Option<u16>,
}

/// Samples one after the other, from `now` on.
pub fn samples(pictures: &[Picture], now: &mut i64) -> Vec<Sample> {
    let place = |picture: &Picture| {
        let framed = picture.units.iter().flat_map(|unit| {
            let length = u32::try_from(unit.len()).unwrap().to_be_bytes();
            length.into_iter().chain(unit.iter().copied())
        });
        let decode_time = Ticks(*now);
        *now += i64::from(picture.duration);
        Sample {
            decode_time,
            duration: Ticks(picture.duration.into()),
            composition_offset: Ticks(picture.offset.into()),
            arrival: arrival(0, 0),
            random_access: picture.random_access,
            data: framed.collect::<Vec<_>>().into(),
        }
    };
    pictures.iter().map(place).collect()
}

/// The same of audio.
pub fn audio_samples(frames: &[Frame], now: &mut i64) -> Vec<AudioSample> {
    let place = |frame: &Frame| {
        let decode_time = Ticks(*now);
        *now += i64::from(frame.duration);
        let mut data = frame.data.clone();
        data.resize(data.len() + usize::from(frame.zeros.unwrap_or(0)), 0);
        AudioSample { decode_time, duration: Ticks(frame.duration.into()), data: data.into() }
    };
    frames.iter().map(place).collect()
}
