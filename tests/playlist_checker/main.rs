//! The playlist checker is known to see what it is for: for every rule, a playlist that breaks it alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod low_latency;

use std::time::Duration;

use common::playlist::{
    Measured, MediaPlaylist, Violation, Watcher, check, check_bandwidth, check_media, check_multivariant,
    check_pair, check_presentation,
};

/// What camgate serves: numbers begin at the deciseconds of the wall clock, far above 32 bits.
const GOOD: &str = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:17953020000
#EXT-X-DISCONTINUITY-SEQUENCE:17953019990
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI=\"r1/init-0.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T11:00:00.000Z
#EXTINF:2.000000,
r1/seg-17953020000.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T11:00:02.000Z
#EXTINF:1.960000,
r1/seg-17953020001.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"r1/init-1.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T11:00:10.500Z
#EXTINF:2.000000,
r1/seg-17953020002.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T11:00:12.500Z
#EXTINF:2.000000,
r1/seg-17953020003.m4s
";

/// The first media sequence of [`GOOD`], and when its first segment begins.
const FIRST: u64 = 17_953_020_000;
const FIRST_AT: f64 = 1_795_345_200.0;

#[track_caller]
fn good(text: &str) -> MediaPlaylist {
    common::playlist::assert_good(text)
}

/// `text` with `from` replaced by `to`.
#[track_caller]
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in the text");
    text.replacen(from, to, 1)
}

/// Exactly one thing is wrong: of this clause, and said in these words.
#[track_caller]
fn only(violations: &[Violation], clause: &str, words: &str) {
    let all = common::playlist::list(violations);
    assert_eq!(violations.len(), 1, "{all}");
    assert!(violations[0].clause.contains(clause), "{clause} is not the clause of {all}");
    assert!(violations[0].what.contains(words), "{words:?} is not in {all}");
}

/// [`GOOD`] with `from` replaced by `to` has exactly one violation.
#[track_caller]
fn breaks(from: &str, to: &str, clause: &str, words: &str) {
    let violations = check(&with(GOOD, from, to)).expect_err("something is wrong with it");
    only(&violations, clause, words);
}

#[test]
fn a_good_playlist_is_read_with_all_that_applies_to_its_segments() {
    let playlist = good(GOOD);
    assert_eq!((playlist.version, playlist.target_duration), (6, 2));
    assert_eq!(playlist.media_sequence, Some(FIRST));
    assert!(playlist.independent_segments && !playlist.low_latency);
    let numbers: Vec<_> = playlist.segments.iter().map(|segment| segment.media_sequence - FIRST).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
    let discontinuities: Vec<_> =
        playlist.segments.iter().map(|s| s.discontinuity_number - 17_953_019_990).collect();
    assert_eq!(discontinuities, [0, 0, 1, 1]);
    let maps: Vec<_> = playlist.segments.iter().map(|segment| segment.map.as_deref().unwrap()).collect();
    assert_eq!(maps, ["r1/init-0.mp4", "r1/init-0.mp4", "r1/init-1.mp4", "r1/init-1.mp4"]);
    assert_eq!(playlist.segments[0].program_date_time, Some(FIRST_AT));
    assert!((playlist.duration() - 7.96).abs() < 1e-9);
}

#[test]
fn a_transport_stream_and_a_playlist_before_its_first_segment_are_good() {
    let no_maps: String =
        GOOD.lines().filter(|line| !line.contains("MAP")).map(|line| format!("{line}\n")).collect();
    good(&no_maps.replace(".m4s", ".ts").replace("VERSION:6", "VERSION:3"));
    good(GOOD.split_once("#EXT-X-MAP").unwrap().0);
}

#[test]
fn a_date_may_be_left_out_inside_a_run() {
    good(&with(GOOD, "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T11:00:02.000Z\n", ""));
}

#[test]
fn text_that_is_no_playlist_is_caught() {
    let violations = check(&format!("\u{feff}{GOOD}")).unwrap_err();
    assert!(violations[0].what.contains("byte order mark"), "{violations:?}");
    breaks("#EXTINF:1.960000,", "#EXTINF:1.960000,\u{7}", "bis 4.1", "control character");
    breaks("#EXT-X-VERSION:6", "#EXT-X-VERSION:6\n# a comment ", "bis 4.1", "white space");
    breaks("003.m4s\n", "003.m4s", "bis 4.1", "no line feed");
    breaks("#EXT-X-VERSION:6", "#EXT-X-VERSION:6\n#EXT-X-VERSION:6", "bis 4.4", "second time");
    breaks("#EXT-X-VERSION:6", "#EXT-X-VERSION:6\n#EXT-X-TARGET:6", "bis 4.4", "no such tag");
    breaks("#EXT-X-VERSION:6", "#EXT-X-VERSION:6\n#EXT-X-STREAM-INF:BANDWIDTH=1", "bis 4.1", "multivariant");
    let violations = check(&with(GOOD, "#EXTM3U\n", "")).unwrap_err();
    only(&violations, "bis 4.4.1.1", "first line");
}

