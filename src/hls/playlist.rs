//! A [`Snapshot`] → the text of its playlists.
//!
//! The multivariant playlist is written by `m3u8-rs`. The media playlist is written here: its durations
//! must add up to a frame (`m3u8-rs` has them as `f32`), and low-latency tags, which `m3u8-rs` has
//! no place for, are to stand between its lines. `docs/decisions/0004-playlists.md` has the whole story.

use std::fmt::Write as _;

use m3u8_rs::{MasterPlaylist, Resolution, VariantStream};

use super::segment::{Init, InitId, MediaSequence, RunId};
use super::window::Snapshot;
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

/// The media playlist (RFC 8216 §4.3.2, §4.3.3).
pub fn media(snapshot: &Snapshot) -> String {
    let settings = &snapshot.settings;
    let first = snapshot.listed.first();
    let media_sequence = first.map_or(snapshot.open.media_sequence, |segment| segment.media_sequence);
    // The tag counts the discontinuities that have left the playlist; one at its head is still there.
    let discontinuity_sequence =
        first.map_or(0, |segment| segment.discontinuity_sequence - u64::from(segment.discontinuity));

    let mut text = String::with_capacity(256 + snapshot.listed.len() * 128);
    // EXT-X-MAP outside of I-frame playlists needs version 6 (§7).
    text.push_str("#EXTM3U\n#EXT-X-VERSION:6\n");
    push_line(&mut text, format_args!("#EXT-X-TARGETDURATION:{}", settings.target_duration()));
    push_line(&mut text, format_args!("#EXT-X-MEDIA-SEQUENCE:{media_sequence}"));
    push_line(&mut text, format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}"));

    let mut init: Option<&Init> = None;
    for segment in &snapshot.listed {
        if segment.discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let needed = segment.init.as_deref();
        if let Some(needed) = needed.filter(|needed| init.is_none_or(|init| init.id != needed.id)) {
            let path = init_path(snapshot.run, needed.id);
            push_line(&mut text, format_args!("#EXT-X-MAP:URI=\"{path}\""));
            init = Some(needed);
        }
        push_line(&mut text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{}", segment.program_date_time));
        push_line(&mut text, format_args!("#EXTINF:{:.6},", segment.duration.as_secs_f64()));
        let path = segment_path(snapshot.run, segment.media_sequence, segment.container);
        push_line(&mut text, format_args!("{path}"));
    }
    text
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
