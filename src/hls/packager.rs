//! One stream's way from access units to snapshots.
//!
//! Joins [`Timeline`], [`ParameterSetTracker`], [`Segmenter`] and [`Window`], and holds the rules that lie between
//! them: where a decoder cannot go on, the stream goes on at the next random access point.

use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::audio_lane::AudioLane;
use super::segment::{MediaSequence, RunId, Segment};
use super::segmenter::Segmenter;
use super::window::{Snapshot, Window};
use crate::media::parameter_sets::{Change, ParameterSetTracker};
use crate::media::timeline::Timeline;
use crate::media::{
    AccessUnit, Arrival, AudioSource, AudioTrack, AudioUnit, Sample, SenderReport, Ticks, Tracks, VideoTrack,
};
use crate::mux::Container;

/// A camera's time of day is believed while it is no farther from ours.
const CAMERA_TIME_WITHIN: i64 = 1000;

/// Pictures that are later or earlier than so many milliseconds say nothing of the camera's time of day.
const ON_TIME: i64 = 200;

/// Packs one stream, from its start to its stop, whatever happens to its camera meanwhile.
#[derive(Debug)]
pub struct Packager {
    run: RunId,
    settings: Settings,
    first_sequence: MediaSequence,
    window: Window,
    /// Known from the first parameter sets on.
    pipeline: Option<Pipeline>,
    /// The camera's audio, where it offers some that can be carried.
    audio: Option<AudioLane>,
    /// What the camera said of the video's clock since the last picture.
    video_report: Option<SenderReport>,
    /// Milliseconds that the camera's time of day is ahead of ours, where it is believed.
    camera_ahead: i64,
    awaits_random_access: bool,
    /// As far as is known, on the clock of arrivals.
    now: Duration,
}

/// What needs a track.
#[derive(Debug)]
struct Pipeline {
    /// What decoders are initialised with.
    tracks: Arc<Tracks>,
    parameter_sets: ParameterSetTracker,
    /// Parameter sets to put before each keyframe, length-prefixed: for cameras that alternate between sets.
    in_band: Option<Vec<u8>>,
    timeline: Timeline,
    segmenter: Segmenter,
}

impl Packager {
    /// A stream before its first picture. Its segments are numbered from `first_sequence`.
    pub fn new(settings: Settings, run: RunId, first_sequence: MediaSequence) -> Self {
        Self {
            run,
            window: Window::new(settings.clone()),
            settings,
            first_sequence,
            pipeline: None,
            audio: None,
            video_report: None,
            camera_ahead: 0,
            awaits_random_access: true,
            now: Duration::ZERO,
        }
    }

    /// What decoders are initialised with, once there is something.
    pub fn tracks(&self) -> Option<&Tracks> {
        self.pipeline.as_ref().map(|pipeline| &*pipeline.tracks)
    }

    /// The number that the next segment would have.
    pub fn next_sequence(&self) -> MediaSequence {
        self.pipeline.as_ref().map_or(self.first_sequence, |pipeline| pipeline.segmenter.next_sequence())
    }

    /// Bytes of media held.
    pub fn byte_length(&self) -> usize {
        self.window.byte_length() + self.pipeline.as_ref().map_or(0, |p| p.segmenter.open_bytes())
    }

    /// Learns what audio the camera offers, `None` for none: with each session, before its first access unit. `now` is
    /// on the clock of arrivals. Returns whether viewers have something new to see.
    pub fn set_audio(&mut self, source: Option<&AudioSource>, now: Duration) -> bool {
        self.now = self.now.max(now);
        (self.video_report, self.camera_ahead) = (None, 0);
        match &mut self.audio {
            Some(lane) if Some(lane.source()) == source => lane.interrupt(),
            lane => *lane = source.and_then(|source| AudioLane::new(source.clone())),
        }
        let Some(pipeline) = &self.pipeline else { return false };
        if self.carried_audio(pipeline.segmenter.container()) == pipeline.tracks.audio.as_ref() {
            return false;
        }
        let video = pipeline.tracks.video.clone();
        self.change_tracks(video)
    }

