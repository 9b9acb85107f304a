//! A camera in virtual time: pictures every 40 ms, and audio beside them.

use std::num::NonZeroU32;

use bytes::Bytes;

use super::*;
use crate::media::{AccessUnit, Arrival, WallTime};

/// 40 ms at 8 kHz.
const LENGTH: i64 = 320;

fn eight_khz() -> Timescale {
    Timescale::new(NonZeroU32::new(8000).unwrap())
}

/// A camera's two tracks, in milliseconds of its own time.
struct Camera {
    video: Timeline,
    audio: AudioTimeline,
    now: u64,
    /// How much later than a picture of the same instant audio arrives.
    audio_delay: u64,
    /// Parts in a million by which the clock of the audio is too fast.
    audio_gain: i64,
    audio_stamp: i64,
    samples: Vec<(i64, i64)>,
    silences: usize,
}

impl Camera {
    fn new() -> Self {
        let mut video = Timeline::new(Timescale::VIDEO, Duration::from_secs(3));
        video.configure(Some(0), Some(25.0));
        Self {
            video,
            audio: AudioTimeline::new(eight_khz(), Ticks(LENGTH)),
            now: 0,
            audio_delay: 0,
            audio_gain: 0,
            audio_stamp: 1_000_000,
            samples: Vec::new(),
            silences: 0,
        }
    }

    /// One picture, and the frame of audio that ended as it was taken.
    fn step(&mut self, audible: bool) {
        self.picture();
        if audible {
            self.frame();
        }
        self.now += 40;
        self.audio_stamp += LENGTH;
    }

    fn picture(&mut self) {
        let arrival = Duration::from_millis(self.now);
        let starts = !self.video.is_running();
        let pts = Ticks(77_000 + i64::try_from(self.now).unwrap() * 90);
        self.video.push(AccessUnit {
            pts,
            arrival: Arrival { elapsed: arrival, wall: WallTime(0) },
            random_access: true,
            lost_packets: 0,
            data: Bytes::new(),
        });
        if starts {
            self.audio.start(self.video.at_stamp(pts).unwrap(), Timescale::VIDEO);
        }
        let due = self.video.at_arrival(arrival).unwrap();
        for _ in 0..self.audio.missing(due, arrival, Timescale::VIDEO) {
            self.samples.extend(self.audio.silence().map(|(at, length)| (at.0, length.0)));
            self.silences += 1;
        }
    }

    fn frame(&mut self) {
        let stamp = self.audio_stamp + self.audio_stamp * self.audio_gain / 1_000_000;
        let arrival = Duration::from_millis(self.now + self.audio_delay);
        let place = self.audio.place(Ticks(stamp), arrival, &self.video);
        self.silences += place.silence;
        self.samples.extend(place.sample.map(|(at, length)| (at.0, length.0)));
    }

    fn play(&mut self, seconds: u64) {
        (0..seconds * 25).for_each(|_| self.step(true));
    }

    /// How far the last frame is from the picture that was taken as it ended, in milliseconds: positive is late.
    fn offset(&self) -> i64 {
        let (at, _) = *self.samples.last().unwrap();
        let shown = i64::try_from(self.now - 40).unwrap();
        (at + LENGTH) / 8 - shown
    }

    /// A report for each track, of the same instant, `now`.
    fn report(&mut self) {
        let ntp = Duration::from_secs(3_900_000_000) + Duration::from_millis(self.now);
        let stamp = Ticks(77_000 + i64::try_from(self.now).unwrap() * 90);
        self.audio.video_report(SenderReport { ntp, stamp });
        let stamp = self.audio_stamp.saturating_add(LENGTH);
        let gained = i128::from(stamp) * i128::from(self.audio_gain) / 1_000_000;
        let stamp = Ticks(stamp.saturating_add(i64::try_from(gained).unwrap()));
        self.audio.audio_report(SenderReport { ntp, stamp });
    }
}

#[test]
fn frames_follow_each_other_without_a_gap_beside_the_video() {
    let mut camera = Camera::new();
    camera.play(60);
    for pair in camera.samples.windows(2) {
        assert_eq!(pair[0].0 + pair[0].1, pair[1].0);
    }
    // The first frame began before the first picture.
    assert!(camera.samples[500..].iter().all(|(_, length)| *length == LENGTH));
    assert_eq!((camera.offset(), camera.silences), (0, 0));
}

#[test]
fn a_clock_one_in_a_thousand_off_stays_in_sync_for_hours_by_arrival_alone() {
    for gain in [1000, -1000] {
        let mut camera = Camera::new();
        camera.audio_gain = gain;
        camera.audio_delay = 150;
        camera.play(30);
        let at_first = camera.offset();
        camera.play(3 * 3600);
        let drift = camera.offset() - at_first;
        assert!(drift.abs() <= 40, "{gain}: {drift} ms");
        assert_eq!(
            camera.samples.len(),
            25 * (30 + 3 * 3600) - dropped(&camera),
            "nothing is heard to be missing"
        );
    }
}

/// Frames before the start, which have no place.
fn dropped(camera: &Camera) -> usize {
    25 * (30 + 3 * 3600) - camera.samples.len()
}

