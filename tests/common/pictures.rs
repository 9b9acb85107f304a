//! The pictures of the demo clip as a camera of 3 Mbit/s would send them, for what measures the pure core.
//!
//! 1280x720, 25 pictures a second, a keyframe every 50; each padded with filler data (ISO/IEC 14496-10
//! §7.3.2.7) to its share of the bit rate. How media lies in an access unit is known in [`Camera::next`] alone.

use std::time::Duration;

use bytes::Bytes;
use camgate::hls::{Packager, RunId, Settings};
use camgate::media::parameter_sets::h264_track;
use camgate::media::{AccessUnit, Arrival, Ticks, VideoTrack, WallTime};
use camgate::mux::Container;

/// Bytes that a picture may take on average: 3 Mbit/s at 25 pictures a second.
pub const BYTES_PER_PICTURE: usize = 15_000;

/// Between two pictures: 40 ms.
const TICKS: i64 = 3600;

/// One picture of the clip: its NAL units, each behind its length.
pub struct Picture {
    pub random_access: bool,
    pub framed: Bytes,
}

/// Sends the clip for ever.
pub struct Camera {
    pub track: VideoTrack,
    pub pictures: Vec<Picture>,
    sent: usize,
}

impl Camera {
    /// At the start of the clip, each picture padded to its share of `bytes_per_picture`.
    pub fn new(bytes_per_picture: usize) -> Self {
        const SLICE: u8 = 1;
        const IDR: u8 = 5;
        const SPS: u8 = 7;
        const PPS: u8 = 8;

        let mut pictures = Vec::new();
        let (mut sps, mut pps) = (Bytes::new(), Bytes::new());
        let (mut allowed, mut used) = (0, 0);
        for unit in nal_units(include_bytes!("../../fixtures/demo.h264")) {
            let kind = unit[0] & 0x1f;
            match kind {
                SPS => sps = Bytes::from_static(unit),
                PPS => pps = Bytes::from_static(unit),
                SLICE | IDR => {
                    let mut framed = length_prefixed(unit);
                    allowed += bytes_per_picture;
                    // What a keyframe takes beyond its share, the pictures after it leave out.
                    let padding = allowed.saturating_sub(used + framed.len());
                    if padding > 6 {
                        framed.extend(length_prefixed(&filler(padding - 4)));
                    }
                    used += framed.len();
                    pictures.push(Picture { random_access: kind == IDR, framed: framed.into() });
                }
                _ => {}
            }
        }
        Self { track: h264_track(sps, pps).unwrap(), pictures, sent: 0 }
    }

    /// The next access unit, on time. Media is not copied.
    pub fn next(&mut self) -> AccessUnit {
        let picture = &self.pictures[self.sent % self.pictures.len()];
        let number = i64::try_from(self.sent).unwrap();
        self.sent += 1;
        AccessUnit {
            pts: Ticks(number * TICKS),
            arrival: Arrival {
                elapsed: Duration::from_millis(40) * u32::try_from(number).unwrap(),
                wall: WallTime(1_700_000_000_000 + number * 40),
            },
            random_access: picture.random_access,
            lost_packets: 0,
            data: picture.framed.clone(),
        }
    }

    /// A packager as the gateway's settings make it, that knows the track and has taken a minute of pictures:
    /// its window is full.
    pub fn packager(&mut self, container: Container) -> Packager {
        let settings = Settings {
            container,
            segment_time: Duration::from_secs(2),
            part_time: Duration::from_millis(200),
            list_size: 5,
            max_bytes: 64 << 20,
        };
        let mut packager = Packager::new(settings, RunId(1), 17_000_000_000);
        packager.set_track(&self.track, std::time::Duration::ZERO);
        for _ in 0..60 * 25 {
            packager.push(self.next());
        }
        packager
    }
}

fn length_prefixed(unit: &[u8]) -> Vec<u8> {
    [&u32::try_from(unit.len()).unwrap().to_be_bytes()[..], unit].concat()
}

/// A NAL unit of filler data.
fn filler(length: usize) -> Vec<u8> {
    let mut unit = vec![0xff; length];
    unit[0] = 12;
    unit[length - 1] = 0x80;
    unit
}

/// The NAL units of a byte stream (ISO/IEC 14496-10 Annex B), without start codes and trailing zeros.
fn nal_units(stream: &'static [u8]) -> impl Iterator<Item = &'static [u8]> {
    let starts: Vec<usize> =
        (0..stream.len() - 3).filter(|at| stream[*at..].starts_with(&[0, 0, 1])).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([stream.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| {
        let unit = &stream[start + 3..end];
        &unit[..unit.len() - unit.iter().rev().take_while(|byte| **byte == 0).count()]
    })
}
