//! Rules of low-latency playlists: of one, and between two. [`applied`] makes a whole playlist of a delta update.

use super::media::float;
use super::{MediaPlaylist, Part, Report, Segment};

/// How much of PART-TARGET a part lasts at least, unless it is the last one of its segment or before a gap.
const FULL: f64 = 0.85;

/// Durations are written to the microsecond.
const ROUNDING: f64 = 2e-6;

/// What is kept of the parts of a segment, in target durations behind the end of the playlist (bis 4.4.4.9).
const WITH_PARTS: f64 = 3.0;

/// Rules of one low-latency playlist.
pub const RULES: &[fn(&MediaPlaylist, &mut Report)] = &[
    tags_are_in_place,
    parts_within_target,
    parts_add_up,
    no_parts_of_old_segments,
    one_hint_for_the_next_part,
    skips_only_what_may_be_skipped,
];

/// Those that hold while the camera's pictures come at one rate: no number of pictures of any length makes up 85 % of a
/// PART-TARGET that was found for another, and a picture longer than PART-TARGET leaves its segment without parts.
pub const EVEN_RULES: &[fn(&MediaPlaylist, &mut Report)] = &[parts_are_full, parts_of_new_segments];

/// Rules between two playlists that were fetched one after the other.
pub const PAIR_RULES: &[fn(&MediaPlaylist, &MediaPlaylist, &mut Report)] =
    &[part_target_stays, parts_keep_what_they_are, nothing_told_is_taken_back, hints_come_true];

fn tags_are_in_place(playlist: &MediaPlaylist, report: &mut Report) {
    let Some(target) = playlist.part_target else {
        return report.add("bis 4.4.3.7", "parts, and no EXT-X-PART-INF");
    };
    if target <= 0.0 || target > float(playlist.target_duration) {
        report.add("bis 4.4.3.7", format!("PART-TARGET is {target}"));
    }
    let Some(control) = playlist.server_control else {
        return report.add("bis 4.4.3.8", "parts, and no EXT-X-SERVER-CONTROL");
    };
    if !control.can_block_reload {
        report.add("bis 6.2.5.2, A14", "parts, and no CAN-BLOCK-RELOAD=YES");
    }
    match control.part_hold_back {
        None => report.add("bis 4.4.3.8", "PART-HOLD-BACK is missing"),
        Some(hold_back) if hold_back < 3.0 * target - ROUNDING => {
            report.add("A14.3", format!("PART-HOLD-BACK {hold_back} is less than 3 × {target}"));
        }
        Some(_) => {}
    }
    let target_duration = float(playlist.target_duration);
    if control.hold_back.is_some_and(|hold_back| hold_back < 3.0 * target_duration) {
        report.add("bis 4.4.3.8", "HOLD-BACK is less than 3 × TARGETDURATION");
    }
    if control.can_skip_until.is_some_and(|until| until < 6.0 * target_duration) {
        report.add("bis 4.4.3.8", "CAN-SKIP-UNTIL is less than 6 × TARGETDURATION");
    }
}

fn parts_within_target(playlist: &MediaPlaylist, report: &mut Report) {
    let Some(target) = playlist.part_target else { return };
    let whole = playlist.segments.iter().flat_map(|segment| &segment.parts);
    for part in whole.chain(&playlist.open.parts).filter(|part| part.duration > target + ROUNDING) {
        report.at(part.line, "bis 4.4.3.7", format!("{} s is above PART-TARGET {target}", part.duration));
    }
}

fn parts_are_full(playlist: &MediaPlaylist, report: &mut Report) {
    let Some(target) = playlist.part_target else { return };
    let whole = playlist.segments.iter().map(|segment| &segment.parts);
    // The last part of the open segment may turn out to be its last of all.
    for parts in whole.chain([&playlist.open.parts]) {
        let all_but_last = &parts[..parts.len().saturating_sub(1)];
        for (part, next) in all_but_last.iter().zip(&parts[1.min(parts.len())..]) {
            if part.duration < FULL * target - ROUNDING && !part.gap && !next.gap {
                let what = format!("{} s is below 85 % of PART-TARGET {target}", part.duration);
                report.at(part.line, "bis 4.4.4.9", what);
            }
        }
    }
}

fn parts_add_up(playlist: &MediaPlaylist, report: &mut Report) {
    for segment in playlist.segments.iter().filter(|segment| !segment.parts.is_empty()) {
        let sum: f64 = segment.parts.iter().map(|part| part.duration).sum();
        if (sum - segment.duration).abs() > 1e-3 {
            let what = format!("parts of {sum:.6} s in a segment of {:.6} s", segment.duration);
            report.at(segment.line, "bis 3.1, 4.4.4.9", what);
        }
    }
}

/// Segments, and whether they lie within the time for which parts are listed, counted from the end of the last whole one:
/// parts of the open one come and go with it.
fn segments_near_the_end(playlist: &MediaPlaylist) -> impl Iterator<Item = (&Segment, bool)> {
    let reach = WITH_PARTS * float(playlist.target_duration) + ROUNDING;
    playlist.segments.iter().rev().scan(0.0, move |to_end, segment| {
        *to_end += segment.duration;
        Some((segment, *to_end <= reach))
    })
}

fn no_parts_of_old_segments(playlist: &MediaPlaylist, report: &mut Report) {
    for (segment, _) in
        segments_near_the_end(playlist).filter(|(segment, near)| !near && !segment.parts.is_empty())
    {
        report.at(segment.line, "bis 4.4.4.9", "parts of a segment that is older than 3 × TARGETDURATION");
    }
}