#[test]
fn reports_put_late_audio_beside_its_picture() {
    let mut camera = Camera::new();
    camera.audio_delay = 300;
    camera.audio_gain = 1000;
    for _ in 0..600 {
        camera.report();
        camera.play(5);
    }
    assert!(camera.offset().abs() <= 40, "{} ms", camera.offset());
}

#[test]
fn reports_of_clocks_that_have_never_been_set_are_not_believed() {
    let mut camera = Camera::new();
    camera.play(2);
    let stamp = Ticks(77_000);
    camera.audio.video_report(SenderReport { ntp: Duration::ZERO, stamp });
    let ntp = Duration::from_secs(3_900_000_000);
    camera.audio.audio_report(SenderReport { ntp, stamp: Ticks(0) });
    camera.play(20);
    assert_eq!((camera.offset(), camera.silences), (0, 0));
}

#[test]
fn where_no_audio_comes_silence_goes_on_beside_the_video() {
    let mut camera = Camera::new();
    camera.play(4);
    (0..250).for_each(|_| camera.step(false));
    let (at, length) = *camera.samples.last().unwrap();
    let behind = i64::try_from(camera.now).unwrap() - (at + length) / 8;
    assert!((0..=80).contains(&behind), "{behind} ms behind");
    camera.play(4);
    for pair in camera.samples.windows(2) {
        assert_eq!(pair[0].0 + pair[0].1, pair[1].0, "no gap and no overlap");
    }
    assert!(camera.offset().abs() <= 40, "{} ms", camera.offset());
}

#[test]
fn audio_that_never_comes_is_silence_from_the_start() {
    let mut camera = Camera::new();
    (0..50).for_each(|_| camera.step(false));
    assert_eq!(camera.samples.first(), Some(&(0, LENGTH)));
    assert!(camera.silences >= 48, "{}", camera.silences);
}

#[test]
fn stamps_that_start_again_go_on_where_they_arrive() {
    let mut camera = Camera::new();
    camera.play(20);
    camera.audio_stamp = 0;
    camera.play(20);
    assert!(camera.offset().abs() <= 40, "{} ms", camera.offset());
    assert!(camera.samples.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
    // One frame that is stamped hours away is placed like the others.
    camera.audio_stamp += 8000 * 3600;
    camera.step(true);
    camera.audio_stamp -= 8000 * 3600;
    camera.play(20);
    assert!(camera.offset().abs() <= 40, "{} ms", camera.offset());
}

#[test]
fn another_session_goes_on_behind_what_has_been() {
    let mut camera = Camera::new();
    camera.play(10);
    let before = *camera.samples.last().unwrap();
    camera.video.interrupt();
    camera.audio.interrupt();
    camera.audio_stamp = 5;
    camera.now += 7000;
    camera.play(10);
    let after = camera.samples[250];
    assert!(after.0 >= before.0 + before.1);
    assert!(camera.samples.len() >= 498);
}

#[test]
fn stamps_as_far_apart_as_numbers_go_are_placed_or_left_out() {
    let mut camera = Camera::new();
    camera.play(1);
    for stamp in [i64::MAX, i64::MIN, 0, i64::MIN + 1, i64::MAX - 1, i64::MAX / 2] {
        camera.report();
        camera.audio.audio_report(SenderReport { ntp: Duration::ZERO, stamp: Ticks(stamp) });
        camera.audio_stamp = stamp;
        let place = camera.audio.place(Ticks(stamp), Duration::from_millis(camera.now), &camera.video);
        camera.samples.extend(place.sample.map(|(at, length)| (at.0, length.0)));
        camera.now += 40;
    }
    assert!(camera.samples.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{:?}", camera.samples);
}

/// How far silence and sound together lag behind the video, at most, in ms, from two seconds on.
fn lag(camera: &mut Camera, seconds: u64, stamp: impl Fn(i64) -> i64) -> i64 {
    let mut most = 0;
    for n in 0..seconds * 25 {
        camera.audio_stamp = stamp(i64::try_from(n).unwrap() * LENGTH);
        camera.step(true);
        let Some((at, length)) = camera.samples.last() else { continue };
        let behind = i64::try_from(camera.now).unwrap() - (at + length) / 8;
        if n > 50 {
            most = most.max(behind);
        }
    }
    assert!(camera.samples.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "no overlap");
    most
}

#[test]
fn whatever_audio_is_stamped_nobody_waits_for_it() {
    let odd = |from: i64, by: i64| move |stamp: i64| if stamp == from * LENGTH { stamp + by } else { stamp };
    let leap = |from: i64, by: i64| move |stamp: i64| if stamp >= from * LENGTH { stamp + by } else { stamp };
    let most = [
        ("stands still", lag(&mut Camera::new(), 30, |_| 5000)),
        ("six times too slow", lag(&mut Camera::new(), 30, |stamp| stamp / 6)),
        ("six times too fast", lag(&mut Camera::new(), 30, |stamp| stamp * 6)),
        ("back by six seconds", lag(&mut Camera::new(), 30, leap(250, -48_000))),
        ("ahead by six seconds", lag(&mut Camera::new(), 30, leap(250, 48_000))),
        ("one frame three seconds ahead", lag(&mut Camera::new(), 30, odd(250, 24_000))),
        ("one frame three seconds back", lag(&mut Camera::new(), 30, odd(250, -24_000))),
    ];
    assert!(most.iter().all(|(_, lag)| *lag <= 1700), "{most:?}");
}