#[test]
fn tags_that_the_parsers_forgive_are_caught() {
    breaks("#EXTINF:1.960000,", "#EXTINF:1.960000", "bis 4.4.4.1", "comma");
    breaks("#EXTINF:1.960000,", "#EXTINF:+1.960000,", "bis 4.4", "1.960000");
    breaks("#EXTINF:1.960000,", "#EXTINF:1.960000,\n#EXTINF:1.960000,", "bis 4.4.4.1", "second EXTINF");
    breaks("003.m4s\n", "003.m4s\n#EXTINF:2.0,\n", "bis 4.4.4.1", "last EXTINF has no URI");
    breaks("003.m4s\n", "003.m4s\n#EXT-X-DISCONTINUITY\n", "bis 4.4.4", "no segment after");
    breaks("TARGETDURATION:2", "TARGETDURATION:2.0", "bis 4.", "2.0");
    breaks("#EXT-X-DISCONTINUITY\n", "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY\n", "bis 4.4.4.3", "second");
    let violations = check(&with(GOOD, "#EXTINF:1.960000,\n", "")).unwrap_err();
    assert!(violations.iter().any(|v| v.what.contains("has no EXTINF")), "{violations:?}");
}

#[test]
fn a_missing_target_duration_is_caught() {
    breaks("#EXT-X-TARGETDURATION:2\n", "", "bis 4.4.3.1", "missing");
}

#[test]
fn an_extinf_that_rounds_above_the_target_duration_is_caught() {
    good(&with(GOOD, "#EXTINF:1.960000,", "#EXTINF:2.499999,"));
    breaks("#EXTINF:1.960000,", "#EXTINF:2.500000,", "A7.7", "rounds above");
    breaks("#EXTINF:1.960000,", "#EXTINF:0.000000,", "bis 4.4.4.1", "no time");
}

#[test]
fn missing_or_misplaced_sequences_are_caught() {
    breaks("#EXT-X-DISCONTINUITY-SEQUENCE:17953019990\n", "", "A8.17", "missing");
    breaks("#EXT-X-MEDIA-SEQUENCE:17953020000\n", "", "hls.js", "0 or missing");
    breaks("SEQUENCE:17953020000", "SEQUENCE:0", "hls.js", "0 or missing");
    let tag = "#EXT-X-DISCONTINUITY-SEQUENCE:17953019990\n";
    let moved = with(&with(GOOD, tag, ""), "#EXT-X-DISCONTINUITY\n", &format!("{tag}#EXT-X-DISCONTINUITY\n"));
    only(&check(&moved).unwrap_err(), "bis 4.4.3", "after the first segment");
    let first = with(GOOD, tag, &format!("#EXT-X-DISCONTINUITY\n{tag}"));
    only(&check(&first).unwrap_err(), "bis 4.4.3.3", "after a discontinuity");
}

#[test]
fn a_version_too_low_for_its_tags_is_caught() {
    breaks("VERSION:6", "VERSION:5", "bis 8", "EXT-X-MAP needs");
    let plain =
        GOOD.lines().filter(|line| !line.contains("MAP")).map(|line| format!("{line}\n")).collect::<String>();
    let text = plain.replace(".m4s", ".ts").replace("VERSION:6", "VERSION:2");
    only(&check(&text).unwrap_err(), "bis 8", "decimal EXTINF");
}

#[test]
fn fmp4_without_a_map_and_a_map_that_changes_without_a_discontinuity_are_caught() {
    let text = with(GOOD, "#EXT-X-MAP:URI=\"r1/init-0.mp4\"\n", "");
    let violations = check(&text).unwrap_err();
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(violations.iter().all(|violation| violation.what.contains("has no EXT-X-MAP")), "{violations:?}");
    let text = with(&with(GOOD, "#EXT-X-DISCONTINUITY\n", ""), "11:00:10.500Z", "11:00:04.000Z");
    only(
        &check(&with(&text, "11:00:12.500Z", "11:00:06.000Z")).unwrap_err(),
        "bis 4.4.4.3",
        "another EXT-X-MAP",
    );
    let both = "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"r1/init-1.mp4\"\n";
    let swapped = "#EXT-X-MAP:URI=\"r1/init-1.mp4\"\n#EXT-X-DISCONTINUITY\n";
    breaks(both, swapped, "bis 4.4.4.3", "after the EXT-X-MAP");
}