fn parts_of_new_segments(playlist: &MediaPlaylist, report: &mut Report) {
    for (segment, _) in
        segments_near_the_end(playlist).filter(|(segment, near)| *near && segment.parts.is_empty())
    {
        report.at(segment.line, "bis 4.4.4.9", "no parts of a segment within 3 × TARGETDURATION of the end");
    }
}

fn one_hint_for_the_next_part(playlist: &MediaPlaylist, report: &mut Report) {
    match &playlist.hints[..] {
        [] => report.add("bis 4.4.5.3, 6.2.6", "no EXT-X-PRELOAD-HINT for the next part"),
        [(uri, line)] => {
            let listed =
                playlist.segments.iter().flat_map(|segment| &segment.parts).chain(&playlist.open.parts);
            if listed.into_iter().any(|part| part.uri == *uri) {
                report.at(*line, "bis 4.4.5.3", format!("{uri} is hinted at and listed"));
            }
        }
        [_, (_, line), ..] => report.at(*line, "bis 4.4.5.3", "a second EXT-X-PRELOAD-HINT for a part"),
    }
}

fn skips_only_what_may_be_skipped(playlist: &MediaPlaylist, report: &mut Report) {
    if playlist.skipped == 0 {
        return;
    }
    if playlist.version < 9 {
        report.add("bis 8", format!("EXT-X-SKIP needs EXT-X-VERSION 9, this is {}", playlist.version));
    }
    let until = playlist.server_control.and_then(|control| control.can_skip_until);
    let Some(until) = until else {
        return report.add("bis 6.2.5.1", "EXT-X-SKIP without CAN-SKIP-UNTIL");
    };
    let open: f64 = playlist.open.parts.iter().map(|part| part.duration).sum();
    let left = playlist.duration() + open;
    if left < until - ROUNDING {
        report
            .add("bis 6.2.5.1", format!("what is left lasts {left:.3} s, less than CAN-SKIP-UNTIL {until}"));
    }
}

fn part_target_stays(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    if let (Some(was), Some(is)) = (before.part_target, after.part_target)
        && was != is
    {
        report.add("bis 6.2.1", format!("PART-TARGET went from {was} to {is}: CoreMedia stops with -12642"));
    }
}

/// The parts of segment `number`, as far as `playlist` tells of them.
fn parts(playlist: &MediaPlaylist, number: u64) -> &[Part] {
    if number == playlist.next_sequence() {
        return &playlist.open.parts;
    }
    playlist.segment(number).map_or(&[], |segment| &segment.parts)
}

fn parts_keep_what_they_are(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    let known = before.media_sequence.unwrap_or(0)..=before.next_sequence();
    for number in known {
        let (old, new) = (parts(before, number), parts(after, number));
        if new.is_empty() {
            continue;
        }
        if new.len() < old.len() {
            let what = format!("segment {number} had {} parts, now {}", old.len(), new.len());
            report.add("bis 6.2.1", what);
        }
        for (old, new) in old.iter().zip(new) {
            let same =
                old.uri == new.uri && old.duration == new.duration && old.independent == new.independent;
            if !same {
                report.at(new.line, "bis 6.2.1", format!("{old:?} became {new:?}"));
            }
        }
        if number < before.next_sequence() && new.len() > old.len() && !old.is_empty() {
            report.add("bis 6.2.1", format!("segment {number} was whole, and has more parts now"));
        }
    }
}

/// The newest part that a playlist tells of, as its segment's number and its own.
pub fn newest_part(playlist: &MediaPlaylist) -> (u64, usize) {
    (playlist.next_sequence(), playlist.open.parts.len())
}

fn nothing_told_is_taken_back(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    if before.low_latency && after.low_latency && newest_part(after) < newest_part(before) {
        let (was, is) = (newest_part(before), newest_part(after));
        report.add("bis 6.2.1", format!("the playlist went to {was:?}, now only to {is:?}"));
    }
}

/// The part that was hinted at is the next one listed (bis 4.4.5.3).
fn hints_come_true(before: &MediaPlaylist, after: &MediaPlaylist, report: &mut Report) {
    let Some((hint, _)) = before.hints.first() else { return };
    let (number, part) = newest_part(before);
    let came = parts(after, number).get(part).or_else(|| {
        // The segment was cut behind what was told of it. None ends with no part: one without parts has more than are told of.
        let ended = part > 0 && after.segment(number).is_some_and(|segment| segment.parts.len() == part);
        ended.then(|| parts(after, number + 1).first()).flatten()
    });
    if let Some(part) = came
        && part.uri != *hint
    {
        report.at(part.line, "bis 4.4.5.3", format!("{hint} was hinted at, and {} came", part.uri));
    }
}

/// The whole playlist that `delta` is an update of `before` to (bis 6.3.7).
pub fn applied(delta: &MediaPlaylist, before: &MediaPlaylist) -> Result<MediaPlaylist, String> {
    let first = delta.media_sequence.unwrap_or(0);
    let mut segments = Vec::new();
    for number in first..first + delta.skipped {
        let known = before.segment(number).ok_or(format!("segment {number} is skipped and not known"))?;
        segments.push(known.clone());
    }
    let (map, discontinuities) =
        segments.last().map_or((None, 0), |last| (last.map.clone(), last.discontinuity_number));
    let base = delta.discontinuity_sequence.unwrap_or(0);
    for segment in &delta.segments {
        let mut segment = segment.clone();
        if delta.skipped > 0 {
            segment.map = segment.map.or_else(|| map.clone());
            segment.discontinuity_number += discontinuities - base;
        }
        segments.push(segment);
    }
    Ok(MediaPlaylist { segments, skipped: 0, ..delta.clone() })
}
