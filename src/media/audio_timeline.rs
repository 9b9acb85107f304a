//! Audio frames → samples on the timeline that the video has set.
//!
//! The video's [`Timeline`] is the stream's clock; audio follows it. Two witnesses say where a frame belongs:
//!
//! - *sender reports* of both tracks, which tell one time of day for stamps of either: exact, if they are true;
//! - *arrival*: a frame that comes without delay ends when it comes, as a picture that comes without delay does.
//!   Delays differ, so the least of the last seconds counts.
//!
//! Reports are believed where they are within a second of arrival. Frames have a fixed length and follow each other
//! without a gap, so where the two clocks differ:
//!
//! | a frame belongs | so |
//! |---|---|
//! | within 40 ms of the end of the one before | it follows that, and lasts up to 0.5 % longer or shorter |
//! | later | silence fills what is between |
//! | earlier | it is left out |
//!
//! A player waits for the audio of what it is to show: where no audio has come for half a second, silence goes on beside
//! the video. So a track that starts late, pauses or ends holds nobody up.

use std::time::Duration;

use super::report::SenderReport;
use super::time::{Ticks, Timescale};
use super::timeline::Timeline;

/// Farther apart, audio and picture are seen to be.
const SYNC: Duration = Duration::from_millis(40);

/// The part of a frame's length by which its duration may differ from that.
const SLEW: i64 = 200;

/// Without audio for so long, silence is put in its place.
const SILENT_AFTER: Duration = Duration::from_millis(500);

/// As far as reports may be from arrival: farther off, the camera's clocks are not worth much.
const REPORTS_WITHIN: Duration = Duration::from_secs(1);

/// What comes so much later than the frames before it was not delayed: its stamps are those of another clock.
const ANOTHER_CLOCK: Duration = Duration::from_secs(10);

/// Frames that come too late for their place are left out for so long; then they are given another.
const LEFT_OUT_FOR: Duration = Duration::from_secs(1);

/// No more silence than that is made at once, in frames: a longer gap is made up for with the frames that follow.
pub const MOST_SILENCE: usize = 250;

/// The least delay counts for once to twice as long.
const DELAY_WINDOW: Duration = Duration::from_secs(5);

/// Places the frames of one track.
#[derive(Debug)]
pub struct AudioTimeline {
    timescale: Timescale,
    frame_length: Ticks,
    /// Where the frame comes that is next. Nothing before the first picture.
    next: Option<Ticks>,
    offset: LeastOffset,
    /// The last sender reports: of the video, of the audio.
    reports: (Option<SenderReport>, Option<SenderReport>),
    heard: Option<Duration>,
    /// Since when every frame has been left out.
    left_out_since: Option<Duration>,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// So many frames of silence go before it,
    pub silence: usize,
    /// from this decode time on.
    pub silence_from: Ticks,
    /// Its decode time and duration; `None` where it is left out.
    pub sample: Option<(Ticks, Ticks)>,
}

impl AudioTimeline {
    /// The timeline of a track before its first frame.
    pub fn new(timescale: Timescale, frame_length: Ticks) -> Self {
        Self {
            timescale,
            frame_length: frame_length.max(Ticks(1)),
            next: None,
            offset: LeastOffset::default(),
            reports: (None, None),
            heard: None,
            left_out_since: None,
        }
    }

    /// The first picture of a run is shown at `presentation_time`, on the clock of the video.
    pub fn start(&mut self, presentation_time: Ticks, video: Timescale) {
        let start = self.timescale.rescale(presentation_time, video);
        self.next = Some(self.next.map_or(start, |next| next.max(start)));
    }

    /// The camera is gone: another session has another clock. What comes goes on behind what has been.
    pub fn interrupt(&mut self) {
        *self = Self { next: self.next, ..Self::new(self.timescale, self.frame_length) };
    }

    /// Takes what the camera says of the video's clock.
    pub fn video_report(&mut self, report: SenderReport) {
        self.reports.0 = Some(report);
    }

    /// Takes what the camera says of the audio's clock.
    pub fn audio_report(&mut self, report: SenderReport) {
        self.reports.1 = Some(report);
    }

    /// Finds the place of a frame stamped `pts` that arrived at `arrival`; `video` is the stream's clock.
    pub fn place(&mut self, pts: Ticks, arrival: Duration, video: &Timeline) -> Place {
        let Some((next, belongs)) = self.next.zip(self.belongs(pts, arrival, video)) else {
            return Place::default();
        };
        let sync = self.timescale.ticks(SYNC);
        let error = belongs - next;
        if error < -sync && error.0.saturating_neg().saturating_mul(2) > self.frame_length.0 {
            self.leave_out(arrival);
            return Place::default();
        }
        self.heard = Some(arrival);
        self.left_out_since = None;
        let silence = if error > sync { self.frames(error) } else { 0 };
        if silence > MOST_SILENCE {
            self.next = Some(next + self.length(MOST_SILENCE));
            return Place { silence: MOST_SILENCE, silence_from: next, sample: None };
        }
        let decode_time = next + self.length(silence);
        let error = (belongs - decode_time).0;
        let most = self.frame_length.0 / SLEW;
        let duration = self.frame_length + Ticks(error.clamp(-most, most));
        self.next = Some(decode_time + duration);
        Place { silence, silence_from: next, sample: Some((decode_time, duration)) }
    }

