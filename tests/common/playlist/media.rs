//! Rules of one media playlist, and of a playlist beside what its segments hold.

use std::collections::HashSet;

use super::{MediaPlaylist, Report, Segment, Violation};

/// How far EXT-X-PROGRAM-DATE-TIME may be from the sum of EXTINF inside a run, in seconds.
/// It tells when pictures arrived, and arrival wavers with the network and the camera's clock.
pub const DATE_SLACK: f64 = 1.0;

/// Rules of a plain live media playlist.
pub const RULES: &[fn(&MediaPlaylist, &mut Report)] = &[
    durations_within_target,
    sequences_present,
    version_allows_tags,
    maps_are_in_place,
    window_slides,
    uris_differ,
];

/// Those that hold while the camera's clock does not jump and its packets come as they are made.
pub const DATE_RULES: &[fn(&MediaPlaylist, &mut Report)] = &[dates_are_in_place];

fn durations_within_target(playlist: &MediaPlaylist, report: &mut Report) {
    if playlist.target_duration == 0 {
        report.add("bis 4.4.3.1", "EXT-X-TARGETDURATION is 0");
    }
    for segment in &playlist.segments {
        if segment.duration.round() > float(playlist.target_duration) {
            let what = format!(
                "EXTINF {} rounds above TARGETDURATION {}",
                segment.duration, playlist.target_duration
            );
            report.at(segment.line, "bis 4.4.3.1, A7.7", what);
        }
        if segment.duration <= 0.0 {
            report.at(segment.line, "bis 4.4.4.1", "a segment that lasts no time");
        }
    }
}

fn sequences_present(playlist: &MediaPlaylist, report: &mut Report) {
    if playlist.discontinuity_sequence.is_none() {
        report.add("A8.17", "EXT-X-DISCONTINUITY-SEQUENCE is missing: it has to be there from the start");
    }
    if playlist.media_sequence.unwrap_or(0) == 0 {
        report.add("hls.js block-reloads from 1", "the media sequence is 0 or missing");
    }
}

fn version_allows_tags(playlist: &MediaPlaylist, report: &mut Report) {
    let maps = playlist.segments.iter().any(|segment| segment.map.is_some());
    if maps && playlist.version < 6 {
        report.add("bis 8", format!("EXT-X-MAP needs EXT-X-VERSION 6, this is {}", playlist.version));
    }
    let fractions = playlist.segments.iter().any(|segment| segment.duration.fract() != 0.0);
    if fractions && playlist.version < 3 {
        report.add("bis 8", format!("decimal EXTINF needs EXT-X-VERSION 3, this is {}", playlist.version));
    }
}

/// Whether `segment` is fragmented MP4, by its name.
pub fn is_fmp4(segment: &Segment) -> bool {
    let path = segment.uri.split(['?', '#']).next().unwrap_or_default();
    [".m4s", ".mp4", ".cmfv", ".cmfa"].iter().any(|extension| path.ends_with(extension))
}

fn maps_are_in_place(playlist: &MediaPlaylist, report: &mut Report) {
    // Behind EXT-X-SKIP the EXT-X-MAP of the last segment that was skipped goes on.
    let lacks = |segment: &&Segment| is_fmp4(segment) && segment.map.is_none() && playlist.skipped == 0;
    for segment in playlist.segments.iter().filter(lacks) {
        report.at(segment.line, "bis 3.1.2", format!("{} is fMP4 and has no EXT-X-MAP", segment.uri));
    }
    for pair in playlist.segments.windows(2) {
        if pair[0].map != pair[1].map && !pair[1].discontinuity {
            report.at(
                pair[1].line,
                "bis 4.4.4.3",
                "another EXT-X-MAP without an EXT-X-DISCONTINUITY before it",
            );
        }
    }
}

