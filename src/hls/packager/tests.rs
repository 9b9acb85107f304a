//! What becomes of a stream, whatever happens to its camera.

use proptest::prelude::*;

use super::super::testing::{
    Camera, arrival, checker, fetch, full_hd, measure, picture, settings, small, small_coarse,
};
use super::*;
use crate::media::Ticks;

fn camera() -> Camera {
    let mut camera = Camera::new(settings());
    camera.set_track(&small());
    camera
}

/// Ends the stream's last segment and reads its playlist.
fn finish(camera: &mut Camera) -> checker::MediaPlaylist {
    camera.packager.interrupt(Duration::from_millis(camera.now));
    checker::assert_good(&camera.playlist())
}

fn discontinuities(playlist: &checker::MediaPlaylist) -> Vec<u64> {
    let segments = playlist.segments.iter().filter(|segment| segment.discontinuity);
    segments.map(|segment| segment.media_sequence).collect()
}

#[test]
fn nothing_is_made_of_pictures_before_the_parameter_sets() {
    let mut camera = Camera::new(settings());
    camera.group(50);
    assert!(camera.packager.snapshot().is_none());
    camera.set_track(&small());
    camera.send(false);
    assert_eq!(camera.packager.byte_length(), 0, "and of none before a keyframe");
    camera.group(50);
    assert_eq!(camera.snapshot().listed[0].frames, 5);
}

#[test]
fn the_first_segment_is_there_with_the_first_part() {
    let mut camera = camera();
    while camera.snapshot().listed.is_empty() {
        camera.send(camera.now == 0);
    }
    assert_eq!(camera.now, 6 * 40, "the sixth picture tells how long the fifth lasts");
}

#[test]
fn after_a_loss_the_picture_stands_still_until_the_next_keyframe() {
    let mut camera = camera();
    camera.play(8);
    camera.group(20);
    camera.lost_packets = 3;
    (0..30).for_each(|_| {
        assert!(!camera.send(false));
    });
    camera.group(50);
    let playlist = finish(&mut camera);
    assert_eq!(discontinuities(&playlist), [0; 0], "a decoder goes on at the keyframe");
    let snapshot = camera.snapshot();
    let [.., with_loss, _] = &snapshot.listed[..] else { panic!("two segments") };
    assert_eq!((with_loss.frames, with_loss.duration), (20, Duration::from_secs(2)));
    assert!(snapshot.listed.last().unwrap().independent);
}

#[test]
fn a_keyframe_behind_a_loss_is_taken() {
    let mut camera = camera();
    camera.play(8);
    camera.lost_packets = 1;
    camera.group(50);
    finish(&mut camera);
    assert!(camera.snapshot().listed.iter().rev().take(3).all(|segment| segment.frames == 50));
}

#[test]
fn a_time_without_pictures_is_a_discontinuity_and_shows_in_the_dates() {
    let mut camera = camera();
    camera.play(8);
    camera.now += 4000;
    camera.send(false);
    camera.play(4);
    let playlist = finish(&mut camera);
    let [msn] = discontinuities(&playlist)[..] else { panic!("one: {playlist:?}") };
    let (before, after) = (playlist.segment(msn - 1).unwrap(), playlist.segment(msn).unwrap());
    let gap = after.program_date_time.unwrap() - before.program_date_time.unwrap() - before.duration;
    assert!((gap - 4.04).abs() < 0.001, "{gap}");
}

#[test]
fn another_resolution_is_one_discontinuity_with_an_init_section_of_its_own() {
    let mut camera = camera();
    camera.play(6);
    camera.set_track(&full_hd());
    assert!(!camera.send(false), "nothing before a keyframe");
    camera.play(4);
    camera.set_track(&full_hd());
    camera.play(2);
    let playlist = finish(&mut camera);
    assert_eq!(discontinuities(&playlist).len(), 1);
    let mut maps: Vec<_> = playlist.segments.iter().map(|segment| segment.map.clone().unwrap()).collect();
    maps.dedup();
    assert_eq!(maps.len(), 2);
    let snapshot = camera.snapshot();
    assert_ne!(fetch(&snapshot, &maps[0]), fetch(&snapshot, &maps[1]));
    assert_eq!((snapshot.tracks.video.width, snapshot.tracks.video.height), (1920, 1080));
}

