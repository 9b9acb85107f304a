//! Text → [`MediaPlaylist`]. quick-m3u8 reads the tags; what it is too lenient for is held against the raw
//! text here, and m3u8-rs, which knows no low-latency tags, has to read the same from a plain playlist.

use quick_m3u8::config::ParsingOptions;
use quick_m3u8::tag::KnownTag;
use quick_m3u8::tag::hls::{EnumeratedString, PreloadHintType, Tag, TagType};
use quick_m3u8::{HlsLine, Reader};

use super::Report;

/// A media playlist as far as the rules speak of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaPlaylist {
    pub version: u64,
    /// In seconds.
    pub target_duration: u64,
    /// As written; none if the tag is missing.
    pub media_sequence: Option<u64>,
    /// As written; none if the tag is missing.
    pub discontinuity_sequence: Option<u64>,
    pub independent_segments: bool,
    pub playlist_type: bool,
    pub endlist: bool,
    /// Whether it carries tags of low-latency HLS.
    pub low_latency: bool,
    /// EXT-X-PART-INF, in seconds.
    pub part_target: Option<f64>,
    pub server_control: Option<ServerControl>,
    /// How many segments EXT-X-SKIP stands for.
    pub skipped: u64,
    pub segments: Vec<Segment>,
    /// What is there of the segment after the last.
    pub open: Open,
    /// URIs of the EXT-X-PRELOAD-HINTs for parts, and their lines.
    pub hints: Vec<(String, usize)>,
}

/// EXT-X-SERVER-CONTROL, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerControl {
    pub can_block_reload: bool,
    pub hold_back: Option<f64>,
    pub part_hold_back: Option<f64>,
    pub can_skip_until: Option<f64>,
}

/// The segment that is still being made, as far as it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open {
    pub discontinuity: bool,
    pub map: Option<String>,
    /// In seconds since the Unix epoch.
    pub program_date_time: Option<f64>,
    pub parts: Vec<Part>,
}

/// EXT-X-PART.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub uri: String,
    /// In seconds.
    pub duration: f64,
    pub independent: bool,
    /// Whether it stands for media that is not there.
    pub gap: bool,
    pub line: usize,
}

/// A segment with all that applies to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub media_sequence: u64,
    pub uri: String,
    /// EXTINF, in seconds.
    pub duration: f64,
    /// Whether EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// Its discontinuity sequence number (bis 4.4.3.3).
    pub discontinuity_number: u64,
    /// URI of the EXT-X-MAP in effect.
    pub map: Option<String>,
    /// Its own EXT-X-PROGRAM-DATE-TIME, in seconds since the Unix epoch.
    pub program_date_time: Option<f64>,
    /// Its parts, where they are listed.
    pub parts: Vec<Part>,
    /// Line of its URI, from 1.
    pub line: usize,
}

impl MediaPlaylist {
    /// Sum of EXTINF, in seconds.
    pub fn duration(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }

    pub fn segment(&self, media_sequence: u64) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.media_sequence == media_sequence)
    }

    /// The number of the segment after the last.
    pub fn next_sequence(&self) -> u64 {
        self.media_sequence.unwrap_or(0) + self.skipped + u64::try_from(self.segments.len()).unwrap()
    }
}

/// Tags of low-latency HLS: let through here, and for rules of their own to judge.
pub const LOW_LATENCY: &[&str] = &[
    "#EXT-X-PART-INF",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-PART",
    "#EXT-X-PRELOAD-HINT",
    "#EXT-X-SKIP",
    "#EXT-X-RENDITION-REPORT",
];

const AT_MOST_ONCE: &[&str] = &[
    "#EXTM3U",
    "#EXT-X-VERSION",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    "#EXT-X-START",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-ENDLIST",
    "#EXT-X-PLAYLIST-TYPE",
    "#EXT-X-PART-INF",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-SKIP",
];

/// The name of the tag on `line`.
pub fn tag_name(line: &str) -> &str {
    line.split(':').next().unwrap_or(line)
}

