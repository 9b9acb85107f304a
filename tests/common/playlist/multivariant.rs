//! Rules of the multivariant playlist, and of it beside the media it describes.

use quick_m3u8::config::ParsingOptions;
use quick_m3u8::tag::KnownTag;
use quick_m3u8::tag::hls::{Tag, TagType};
use quick_m3u8::{HlsLine, Reader};

use super::media::{float, is_fmp4};
use super::parse::{check_text, tag_name};
use super::{MediaPlaylist, Report, Violation};

/// A multivariant playlist as far as the rules speak of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multivariant {
    pub variants: Vec<Variant>,
}

/// EXT-X-STREAM-INF and its URI.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    pub uri: String,
    /// In bits a second.
    pub bandwidth: u64,
    /// In bits a second.
    pub average_bandwidth: Option<u64>,
    pub codecs: Vec<String>,
    /// Width and height, in pixels.
    pub resolution: Option<(u64, u64)>,
    /// In frames a second.
    pub frame_rate: Option<f64>,
    /// Line of EXT-X-STREAM-INF, from 1.
    pub line: usize,
}

/// A multivariant playlist, if nothing is wrong with it.
pub fn check_multivariant(text: &str) -> Result<Multivariant, Vec<Violation>> {
    let mut report = Report::default();
    let playlist = parse(text, &mut report);
    if playlist.variants.is_empty() {
        report.add("bis 4.4.6.2", "no variant");
    }
    for variant in &playlist.variants {
        check_variant(variant, &mut report);
    }
    if report.0.is_empty() {
        compare_with_m3u8_rs(text, &playlist, &mut report);
    }
    if report.0.is_empty() { Ok(playlist) } else { Err(report.0) }
}

fn parse(text: &str, report: &mut Report) -> Multivariant {
    check_text(text, report);
    let mut playlist = Multivariant::default();
    let mut pending: Option<Variant> = None;
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
        if let Some(variant) = &pending
            && variant.line + 1 == number
            && !matches!(line, HlsLine::Uri(_))
        {
            report.at(variant.line, "bis 4.4.6.2", "EXT-X-STREAM-INF is not followed by its URI");
        }
        match line {
            HlsLine::KnownTag(KnownTag::Hls(Tag::StreamInf(tag))) => {
                pending = Some(Variant {
                    uri: String::new(),
                    bandwidth: tag.bandwidth(),
                    average_bandwidth: tag.average_bandwidth(),
                    codecs: tag.codecs().map_or(vec![], |all| all.split(',').map(str::to_owned).collect()),
                    resolution: tag.resolution().map(|size| (size.width, size.height)),
                    frame_rate: tag.frame_rate(),
                    line: number,
                });
            }
            HlsLine::KnownTag(KnownTag::Hls(tag)) => {
                if matches!(tag.name().tag_type(), TagType::MediaPlaylist | TagType::MediaSegment) {
                    report.at(number, "bis 4.1", format!("{} belongs in a media playlist", tag_name(raw)));
                }
            }
            HlsLine::UnknownTag(_) => {
                report.at(number, "bis 4.4", format!("no such tag, or not with such a value: {raw}"));
            }
            HlsLine::Uri(uri) => match pending.take() {
                Some(variant) => playlist.variants.push(Variant { uri: uri.into_owned(), ..variant }),
                None => report.at(number, "bis 4.4.6.2", format!("{uri} has no EXT-X-STREAM-INF")),
            },
            _ => {}
        }
    }
    if let Some(variant) = pending {
        report.at(variant.line, "bis 4.4.6.2", "EXT-X-STREAM-INF is not followed by its URI");
    }
    playlist
}