#[test]
fn a_change_of_track_is_told_at_once() {
    let mut camera = camera();
    camera.play(8);
    assert!(camera.set_track(&full_hd()));
    assert!(!camera.set_track(&full_hd()));
}

#[test]
fn sets_that_alternate_under_one_id_go_before_each_keyframe() {
    let mut camera = camera();
    let sets = [small(), small_coarse()];
    for round in 0..6 {
        camera.set_track(&sets[round % 2]);
        camera.group(50);
    }
    let playlist = finish(&mut camera);
    assert_eq!(discontinuities(&playlist).len(), 1, "where the second set came for the first time");
    let snapshot = camera.snapshot();
    let in_order: Vec<_> = snapshot.listed.iter().filter(|segment| segment.independent).collect();
    let [first, announced @ ..] = &in_order[in_order.len() - 5..] else { panic!("five") };
    assert_eq!(&first.parts[0].chunks[1][..], &picture(true, 100)[..], "its init section has the set");
    assert!(announced.len() == 4);
    for (segment, set) in announced.iter().zip(sets.iter().cycle()) {
        let sample = &segment.parts[0].chunks[1];
        let expected = [set.parameter_sets.length_prefixed(), picture(true, 100).to_vec()].concat();
        assert_eq!(sample[..], expected[..]);
    }
}

#[test]
fn a_keyframe_without_news_of_its_sets_keeps_those_before_it() {
    let mut camera = camera();
    camera.group(50);
    for set in [small_coarse(), small()] {
        camera.set_track(&set);
        camera.group(50);
    }
    camera.group(50);
    finish(&mut camera);
    let snapshot = camera.snapshot();
    let sample = &snapshot.listed.last().unwrap().parts[0].chunks[1];
    assert!(sample.starts_with(&small().parameter_sets.length_prefixed()));
}

#[test]
fn interruptions_before_the_first_picture_leave_no_trace() {
    let mut camera = camera();
    camera.reconnect(1000);
    camera.reconnect(1000);
    camera.play(4);
    assert_eq!(discontinuities(&finish(&mut camera)), [0; 0]);
    assert_eq!(camera.snapshot().listed[0].media_sequence, 1000);
}

#[test]
fn memory_stays_within_its_bound() {
    let mut camera = Camera::new(Settings { max_bytes: 1 << 20, ..settings() });
    camera.set_track(&small());
    camera.picture_length = 20_000;
    for _ in 0..20 {
        camera.group(50);
        camera.playlist();
        assert!(camera.packager.byte_length() <= (1 << 20) + 20_004 * 6, "{}", camera.packager.byte_length());
        assert!(!camera.snapshot().listed.is_empty());
    }
}

/// What happens to a stream.
#[derive(Clone, Debug)]
enum Happening {
    Group {
        pictures: usize,
        interval: u64,
        length: usize,
    },
    Loss,
    Pause(u64),
    Reconnect(u64),
    Track(usize),
    /// A viewer looks.
    Look,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        6 => (1..120_usize, prop::sample::select(&[40_u64, 50, 67, 200][..]), 1..600_usize)
            .prop_map(|(pictures, interval, length)| Group { pictures, interval, length }),
        1 => Just(Loss),
        1 => (0..9000_u64).prop_map(Pause),
        1 => (0..9000_u64).prop_map(Reconnect),
        1 => (0..3_usize).prop_map(Track),
        4 => Just(Look),
    ]
}

