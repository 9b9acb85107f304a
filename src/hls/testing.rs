//! A camera in virtual time, and what a viewer of its stream would fetch.

use std::time::Duration;

use bytes::Bytes;
use mp4_atom::{Decode as _, Mdat, Moof};

use super::{Packager, RunId, Settings, Snapshot};
use crate::media::parameter_sets::h264_track;
use crate::media::{AccessUnit, Arrival, Ticks, Tracks, VideoTrack, WallTime};
use crate::mux::Container;

/// The checker of the integration tests: one set of rules for both.
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "shared with tests/, which use all of it"
)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic here is a test's failure")]
#[path = "../../tests/common"]
mod common {
    pub mod playlist;
}

pub(super) use common::playlist as checker;

/// A picture at 25 per second.
pub(super) const FRAME: i64 = 3600;

/// When virtual time begins on the wall clock.
pub(super) const MIDNIGHT: i64 = 1_700_006_400_000;

pub(super) fn settings() -> Settings {
    Settings {
        container: Container::Fmp4,
        segment_time: Duration::from_secs(2),
        part_time: Duration::from_millis(200),
        list_size: 5,
        max_bytes: 64 << 20,
    }
}

// Parameter sets as x264 wrote them, for
// `ffmpeg -f lavfi -i testsrc2=size=SIZE:rate=25 -c:v libx264 -preset veryfast -profile:v high`.
const SMALL_SPS: &[u8] = b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2f\xf9\x70\x11\
    \x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2d\x96";
const FULL_HD_SPS: &[u8] = b"\x67\x64\x00\x28\xac\xd9\x40\x78\x02\x27\xe5\xc0\x44\
    \x00\x00\x03\x00\x04\x00\x00\x03\x00\xc8\x3c\x60\xc6\x58";
const PPS: &[u8] = b"\x68\xef\x8f\xcb";
/// With `-crf 30`.
const COARSE_PPS: &[u8] = b"\x68\xef\x84\x72\xc0";

fn track(sps: &'static [u8], pps: &'static [u8]) -> VideoTrack {
    // The pictures here come in the order in which they are shown.
    VideoTrack {
        reorder_depth: Some(0),
        ..h264_track(Bytes::from_static(sps), Bytes::from_static(pps)).unwrap()
    }
}

/// 640x360.
pub(super) fn small() -> VideoTrack {
    track(SMALL_SPS, PPS)
}

/// 640x360 with another PPS under the same id.
pub(super) fn small_coarse() -> VideoTrack {
    track(SMALL_SPS, COARSE_PPS)
}

/// 1920x1080.
pub(super) fn full_hd() -> VideoTrack {
    track(FULL_HD_SPS, PPS)
}

/// A presentation without audio.
pub(super) fn silent(video: VideoTrack) -> std::sync::Arc<Tracks> {
    std::sync::Arc::new(Tracks { video, audio: None })
}

/// An arrival `millis` after midnight.
pub(super) fn arrival(millis: u64) -> Arrival {
    let wall = WallTime(MIDNIGHT).after(Duration::from_millis(millis));
    Arrival { elapsed: Duration::from_millis(millis), wall }
}

/// `length` bytes of a NAL unit behind their length.
pub(super) fn picture(key: bool, length: usize) -> Bytes {
    let mut data = u32::try_from(length).unwrap().to_be_bytes().to_vec();
    data.push(if key { 0x65 } else { 0x41 });
    data.resize(4 + length, 0xaa);
    data.into()
}

/// A camera whose pictures arrive when they are taken.
pub(super) struct Camera {
    pub(super) packager: Packager,
    /// Milliseconds since midnight.
    pub(super) now: u64,
    /// What its clock is ahead of midnight, in ticks.
    pub(super) clock: i64,
    pub(super) lost_packets: u32,
    pub(super) picture_length: usize,
}

impl Camera {
    pub(super) fn new(settings: Settings) -> Self {
        let packager = Packager::new(settings, RunId(1000), 1000);
        Self { packager, now: 0, clock: 77_000, lost_packets: 0, picture_length: 100 }
    }

    /// Describes its pictures anew. Returns whether there are news.
    pub(super) fn set_track(&mut self, track: &VideoTrack) -> bool {
        self.packager.set_track(track, Duration::from_millis(self.now))
    }

    /// Sends one picture; the next is due 40 ms later. Returns whether there are news.
    pub(super) fn send(&mut self, key: bool) -> bool {
        let unit = AccessUnit {
            pts: Ticks(self.clock + i64::try_from(self.now).unwrap() * 90),
            arrival: arrival(self.now),
            random_access: key,
            lost_packets: std::mem::take(&mut self.lost_packets),
            data: picture(key, self.picture_length),
        };
        self.now += 40;
        self.packager.push(unit)
    }

    /// Sends a group of pictures.
    pub(super) fn group(&mut self, pictures: usize) {
        (0..pictures).for_each(|i| {
            self.send(i == 0);
        });
    }

    /// Sends `seconds` of groups of two seconds.
    pub(super) fn play(&mut self, seconds: usize) {
        (0..seconds / 2).for_each(|_| self.group(50));
    }

    /// The connection is lost, and comes back after `millis`; the camera's clock starts anew.
    pub(super) fn reconnect(&mut self, millis: u64) {
        self.packager.interrupt(Duration::from_millis(self.now));
        self.now += millis;
        self.clock = -i64::try_from(self.now).unwrap() * 90;
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.packager.snapshot().unwrap()
    }

    /// The text of the media playlist.
    pub(super) fn playlist(&self) -> String {
        String::from_utf8(self.snapshot().media_playlist(crate::hls::Form::Plain).plain.to_vec()).unwrap()
    }
}

/// What a URI of the media playlist leads to.
pub(super) fn fetch(snapshot: &Snapshot, uri: &str) -> Option<Vec<u8>> {
    let file = uri.strip_prefix(&format!("{}/", snapshot.run))?;
    if let Some(id) = file.strip_prefix("init-").and_then(|rest| rest.strip_suffix(".mp4")) {
        let init = snapshot.init(super::InitId(id.parse().ok()?))?;
        return Some(init.bytes.to_vec());
    }
    let (number, _) = file.strip_prefix("seg-")?.split_once('.')?;
    let segment = snapshot.segment(number.parse().ok()?)?;
    Some(segment.chunks().flatten().copied().collect())
}

/// What a demuxer that is not ours finds in a segment.
pub(super) fn measure(media_sequence: u64, bytes: &[u8]) -> checker::Measured {
    const TIMESCALE: f64 = 90_000.0;
    let (mut rest, mut start, mut duration, mut random_access) = (bytes, None, 0_u64, None);
    while !rest.is_empty() {
        let moof = Moof::decode(&mut rest).unwrap();
        Mdat::decode(&mut rest).unwrap();
        let [traf] = &moof.traf[..] else { panic!("one traf") };
        let decode_time = traf.tfdt.as_ref().unwrap().base_media_decode_time;
        let first = *start.get_or_insert(decode_time);
        assert_eq!(decode_time, first + duration, "the parts of segment {media_sequence} follow each other");
        for entry in &traf.trun[0].samples {
            duration += u64::from(entry.duration.or(traf.tfhd.default_sample_duration).unwrap());
            let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap();
            random_access.get_or_insert(flags & 0x0001_0000 == 0);
        }
    }
    let seconds = |ticks: u64| f64::from(u32::try_from(ticks).unwrap()) / TIMESCALE;
    checker::Measured {
        media_sequence,
        start: seconds(start.unwrap()),
        duration: seconds(duration),
        random_access: random_access.unwrap(),
    }
}