#[test]
fn a_date_that_is_missing_or_untrue_is_caught() {
    breaks("#EXT-X-PROGRAM-DATE-TIME:2026-11-22T11:00:00.000Z\n", "", "A8.4", "on the first segment");
    breaks("#EXT-X-PROGRAM-DATE-TIME:2026-11-22T11:00:10.500Z\n", "", "A8.4", "after a discontinuity");
    breaks("11:00:02.000Z", "11:00:02Z", "bis 4.4.4.6", "millisecond");
    breaks("11:00:02.000Z", "11:00:03.001Z", "A8.4", "+1.001 s off");
    breaks("11:00:12.500Z", "11:00:11.000Z", "A8.4", "-1.500 s off");
    // Over a discontinuity time may leap, but not back.
    let violations = check(&with(GOOD, "11:00:10.500Z", "11:00:02.500Z")).unwrap_err();
    assert!(violations[0].what.contains("-1.460 s off"), "{violations:?}");
    let violations = check(&with(GOOD, "2026-11-22T11:00:02.000Z", "2026-11-22T11:00:02.000")).unwrap_err();
    assert!(violations.iter().all(|violation| violation.clause.starts_with("bis 4.4")), "{violations:?}");
}

#[test]
fn a_playlist_that_says_it_ends_or_never_slides_is_caught() {
    breaks(
        "#EXT-X-VERSION:6",
        "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:EVENT",
        "bis 4.4.3.5",
        "PLAYLIST-TYPE",
    );
    breaks("003.m4s\n", "003.m4s\n#EXT-X-ENDLIST\n", "bis 4.4.3.4", "ENDLIST");
}

#[test]
fn a_uri_listed_twice_is_caught() {
    breaks("seg-17953020001", "seg-17953020000", "bis 3", "twice");
}

/// `count` segments of two seconds from `from` on after [`FIRST`], in the window that a server would list.
fn window(from: u64, count: u64) -> String {
    let head = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n";
    let mut text = format!("{head}#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n", FIRST + from);
    text.push_str("#EXT-X-MAP:URI=\"r1/init-0.mp4\"\n");
    for index in from..from + count {
        let date =
            chrono::DateTime::from_timestamp(1_795_345_200 + i64::try_from(index).unwrap() * 2, 0).unwrap();
        text.push_str(&format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date.format("%Y-%m-%dT%H:%M:%S%.3fZ")));
        text.push_str(&format!("#EXTINF:2.000000,\nr1/seg-{}.m4s\n", FIRST + index));
    }
    text
}

/// [`window`] with its segment at `at` after a discontinuity.
fn discontinuous(from: u64, count: u64, at: u64) -> String {
    let uri = format!("#EXTINF:2.000000,\nr1/seg-{}.m4s", FIRST + at);
    with(&window(from, count), &uri, &format!("#EXT-X-DISCONTINUITY\n{uri}"))
}

#[track_caller]
fn pair_breaks(before: &str, after: &str, clause: &str, words: &str) {
    only(&check_pair(&good(before), &good(after)), clause, words);
}

#[test]
fn a_window_that_slides_by_any_step_is_good() {
    for after in [window(0, 4), window(1, 3), window(2, 4), window(50, 3)] {
        assert_eq!(check_pair(&good(&window(0, 4)), &good(&after)), []);
    }
    // The discontinuity leaves, and the discontinuity sequence counts it.
    let after = with(&window(2, 3), "DISCONTINUITY-SEQUENCE:7", "DISCONTINUITY-SEQUENCE:8");
    assert_eq!(check_pair(&good(&discontinuous(0, 4, 1)), &good(&after)), []);
}

#[test]
fn a_target_duration_that_changes_is_caught() {
    pair_breaks(&window(0, 5), &with(&window(1, 5), "DURATION:2", "DURATION:3"), "bis 6.2.1", "from 2 to 3");
}

