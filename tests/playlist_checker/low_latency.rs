//! The rules of low-latency playlists, each broken alone.

use crate::common::playlist::low_latency::applied;
use crate::common::playlist::{MediaPlaylist, check, check_even, check_pair, list};
use crate::{only, with};

/// The head of a playlist whose parts may last 0.5 s.
const HEAD: &str = "\
#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=12.0
#EXT-X-PART-INF:PART-TARGET=0.5
";

/// Parts of half a second.
fn parts(number: u64, count: u64) -> String {
    let independent = |part| if part == 0 { ",INDEPENDENT=YES" } else { "" };
    let line =
        |part| format!("#EXT-X-PART:DURATION=0.5,URI=\"part-{number}.{part}.m4s\"{}\n", independent(part));
    (0..count).map(line).collect()
}

fn segment(number: u64, listed_parts: u64) -> String {
    let date =
        chrono::DateTime::from_timestamp(1_795_345_200 + i64::try_from(number).unwrap() * 2, 0).unwrap();
    format!(
        "#EXT-X-PROGRAM-DATE-TIME:{}\n{}#EXTINF:2.000000,\nseg-{number}.m4s\n",
        date.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
        parts(number, listed_parts)
    )
}

/// Segments `from` to before `open`, of which `open_parts` parts are there; `skipped` of them are left out.
fn delta(from: u64, skipped: u64, open: u64, open_parts: u64) -> String {
    let mut text = format!("{HEAD}#EXT-X-MEDIA-SEQUENCE:{from}\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n");
    if skipped > 0 {
        text.push_str(&format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n"));
    } else {
        text.push_str("#EXT-X-MAP:URI=\"init-0.mp4\"\n");
    }
    for number in from + skipped..open {
        text.push_str(&segment(number, if number + 3 >= open { 4 } else { 0 }));
    }
    text.push_str(&parts(open, open_parts));
    text.push_str(&format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-{open}.{open_parts}.m4s\"\n"));
    text
}

fn live(from: u64, open: u64, open_parts: u64) -> String {
    delta(from, 0, open, open_parts)
}

#[track_caller]
fn good(text: &str) -> MediaPlaylist {
    let checked = check_even(text);
    assert!(checked.is_ok(), "{}\nin\n{text}", list(&checked.unwrap_err()));
    checked.unwrap()
}

#[track_caller]
fn breaks(text: &str, clause: &str, words: &str) {
    only(&check_even(text).unwrap_err(), clause, words);
}

#[track_caller]
fn pair_breaks(before: &str, after: &str, clause: &str, words: &str) {
    only(&check_pair(&good(before), &good(after)), clause, words);
}

#[test]
fn good_playlists_are_good_alone_and_one_after_the_other() {
    let row = [live(10, 14, 0), live(10, 14, 3), live(11, 15, 0), live(11, 15, 1), live(20, 24, 2)];
    for pair in row.windows(2) {
        assert_eq!(check_pair(&good(&pair[0]), &good(&pair[1])), []);
    }
    assert_eq!(good(&row[1]).open.parts.len(), 3);
}

#[test]
fn what_control_and_part_inf_must_say() {
    let text = live(10, 14, 2);
    breaks(&with(&text, "CAN-BLOCK-RELOAD=YES,", ""), "bis 6.2.5.2", "CAN-BLOCK-RELOAD");
    breaks(&with(&text, "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.4"), "A14.3", "less than 3");
    breaks(&with(&text, "UNTIL=12.0", "UNTIL=11.0"), "bis 4.4.3.8", "CAN-SKIP-UNTIL is less");
    breaks(&with(&text, "CAN-SKIP", "HOLD-BACK=5.0,CAN-SKIP"), "bis 4.4.3.8", "HOLD-BACK is less");
    breaks(&with(&text, "#EXT-X-PART-INF:PART-TARGET=0.5\n", ""), "bis 4.4.3.7", "no EXT-X-PART-INF");
    let control = HEAD.lines().find(|line| line.contains("SERVER-CONTROL")).unwrap();
    breaks(&with(&text, &format!("{control}\n"), ""), "bis 4.4.3.8", "no EXT-X-SERVER-CONTROL");
}