fn dates_are_in_place(playlist: &MediaPlaylist, report: &mut Report) {
    let clause = "A8.4, bis 6.2.1";
    let mut expected: Option<f64> = None;
    for (index, segment) in playlist.segments.iter().enumerate() {
        if segment.program_date_time.is_none() && (index == 0 || segment.discontinuity) {
            let place = if index == 0 { "on the first segment" } else { "after a discontinuity" };
            report.at(segment.line, clause, format!("no EXT-X-PROGRAM-DATE-TIME {place}"));
        }
        if let (Some(date), Some(expected)) = (segment.program_date_time, expected) {
            let off = date - expected;
            // A discontinuity may leave a gap, but time does not go back over it.
            if off < -DATE_SLACK || (off > DATE_SLACK && !segment.discontinuity) {
                let what =
                    format!("EXT-X-PROGRAM-DATE-TIME is {off:+.3} s off the end of the segment before");
                report.at(segment.line, clause, what);
            }
        }
        let start = segment.program_date_time.or(expected.filter(|_| !segment.discontinuity));
        expected = start.map(|start| start + segment.duration);
    }
}

fn window_slides(playlist: &MediaPlaylist, report: &mut Report) {
    if playlist.playlist_type {
        report.add("bis 4.4.3.5, 6.2.2", "EXT-X-PLAYLIST-TYPE on a sliding window");
    }
    if playlist.endlist {
        report.add("bis 4.4.3.4", "EXT-X-ENDLIST on a live playlist");
    }
}

fn uris_differ(playlist: &MediaPlaylist, report: &mut Report) {
    let mut seen = HashSet::new();
    for segment in playlist.segments.iter().filter(|segment| !seen.insert(&segment.uri)) {
        report.at(segment.line, "bis 3", format!("{} is listed twice", segment.uri));
    }
}

/// What a demuxer found in one segment.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub media_sequence: u64,
    /// Decode time of its first sample (`tfdt`), in seconds.
    pub start: f64,
    /// Sum of its samples' durations, in seconds.
    pub duration: f64,
    /// Whether its first sample is a random access point.
    pub random_access: bool,
}

/// Holds a playlist against what its segments hold, given in order; `frame` is how long one lasts, in seconds.
pub fn check_media(playlist: &MediaPlaylist, measured: &[Measured], frame: f64) -> Vec<Violation> {
    /// What rounding to a tick of 90 kHz, twice, can come to.
    const TICKS: f64 = 2.0 / 90_000.0;
    let mut report = Report::default();
    let (mut listed, mut held) = (0.0, 0.0);
    let mut before: Option<(&Segment, &Measured)> = None;
    for found in measured {
        let number = found.media_sequence;
        let Some(segment) = playlist.segment(number) else {
            report.add("usage", format!("segment {number} was measured and is not in the playlist"));
            continue;
        };
        listed += segment.duration;
        held += found.duration;
        if found.duration > float(playlist.target_duration) + 0.5 {
            report.at(segment.line, "A7.7", format!("segment {number} holds {:.3} s", found.duration));
        }
        if playlist.independent_segments && !found.random_access {
            let what =
                format!("EXT-X-INDEPENDENT-SEGMENTS, and segment {number} starts on no random access point");
            report.at(segment.line, "bis 4.4.2.1", what);
        }
        if let Some((segment_before, found_before)) = before
            && segment_before.discontinuity_number == segment.discontinuity_number
            && segment_before.media_sequence + 1 == number
        {
            let off = found.start - (found_before.start + found_before.duration);
            if off.abs() > TICKS {
                report.at(segment.line, "A7.3", format!("tfdt of segment {number} is off by {off:+.6} s"));
            }
        }
        before = Some((segment, found));
    }
    if (listed - held).abs() > frame {
        report.add("A8.1", format!("EXTINF adds up to {listed:.6} s, the media to {held:.6} s"));
    }
    report.0
}

/// A whole number as a fraction: exact up to 2^53.
pub fn float(whole: u64) -> f64 {
    whole as f64
}