#[test]
fn sequences_that_go_back_are_caught() {
    pair_breaks(&window(1, 4), &window(0, 5), "bis 6.2.2", "media sequence went back");
    pair_breaks(&window(0, 5), &window(0, 4), "bis 6.2.1", "segments up to");
    let less = with(&window(9, 4), "DISCONTINUITY-SEQUENCE:7", "DISCONTINUITY-SEQUENCE:6");
    let violations = check_pair(&good(&window(0, 4)), &good(&less));
    assert!(violations[0].what.contains("discontinuity sequence went back"), "{violations:?}");
    // The tag stays, but a discontinuity was removed uncounted.
    pair_breaks(&discontinuous(0, 4, 1), &window(9, 4), "bis 6.2.2", "earlier ones had 8");
}

#[test]
fn a_segment_that_becomes_another_is_caught() {
    let before = window(0, 4);
    pair_breaks(
        &before,
        &with(&before, "seg-17953020001", "seg-x"),
        "bis 6.2.1",
        "URI of segment 17953020001",
    );
    let longer = with(&before, "2.000000,\nr1/seg-17953020001", "1.960000,\nr1/seg-17953020001");
    let violations = check_pair(
        &good(&with(&before, "2.000000", "2.100000")),
        &good(&with(&longer, "2.000000", "2.100000")),
    );
    only(&violations, "bis 6.2.1", "EXTINF of segment 17953020001 went from 2 to 1.96");
    pair_breaks(
        &before,
        &with(&before, "11:00:02.000Z", "11:00:02.100Z"),
        "bis 6.2.1",
        "EXT-X-PROGRAM-DATE-TIME of",
    );
    pair_breaks(
        &window(0, 4),
        &discontinuous(0, 4, 3),
        "bis 6.2.1",
        "discontinuity number of segment 17953020003",
    );
    let other_map = before.replace("init-0", "init-1");
    assert_eq!(check_pair(&good(&before), &good(&other_map)).len(), 4);
    let shifted = before.replace("SEQUENCE:17953020000", "SEQUENCE:17953020004");
    let violations = check_pair(&good(&before), &good(&shifted));
    assert_eq!(violations.len(), 4);
    assert!(
        violations.iter().all(|violation| violation.what.contains("and is now segment")),
        "{violations:?}"
    );
}

#[test]
fn a_playlist_that_gets_shorter_than_three_target_durations_is_caught() {
    assert_eq!(check_pair(&good(&window(0, 1)), &good(&window(0, 2))), []);
    pair_breaks(&window(0, 4), &window(2, 2), "bis 6.2.2", "shorter than 3");
    // Not even while it grows: nothing may be removed that early.
    pair_breaks(&window(0, 2), &window(1, 2), "bis 6.2.2", "shorter than 3");
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(FIRST_AT + seconds)
}

/// Fed with each window at its time, nothing else said.
fn watch(fetches: &[(f64, String)]) -> Watcher {
    let mut watcher = Watcher::new();
    for (seconds, text) in fetches {
        watcher.feed(text, at(*seconds), at(*seconds));
    }
    watcher
}

#[test]
fn a_stream_that_goes_on_in_time_is_good() {
    let watcher = watch(&[
        (2.1, window(0, 1)),
        (3.1, window(0, 1)),
        (4.1, window(0, 2)),
        (6.1, window(0, 3)),
        (8.1, window(0, 4)),
        (10.1, window(1, 4)),
        (14.1, window(3, 4)),
    ]);
    watcher.assert_good();
}

#[test]
fn a_watcher_sees_what_is_wrong_with_one_playlist_or_two() {
    only(watch(&[(2.1, with(&window(0, 1), "VERSION:6", "VERSION:5"))]).violations(), "bis 8", "EXT-X-MAP");
    let watcher = watch(&[(8.1, window(0, 4)), (8.2, with(&window(0, 4), "seg-17953020001", "x"))]);
    only(watcher.violations(), "bis 6.2.1", "URI of segment");
}

#[test]
fn a_uri_that_comes_back_long_after_it_left_is_caught() {
    let again = with(&window(9, 4), "seg-17953020012", "seg-17953020000");
    let watcher = watch(&[(8.1, window(0, 4)), (18.1, window(5, 4)), (26.1, again)]);
    only(watcher.violations(), "bis 6.2.1", "was segment 17953020000 and is now segment 17953020012");
}

#[test]
fn a_new_segment_that_comes_too_late_is_caught() {
    let watcher = watch(&[(8.1, window(0, 4)), (11.1, window(0, 4))]);
    watcher.assert_good();
    let watcher = watch(&[(8.1, window(0, 4)), (11.2, window(0, 4))]);
    only(watcher.violations(), "bis 6.2.1", "no new segment for 3.100 s");
}