/// What holds for every playlist, whatever it lists (bis 4.1, 4.4.1.1).
pub fn check_text(text: &str, report: &mut Report) {
    if text.starts_with('\u{feff}') {
        report.at(1, "bis 4.1", "the text begins with a byte order mark");
    }
    if text.lines().next().map(|line| line.trim_start_matches('\u{feff}')) != Some("#EXTM3U") {
        report.at(1, "bis 4.4.1.1", "the first line is not #EXTM3U");
    }
    if !text.ends_with('\n') {
        report.add("bis 4.1", "the last line has no line feed");
    }
    for (number, line) in (1..).zip(text.lines()) {
        if line.chars().any(char::is_control) {
            report.at(number, "bis 4.1", "a control character in the line");
        }
        if line.trim() != line {
            report.at(number, "bis 4.1", "white space at an end of the line");
        }
    }
    for name in AT_MOST_ONCE {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| tag_name(line) == *name);
        if let Some((number, _)) = lines.nth(1) {
            report.at(number, "bis 4.4", format!("{name} for the second time"));
        }
    }
}

/// What is gathered for the next segment.
#[derive(Default)]
struct Pending {
    duration: Option<f64>,
    discontinuity: bool,
    map_line: Option<usize>,
    program_date_time: Option<f64>,
    parts: Vec<Part>,
}

