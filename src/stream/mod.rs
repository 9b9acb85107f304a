//! Running cameras, and the streams made of them.
//!
//! A camera is one session with a camera: one task that connects, pumps, and connects again. A
//! [`Stream`] is what viewers of one id see: a timeline that goes on whatever its camera does. Two ids with the
//! same link are two streams on one camera; an id that gets another link moves to another camera and stays the same stream.
//!
//! The [`Registry`] knows them all. The [`reaper`] lets go of what nobody watches. Nothing here speaks HTTP.

mod camera;
pub mod ended;
pub mod keeper;
mod pacing;
pub mod reaper;
pub mod registry;
mod rest;
pub mod status;
#[cfg(test)]
mod storm_tests;
#[cfg(test)]
mod testing;
mod threads;
mod viewers;
pub mod vitals;
mod wishes;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock;
use crate::hls::{Packager, RunId, Snapshot};
use crate::ingest::Event;
use crate::media::{AccessUnit, AudioSource, VideoTrack};
use crate::metrics::Metrics;

pub use ended::{Ended, Why};
pub use registry::Registry;
pub use status::{State, Status};
pub use viewers::TooManyViewers;
use viewers::Viewers;
pub use vitals::Vitals;
pub use wishes::{KeepWarm, Settings, StartError, Started, Wishes};

/// A stream's name, chosen by whoever starts it: 1 to 64 of letters, digits, `-`, `_`, `.`, and not dots alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

/// Why a text is no [`StreamId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 of letters, digits, '-', '_' and '.', and not dots alone")]
pub struct StreamIdError;

impl StreamId {
    /// Checks `text`: it becomes part of URLs.
    pub fn parse(text: &str) -> Result<Self, StreamIdError> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let valid =
            (1..=64).contains(&text.len()) && text.chars().all(known) && text.chars().any(|c| c != '.');
        if valid { Ok(Self(text.into())) } else { Err(StreamIdError) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What viewers of one id see, for as long as it runs.
#[derive(Debug)]
pub struct Stream {
    id: StreamId,
    run: RunId,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    started: Duration,
    /// Milliseconds on the monotonic clock.
    last_access: AtomicU64,
    /// Starts that wait for a camera's answer.
    starts: AtomicUsize,
    viewers: Mutex<Viewers>,
    bytes: Arc<AtomicUsize>,
    /// Whether whoever started it wants audio.
    audio: AtomicBool,
    /// Whether it is kept with nobody watching.
    warm: AtomicBool,
    camera: Mutex<Arc<camera::Camera>>,
}

impl Stream {
    /// Its name.
    pub fn id(&self) -> &StreamId {
        &self.id
    }

    /// The run that its media URLs name.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What viewers see, now and when it changes. The channel closes when the stream is stopped; there is nothing
    /// in it before the first picture.
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshots.clone()
    }

    /// What viewers see now.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshots.borrow().clone()
    }

    /// Someone asked for this stream: it is not idle.
    pub fn touch(&self) {
        self.last_access.store(millis(clock::elapsed()), Ordering::Relaxed);
    }

    #[cfg(test)]
    fn viewed_by(&self, fingerprint: u64) {
        assert_eq!(self.admit(fingerprint, usize::MAX, usize::MAX), Ok(()));
    }

    fn admit(&self, fingerprint: u64, most: usize, most_of_all: usize) -> Result<(), TooManyViewers> {
        // The clock is read once: every request for media comes through here.
        let now = clock::elapsed();
        lock(&self.viewers).seen(fingerprint, now, most, most_of_all)?;
        self.last_access.store(millis(now), Ordering::Relaxed);
        self.camera().attention.ask(now);
        Ok(())
    }

    /// Time since someone last asked for it, or had the answer to a start: none while one waits for that.
    pub fn idle(&self) -> Duration {
        if self.starts.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        clock::elapsed().saturating_sub(Duration::from_millis(self.last_access.load(Ordering::Relaxed)))
    }

    /// Whether it is kept with nobody watching, so that its picture is there at once.
    pub fn is_warm(&self) -> bool {
        self.warm.load(Ordering::Relaxed)
    }

    /// Bytes of media it holds.
    pub fn byte_length(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn camera(&self) -> Arc<camera::Camera> {
        lock(&self.camera).clone()
    }
}

/// The writing end of a stream: handed from camera to camera, it never forgets where the stream stands.
#[derive(Debug)]
struct Output {
    id: StreamId,
    packager: Packager,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    bytes: Arc<AtomicUsize>,
    wants_audio: bool,
    /// When the stream was asked for, and where it is told how long it took, until it can be played.
    awaited: Option<(Duration, Arc<Metrics>)>,
}

impl Output {
    /// Learns what audio its camera has; with each session, before the first picture.
    fn set_audio(&mut self, source: Option<&AudioSource>) {
        if self.packager.set_audio(source.filter(|_| self.wants_audio), clock::elapsed()) {
            self.publish();
        }
    }

    fn want_audio(&mut self, wanted: bool, source: Option<&AudioSource>) {
        if self.wants_audio != wanted {
            self.wants_audio = wanted;
            self.set_audio(source);
        }
    }

    fn take_beside(&mut self, event: &Event) {
        match event {
            Event::Audio(unit) => self.packager.push_audio(unit),
            Event::VideoReport(report) => self.packager.video_report(*report),
            Event::AudioReport(report) => self.packager.audio_report(*report),
            Event::Video { .. } => {}
        }
    }

    fn set_track(&mut self, track: &VideoTrack) {
        if self.packager.set_track(track, clock::elapsed()) {
            self.publish();
        }
    }

    fn push(&mut self, unit: AccessUnit) {
        let news = self.packager.push(unit);
        self.bytes.store(self.packager.byte_length(), Ordering::Relaxed);
        if news {
            self.publish();
        }
    }

    fn interrupt(&mut self) {
        if self.packager.interrupt(clock::elapsed()) {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.bytes.store(self.packager.byte_length(), Ordering::Relaxed);
        let snapshot = self.packager.snapshot().map(Arc::new);
        let playable = snapshot.as_ref().is_some_and(|snapshot| !snapshot.listed.is_empty());
        if let Some((asked, metrics)) = self.awaited.take_if(|_| playable) {
            metrics.first_segment_after(clock::elapsed().saturating_sub(asked));
        }
        self.snapshots.send_replace(snapshot);
    }
}

/// Locks for a few instructions, never across an await. What a mutex guards here is valid after every
/// statement, so a panic elsewhere is no reason to refuse it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_nothing_that_means_something_in_a_path() {
        for good in ["1", "cam-7_a.b", &"x".repeat(64)] {
            assert_eq!(StreamId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a/b", "a%2fb", "a b", "é", "a\0", &"x".repeat(65)] {
            assert_eq!(StreamId::parse(bad), Err(StreamIdError), "{bad:?}");
        }
    }
}