    /// A frame comes too late for its place. For a moment that is waited for: what follows catches up. If it does not, it
    /// was the place that was wrong.
    fn leave_out(&mut self, arrival: Duration) {
        let since = *self.left_out_since.get_or_insert(arrival);
        if arrival.saturating_sub(since) <= LEFT_OUT_FOR {
            self.heard = Some(arrival);
        } else {
            self.offset = LeastOffset::default();
            self.reports = (None, None);
            self.left_out_since = None;
        }
    }

    /// How many frames of silence are due until `presentation_time` of the video, at `now`: none while audio comes, unless it
    /// lags behind as if it did not.
    pub fn missing(&mut self, presentation_time: Ticks, now: Duration, video: Timescale) -> usize {
        let Some(next) = self.next else { return 0 };
        let behind = self.timescale.rescale(presentation_time, video) - next;
        let silent = self.heard.is_none_or(|heard| now.saturating_sub(heard) > SILENT_AFTER);
        let lags = behind > self.timescale.ticks(LEFT_OUT_FOR);
        if !silent && !lags {
            return 0;
        }
        if lags && !silent {
            // Its clock is too slow to be followed by: from here on by arrival, as if it began.
            self.offset = LeastOffset::default();
            self.reports = (None, None);
        }
        usize::try_from(behind.0 / self.frame_length.0).unwrap_or(0)
    }

    /// Takes a frame of silence; returns its decode time and duration.
    pub fn silence(&mut self) -> Option<(Ticks, Ticks)> {
        let decode_time = self.next?;
        self.next = Some(decode_time + self.frame_length);
        Some((decode_time, self.frame_length))
    }

    /// Where a frame belongs on the stream's clock.
    fn belongs(&mut self, pts: Ticks, arrival: Duration, video: &Timeline) -> Option<Ticks> {
        let ends = self.timescale.rescale(video.at_arrival(arrival)?, video.timescale());
        let another_clock = self.timescale.ticks(ANOTHER_CLOCK);
        let offset = ends - self.frame_length - pts;
        let by_arrival = pts + self.offset.take(offset, arrival, another_clock);
        let by_report = self.by_report(pts, video);
        let believed = self.timescale.ticks(REPORTS_WITHIN).0;
        Some(
            by_report
                .filter(|by_report| (*by_report - by_arrival).0.saturating_abs() <= believed)
                .unwrap_or(by_arrival),
        )
    }

    fn by_report(&self, pts: Ticks, video: &Timeline) -> Option<Ticks> {
        let (Some(of_video), Some(of_audio)) = self.reports else { return None };
        let since = of_audio.nanos(pts, self.timescale) - of_video.nanos(of_video.stamp, video.timescale());
        let since = Ticks(i64::try_from(since * i128::from(self.timescale.hz()) / 1_000_000_000).ok()?);
        Some(self.timescale.rescale(video.at_stamp(of_video.stamp)?, video.timescale()) + since)
    }

    /// Whole frames in `span`, rounded.
    fn frames(&self, span: Ticks) -> usize {
        let rounded = span + Ticks(self.frame_length.0 / 2);
        usize::try_from(rounded.0 / self.frame_length.0).unwrap_or(0)
    }

    fn length(&self, frames: usize) -> Ticks {
        Ticks(self.frame_length.0.saturating_mul(i64::try_from(frames).unwrap_or(i64::MAX)))
    }
}

/// The least of the offsets of the last seconds: that of the frame with the least delay.
#[derive(Debug, Default)]
struct LeastOffset {
    since: Duration,
    former: Option<Ticks>,
    current: Option<Ticks>,
}

impl LeastOffset {
    fn take(&mut self, offset: Ticks, now: Duration, another_clock: Ticks) -> Ticks {
        if self.least().is_some_and(|least| offset - least > another_clock) {
            *self = Self { since: now, ..Self::default() };
        }
        if now.saturating_sub(self.since) >= DELAY_WINDOW {
            self.former = self.current.take();
            self.since = now;
        }
        self.current = Some(self.current.map_or(offset, |current| current.min(offset)));
        self.least().unwrap_or(offset)
    }

    fn least(&self) -> Option<Ticks> {
        self.former.into_iter().chain(self.current).min()
    }
}

#[cfg(test)]
mod tests;
