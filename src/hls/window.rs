//! What is kept of a stream, and for how long.
//!
//! A ring of segments, oldest first:
//!
//! ```text
//!   ┌─ retained ─┐┌────────── listed ──────────┐┌─ open ─┐
//!   │ 17   18    ││ 19    20    21    22    23 ││ 24 …   │
//!   └────────────┘└────────────────────────────┘└────────┘
//! ```
//!
//! *Listed* segments are in the playlist. It lists [`Settings::list_size`] of them, and more where the standard
//! wants more: three target durations (RFC 8216 §6.2.2), and a segment that a decoder can start at.
//! *Retained* ones have left the playlist, but someone was told of them and may still come: they
//! stay for their own duration and that of the longest playlist that listed them (§6.2.2). A segment that nobody was told of goes at once, so a stream
//! that nobody watches costs its listed segments and no more.
//!
//! Bytes bound everything: beyond [`Settings::max_bytes`] the oldest segments go, whatever else holds, but for the
//! newest one: a playlist that has begun is never empty again.
//! Every operation is linear in the few segments held at worst.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Settings;
use super::segment::{Init, InitId, MediaSequence, OpenParts, Part, RunId, Segment, bit_rate};
use crate::media::Tracks;
use crate::mux::Container;

/// The forms of a media playlist, all rendered from one [`Snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Segments alone (RFC 8216).
    Plain,
    /// With parts, for clients of low latency (bis §4.4.3.8, §4.4.4.9, §4.4.5.3).
    LowLatency,
    /// The same without the segments that a client which is up to date has seen (bis §6.2.5.1).
    Delta,
}

/// The ring of finished segments.
#[derive(Debug)]
pub struct Window {
    settings: Settings,
    listed: VecDeque<Listed>,
    retained: VecDeque<Retained>,
    byte_length: usize,
    peak_bit_rate: f64,
    cut_short: bool,
    told: Arc<Told>,
}

/// A segment of the playlist.
#[derive(Debug)]
struct Listed {
    segment: Arc<Segment>,
    /// Length of the longest playlist that has listed it.
    longest_playlist: Duration,
}

/// A segment that has left the playlist.
#[derive(Debug)]
struct Retained {
    segment: Arc<Segment>,
    /// On the clock of arrivals.
    until: Duration,
}

/// How far viewers know of the stream: one above the highest media sequence number in a playlist that was rendered.
#[derive(Debug, Default)]
struct Told(AtomicU64);

