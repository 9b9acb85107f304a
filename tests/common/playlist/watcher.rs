//! Rules that hold over every playlist of a stream in a row, and over time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::media::{DATE_SLACK, float};
use super::{MediaPlaylist, Report, Segment, Violation, check, check_but_dates, pair};

/// Is fed every playlist of one stream that a test fetches, in order, and keeps what is wrong.
/// Times are since the Unix epoch, from the clock of the machine that serves.
#[derive(Debug, Default)]
pub struct Watcher {
    /// The playlist before, and when it was asked for.
    last: Option<(MediaPlaylist, Duration)>,
    segments: BTreeMap<u64, Known>,
    /// When the newest segment was first seen.
    newest_seen: Option<Duration>,
    /// The camera is away: nothing new is due until a segment comes with a discontinuity.
    outage: bool,
    /// Neither arrivals nor dates are looked at.
    untimed: bool,
    report: Report,
}

/// A segment that was listed once.
#[derive(Debug)]
struct Known {
    segment: Segment,
    last_listed: Duration,
    /// The longest playlist that held it, in seconds.
    longest_playlist: f64,
}

impl Watcher {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a media playlist that was asked for at `asked` and read at `at`: it was made in between, and what is judged is
    /// judged by the end that excuses more, for a busy machine puts much time there.
    pub fn feed(&mut self, text: &str, asked: Duration, at: Duration) {
        let checked = if self.untimed { check_but_dates(text) } else { check(text) };
        let playlist = match checked {
            Ok(playlist) => playlist,
            Err(violations) => return self.report.0.extend(violations),
        };
        if let Some((before, _)) = &self.last {
            self.report.0.extend(pair::check_pair(before, &playlist));
        }
        self.compare_with_all_before(&playlist);
        if !self.untimed {
            self.check_arrivals(&playlist, asked, at);
        }
        for segment in &playlist.segments {
            let known = self.segments.entry(segment.media_sequence).or_insert_with(|| Known {
                segment: segment.clone(),
                last_listed: asked,
                longest_playlist: 0.0,
            });
            known.last_listed = asked;
            known.longest_playlist = known.longest_playlist.max(playlist.duration());
        }
        self.last = Some((playlist, asked));
    }

    /// From here on the camera is taken away: until a segment comes after a discontinuity, none is due, and
    /// the last one may be published late.
    pub fn camera_goes_away(&mut self) {
        self.outage = true;
    }

    /// When segments come, and what is said of that, is not judged: the camera goes wrong again and again.
    pub fn judge_no_time(&mut self) {
        self.untimed = true;
    }

    /// The playlist that was taken last.
    pub fn playlist(&self) -> Option<&MediaPlaylist> {
        self.last.as_ref().map(|(playlist, _)| playlist)
    }

    /// Segments and initialisation sections that have to be fetchable at `at` (bis 6.2.2): those listed last,
    /// and those removed for no longer than their duration plus the longest playlist that held them.
    pub fn due(&self, at: Duration) -> BTreeSet<String> {
        let is_due = |known: &&Known| {
            let keep = Duration::from_secs_f64(known.segment.duration + known.longest_playlist);
            let listed = self.last.as_ref().and_then(|(last, _)| last.segment(known.segment.media_sequence));
            // It may have been removed just after it was last seen.
            listed.is_some() || at < known.last_listed + keep
        };
        let due = self.segments.values().filter(is_due);
        due.flat_map(|known| [Some(known.segment.uri.clone()), known.segment.map.clone()]).flatten().collect()
    }

    /// Takes the answer to a request for a segment or initialisation section.
    pub fn answered(&mut self, uri: &str, found: bool, at: Duration) {
        if !found && self.due(at).contains(uri) {
            self.report.add("bis 6.2.2", format!("{uri} is gone, and has to stay fetchable"));
        }
    }

    /// What is wrong so far.
    pub fn violations(&self) -> &[Violation] {
        &self.report.0
    }

    /// Panics with all that is wrong.
    #[track_caller]
    pub fn assert_good(&self) {
        assert!(self.report.0.is_empty(), "{}", super::list(&self.report.0));
    }

    /// What [`pair`] cannot see: a number or a URI that comes back after it had left the playlist.
    fn compare_with_all_before(&mut self, playlist: &MediaPlaylist) {
        let Some((last, _)) = &self.last else { return };
        for new in playlist.segments.iter().filter(|new| last.segment(new.media_sequence).is_none()) {
            if let Some(known) = self.segments.get(&new.media_sequence) {
                pair::same_segment(&known.segment, new, &mut self.report);
            }
            let same_uri = |known: &&Known| {
                known.segment.uri == new.uri
                    && known.segment.media_sequence != new.media_sequence
                    && last.segment(known.segment.media_sequence).is_none()
            };
            if let Some(known) = self.segments.values().find(same_uri) {
                pair::reused_uri(
                    &new.uri,
                    known.segment.media_sequence,
                    new.media_sequence,
                    &mut self.report,
                );
            }
        }
    }

    /// New segments come in time, and their dates are true to the arrival of the picture.
    fn check_arrivals(&mut self, playlist: &MediaPlaylist, asked: Duration, at: Duration) {
        let newest_known = self.segments.keys().next_back().copied();
        let is_new = |segment: &&Segment| newest_known.is_none_or(|known| segment.media_sequence > known);
        let asked_before = self.last.as_ref().map(|(_, asked)| *asked);
        let mut end: Option<f64> = None;
        let mut any_new = false;
        for segment in &playlist.segments {
            let start = segment.program_date_time.or(end);
            end = start.map(|start| start + segment.duration);
            if !is_new(&segment) {
                continue;
            }
            any_new = true;
            // The last one before the outage may be in this playlist too: it is excused, and this one ends it.
            let excused = self.outage && !segment.discontinuity;
            self.outage &= !segment.discontinuity;
            let (number, Some(end)) = (segment.media_sequence, end) else { continue };
            let early = end - at.as_secs_f64();
            if early > DATE_SLACK {
                let what =
                    format!("the date of segment {number} has it end {early:.3} s after it was fetched");
                self.report.at(segment.line, "A8.4", what);
            }
            // A segment is published as it ends: it was not there at the fetch before, so it ended since that was asked.
            let late = asked_before.map_or(0.0, |before| before.as_secs_f64() - end);
            if late > DATE_SLACK && !excused {
                let what =
                    format!("the date of segment {number} has it end {late:.3} s before it could be fetched");
                self.report.at(segment.line, "A8.4", what);
            }
        }
        if any_new {
            self.newest_seen = Some(at);
        } else if let Some(seen) = self.newest_seen.filter(|_| !self.outage) {
            // Sound, if late: the newest was there at `seen`, and at `asked` there is still none after it.
            let waited = asked.saturating_sub(seen).as_secs_f64();
            if waited > 1.5 * float(playlist.target_duration) {
                let what = format!("no new segment for {waited:.3} s, above 1.5 × TARGETDURATION");
                self.report.add("bis 6.2.1", what);
            }
        }
    }
}