    /// The audio track that a stream in `container` has.
    fn carried_audio(&self, container: Container) -> Option<&AudioTrack> {
        self.audio.as_ref().map(AudioLane::track).filter(|track| container.carries_audio(track))
    }

    fn tracks_with(&self, video: VideoTrack, container: Container) -> Arc<Tracks> {
        let audio = self.carried_audio(container.carrying(video.codec)).cloned();
        Arc::new(Tracks { video, audio })
    }

    /// Learns what the camera describes: before the first access unit, and whenever its parameter sets may have
    /// changed. They hold from the next access unit on, which is a random access point.
    /// `now` is on the clock of arrivals. Returns whether viewers have something new to see.
    pub fn set_track(&mut self, track: &VideoTrack, now: Duration) -> bool {
        self.now = self.now.max(now);
        let Some(pipeline) = &mut self.pipeline else {
            let mut timeline = Timeline::new(track.timescale, self.settings.longest_segment());
            timeline.configure(track.reorder_depth, track.frame_rate);
            let tracks = self.tracks_with(track.clone(), self.settings.container);
            self.pipeline = Some(Pipeline {
                parameter_sets: ParameterSetTracker::new(track.clone()),
                in_band: None,
                timeline,
                segmenter: Segmenter::new(self.settings.clone(), tracks.clone(), self.first_sequence),
                tracks,
            });
            return false;
        };
        match pipeline.parameter_sets.update(track) {
            Change::None => {
                if let Some(in_band) = &mut pipeline.in_band {
                    *in_band = track.parameter_sets.length_prefixed();
                }
                false
            }
            Change::InBand => {
                pipeline.in_band = Some(track.parameter_sets.length_prefixed());
                false
            }
            Change::NewTrack(track) => {
                pipeline.in_band = None;
                self.change_tracks(*track)
            }
        }
    }

    /// Ends what is open: what comes next needs a decoder that is initialised anew.
    fn change_tracks(&mut self, video: VideoTrack) -> bool {
        let Some(container) = self.pipeline.as_ref().map(|pipeline| pipeline.segmenter.container()) else {
            return false;
        };
        let tracks = self.tracks_with(video, container);
        let Some(pipeline) = &mut self.pipeline else { return false };
        pipeline.tracks = tracks;
        let last = pipeline.timeline.interrupt();
        pipeline.timeline.configure(pipeline.tracks.video.reorder_depth, pipeline.tracks.video.frame_rate);
        let cut = last.map(|sample| pipeline.segmenter.push(sample, false)).unwrap_or_default();
        let segments = [cut.before, cut.segment, pipeline.segmenter.change_tracks(pipeline.tracks.clone())];
        self.awaits_random_access = true;
        self.keep(segments)
    }

    /// Takes an access unit; returns whether viewers have something new to see.
    pub fn push(&mut self, mut unit: AccessUnit) -> bool {
        self.now = self.now.max(unit.arrival.elapsed);
        let Some(pipeline) = &mut self.pipeline else { return false };
        let mut news = false;
        // A decoder that misses a picture shows garbage until the next keyframe: a still picture is better.
        self.awaits_random_access |= unit.lost_packets > 0;
        if self.awaits_random_access && !unit.random_access {
            return false;
        }
        if pipeline.timeline.gap_before(&unit) {
            news = self.interrupt(unit.arrival.elapsed);
            if !unit.random_access {
                return news;
            }
        }
        self.awaits_random_access = false;
        let Some(pipeline) = &mut self.pipeline else { return news };
        if let Some(sets) = pipeline.in_band.as_ref().filter(|_| unit.random_access) {
            unit.data = [&sets[..], &unit.data[..]].concat().into();
        }
        let (pts, arrival, keyframe) = (unit.pts, unit.arrival, unit.random_access);
        let starts_run = !pipeline.timeline.is_running();
        let mut sample = pipeline.timeline.push(unit);
        if let Some(report) = self.video_report.take() {
            let ahead = camera_ahead(&report, pts, arrival, &pipeline.timeline);
            self.camera_ahead = ahead.unwrap_or(self.camera_ahead);
        }
        if let Some(sample) = &mut sample {
            sample.arrival.wall.0 += self.camera_ahead;
        }
        if let Some(lane) = &mut self.audio {
            if starts_run {
                lane.start(pts, &pipeline.timeline);
            }
            lane.fill(arrival.elapsed, &pipeline.timeline, |sample| pipeline.segmenter.push_audio(sample));
        }
        news | sample.is_some_and(|sample| self.take(sample, keyframe))
    }

