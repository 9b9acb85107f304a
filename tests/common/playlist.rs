//! Holds playlists against what the standards and the players demand, clause by clause.
//!
//! - [`check`]: one media playlist. [`check_pair`]: two that were fetched one after the other.
//!   [`Watcher`]: all that were fetched in a row, with the time of each.
//! - [`check_media`]: a playlist beside what a demuxer found in its segments.
//! - [`check_multivariant`], [`check_presentation`], [`check_bandwidth`]: the multivariant playlist.
//!
//! "bis" in a violation is RFC 8216bis, "A" Apple's HLS Authoring Specification.
//! Rules of plain playlists stand in [`media`] and [`pair`], those of low-latency ones in [`low_latency`].

use std::fmt;

pub mod low_latency;
pub mod media;
pub mod multivariant;
pub mod pair;
pub mod parse;
pub mod watcher;

pub use media::{Measured, check_media};
pub use multivariant::{Multivariant, check_bandwidth, check_multivariant, check_presentation};
pub use pair::check_pair;
pub use parse::{MediaPlaylist, Part, Segment};
pub use watcher::Watcher;

/// One thing that is wrong, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The clause that is broken.
    pub clause: &'static str,
    /// Where, from 1, if it is one line's fault.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.what, self.clause)?;
        self.line.map_or(Ok(()), |line| write!(f, " at line {line}"))
    }
}

/// Violations as they are found.
#[derive(Debug, Default)]
pub struct Report(pub Vec<Violation>);

impl Report {
    pub fn at(&mut self, line: usize, clause: &'static str, what: impl Into<String>) {
        self.0.push(Violation { clause, line: Some(line), what: what.into() });
    }

    pub fn add(&mut self, clause: &'static str, what: impl Into<String>) {
        self.0.push(Violation { clause, line: None, what: what.into() });
    }
}

/// A live media playlist, if nothing is wrong with it.
pub fn check(text: &str) -> Result<MediaPlaylist, Vec<Violation>> {
    check_by(text, &[media::RULES, media::DATE_RULES].concat(), low_latency::RULES)
}

/// The same, of which the dates are not judged.
pub fn check_but_dates(text: &str) -> Result<MediaPlaylist, Vec<Violation>> {
    check_by(text, media::RULES, low_latency::RULES)
}

/// The same of a camera whose pictures come at one rate: what is said of parts is judged in full.
pub fn check_even(text: &str) -> Result<MediaPlaylist, Vec<Violation>> {
    check_by(text, media::RULES, &[low_latency::RULES, low_latency::EVEN_RULES].concat())
}

type Rule = fn(&MediaPlaylist, &mut Report);

fn check_by(text: &str, rules: &[Rule], low_latency: &[Rule]) -> Result<MediaPlaylist, Vec<Violation>> {
    let mut report = Report::default();
    let playlist = parse::media_playlist(text, &mut report);
    if let Some(playlist) = &playlist {
        let low_latency = if playlist.low_latency { low_latency } else { &[] };
        rules.iter().chain(low_latency).for_each(|rule| rule(playlist, &mut report));
    }
    match playlist {
        Some(playlist) if report.0.is_empty() => Ok(playlist),
        _ => Err(report.0),
    }
}

/// The same, for a test that needs a good one: panics with the text and all that is wrong with it.
#[track_caller]
pub fn assert_good(text: &str) -> MediaPlaylist {
    check(text).unwrap_or_else(|violations| panic!("{}\nin\n{text}", list(&violations)))
}

/// One violation a line.
pub fn list(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("- {violation}")).collect::<Vec<_>>().join("\n")
}