/// Reads a media playlist; none if too little of it can be read to go on.
pub fn media_playlist(text: &str, report: &mut Report) -> Option<MediaPlaylist> {
    check_text(text, report);
    let mut playlist = MediaPlaylist {
        version: 1,
        target_duration: 0,
        media_sequence: None,
        discontinuity_sequence: None,
        independent_segments: false,
        playlist_type: false,
        endlist: false,
        low_latency: text.lines().any(|line| LOW_LATENCY.contains(&tag_name(line))),
        part_target: None,
        server_control: None,
        skipped: 0,
        segments: Vec::new(),
        open: Open::default(),
        hints: Vec::new(),
    };
    let mut target_duration = None;
    let (mut pending, mut map, mut discontinuities, mut tail) = (Pending::default(), None, 0, None);

    let mut reader = Reader::from_str(text, ParsingOptions::default());
    for (number, raw) in (1..).zip(text.lines()) {
        let line = match reader.read_line() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                report.at(number, "bis 4.4", format!("quick-m3u8 cannot read {raw:?}: {}", error.error));
                continue;
            }
        };
        match line {
            HlsLine::KnownTag(KnownTag::Hls(tag)) => {
                check_tag(number, raw, &tag, &playlist, report);
                match tag {
                    Tag::Version(tag) => playlist.version = tag.version(),
                    Tag::Targetduration(tag) => target_duration = Some(tag.target_duration()),
                    Tag::MediaSequence(tag) => playlist.media_sequence = Some(tag.media_sequence()),
                    Tag::DiscontinuitySequence(tag) => {
                        if discontinuities > 0 {
                            report.at(
                                number,
                                "bis 4.4.3.3",
                                "EXT-X-DISCONTINUITY-SEQUENCE after a discontinuity",
                            );
                        }
                        playlist.discontinuity_sequence = Some(tag.discontinuity_sequence());
                    }
                    Tag::IndependentSegments(_) => playlist.independent_segments = true,
                    Tag::PlaylistType(_) => playlist.playlist_type = true,
                    Tag::Endlist(_) => playlist.endlist = true,
                    Tag::Inf(tag) => {
                        let earlier = pending.duration.replace(tag.duration());
                        if earlier.is_some() {
                            report.at(number, "bis 4.4.4.1", "a second EXTINF for one segment");
                        }
                    }
                    Tag::Discontinuity(_) => {
                        if pending.map_line.is_some() {
                            report.at(
                                number,
                                "bis 4.4.4.3",
                                "EXT-X-DISCONTINUITY after the EXT-X-MAP it calls for",
                            );
                        }
                        if !pending.parts.is_empty() {
                            report.at(
                                number,
                                "bis 4.4.4.9",
                                "EXT-X-DISCONTINUITY behind a part of its segment",
                            );
                        }
                        if pending.discontinuity {
                            report.at(number, "bis 4.4.4.3", "a second EXT-X-DISCONTINUITY for one segment");
                        }
                        pending.discontinuity = true;
                        discontinuities += 1;
                        tail = Some(number);
                    }
                    Tag::Map(tag) => {
                        map = Some(tag.uri().to_owned());
                        pending.map_line = Some(number);
                        tail = Some(number);
                    }
                    Tag::ProgramDateTime(_) => {
                        pending.program_date_time = program_date_time(number, raw, report);
                        tail = Some(number);
                    }
                    Tag::PartInf(tag) => playlist.part_target = Some(tag.part_target()),
                    Tag::ServerControl(tag) => {
                        playlist.server_control = Some(ServerControl {
                            can_block_reload: tag.can_block_reload(),
                            hold_back: tag.hold_back(),
                            part_hold_back: tag.part_hold_back(),
                            can_skip_until: tag.can_skip_until(),
                        });
                    }
                    Tag::Skip(tag) => {
                        if !playlist.segments.is_empty() {
                            report.at(number, "bis 4.4.5.2", "EXT-X-SKIP behind a segment");
                        }
                        playlist.skipped = tag.skipped_segments();
                    }
                    Tag::Part(tag) => pending.parts.push(Part {
                        uri: tag.uri().to_owned(),
                        duration: tag.duration(),
                        independent: tag.independent(),
                        gap: tag.gap(),
                        line: number,
                    }),
                    Tag::PreloadHint(tag) => {
                        if matches!(tag.hint_type(), EnumeratedString::Known(PreloadHintType::Part)) {
                            playlist.hints.push((tag.uri().to_owned(), number));
                        }
                    }
                    _ => {}
                }
            }
            HlsLine::KnownTag(KnownTag::Custom(_)) => {}
            HlsLine::UnknownTag(_) => {
                report.at(number, "bis 4.4", format!("no such tag, or not with such a value: {raw}"));
            }
            HlsLine::Uri(uri) => {
                let Pending { duration, discontinuity, program_date_time, parts, .. } =
                    std::mem::take(&mut pending);
                tail = None;
                if duration.is_none() {
                    report.at(number, "bis 4.4.4.1", format!("{uri} has no EXTINF"));
                }
                let offset = u64::try_from(playlist.segments.len()).unwrap();
                playlist.segments.push(Segment {
                    media_sequence: playlist.media_sequence.unwrap_or(0) + playlist.skipped + offset,
                    uri: uri.into_owned(),
                    duration: duration.unwrap_or(0.0),
                    discontinuity,
                    discontinuity_number: playlist.discontinuity_sequence.unwrap_or(0) + discontinuities,
                    map: map.clone(),
                    program_date_time,
                    parts,
                    line: number,
                });
            }
            HlsLine::Comment(_) | HlsLine::Blank => {}
        }
    }
    playlist.open = Open {
        discontinuity: pending.discontinuity,
        map,
        program_date_time: pending.program_date_time,
        parts: pending.parts,
    };
    if pending.duration.is_some() {
        report.add("bis 4.4.4.1", "the last EXTINF has no URI");
    }
    if let Some(line) = tail.filter(|_| !playlist.low_latency) {
        report.at(line, "bis 4.4.4", "a segment's tag with no segment after it");
    }
    if !text.lines().any(|line| tag_name(line) == "#EXT-X-TARGETDURATION") {
        report.add("bis 4.4.3.1", "EXT-X-TARGETDURATION is missing");
    }
    playlist.target_duration = target_duration?;
    if !playlist.low_latency && report.0.is_empty() {
        compare_with_m3u8_rs(text, &playlist, report);
    }
    Some(playlist)
}

