//! The window, fed with segments as they might come. TARGETDURATION is 3 s, a playlist lists 5 segments or more.

use proptest::prelude::*;

use super::super::segment::Beside;
use super::super::testing::{arrival, settings, silent, small};
use super::*;
use crate::media::WallTime;

fn segment(number: u64, millis: u64, independent: bool, bytes: usize) -> Segment {
    let chunks = vec![Bytes::from(vec![0; bytes])];
    let duration = Duration::from_millis(millis);
    let part = Part { duration, independent, chunks, byte_length: bytes, beside: Beside::default() };
    Segment {
        media_sequence: number,
        discontinuity_sequence: 1,
        discontinuity: false,
        container: Container::Fmp4,
        init: Some(Arc::new(Init { id: InitId(u32::try_from(number / 10).unwrap()), bytes: Bytes::new() })),
        program_date_time: WallTime(0),
        duration,
        independent,
        parts: vec![Arc::new(part)],
        byte_length: bytes,
        frames: 50,
        completed: arrival(0),
    }
}

/// A window, and a clock that goes by the segments pushed into it.
struct Fed {
    window: Window,
    next: u64,
    now: Duration,
}

impl Fed {
    fn new(settings: Settings) -> Self {
        Self { window: Window::new(settings), next: 1, now: Duration::ZERO }
    }

    fn push(&mut self, millis: u64, independent: bool, bytes: usize) {
        self.now += Duration::from_millis(millis);
        self.window.push(segment(self.next, millis, independent, bytes), self.now);
        self.next += 1;
    }

    fn snapshot(&self) -> Snapshot {
        self.window.snapshot(RunId(1), &silent(small()), OpenParts::default(), None)
    }

    fn listed(&self) -> Vec<u64> {
        numbers(&self.snapshot().listed)
    }
}

fn numbers(segments: &[Arc<Segment>]) -> Vec<u64> {
    segments.iter().map(|segment| segment.media_sequence).collect()
}

#[test]
fn the_last_segments_are_listed() {
    let mut fed = Fed::new(settings());
    (0..8).for_each(|_| fed.push(2000, true, 10));
    assert_eq!(fed.listed(), [4, 5, 6, 7, 8]);
}

#[test]
fn a_playlist_never_gets_shorter_than_three_target_durations() {
    let mut fed = Fed::new(Settings { list_size: 2, ..settings() });
    for _ in 0..20 {
        fed.push(700, true, 10);
    }
    let length: Duration = fed.snapshot().listed.iter().map(|segment| segment.duration).sum();
    assert_eq!(fed.listed().len(), 13);
    assert!(length >= Duration::from_secs(9));
}

#[test]
fn however_far_keyframes_are_apart_the_playlist_holds_one() {
    // 10 s and 20 s between keyframes, in segments of up to 3 s.
    for group in [&[3000, 3000, 3000, 1000][..], &[3000, 3000, 3000, 3000, 3000, 3000, 2000]] {
        let mut fed = Fed::new(settings());
        for _ in 0..6 {
            for (i, millis) in group.iter().enumerate() {
                fed.push(*millis, i == 0, 10);
                assert!(fed.snapshot().listed.iter().any(|segment| segment.independent));
            }
        }
        assert!(fed.listed().len() <= group.len() + 5);
    }
}

#[test]
fn a_segment_that_someone_was_told_of_stays_for_its_duration_and_the_playlist() {
    let mut fed = Fed::new(settings());
    (0..5).for_each(|_| fed.push(2000, true, 10));
    fed.snapshot().media_playlist(crate::hls::Form::Plain);
    // Segment 1 leaves the playlist at 12 s, and may be fetched for 2 s + 10 s more.
    for _ in 0..6 {
        fed.push(2000, true, 10);
        assert!(fed.snapshot().segment(1).is_some(), "at {:?}", fed.now);
    }
    fed.push(2000, true, 10);
    assert_eq!(fed.now, Duration::from_secs(24));
    assert!(fed.snapshot().segment(1).is_none());
    assert!(fed.snapshot().segment(2).is_some());
}

