//! The media side of one session: which unit of which track comes next, when, and under which numbers.
//!
//! Pure: the caller owns the clock and the socket. What goes wrong is read from the script as each unit is written.

mod audio;
mod clock;
mod network;
mod report;
mod video;

use std::sync::Arc;
use std::time::Duration;

use self::audio::Sound;
use self::video::Video;
use super::audio::Audio;
use super::fault::Fault;
use super::packet::PacketizedClip;
use super::script::Script;

/// What all sessions send from.
#[derive(Debug)]
pub(super) struct Media {
    /// The camera's clip.
    pub(super) clip: PacketizedClip,
    /// What `/switch` turns to.
    pub(super) other: PacketizedClip,
    /// What goes wrong.
    pub(super) faults: Vec<Fault>,
}

/// What a track of a session counts from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The interleaved channel of RTP, and that of RTCP.
    pub(super) channels: (u8, u8),
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
}

/// What all tracks of a session have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The script's time at the first unit.
    pub(super) started: Duration,
    /// The wall clock at the first unit, since the Unix epoch.
    pub(super) wall: Duration,
    pub(super) report_interval: Duration,
    /// The first access unit, counted from the start of the clip.
    pub(super) picture: usize,
}

/// The tracks that were set up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tracks {
    pub(super) video: Option<Origin>,
    pub(super) audio: Option<(Audio, Origin)>,
}

/// Sends the tracks of a session for ever, in time.
#[derive(Debug)]
pub(super) struct Sender {
    video: Option<Video>,
    audio: Option<Sound>,
}

impl Sender {
    pub(super) fn new(media: &Arc<Media>, script: &Script, tracks: Tracks, setting: Setting) -> Self {
        let video = |origin| Video::new(media.clone(), script.clone(), origin, setting);
        let audio = |(audio, origin)| Sound::new(media.clone(), audio, origin, setting);
        Self { video: tracks.video.map(video), audio: tracks.audio.map(audio) }
    }

    /// When the next unit is due, since the session's start; `None` without a track.
    pub(super) fn due(&self) -> Option<Duration> {
        let dues = [self.video.as_ref().map(Video::due), self.audio.as_ref().map(Sound::due)];
        dues.into_iter().flatten().min()
    }

    /// Appends the next access unit, or packet of sound, to `out`, behind a sender report where one is due.
    pub(super) fn write_next(&mut self, out: &mut Vec<u8>) {
        match (&mut self.video, &mut self.audio) {
            (Some(video), Some(audio)) if audio.due() < video.due() => audio.write_next(out),
            (Some(video), _) => video.write_next(out),
            (None, Some(audio)) => audio.write_next(out),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