    /// Takes audio. It goes with the part that is being made, so there is nothing new to see before that ends.
    pub fn push_audio(&mut self, unit: &AudioUnit) {
        self.now = self.now.max(unit.arrival.elapsed);
        let (Some(pipeline), Some(lane)) = (&mut self.pipeline, &mut self.audio) else { return };
        if pipeline.tracks.audio.is_some() {
            lane.push(unit, &pipeline.timeline, |sample| pipeline.segmenter.push_audio(sample));
        }
    }

    /// Takes what the camera says of the video's clock.
    pub fn video_report(&mut self, report: SenderReport) {
        self.video_report = Some(report);
        if let Some(lane) = &mut self.audio {
            lane.video_report(report);
        }
    }

    /// Takes what the camera says of the audio's clock.
    pub fn audio_report(&mut self, report: SenderReport) {
        if let Some(lane) = &mut self.audio {
            lane.audio_report(report);
        }
    }

    /// The camera is gone, or something was missed: what comes next starts after a discontinuity. `now` is on the
    /// clock of arrivals. Returns whether viewers have something new to see.
    pub fn interrupt(&mut self, now: Duration) -> bool {
        self.now = self.now.max(now);
        self.awaits_random_access = true;
        let Some(pipeline) = &mut self.pipeline else { return false };
        let last = pipeline.timeline.interrupt();
        let cut = last.map(|sample| pipeline.segmenter.push(sample, false)).unwrap_or_default();
        let segments = [cut.before, cut.segment, pipeline.segmenter.interrupt()];
        self.keep(segments)
    }

    /// Takes a sample; `keyframe_next`: what comes after it is a random access point.
    fn take(&mut self, sample: Sample, keyframe_next: bool) -> bool {
        let Some(pipeline) = &mut self.pipeline else { return false };
        let cut = pipeline.segmenter.push(sample, keyframe_next);
        let news = self.keep([cut.before, cut.segment, None]);
        cut.part | news
    }

    fn keep(&mut self, segments: [Option<Segment>; 3]) -> bool {
        let mut news = false;
        for segment in segments.into_iter().flatten() {
            self.window.push(segment, self.now);
            news = true;
        }
        self.window.make_room(self.pipeline.as_ref().map_or(0, |pipeline| pipeline.segmenter.open_bytes()));
        news
    }

    /// The stream as viewers may see it now; nothing before the first keyframe's parameter sets.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let pipeline = self.pipeline.as_ref()?;
        let segmenter = &pipeline.segmenter;
        Some(self.window.snapshot(
            self.run,
            &pipeline.tracks,
            segmenter.open_segment(),
            segmenter.part_target(),
        ))
    }
}

/// Milliseconds by which the camera's time of day is ahead of ours; 0 where it is too far off to be believed. Told by the
/// picture stamped `pts`, the last one on `timeline`, unless that is late or early itself.
fn camera_ahead(report: &SenderReport, pts: Ticks, arrival: Arrival, timeline: &Timeline) -> Option<i64> {
    let late = timeline.at_arrival(arrival.elapsed)? - timeline.at_stamp(pts)?;
    let late = late.0.saturating_mul(1000) / i64::from(timeline.timescale().hz());
    if late.saturating_abs() > ON_TIME {
        return None;
    }
    let ours = arrival.wall.0.saturating_sub(late);
    let ahead = report.time_of_day(pts, timeline.timescale()).0.saturating_sub(ours);
    Some(if ahead.saturating_abs() <= CAMERA_TIME_WITHIN { ahead } else { 0 })
}

#[cfg(test)]
mod audio_tests;
#[cfg(test)]
mod tests;