#[test]
fn the_longest_playlist_that_listed_a_segment_counts_not_the_last() {
    let mut fed = Fed::new(Settings { list_size: 1, ..settings() });
    fed.push(3000, true, 10);
    // A long group keeps the keyframe of 30 s ago in the playlist.
    (0..9).for_each(|_| fed.push(3000, false, 10));
    fed.snapshot().media_playlist(crate::hls::Form::Plain);
    fed.push(3000, true, 10);
    fed.push(3000, true, 10);
    fed.push(3000, true, 10);
    assert_eq!(fed.listed(), [11, 12, 13]);
    // All ten of the group left at 39 s at the latest; 30 s of playlist and their own 3 s keep them to 63 s at least.
    while fed.now < Duration::from_secs(60) {
        fed.push(3000, true, 10);
        assert!(fed.snapshot().segment(10).is_some(), "at {:?}", fed.now);
    }
    (0..5).for_each(|_| fed.push(3000, true, 10));
    assert!(fed.snapshot().segment(10).is_none());
}

#[test]
fn a_stream_that_nobody_watches_holds_what_it_lists_and_no_more() {
    let mut fed = Fed::new(settings());
    for _ in 0..50 {
        fed.push(2000, true, 1000);
        let snapshot = fed.snapshot();
        snapshot.multivariant_playlist();
        assert_eq!(snapshot.segment_count(), snapshot.listed.len());
    }
    assert_eq!(fed.window.byte_length(), 5000);
}

#[test]
fn an_init_section_is_found_as_long_as_a_segment_held_needs_it() {
    let mut fed = Fed::new(settings());
    (0..9).for_each(|_| fed.push(2000, true, 10));
    fed.snapshot().media_playlist(crate::hls::Form::Plain);
    // Segments up to 9 have init 0; the last of them goes at 28 s + 12 s.
    while fed.now < Duration::from_secs(38) {
        fed.push(2000, true, 10);
        assert!(fed.snapshot().init(InitId(0)).is_some(), "at {:?}", fed.now);
    }
    fed.push(2000, true, 10);
    assert!(fed.snapshot().init(InitId(0)).is_none());
    assert!(fed.snapshot().init(InitId(1)).is_some());
}

#[test]
fn bytes_are_bounded_and_the_newest_segment_stays() {
    let mut fed = Fed::new(Settings { max_bytes: 1000, ..settings() });
    (0..4).for_each(|_| fed.push(2000, true, 300));
    fed.window.make_room(250);
    assert_eq!(fed.listed(), [3, 4]);
    fed.window.make_room(5000);
    assert_eq!(fed.listed(), [4]);
}

#[test]
fn a_playlist_that_bytes_cut_short_says_so_until_it_is_whole_again() {
    let mut fed = Fed::new(Settings { max_bytes: 1000, ..settings() });
    // Fewer than it should list, for the stream is young.
    (0..3).for_each(|_| fed.push(2000, true, 300));
    assert!(!fed.snapshot().cut_short);
    fed.window.make_room(300);
    assert!(fed.snapshot().cut_short);
    for _ in 0..20 {
        fed.push(2000, true, 300);
        fed.window.make_room(0);
        assert!(fed.snapshot().cut_short);
    }
    // The camera takes fewer bits: five segments and one more fit.
    for _ in 0..6 {
        fed.push(2000, true, 100);
        fed.window.make_room(0);
    }
    assert!(!fed.snapshot().cut_short);
}

#[test]
fn what_has_left_the_playlist_goes_before_what_is_in_it() {
    let mut fed = Fed::new(Settings { max_bytes: 1000, ..settings() });
    (0..5).for_each(|_| fed.push(2000, true, 100));
    fed.snapshot().media_playlist(crate::hls::Form::Plain);
    (0..4).for_each(|_| fed.push(2000, true, 100));
    assert_eq!(fed.snapshot().segment_count(), 9);
    fed.window.make_room(300);
    assert_eq!(fed.snapshot().segment_count(), 7);
    assert_eq!(fed.listed().len(), 5);
}

