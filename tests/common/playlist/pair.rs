//! Rules between two media playlists of a stream that were fetched one after the other.

use super::low_latency;
use super::media::float;
use super::{MediaPlaylist, Report, Segment, Violation};

/// Rules of plain live media playlists: what came before, and what came after.
pub const RULES: &[fn(&MediaPlaylist, &MediaPlaylist, &mut Report)] =
    &[target_duration_stays, sequences_never_go_back, segments_keep_what_they_are, window_stays_long_enough];

/// What is wrong between `before` and `after`, fetched later.
pub fn check_pair(before: &MediaPlaylist, after: &MediaPlaylist) -> Vec<Violation> {
    let mut report = Report::default();
    RULES.iter().chain(low_latency::PAIR_RULES).for_each(|rule| rule(before, after, &mut report));
    report.0
}

fn target_duration_stays(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    let (was, is) = (before.target_duration, after.target_duration);
    if was != is {
        report.add("bis 6.2.1", format!("TARGETDURATION went from {was} to {is}: iOS stops for good"));
    }
}

fn sequences_never_go_back(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    if after.media_sequence < before.media_sequence {
        let what = format!(
            "media sequence went back from {:?} to {:?}",
            before.media_sequence, after.media_sequence
        );
        report.add("bis 6.2.2", what);
    }
    if after.discontinuity_sequence < before.discontinuity_sequence {
        let (was, is) = (before.discontinuity_sequence, after.discontinuity_sequence);
        report.add("bis 6.2.2", format!("discontinuity sequence went back from {was:?} to {is:?}"));
    }
    let last = |playlist: &MediaPlaylist| playlist.segments.last().map(|segment| segment.media_sequence);
    if last(after) < last(before) {
        report.add(
            "bis 6.2.1",
            format!("segments up to {:?} were listed, now only to {:?}", last(before), last(after)),
        );
    }
    if let (Some(old), Some(new)) = (before.segments.last(), after.segments.last())
        && new.media_sequence >= old.media_sequence
        && new.discontinuity_number < old.discontinuity_number
    {
        let (number, was, is) = (new.media_sequence, old.discontinuity_number, new.discontinuity_number);
        report.add(
            "bis 6.2.2",
            format!("segment {number} has discontinuity number {is}, earlier ones had {was}"),
        );
    }
}

fn segments_keep_what_they_are(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    for new in &after.segments {
        if let Some(old) = before.segment(new.media_sequence) {
            same_segment(old, new, report);
        } else if let Some(old) = before.segments.iter().find(|old| old.uri == new.uri) {
            reused_uri(&new.uri, old.media_sequence, new.media_sequence, report);
        }
    }
}

/// A media sequence number means one thing for ever (bis 6.2.1; hls.js errors otherwise).
pub fn same_segment(old: &Segment, new: &Segment, report: &mut Report) {
    let number = new.media_sequence;
    let mut kept = |name: &str, was: String, is: String| {
        if was != is {
            report.at(new.line, "bis 6.2.1", format!("{name} of segment {number} went from {was} to {is}"));
        }
    };
    kept("URI", old.uri.clone(), new.uri.clone());
    kept("EXTINF", old.duration.to_string(), new.duration.to_string());
    kept("discontinuity number", old.discontinuity_number.to_string(), new.discontinuity_number.to_string());
    kept("EXT-X-MAP", format!("{:?}", old.map), format!("{:?}", new.map));
    if let (Some(was), Some(is)) = (old.program_date_time, new.program_date_time) {
        kept("EXT-X-PROGRAM-DATE-TIME", was.to_string(), is.to_string());
    }
}

/// One URI names one segment (bis 6.2.1): else a cache hands out the wrong one.
pub fn reused_uri(uri: &str, old: u64, new: u64, report: &mut Report) {
    report.add("bis 6.2.1", format!("{uri} was segment {old} and is now segment {new}"));
}

fn window_stays_long_enough(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    let (least, is) = (3.0 * float(after.target_duration), after.duration());
    let removed = after.media_sequence > before.media_sequence;
    // EXTINF is written in decimals: a sum of whole frames may miss by a few of the last.
    if (removed || before.duration() >= least) && is < least - 0.001 {
        report.add(
            "bis 6.2.2",
            format!("the playlist lasts {is:.3} s, shorter than 3 × TARGETDURATION, and had begun"),
        );
    }
}