/// The form of one tag, where quick-m3u8 takes more than the standard allows.
fn check_tag(number: usize, raw: &str, tag: &Tag<'_>, playlist: &MediaPlaylist, report: &mut Report) {
    let value = raw.split_once(':').map_or("", |(_, value)| value);
    match tag {
        Tag::Version(_) | Tag::Targetduration(_) | Tag::MediaSequence(_) | Tag::DiscontinuitySequence(_) => {
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                report.at(number, "bis 4.2", format!("{value:?} is not a decimal integer"));
            }
            if !playlist.segments.is_empty() {
                report.at(number, "bis 4.4.3", format!("{} after the first segment", tag_name(raw)));
            }
        }
        Tag::Inf(_) => {
            let number_part = value.split(',').next().unwrap_or_default();
            if !value.contains(',') {
                report.at(number, "bis 4.4.4.1", "EXTINF without a comma after the duration");
            }
            if number_part.is_empty()
                || !number_part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            {
                report.at(number, "bis 4.4.4.1", format!("{number_part:?} is not a decimal number"));
            }
        }
        Tag::Map(_) if !value.starts_with("URI=\"") && !value.contains(",URI=\"") => {
            report.at(number, "bis 4.4.4.5", "the URI of EXT-X-MAP is not a quoted string");
        }
        tag if tag.name().tag_type() == TagType::MultivariantPlaylist => {
            report.at(number, "bis 4.1", format!("{} belongs in a multivariant playlist", tag_name(raw)));
        }
        _ => {}
    }
}

/// Seconds since the epoch, from a date with a time zone and milliseconds.
fn program_date_time(number: usize, raw: &str, report: &mut Report) -> Option<f64> {
    let value = raw.split_once(':').map_or("", |(_, value)| value);
    let Ok(time) = chrono::DateTime::parse_from_rfc3339(value) else {
        report.at(number, "bis 4.4.4.6", format!("{value:?} is no date with time and time zone"));
        return None;
    };
    if value.split_once('.').is_none_or(|(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count() < 3) {
        report.at(number, "bis 4.4.4.6", format!("{value} is not written to the millisecond"));
    }
    #[allow(clippy::cast_precision_loss, reason = "microseconds since 1970 are exact in an f64")]
    Some(time.timestamp_micros() as f64 / 1e6)
}

/// A second parser has to see the same playlist: text that two read differently, players will too.
fn compare_with_m3u8_rs(text: &str, playlist: &MediaPlaylist, report: &mut Report) {
    let clause = "read by m3u8-rs";
    let other = match m3u8_rs::parse_media_playlist_res(text.as_bytes()) {
        Ok(other) => other,
        Err(error) => return report.add(clause, format!("m3u8-rs cannot read it: {error}")),
    };
    let mut same = |name: &str, ours: String, theirs: String| {
        if ours != theirs {
            report.add(clause, format!("{name} is {ours}, for m3u8-rs {theirs}"));
        }
    };
    same("target duration", playlist.target_duration.to_string(), other.target_duration.to_string());
    same(
        "media sequence",
        playlist.media_sequence.unwrap_or(0).to_string(),
        other.media_sequence.to_string(),
    );
    same(
        "discontinuity sequence",
        playlist.discontinuity_sequence.unwrap_or(0).to_string(),
        other.discontinuity_sequence.to_string(),
    );
    same("number of segments", playlist.segments.len().to_string(), other.segments.len().to_string());
    let mut map = None;
    for (ours, theirs) in playlist.segments.iter().zip(&other.segments) {
        map = theirs.map.as_ref().map(|map| map.uri.clone()).or(map);
        // m3u8-rs has durations as f32.
        let duration = if (ours.duration - f64::from(theirs.duration)).abs() < 1e-4 {
            ours.duration
        } else {
            f64::from(theirs.duration)
        };
        let theirs_as_ours = (&theirs.uri, duration, theirs.discontinuity, &map);
        let ours_alike = (&ours.uri, ours.duration, ours.discontinuity, &ours.map);
        same("a segment", format!("{ours_alike:?}"), format!("{theirs_as_ours:?}"));
    }
}