impl Window {
    /// An empty window.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            listed: VecDeque::new(),
            retained: VecDeque::new(),
            byte_length: 0,
            peak_bit_rate: 0.0,
            cut_short: false,
            told: Arc::default(),
        }
    }

    /// Bytes of all segments held, listed or retained.
    pub fn byte_length(&self) -> usize {
        self.byte_length
    }

    /// Takes a segment that was finished at `now`, on the clock of arrivals, and lets go of what need not be held
    /// any longer.
    pub fn push(&mut self, segment: Segment, now: Duration) {
        self.byte_length += segment.byte_length;
        self.listed.push_back(Listed { segment: Arc::new(segment), longest_playlist: Duration::ZERO });
        self.peak_bit_rate = self.peak_bit_rate.max(self.peak_of_listed());
        while self.may_unlist_oldest() {
            // All that is wanted was there, and more.
            self.cut_short = false;
            self.unlist_oldest(now);
        }
        self.retained.retain(|retained| {
            let stays = retained.until > now;
            self.byte_length -= if stays { 0 } else { retained.segment.byte_length };
            stays
        });
        let playlist: Duration = self.listed().map(|segment| segment.duration).sum();
        for listed in &mut self.listed {
            listed.longest_playlist = listed.longest_playlist.max(playlist);
        }
    }

    fn listed(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.listed.iter().map(|listed| &listed.segment)
    }

    /// Lets go of the oldest segments until `open_bytes` of the open segment fit beside the rest.
    pub fn make_room(&mut self, open_bytes: usize) {
        while self.byte_length + open_bytes > self.settings.max_bytes {
            if self.drop_oldest_retained() {
                continue;
            }
            if self.listed.len() < 2 {
                break;
            }
            let Some(oldest) = self.listed.pop_front() else { break };
            self.byte_length -= oldest.segment.byte_length;
            self.cut_short = true;
        }
    }

    fn may_unlist_oldest(&self) -> bool {
        let rest = || self.listed().skip(1);
        let enough = Duration::from_secs(3 * u64::from(self.settings.target_duration()));
        self.listed.len() > self.settings.list_size
            && rest().map(|segment| segment.duration).sum::<Duration>() >= enough
            && rest().any(|segment| segment.independent)
    }

    fn unlist_oldest(&mut self, now: Duration) {
        let Some(Listed { segment, longest_playlist }) = self.listed.pop_front() else { return };
        if self.told.0.load(Ordering::Acquire) > segment.media_sequence {
            let until = now + segment.duration + longest_playlist;
            self.retained.push_back(Retained { segment, until });
        } else {
            self.byte_length -= segment.byte_length;
        }
    }

    fn drop_oldest_retained(&mut self) -> bool {
        let Some(oldest) = self.retained.pop_front() else { return false };
        self.byte_length -= oldest.segment.byte_length;
        true
    }

    /// The largest bit rate of neighbouring segments that last half a target duration together
    /// (the definition of BANDWIDTH, RFC 8216 §4.3.4.2).
    fn peak_of_listed(&self) -> f64 {
        let half = Duration::from_millis(500) * self.settings.target_duration();
        let mut peak = 0.0f64;
        for end in 1..=self.listed.len() {
            let (mut bytes, mut duration) = (0, Duration::ZERO);
            for Listed { segment, .. } in self.listed.range(..end).rev() {
                bytes += segment.byte_length;
                duration += segment.duration;
                if duration >= half {
                    peak = peak.max(bit_rate(bytes, duration));
                    break;
                }
            }
        }
        peak
    }

    /// What viewers may see from now on: the segments held, and the finished parts of the open one.
    pub fn snapshot(
        &self,
        run: RunId,
        tracks: &Arc<Tracks>,
        open: OpenParts,
        part_target: Option<Duration>,
    ) -> Snapshot {
        Snapshot {
            run,
            settings: self.settings.clone(),
            tracks: tracks.clone(),
            listed: self.listed().cloned().collect(),
            retained: self.retained.iter().map(|retained| retained.segment.clone()).collect(),
            open,
            part_target,
            peak_bit_rate: self.peak_bit_rate,
            cut_short: self.cut_short,
            told: self.told.clone(),
            rendered: Rendered::default(),
        }
    }
}

/// A stream as viewers see it at one instant. Immutable, shared by all of them.
#[derive(Debug)]
pub struct Snapshot {
    /// The run that media URLs name.
    pub run: RunId,
    /// How the stream is cut.
    pub settings: Settings,
    /// The tracks of the newest segment.
    pub tracks: Arc<Tracks>,
    /// The segments of the playlist, oldest first.
    pub listed: Vec<Arc<Segment>>,
    /// Segments that have left the playlist and can still be fetched.
    retained: Vec<Arc<Segment>>,
    /// The open segment.
    pub open: OpenParts,
    /// `PART-TARGET` (bis §4.4.3.7), from the first part on.
    pub part_target: Option<Duration>,
    /// The stream's highest bit rate so far, in bits per second.
    pub peak_bit_rate: f64,
    /// Whether bytes made the playlist shorter than it should be: [`Settings::max_bytes`] is too low for this camera.
    pub cut_short: bool,
    told: Arc<Told>,
    rendered: Rendered,
}

/// Playlists that someone has asked for: rendered once for all viewers.
#[derive(Debug, Default)]
struct Rendered {
    media: [OnceLock<Playlist>; 3],
    multivariant: OnceLock<Playlist>,
}

/// A playlist that has been rendered.
#[derive(Debug)]
pub struct Playlist {
    /// Its text.
    pub plain: Bytes,
    gzip: OnceLock<Bytes>,
}

/// Playlists that were rendered in this process so far: none for streams that nobody watches.
pub fn playlists_rendered() -> u64 {
    RENDERED.load(Ordering::Relaxed)
}

static RENDERED: AtomicU64 = AtomicU64::new(0);

impl Playlist {
    fn new(text: impl Into<Bytes>) -> Self {
        RENDERED.fetch_add(1, Ordering::Relaxed);
        Self { plain: text.into(), gzip: OnceLock::new() }
    }

    /// The same playlist for one viewer alone: what it lists is to be asked for with `query` as well.
    #[must_use]
    pub fn carrying(&self, query: &str) -> Self {
        let text = std::str::from_utf8(&self.plain).unwrap_or_default();
        Self { plain: super::playlist::carrying(text, query).into(), gzip: OnceLock::new() }
    }

