//! The audio of one stream, from what the camera sends to samples beside the video.
//!
//! Joins the [`Encoder`], which makes frames, and the [`AudioTimeline`], which says where they go, and puts silence
//! where there is none.

use std::time::Duration;

use crate::audio::Encoder;
use crate::media::audio_timeline::{AudioTimeline, MOST_SILENCE};
use crate::media::timeline::Timeline;
use crate::media::{AudioSample, AudioSource, AudioTrack, AudioUnit, SenderReport, Ticks};

/// One camera's audio on one stream.
#[derive(Debug)]
pub(super) struct AudioLane {
    source: AudioSource,
    encoder: Encoder,
    timeline: AudioTimeline,
}

impl AudioLane {
    /// A lane for `source`, if there is an encoder for it.
    pub(super) fn new(source: AudioSource) -> Option<Self> {
        let encoder = Encoder::new(&source).ok()?;
        let track = encoder.track();
        let timeline = AudioTimeline::new(track.timescale, track.frame_length);
        Some(Self { source, encoder, timeline })
    }

    pub(super) fn source(&self) -> &AudioSource {
        &self.source
    }

    pub(super) fn track(&self) -> &AudioTrack {
        self.encoder.track()
    }

    /// Another session of the camera has other clocks.
    pub(super) fn interrupt(&mut self) {
        self.timeline.interrupt();
    }

    /// A run of the video has begun with what the camera stamped `pts`.
    pub(super) fn start(&mut self, pts: Ticks, video: &Timeline) {
        if let Some(presentation_time) = video.at_stamp(pts) {
            self.timeline.start(presentation_time, video.timescale());
        }
    }

    pub(super) fn video_report(&mut self, report: SenderReport) {
        self.timeline.video_report(report);
    }

    pub(super) fn audio_report(&mut self, report: SenderReport) {
        self.timeline.audio_report(report);
    }

    /// Takes what the camera sent; hands samples to `take`.
    pub(super) fn push(&mut self, unit: &AudioUnit, video: &Timeline, mut take: impl FnMut(AudioSample)) {
        let Self { encoder, timeline, .. } = self;
        let mut frames = Vec::new();
        encoder.push(unit, |frame| frames.push(frame));
        for frame in frames {
            let place = timeline.place(frame.pts, unit.arrival.elapsed, video);
            let length = encoder.track().frame_length;
            let mut decode_time = place.silence_from;
            for _ in 0..place.silence {
                take(AudioSample { decode_time, duration: length, data: encoder.silence() });
                decode_time += length;
            }
            let Some((decode_time, duration)) = place.sample else { continue };
            take(AudioSample { decode_time, duration, data: frame.data });
        }
    }

    /// Where the camera sends no audio, hands silence to `take` up to what the video has come to at `now`.
    pub(super) fn fill(&mut self, now: Duration, video: &Timeline, mut take: impl FnMut(AudioSample)) {
        let Some(until) = video.at_arrival(now) else { return };
        let missing = self.timeline.missing(until, now, video.timescale());
        for _ in 0..missing.min(MOST_SILENCE) {
            let Some((decode_time, duration)) = self.timeline.silence() else { return };
            take(AudioSample { decode_time, duration, data: self.encoder.silence() });
        }
    }
}