#[test]
fn dates_that_do_not_tell_when_pictures_arrived_are_caught() {
    // Ends 1.1 s after it was fetched.
    only(watch(&[(6.9, window(0, 4))]).violations(), "A8.4", "end 1.100 s after it was fetched");
    // New at the third fetch, and yet it says that it ended before the second.
    let watcher = watch(&[(8.1, window(0, 4)), (11.1, window(0, 4)), (11.2, window(0, 5))]);
    only(watcher.violations(), "A8.4", "end 1.100 s before it could be fetched");
}

#[test]
fn while_the_camera_is_away_nothing_new_is_due() {
    let mut watcher = watch(&[(8.1, window(0, 4))]);
    watcher.camera_goes_away();
    watcher.feed(&window(0, 4), at(15.0), at(15.0));
    // What had arrived before comes out late.
    watcher.feed(&window(0, 5), at(18.0), at(18.0));
    let back = with(&discontinuous(0, 6, 5), "11:00:10.000Z", "11:00:18.000Z");
    watcher.feed(&back, at(20.1), at(20.1));
    watcher.assert_good();
    // From the discontinuity on the rules hold again.
    watcher.feed(&back, at(23.2), at(23.2));
    only(watcher.violations(), "bis 6.2.1", "no new segment");
}

#[test]
fn a_removed_segment_is_due_for_its_duration_and_the_longest_playlist_that_held_it() {
    let mut watcher = watch(&[(8.1, window(0, 4)), (10.1, window(1, 4))]);
    let (removed, listed) = ("r1/seg-17953020000.m4s", "r1/seg-17953020004.m4s");
    // Last listed at 8.1 in a playlist of 8 s, and 2 s long itself.
    assert!(watcher.due(at(18.0)).contains(removed));
    assert!(!watcher.due(at(18.2)).contains(removed));
    assert!(watcher.due(at(100.0)).contains(listed));
    assert!(watcher.due(at(100.0)).contains("r1/init-0.mp4"));
    watcher.answered(removed, true, at(18.0));
    watcher.answered(removed, false, at(18.2));
    watcher.assert_good();
    watcher.answered(removed, false, at(18.0));
    only(watcher.violations(), "bis 6.2.2", "has to stay fetchable");
}

/// Four segments in two runs, as a demuxer sees those of [`GOOD`].
fn measured() -> [Measured; 4] {
    [(0, 10.0, 2.0), (1, 12.0, 1.96), (2, 50.0, 2.0), (3, 52.0, 2.0)].map(|(offset, start, duration)| {
        Measured { media_sequence: FIRST + offset, start, duration, random_access: true }
    })
}

const FRAME: f64 = 0.04;

#[test]
fn media_that_is_what_the_playlist_says_is_good() {
    assert_eq!(check_media(&good(GOOD), &measured(), FRAME), []);
}

#[test]
fn media_that_is_not_what_the_playlist_says_is_caught() {
    let with_change = |change: &dyn Fn(&mut [Measured; 4])| {
        let mut measured = measured();
        change(&mut measured);
        check_media(&good(GOOD), &measured, FRAME)
    };
    only(&with_change(&|m| m[1].start += 0.001), "A7.3", "off by +0.001");
    only(&with_change(&|m| m[3].duration -= 0.05), "A8.1", "adds up to 7.960000 s, the media to 7.910000");
    only(&with_change(&|m| m[2].random_access = false), "bis 4.4.2.1", "no random access point");
    only(&with_change(&|m| m[0].media_sequence = 1), "usage", "not in the playlist");
    let long = with_change(&|m| m[3].duration = 2.6);
    assert!(long.iter().any(|violation| violation.clause == "A7.7"), "{long:?}");
    // It was not claimed, so it need not hold.
    let unclaimed = good(&with(GOOD, "#EXT-X-INDEPENDENT-SEGMENTS\n", ""));
    let mut measured = measured();
    measured[2].random_access = false;
    assert_eq!(check_media(&unclaimed, &measured, FRAME), []);
}

const MULTIVARIANT: &str = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,FRAME-RATE=25.000
media.m3u8
";

#[track_caller]
fn multivariant_breaks(from: &str, to: &str, clause: &str, words: &str) {
    let violations =
        check_multivariant(&with(MULTIVARIANT, from, to)).expect_err("something is wrong with it");
    only(&violations, clause, words);
}