    /// Its text, compressed (RFC 1952): once for all who want it so.
    pub fn gzip(&self) -> &Bytes {
        self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            // Writing to a Vec can't fail.
            let _ = encoder.write_all(&self.plain);
            encoder.finish().unwrap_or_default().into()
        })
    }
}

impl Snapshot {
    /// The media playlist, in one of its forms.
    pub fn media_playlist(&self, form: Form) -> &Playlist {
        let rendered = match form {
            Form::Plain => &self.rendered.media[0],
            Form::LowLatency => &self.rendered.media[1],
            Form::Delta => &self.rendered.media[2],
        };
        rendered.get_or_init(|| {
            let told = match (form, self.listed.last()) {
                (Form::Plain, newest) => newest.map_or(0, |newest| newest.media_sequence + 1),
                // Parts of the open segment are told of, and with the hint the part after them.
                (Form::LowLatency | Form::Delta, _) => self.open.media_sequence + 1,
            };
            self.told.0.fetch_max(told, Ordering::AcqRel);
            Playlist::new(super::playlist::media(self, form))
        })
    }

    /// Whether a playlist rendered now has what a client waits for: segment `number`, or its part `part`. A part behind the
    /// last one of its segment means the first one of the next (bis §6.2.5.2).
    pub fn has(&self, number: MediaSequence, part: Option<usize>) -> bool {
        let open = &self.open;
        match part {
            None => number < open.media_sequence,
            Some(part) if number == open.media_sequence => part < self.listed_parts(&open.parts),
            Some(part) if number < open.media_sequence => {
                let parts = self.segment(number).map_or(usize::MAX, |segment| segment.parts.len());
                part < parts || number + 1 < open.media_sequence || self.listed_parts(&open.parts) > 0
            }
            Some(_) => false,
        }
    }

    /// How many of `parts`, those of one segment, a playlist may list: up to one that is longer than any may be, because its
    /// picture lasted longer than was foreseen.
    pub fn listed_parts(&self, parts: &[Arc<Part>]) -> usize {
        let longest = self.part_target.unwrap_or(Duration::MAX);
        parts.iter().take_while(|part| part.duration <= longest).count()
    }

    /// The place of the part that comes next in the open segment.
    pub fn next_part(&self) -> usize {
        self.listed_parts(&self.open.parts)
    }

    /// The multivariant playlist.
    pub fn multivariant_playlist(&self) -> &Playlist {
        self.rendered.multivariant.get_or_init(|| Playlist::new(super::playlist::multivariant(self)))
    }

    /// The segment of that number, if it is held.
    pub fn segment(&self, number: MediaSequence) -> Option<&Arc<Segment>> {
        self.segments().find(|segment| segment.media_sequence == number)
    }

    /// A part by its segment's number and its own, counted from 0, and how it is packed.
    pub fn part(&self, number: MediaSequence, index: usize) -> Option<(Container, &Arc<Part>)> {
        if number == self.open.media_sequence {
            return Some((self.open.container, self.open.parts.get(index)?));
        }
        let segment = self.segment(number)?;
        Some((segment.container, segment.parts.get(index)?))
    }

    /// The initialisation section of that number, if a segment held needs it.
    pub fn init(&self, id: InitId) -> Option<&Arc<Init>> {
        let held = self.segments().filter_map(|segment| segment.init.as_ref());
        self.open.init.iter().chain(held).find(|init| init.id == id)
    }

    fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.listed.iter().rev().chain(self.retained.iter().rev())
    }

    /// Segments held.
    pub fn segment_count(&self) -> usize {
        self.listed.len() + self.retained.len()
    }

    /// Mean bit rate of the listed segments, in bits per second.
    pub fn average_bit_rate(&self) -> f64 {
        let bytes = self.listed.iter().map(|segment| segment.byte_length).sum();
        bit_rate(bytes, self.duration())
    }

    /// How long the playlist is.
    pub fn duration(&self) -> Duration {
        self.listed.iter().map(|segment| segment.duration).sum()
    }

    /// Pictures per second over the listed segments.
    pub fn frame_rate(&self) -> Option<f64> {
        let frames: u32 = self.listed.iter().map(|segment| segment.frames).sum();
        let duration = self.duration();
        (!duration.is_zero()).then(|| f64::from(frames) / duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