/// Holds what a viewer sees against the standards, and against what they saw before.
fn look(camera: &Camera, seen: &mut Option<(checker::MediaPlaylist, u64)>) -> Result<(), TestCaseError> {
    let before = seen.as_ref().map(|(playlist, _)| playlist);
    let snapshot = camera.snapshot();
    if snapshot.listed.is_empty() {
        prop_assert!(before.is_none(), "a playlist that has begun is never empty");
        return Ok(());
    }
    let text = camera.playlist();
    let playlist = checker::check(&text)
        .map_err(|wrong| TestCaseError::fail(format!("{}\n{text}", checker::list(&wrong))))?;
    let mut wrong = before.map(|before| checker::check_pair(before, &playlist)).unwrap_or_default();
    let mut measured = Vec::new();
    for segment in &playlist.segments {
        let bytes = fetch(&snapshot, &segment.uri);
        prop_assert!(bytes.is_some(), "{} is listed and not there", segment.uri);
        measured.push(measure(segment.media_sequence, &bytes.unwrap()));
        prop_assert!(fetch(&snapshot, segment.map.as_ref().unwrap()).is_some());
    }
    #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
    let since = seen.as_ref().map_or(0.0, |(_, at)| (camera.now - at) as f64 / 1000.0);
    for left in before.iter().flat_map(|before| &before.segments) {
        if since >= left.duration + before.map_or(0.0, checker::MediaPlaylist::duration) {
            continue;
        }
        prop_assert!(fetch(&snapshot, &left.uri).is_some(), "{} was listed {since} s ago", left.uri);
        prop_assert!(fetch(&snapshot, left.map.as_ref().unwrap()).is_some());
    }
    wrong.extend(checker::check_media(&playlist, &measured, 0.04));
    prop_assert!(wrong.is_empty(), "{}\n{text}", checker::list(&wrong));
    *seen = Some((playlist, camera.now));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_every_playlist_and_every_two_in_a_row_obey_the_standard(
        happenings in prop::collection::vec(happening(), 1..30),
    ) {
        let mut camera = camera();
        let mut seen = None;
        for happening in happenings {
            match happening {
                Happening::Group { pictures, interval, length } => {
                    camera.picture_length = length;
                    for i in 0..pictures {
                        camera.send(i == 0);
                        camera.now += interval - 40;
                    }
                }
                Happening::Loss => camera.lost_packets = 1,
                Happening::Pause(millis) => camera.now += millis,
                Happening::Reconnect(millis) => camera.reconnect(millis),
                Happening::Track(which) => {
                    camera.set_track(&[small(), small_coarse(), full_hd()][which]);
                }
                Happening::Look => look(&camera, &mut seen)?,
            }
        }
        finish(&mut camera);
        look(&camera, &mut seen)?;
    }
}

proptest! {
    #[test]
    fn no_access_units_of_a_camera_cause_a_panic_or_take_more_memory_than_they_may(
        units in prop::collection::vec(
            (any::<i64>(), 0..10_000_u64, any::<bool>(), 0..3_u32, 0..5000_usize, prop::option::weighted(0.1, 0..3_usize)),
            1..150,
        ),
    ) {
        const MOST: usize = 40_000;
        let mut packager = Packager::new(Settings { max_bytes: MOST, ..settings() }, RunId(1), 1);
        let mut now = 0;
        for (pts, wait, key, lost, length, track) in units {
            now += wait;
            if let Some(track) = track {
                packager.set_track(&[small(), small_coarse(), full_hd()][track], Duration::from_millis(now));
            }
            let unit = AccessUnit {
                pts: Ticks(pts),
                arrival: arrival(now),
                random_access: key,
                lost_packets: lost / 2,
                data: picture(key, length),
            };
            packager.push(unit);
            let Some(snapshot) = packager.snapshot() else { continue };
            snapshot.media_playlist(crate::hls::Form::Plain);
            let longest = settings().longest_segment();
            prop_assert!(snapshot.listed.iter().all(|segment| segment.duration <= longest));
            // Between two parts a segment may grow by a quarter.
            prop_assert!(packager.byte_length() <= MOST + MOST / 4 + 6000, "{}", packager.byte_length());
        }
    }
}