#[test]
fn a_good_multivariant_playlist_is_read() {
    let playlist = check_multivariant(MULTIVARIANT).unwrap();
    let variant = &playlist.variants[0];
    assert_eq!(
        (variant.uri.as_str(), variant.bandwidth, variant.average_bandwidth),
        ("media.m3u8", 2_000_000, Some(1_500_000))
    );
    assert_eq!((variant.resolution, variant.frame_rate), (Some((1280, 720)), Some(25.0)));
    check_multivariant(&with(MULTIVARIANT, "avc1.64001f", "hvc1.1.6.L93.B0,fLaC")).unwrap();
}

#[test]
fn a_variant_that_leaves_something_out_is_caught() {
    multivariant_breaks(",AVERAGE-BANDWIDTH=1500000", "", "A9", "AVERAGE-BANDWIDTH is missing");
    multivariant_breaks("AVERAGE-BANDWIDTH=1500000", "AVERAGE-BANDWIDTH=2000001", "A9", "above BANDWIDTH");
    multivariant_breaks(",CODECS=\"avc1.64001f\"", "", "A9", "CODECS is missing");
    multivariant_breaks(",RESOLUTION=1280x720", "", "A9", "RESOLUTION is missing");
    multivariant_breaks(",FRAME-RATE=25.000", "", "A9", "FRAME-RATE is missing");
    multivariant_breaks(
        "=2000000,AVERAGE-BANDWIDTH=1500000",
        "=0,AVERAGE-BANDWIDTH=0",
        "A9",
        "BANDWIDTH is 0",
    );
}

#[test]
fn codecs_that_players_refuse_are_caught() {
    multivariant_breaks("avc1.64001f", "avc3.64001f", "A1.10", "sample entry");
    multivariant_breaks("avc1.64001f", "hev1.1.6.L93.B0", "A1.10", "sample entry");
    multivariant_breaks("avc1.64001f", "avc1.64001", "RFC 6381", "six hex digits");
    multivariant_breaks("avc1.64001f", "avc1.64001f,mp4v", "RFC 6381", "mp4v");
}

#[test]
fn a_multivariant_playlist_out_of_order_is_caught() {
    multivariant_breaks("25.000\n", "25.000\n# a comment\n", "bis 4.4.6.2", "followed by its URI");
    multivariant_breaks("media.m3u8\n", "media.m3u8\nother.m3u8\n", "bis 4.4.6.2", "other.m3u8 has no");
    multivariant_breaks(
        "#EXT-X-VERSION:6\n",
        "#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n",
        "bis 4.1",
        "media playlist",
    );
    multivariant_breaks(
        "#EXT-X-VERSION:6\n",
        "#EXT-X-VERSION:6\n#EXT-X-VARIANTS:2\n",
        "bis 4.4",
        "no such tag",
    );
}

#[test]
fn hevc_and_flac_outside_of_fmp4_are_caught() {
    let transport_stream = GOOD.lines().filter(|line| !line.contains("MAP")).map(|line| format!("{line}\n"));
    let transport_stream = good(&transport_stream.collect::<String>().replace(".m4s", ".ts"));
    let playlist = |codecs| check_multivariant(&with(MULTIVARIANT, "avc1.64001f", codecs)).unwrap();
    only(&check_presentation(&playlist("hvc1.1.6.L93.B0"), &transport_stream), "A1.5", "outside of fMP4");
    only(&check_presentation(&playlist("avc1.64001f,fLaC"), &transport_stream), "FLAC", "outside of fMP4");
    assert_eq!(check_presentation(&playlist("hvc1.1.6.L93.B0,fLaC"), &good(GOOD)), []);
    assert_eq!(check_presentation(&playlist("avc1.64001f,mp4a.40.2"), &transport_stream), []);
}

#[test]
fn a_bandwidth_below_what_segments_need_is_caught() {
    let variant = &check_multivariant(MULTIVARIANT).unwrap().variants[0];
    // 2 s at 2.4 Mbit/s is within a quarter of BANDWIDTH; at 2.5 it is not.
    let (rest, within, above) = ((100_000, 2.0), (600_000, 2.0), (625_000, 2.0));
    assert_eq!(check_bandwidth(variant, 2, &[rest, within, rest]), []);
    only(&check_bandwidth(variant, 2, &[rest, above, rest]), "A9", "the peak is 2500000");
    // A segment shorter than half a target duration is no peak of its own.
    assert_eq!(check_bandwidth(variant, 2, &[rest, (300_000, 0.9), rest]), []);
    only(&check_bandwidth(variant, 2, &[(420_000, 2.0); 3]), "A9", "the average is 1680000");
}
