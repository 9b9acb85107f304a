//! A [`Snapshot`] → the text of its playlists.
//!
//! The multivariant playlist is written by `m3u8-rs`. The media playlist is written here: its durations
//! must add up to a frame (`m3u8-rs` has them as `f32`), and low-latency tags, which `m3u8-rs` has
//! no place for, are to stand between its lines. `docs/decisions/0004-playlists.md` has the whole story.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use m3u8_rs::{MasterPlaylist, Resolution, VariantStream};

use super::segment::{InitId, MediaSequence, Part, RunId, Segment};
use super::window::{Form, Snapshot};
use crate::mux::Container;

/// The name of a stream's media playlist, beside its multivariant playlist.
pub const MEDIA_PLAYLIST: &str = "media.m3u8";

/// Path of a segment, relative to the playlists.
pub fn segment_path(run: RunId, number: MediaSequence, container: Container) -> String {
    format!("{run}/seg-{number}.{}", container.extension())
}

/// Path of an initialisation section, relative to the playlists.
pub fn init_path(run: RunId, id: InitId) -> String {
    format!("{run}/init-{}.mp4", id.0)
}

/// Path of a part, relative to the playlists.
fn part_path(run: RunId, number: MediaSequence, index: usize, container: Container) -> String {
    format!("{run}/part-{number}.{index}.{}", container.extension())
}

/// `text` with `query` at the end of every URI: those that are lines of their own, and those that are attributes (RFC 8216
/// §4.1, §4.2).
pub fn carrying(text: &str, query: &str) -> String {
    const URI: &str = "URI=\"";
    let mut carrying = String::with_capacity(text.len() + (query.len() + 1) * text.lines().count());
    for line in text.lines() {
        let end_of_uri = if line.starts_with('#') {
            // No value of an attribute holds a quotation mark but those around it.
            let begin = line.find(URI).map(|at| at + URI.len());
            begin.and_then(|begin| Some(begin + line[begin..].find('"')?))
        } else {
            (!line.is_empty()).then_some(line.len())
        };
        let (uri, rest) = line.split_at(end_of_uri.unwrap_or(0));
        carrying.push_str(uri);
        if !uri.is_empty() {
            carrying.push(if uri.contains('?') { '&' } else { '?' });
            carrying.push_str(query);
        }
        carrying.push_str(rest);
        carrying.push('\n');
    }
    carrying
}

