//! One stream's way from access units to snapshots.
//!
//! Joins [`Timeline`], [`ParameterSetTracker`], [`Segmenter`] and [`Window`], and holds the rules that lie between
//! them: where a decoder cannot go on, the stream goes on at the next random access point.

use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::segment::{MediaSequence, RunId, Segment};
use super::segmenter::Segmenter;
use super::window::{OpenParts, Snapshot, Window};
use crate::media::parameter_sets::{Change, ParameterSetTracker};
use crate::media::timeline::Timeline;
use crate::media::{AccessUnit, Sample, VideoTrack};

/// Packs one stream, from its start to its stop, whatever happens to its camera meanwhile.
#[derive(Debug)]
pub struct Packager {
    run: RunId,
    settings: Settings,
    first_sequence: MediaSequence,
    window: Window,
    /// Known from the first parameter sets on.
    pipeline: Option<Pipeline>,
    awaits_random_access: bool,
    /// As far as is known, on the clock of arrivals.
    now: Duration,
}

/// What needs a track.
#[derive(Debug)]
struct Pipeline {
    /// What decoders are initialised with.
    track: Arc<VideoTrack>,
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
            awaits_random_access: true,
            now: Duration::ZERO,
        }
    }

    /// The track that decoders are initialised with, once there is one.
    pub fn track(&self) -> Option<&VideoTrack> {
        self.pipeline.as_ref().map(|pipeline| &*pipeline.track)
    }

    /// The number that the next segment would have.
    pub fn next_sequence(&self) -> MediaSequence {
        self.pipeline.as_ref().map_or(self.first_sequence, |pipeline| pipeline.segmenter.next_sequence())
    }

    /// Bytes of media held.
    pub fn byte_length(&self) -> usize {
        self.window.byte_length() + self.pipeline.as_ref().map_or(0, |p| p.segmenter.open_bytes())
    }

    /// Learns what the camera describes: before the first access unit, and whenever its parameter sets may have
    /// changed. They hold from the next access unit on, which is a random access point.
    /// `now` is on the clock of arrivals. Returns whether viewers have something new to see.
    pub fn set_track(&mut self, track: &VideoTrack, now: Duration) -> bool {
        self.now = self.now.max(now);
        let Some(pipeline) = &mut self.pipeline else {
            let mut timeline = Timeline::new(track.timescale, self.settings.longest_segment());
            timeline.configure(track.reorder_depth, track.frame_rate);
            let shared = Arc::new(track.clone());
            self.pipeline = Some(Pipeline {
                parameter_sets: ParameterSetTracker::new(track.clone()),
                in_band: None,
                timeline,
                segmenter: Segmenter::new(self.settings.clone(), shared.clone(), self.first_sequence),
                track: shared,
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
                pipeline.track = Arc::new(*track);
                let last = pipeline.timeline.interrupt();
                pipeline.timeline.configure(pipeline.track.reorder_depth, pipeline.track.frame_rate);
                let finished = last.and_then(|sample| pipeline.segmenter.push(sample).segment);
                let segments = [finished, pipeline.segmenter.change_track(pipeline.track.clone())];
                self.awaits_random_access = true;
                self.keep(segments)
            }
        }
    }

    /// Takes an access unit; returns whether viewers have something new to see.
    pub fn push(&mut self, unit: AccessUnit) -> bool {
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
        let unit = match &pipeline.in_band {
            Some(sets) if unit.random_access => {
                AccessUnit { data: [&sets[..], &unit.data[..]].concat().into(), ..unit }
            }
            _ => unit,
        };
        let sample = pipeline.timeline.push(unit);
        news | sample.is_some_and(|sample| self.take(sample))
    }

    /// The camera is gone, or something was missed: what comes next starts after a discontinuity. `now` is on the
    /// clock of arrivals. Returns whether viewers have something new to see.
    pub fn interrupt(&mut self, now: Duration) -> bool {
        self.now = self.now.max(now);
        self.awaits_random_access = true;
        let Some(pipeline) = &mut self.pipeline else { return false };
        let last = pipeline.timeline.interrupt();
        let finished = last.and_then(|sample| pipeline.segmenter.push(sample).segment);
        let segments = [finished, pipeline.segmenter.interrupt()];
        self.keep(segments)
    }

    fn take(&mut self, sample: Sample) -> bool {
        let Some(pipeline) = &mut self.pipeline else { return false };
        let cut = pipeline.segmenter.push(sample);
        let news = self.keep([cut.segment, None]);
        cut.part | news
    }

    fn keep(&mut self, segments: [Option<Segment>; 2]) -> bool {
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
        let open = OpenParts {
            media_sequence: pipeline.segmenter.next_sequence(),
            container: pipeline.segmenter.container(),
            parts: pipeline.segmenter.open_parts().to_vec(),
        };
        Some(self.window.snapshot(self.run, &pipeline.track, open))
    }
}

#[cfg(test)]
mod tests;
