//! Timelines: whatever stamps a camera sends and whenever they arrive, decode times rise, durations are positive and no
//! longer than the longest gap, and frames of audio do not overlap.
#![no_main]

use std::num::NonZeroU32;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use camgate::media::audio_timeline::AudioTimeline;
use camgate::media::timeline::Timeline;
use camgate::media::{AccessUnit, Sample, SenderReport, Ticks, Timescale};
use camgate_fuzz::input::arrival;
use libfuzzer_sys::fuzz_target;

const MAX_GAP: Duration = Duration::from_secs(3);

#[derive(Arbitrary, Debug)]
struct Input {
    reorder_depth: Option<u8>,
    /// In hundredths of a picture a second.
    frame_rate: Option<u16>,
    audio_hz: NonZeroU32,
    frame_length: u16,
    steps: Vec<Step>,
}

/// What a camera sends next, `wait` ms after what came before.
#[derive(Arbitrary, Debug)]
enum Step {
    Picture {
        stamp: Stamp,
        wait: u16,
    },
    /// Pictures as they should be.
    Pictures {
        count: u8,
    },
    Frame {
        stamp: Stamp,
        wait: u16,
    },
    VideoReport {
        ntp_ms: u64,
        stamp: Stamp,
    },
    AudioReport {
        ntp_ms: u64,
        stamp: Stamp,
    },
    Interrupt,
    Configure {
        reorder_depth: Option<u8>,
        frame_rate: Option<u16>,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Stamp {
    /// So much after the one before.
    After(i16),
    FarAfter(i32),
    Wild(i64),
}

impl Stamp {
    fn next(self, last: &mut i64) -> Ticks {
        *last = match self {
            Self::After(by) => last.saturating_add(by.into()),
            Self::FarAfter(by) => last.saturating_add(by.into()),
            // RTP stamps have 32 bits, unwrapped: a camera gets no farther than this within years.
            Self::Wild(to) => to >> 8,
        };
        Ticks(*last)
    }
}

/// A camera's two timelines, and where what came out of them ends.
struct Stream {
    timeline: Timeline,
    audio: AudioTimeline,
    frame_length: i64,
    now: u64,
    stamp: i64,
    audio_stamp: i64,
    video_end: Ticks,
    audio_end: Ticks,
}

impl Stream {
    fn picture(&mut self, stamp: Stamp, wait: u64) {
        self.now += wait;
        let pts = stamp.next(&mut self.stamp);
        let unit = AccessUnit {
            pts,
            arrival: arrival(self.now, 0),
            random_access: true,
            lost_packets: 0,
            data: Bytes::new(),
        };
        if self.timeline.gap_before(&unit) {
            self.interrupt();
        }
        let starts = !self.timeline.is_running();
        let sample = self.timeline.push(unit);
        self.take(sample);
        if starts {
            self.audio.start(self.timeline.at_stamp(pts).unwrap(), Timescale::VIDEO);
        }
        let elapsed = Duration::from_millis(self.now);
        let until = self.timeline.at_arrival(elapsed).unwrap();
        for _ in 0..self.audio.missing(until, elapsed, Timescale::VIDEO).min(250) {
            let (decode_time, duration) = self.audio.silence().unwrap();
            self.take_audio(decode_time, duration);
        }
    }

    fn frame(&mut self, stamp: Stamp, wait: u64) {
        self.now += wait;
        let pts = stamp.next(&mut self.audio_stamp);
        let place = self.audio.place(pts, Duration::from_millis(self.now), &self.timeline);
        let silence = self.frame_length.checked_mul(i64::try_from(place.silence).unwrap()).unwrap();
        if silence > 0 {
            self.take_audio(place.silence_from, Ticks(silence));
        }
        if let Some((decode_time, duration)) = place.sample {
            self.take_audio(decode_time, duration);
        }
    }

    fn interrupt(&mut self) {
        let sample = self.timeline.interrupt();
        self.take(sample);
    }

    fn take(&mut self, sample: Option<Sample>) {
        let Some(Sample { decode_time, duration, .. }) = sample else { return };
        assert!(decode_time >= self.video_end, "{decode_time:?} is before {:?}", self.video_end);
        let longest = Timescale::VIDEO.ticks(MAX_GAP);
        assert!(duration > Ticks::ZERO && duration <= longest, "a picture of {duration:?}");
        self.video_end = decode_time + duration;
    }

    fn take_audio(&mut self, decode_time: Ticks, duration: Ticks) {
        assert!(decode_time >= self.audio_end, "{decode_time:?} is before {:?}", self.audio_end);
        assert!(duration > Ticks::ZERO, "a frame of {duration:?}");
        self.audio_end = decode_time + duration;
    }
}

fuzz_target!(|input: Input| {
    let frame_length = Ticks(i64::from(input.frame_length.max(1)));
    let mut stream = Stream {
        timeline: Timeline::new(Timescale::VIDEO, MAX_GAP),
        audio: AudioTimeline::new(Timescale::new(input.audio_hz), frame_length),
        frame_length: frame_length.0,
        now: 0,
        stamp: 0,
        audio_stamp: 0,
        video_end: Ticks::ZERO,
        audio_end: Ticks::ZERO,
    };
    let configure = |timeline: &mut Timeline, depth: Option<u8>, hundredths: Option<u16>| {
        let rate = hundredths.map(|rate| f64::from(rate) / 100.0).filter(|rate| (0.1..=240.0).contains(rate));
        timeline.configure(depth.map(|depth| depth % 17), rate);
    };
    configure(&mut stream.timeline, input.reorder_depth, input.frame_rate);
    for step in input.steps {
        let report = |ntp_ms, stamp| SenderReport { ntp: Duration::from_millis(ntp_ms), stamp };
        match step {
            Step::Picture { stamp, wait } => stream.picture(stamp, wait.into()),
            Step::Pictures { count } => (0..count).for_each(|_| stream.picture(Stamp::After(3600), 40)),
            Step::Frame { stamp, wait } => stream.frame(stamp, wait.into()),
            Step::VideoReport { ntp_ms, stamp } => {
                stream.audio.video_report(report(ntp_ms, stamp.next(&mut stream.stamp)));
            }
            Step::AudioReport { ntp_ms, stamp } => {
                stream.audio.audio_report(report(ntp_ms, stamp.next(&mut stream.audio_stamp)));
            }
            Step::Interrupt => {
                stream.interrupt();
                stream.audio.interrupt();
            }
            Step::Configure { reorder_depth, frame_rate } => {
                stream.interrupt();
                configure(&mut stream.timeline, reorder_depth, frame_rate);
            }
        }
    }
});