/// The media playlist (RFC 8216 §4.3.2, §4.3.3; bis §4.4.3, §4.4.4, §4.4.5).
pub fn media(snapshot: &Snapshot, form: Form) -> String {
    let settings = &snapshot.settings;
    let first = snapshot.listed.first();
    let media_sequence = first.map_or(snapshot.open.media_sequence, |segment| segment.media_sequence);
    // The tag counts the discontinuities that have left the playlist; one at its head is still there.
    let discontinuity_sequence =
        first.map_or(0, |segment| segment.discontinuity_sequence - u64::from(segment.discontinuity));
    let part_target = snapshot.part_target.filter(|_| form != Form::Plain);
    let skipped = if form == Form::Delta { skippable(snapshot) } else { 0 };

    let mut text = String::with_capacity(512 + snapshot.listed.len() * 128);
    // EXT-X-MAP outside of I-frame playlists needs version 6 (§7), EXT-X-SKIP version 9 (bis §8).
    let version = if skipped > 0 { 9 } else { 6 };
    push_line(&mut text, format_args!("#EXTM3U\n#EXT-X-VERSION:{version}"));
    push_line(&mut text, format_args!("#EXT-X-TARGETDURATION:{}", settings.target_duration()));
    if let Some(target) = part_target {
        let (hold_back, skip_until) = (3.0 * target.as_secs_f64(), skip_until(snapshot).as_secs());
        push_line(
            &mut text,
            format_args!(
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={hold_back:.3},CAN-SKIP-UNTIL={skip_until}.0"
            ),
        );
        push_line(&mut text, format_args!("#EXT-X-PART-INF:PART-TARGET={:.3}", target.as_secs_f64()));
    }
    push_line(&mut text, format_args!("#EXT-X-MEDIA-SEQUENCE:{media_sequence}"));
    push_line(&mut text, format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}"));
    if skipped > 0 {
        push_line(&mut text, format_args!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"));
    }

    // Parts are told for the last three target durations (bis §4.4.4.9).
    let with_parts = 3 * settings.longest_segment();
    let mut remaining: Duration = snapshot.listed.iter().map(|segment| segment.duration).sum();
    let mut init: Option<InitId> = None;
    for (at, segment) in snapshot.listed.iter().enumerate() {
        let age = remaining;
        remaining -= segment.duration;
        let needed = segment.init.as_deref().map(|init| init.id);
        if at < skipped {
            // Who skips has seen it, and with it its initialisation section.
            init = needed;
            continue;
        }
        push_start(&mut text, snapshot.run, segment.discontinuity, needed, &mut init);
        push_line(&mut text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{}", segment.program_date_time));
        // A segment is all of its parts, or has none.
        let is_in_parts = snapshot.listed_parts(&segment.parts) == segment.parts.len();
        if part_target.is_some() && age <= with_parts && is_in_parts {
            push_parts(&mut text, snapshot.run, segment.media_sequence, segment.container, &segment.parts);
        }
        push_line(&mut text, format_args!("#EXTINF:{:.6},", segment.duration.as_secs_f64()));
        let path = segment_path(snapshot.run, segment.media_sequence, segment.container);
        push_line(&mut text, format_args!("{path}"));
    }
    if part_target.is_some() {
        push_open(&mut text, snapshot, &mut init);
    }
    text
}

/// The open segment: its parts, and the hint at the one that comes next.
fn push_open(text: &mut String, snapshot: &Snapshot, init: &mut Option<InitId>) {
    let open = &snapshot.open;
    if let Some(date) = open.program_date_time {
        let needed = open.init.as_deref().map(|init| init.id);
        push_start(text, snapshot.run, open.discontinuity, needed, init);
        push_line(text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{date}"));
        let listed = &open.parts[..snapshot.next_part()];
        push_parts(text, snapshot.run, open.media_sequence, open.container, listed);
    }
    let hint = part_path(snapshot.run, open.media_sequence, snapshot.next_part(), open.container);
    push_line(text, format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{hint}\""));
}

/// What goes before a segment that is not a plain continuation.
fn push_start(
    text: &mut String,
    run: RunId,
    discontinuity: bool,
    needed: Option<InitId>,
    init: &mut Option<InitId>,
) {
    if discontinuity {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if needed != *init {
        if let Some(needed) = needed {
            push_line(text, format_args!("#EXT-X-MAP:URI=\"{}\"", init_path(run, needed)));
        }
        *init = needed;
    }
}

/// Parts of one segment, from its first.
fn push_parts(
    text: &mut String,
    run: RunId,
    number: MediaSequence,
    container: Container,
    parts: &[Arc<Part>],
) {
    for (index, part) in parts.iter().enumerate() {
        let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
        let path = part_path(run, number, index, container);
        let duration = part.duration.as_secs_f64();
        push_line(text, format_args!("#EXT-X-PART:DURATION={duration:.6},URI=\"{path}\"{independent}"));
    }
}

/// `CAN-SKIP-UNTIL` (bis §4.4.3.8): the least that may be told, so that a client gets as little as may be.
fn skip_until(snapshot: &Snapshot) -> Duration {
    6 * snapshot.settings.longest_segment()
}

/// How many of the oldest segments lie before the skip boundary (bis §6.2.5.1), which counts from the playlist's end.
fn skippable(snapshot: &Snapshot) -> usize {
    let open: Duration = snapshot.open.parts.iter().map(|part| part.duration).sum();
    let mut to_end = open + snapshot.listed.iter().map(|segment| segment.duration).sum::<Duration>();
    let boundary = skip_until(snapshot);
    let behind = |segment: &&Arc<Segment>| {
        to_end -= segment.duration;
        to_end >= boundary
    };
    snapshot.listed.iter().take_while(behind).count()
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    let _ = text.write_fmt(line);
    text.push('\n');
}

/// The multivariant playlist (RFC 8216 §4.3.4): one variant.
pub fn multivariant(snapshot: &Snapshot) -> Vec<u8> {
    let video = &snapshot.tracks.video;
    let average = snapshot.average_bit_rate();
    let variant = VariantStream {
        uri: MEDIA_PLAYLIST.into(),
        bandwidth: whole(snapshot.peak_bit_rate.max(average)),
        average_bandwidth: Some(whole(average)),
        codecs: Some(snapshot.tracks.codecs()),
        resolution: Some(Resolution { width: video.width.into(), height: video.height.into() }),
        frame_rate: snapshot.frame_rate().or(video.frame_rate).map(|rate| (rate * 1000.0).round() / 1000.0),
        ..VariantStream::default()
    };
    let playlist = MasterPlaylist { version: Some(6), variants: vec![variant], ..MasterPlaylist::default() };
    let mut text = Vec::new();
    // Writing to a Vec can't fail.
    let _ = playlist.write_to(&mut text);
    text
}

fn whole(rate: f64) -> u64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bit rates are far below 2^53"
    )]
    {
        rate.max(1.0).ceil() as u64
    }
}

#[cfg(test)]
mod tests;