fn check_variant(variant: &Variant, report: &mut Report) {
    let line = variant.line;
    if variant.bandwidth == 0 {
        report.at(line, "A9", "BANDWIDTH is 0");
    }
    match variant.average_bandwidth {
        None => report.at(line, "A9", "AVERAGE-BANDWIDTH is missing"),
        Some(average) if average > variant.bandwidth => {
            report.at(
                line,
                "A9",
                format!("AVERAGE-BANDWIDTH {average} is above BANDWIDTH {}", variant.bandwidth),
            );
        }
        Some(_) => {}
    }
    if variant.resolution.is_none_or(|(width, height)| width == 0 || height == 0) {
        report.at(line, "A9", "RESOLUTION is missing, or no size");
    }
    if variant.frame_rate.is_none_or(|rate| rate <= 0.0) {
        report.at(line, "A9", "FRAME-RATE is missing, or no rate");
    }
    if variant.codecs.is_empty() {
        report.at(line, "A9", "CODECS is missing");
    }
    for codec in &variant.codecs {
        let (name, rest) = codec.split_once('.').unwrap_or((codec, ""));
        match name {
            "avc1" if rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()) => {}
            "avc1" => report.at(line, "RFC 6381 3.3", format!("{codec} is not avc1. and six hex digits")),
            "avc3" | "hev1" => {
                report.at(line, "A1.10", format!("{codec}: parameter sets belong in the sample entry"));
            }
            "hvc1" | "mp4a" if !rest.is_empty() => {}
            "fLaC" | "Opus" | "opus" if rest.is_empty() => {}
            _ => report.at(line, "RFC 6381 3.3", format!("{codec:?} is no codec that camgate serves")),
        }
    }
}

fn compare_with_m3u8_rs(text: &str, playlist: &Multivariant, report: &mut Report) {
    let clause = "read by m3u8-rs";
    let other = match m3u8_rs::parse_master_playlist_res(text.as_bytes()) {
        Ok(other) => other,
        Err(error) => return report.add(clause, format!("m3u8-rs cannot read it: {error}")),
    };
    let ours: Vec<_> = playlist
        .variants
        .iter()
        .map(|variant| {
            (variant.uri.clone(), variant.bandwidth, variant.average_bandwidth, variant.codecs.join(","))
        })
        .collect();
    let theirs: Vec<_> = other
        .variants
        .into_iter()
        .map(|variant| {
            (variant.uri, variant.bandwidth, variant.average_bandwidth, variant.codecs.unwrap_or_default())
        })
        .collect();
    if ours != theirs {
        report.add(clause, format!("variants are {ours:?}, for m3u8-rs {theirs:?}"));
    }
}

/// Holds the codecs of `playlist` against the container of its media: HEVC and FLAC go in fMP4 only.
pub fn check_presentation(playlist: &Multivariant, media: &MediaPlaylist) -> Vec<Violation> {
    let mut report = Report::default();
    let transport_stream = media.segments.iter().any(|segment| !is_fmp4(segment));
    for codec in playlist.variants.iter().flat_map(|variant| &variant.codecs) {
        let clause = match codec.split('.').next() {
            Some("hvc1" | "hev1") => "A1.5",
            Some("fLaC") => "FLAC has no mapping to MPEG-2 TS",
            _ => continue,
        };
        if transport_stream {
            report.add(clause, format!("{codec} outside of fMP4"));
        }
    }
    report.0
}

/// Holds BANDWIDTH and AVERAGE-BANDWIDTH against segments in a row, each as its bytes and EXTINF in seconds.
pub fn check_bandwidth(variant: &Variant, target_duration: u64, segments: &[(u64, f64)]) -> Vec<Violation> {
    let mut report = Report::default();
    let bits_a_second = |run: &[(u64, f64)]| {
        let bits: u64 = run.iter().map(|(bytes, _)| bytes * 8).sum();
        let seconds: f64 = run.iter().map(|(_, seconds)| seconds).sum();
        (float(bits) / seconds, seconds)
    };
    // The peak segment bit rate: of any run that lasts between 0.5 and 1.5 target durations (bis 2).
    let target = float(target_duration);
    let runs = (0..segments.len()).flat_map(|from| (from + 1..=segments.len()).map(move |to| from..to));
    let peak = runs
        .map(|run| bits_a_second(&segments[run]))
        .filter(|(_, seconds)| (0.5 * target..=1.5 * target).contains(seconds))
        .fold(0.0, |peak: f64, (rate, _)| peak.max(rate));
    if peak >= 1.25 * float(variant.bandwidth) {
        let what = format!("the peak is {peak:.0} bit/s, 125 % or more of BANDWIDTH {}", variant.bandwidth);
        report.at(variant.line, "A9", what);
    }
    if let Some(average) = variant.average_bandwidth.filter(|_| !segments.is_empty()) {
        let (rate, _) = bits_a_second(segments);
        if rate >= 1.10 * float(average) {
            report.at(
                variant.line,
                "A9",
                format!("the average is {rate:.0} bit/s, AVERAGE-BANDWIDTH {average}"),
            );
        }
    }
    report.0
}