#[test]
fn parts_that_are_too_long_or_too_short_are_caught() {
    let text = live(10, 14, 3);
    let longer = |name| format!("DURATION=0.6,URI=\"{name}\"");
    let open = "DURATION=0.5,URI=\"part-14.1.m4s\"";
    breaks(&with(&text, open, &longer("part-14.1.m4s")), "bis 4.4.3.7", "above PART-TARGET");
    breaks(&with(&text, open, "DURATION=0.4,URI=\"part-14.1.m4s\""), "bis 4.4.4.9", "below 85 %");
    // The last one may be short: it may be the last of its segment.
    good(&with(&text, "DURATION=0.5,URI=\"part-14.2.m4s\"", "DURATION=0.1,URI=\"part-14.2.m4s\""));
}

#[test]
fn parts_that_do_not_make_up_their_segment_are_caught() {
    let text = live(10, 14, 0);
    let short = with(&text, "DURATION=0.5,URI=\"part-12.3.m4s\"", "DURATION=0.3,URI=\"part-12.3.m4s\"");
    breaks(&short, "bis 3.1", "parts of 1.800000 s");
}

#[test]
fn parts_are_listed_near_the_end_and_there_alone() {
    let text = live(10, 15, 1);
    breaks(&with(&text, &parts(13, 4), ""), "bis 4.4.4.9", "no parts of a segment");
    let old = with(&text, &segment(11, 0), &segment(11, 4));
    breaks(&old, "bis 4.4.4.9", "older than");
}

#[test]
fn there_is_one_hint_and_it_is_not_listed_yet() {
    let text = live(10, 14, 1);
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-14.1.m4s\"\n";
    breaks(&with(&text, hint, ""), "bis 4.4.5.3, 6.2.6", "no EXT-X-PRELOAD-HINT");
    breaks(&with(&text, hint, &hint.repeat(2)), "bis 4.4.5.3", "a second");
    breaks(
        &with(&text, "PART,URI=\"part-14.1", "PART,URI=\"part-14.0"),
        "bis 4.4.5.3",
        "hinted at and listed",
    );
}

#[test]
fn a_delta_update_skips_what_is_old_and_makes_a_whole_with_what_is_known() {
    let (before, whole) = (good(&live(10, 20, 1)), good(&live(11, 21, 2)));
    let update = good(&delta(11, 3, 21, 2));
    let made = applied(&update, &before).unwrap();
    let of = |playlist: &MediaPlaylist| {
        playlist.segments.iter().map(|s| (s.media_sequence, s.uri.clone(), s.map.clone())).collect::<Vec<_>>()
    };
    assert_eq!(of(&made), of(&whole));
    assert_eq!(check_pair(&before, &made), []);
    assert!(applied(&update, &good(&live(12, 20, 1))).is_err());
    breaks(&delta(11, 5, 21, 0), "bis 6.2.5.1", "less than CAN-SKIP-UNTIL");
    breaks(&with(&delta(11, 3, 21, 2), "VERSION:9", "VERSION:8"), "bis 8", "needs EXT-X-VERSION 9");
}

#[test]
fn a_part_target_that_changes_is_caught() {
    let other = live(10, 14, 1).replace("PART-TARGET=0.5", "PART-TARGET=0.45").replace("=0.5,", "=0.45,");
    let other = other.replace("#EXTINF:2.0", "#EXTINF:1.8");
    let violations = check_pair(&good(&live(10, 14, 1)), &good(&other));
    assert!(violations.iter().any(|found| found.what.contains("PART-TARGET went from 0.5 to 0.45")));
}

#[test]
fn parts_that_change_or_go_are_caught() {
    let before = live(10, 14, 2);
    let renamed = before.replace("part-14.0", "other");
    pair_breaks(&before, &renamed, "bis 6.2.1", "became");
    let back = check_pair(&good(&before), &good(&live(10, 14, 1)));
    assert!(back.iter().any(|found| found.what.contains("now only to (14, 1)")), "{back:?}");
}

#[test]
fn a_hint_that_does_not_come_true_is_caught() {
    let after = with(&live(10, 14, 3), "URI=\"part-14.2.m4s\"", "URI=\"other.m4s\"");
    pair_breaks(&live(10, 14, 2), &after, "bis 4.4.5.3", "part-14.2.m4s was hinted at");
}

#[test]
fn a_hint_of_a_segment_whose_parts_are_not_told_of_is_no_lie() {
    let after = with(&live(10, 15, 1), &segment(14, 4), &segment(14, 0));
    let after = with(&with(&after, &segment(13, 4), &segment(13, 0)), &segment(12, 4), &segment(12, 0));
    let after = check(&after).unwrap();
    assert_eq!(check_pair(&good(&live(10, 14, 0)), &after), []);
}