#[test]
fn the_peak_rate_is_of_neighbours_that_last_half_a_target_duration() {
    let mut fed = Fed::new(settings());
    fed.push(200, true, 100_000);
    fed.push(1400, false, 100_000);
    fed.push(2000, true, 50_000);
    // 200 ms alone count for nothing.
    assert!((fed.snapshot().peak_bit_rate - 1_000_000.0).abs() < 1.0);
    (0..20).for_each(|_| fed.push(2000, true, 50_000));
    assert!((fed.snapshot().peak_bit_rate - 1_000_000.0).abs() < 1.0, "the peak is remembered");
    assert!((fed.snapshot().average_bit_rate() - 200_000.0).abs() < 1.0);
    assert_eq!(fed.snapshot().frame_rate(), Some(25.0));
}

#[test]
fn a_playlist_is_rendered_once_and_its_gzip_holds_the_same() {
    use std::io::Read as _;
    let mut fed = Fed::new(settings());
    fed.push(2000, true, 10);
    let snapshot = fed.snapshot();
    let playlist = snapshot.media_playlist(crate::hls::Form::Plain);
    assert_eq!(playlist.plain.as_ptr(), snapshot.media_playlist(crate::hls::Form::Plain).plain.as_ptr());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&playlist.gzip()[..]).read_to_end(&mut text).unwrap();
    assert_eq!(text, playlist.plain);
}

proptest! {
    #[test]
    fn whatever_segments_come_the_window_keeps_its_word(
        list_size in 1usize..7,
        max_bytes in prop_oneof![Just(usize::MAX), 1000usize..20_000],
        segments in prop::collection::vec((40u64..3001, prop::bool::weighted(0.4), 0usize..1000, any::<bool>(), 0usize..250), 1..80),
    ) {
        let settings = Settings { list_size, max_bytes, ..settings() };
        let enough = Duration::from_secs(3 * u64::from(settings.target_duration()));
        let bounded = max_bytes != usize::MAX;
        let mut fed = Fed::new(settings);
        // Each segment: number, duration, the longest playlist that held it, whether someone was told of it.
        let mut known: Vec<(u64, Duration, Duration, bool)> = Vec::new();
        // Those that a viewer may count on after they have left the playlist, and until when.
        let mut due: Vec<(u64, Duration)> = Vec::new();
        let mut any_independent = false;
        for (millis, independent, bytes, watched, open) in segments {
            fed.push(millis, independent, bytes);
            fed.window.make_room(open);
            any_independent |= independent;
            let snapshot = fed.snapshot();
            let listed = numbers(&snapshot.listed);
            let length: Duration = snapshot.listed.iter().map(|s| s.duration).sum();

            prop_assert_eq!(listed.last(), Some(&(fed.next - 1)));
            prop_assert!(listed.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{:?}", listed);
            let held: usize = snapshot.segments().map(|s| s.byte_length).sum();
            prop_assert_eq!(held, fed.window.byte_length());
            prop_assert!(held + open <= max_bytes || listed.len() == 1 && snapshot.segment_count() == 1);
            for segment in snapshot.segments() {
                prop_assert!(snapshot.init(segment.init.as_ref().unwrap().id).is_some());
            }
            if !bounded {
                let all = listed[0] == 1;
                prop_assert!(all || listed.len() >= list_size);
                prop_assert!(all || length >= enough);
                prop_assert!(!any_independent || snapshot.listed.iter().any(|s| s.independent));
                // No more than it must.
                let rest = &snapshot.listed[1..];
                let needed = listed.len() <= list_size
                    || rest.iter().map(|s| s.duration).sum::<Duration>() < enough
                    || !rest.iter().any(|s| s.independent);
                prop_assert!(needed, "{:?} could do without its first", listed);
                for (number, duration, longest, told) in known.extract_if(.., |(number, ..)| *number < listed[0]) {
                    if told {
                        due.push((number, fed.now + duration + longest));
                    }
                }
                for (number, until) in &due {
                    prop_assert_eq!(snapshot.segment(*number).is_some(), *until > fed.now);
                }
                prop_assert_eq!(snapshot.segment_count(), listed.len() + due.iter().filter(|d| d.1 > fed.now).count());
            }
            if watched {
                snapshot.media_playlist(crate::hls::Form::Plain);
            }
            known.push((fed.next - 1, Duration::from_millis(millis), length, false));
            for (_, _, longest, told) in &mut known {
                *longest = length.max(*longest);
                *told |= watched;
            }
        }
    }
}
