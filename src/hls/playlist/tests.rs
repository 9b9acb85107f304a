//! Whole playlists, as a viewer gets them: cut by the packager from a camera in virtual time.

use super::super::testing::{Camera, checker, full_hd, settings, small};
use crate::hls::{Form, Settings};
use crate::mux::Container;

fn camera(settings: Settings) -> Camera {
    let mut camera = Camera::new(settings);
    camera.set_track(&small());
    camera
}

/// The media playlist, which the checker finds good.
fn good(camera: &Camera) -> String {
    let text = camera.playlist();
    checker::assert_good(&text);
    text
}

#[test]
fn a_plain_media_playlist() {
    let mut camera = camera(settings());
    camera.play(16);
    camera.send(true);
    camera.send(false);
    insta::assert_snapshot!(good(&camera));
}

#[test]
fn the_first_media_playlist() {
    let mut camera = camera(settings());
    camera.group(14);
    insta::assert_snapshot!(good(&camera));
}

#[test]
fn a_media_playlist_across_an_outage_and_another_resolution() {
    let mut camera = camera(settings());
    camera.play(10);
    camera.reconnect(5000);
    camera.play(4);
    camera.set_track(&full_hd());
    camera.play(2);
    camera.send(true);
    camera.send(false);
    insta::assert_snapshot!(good(&camera));
}

#[test]
fn a_discontinuity_at_the_head_of_a_media_playlist_is_not_counted_yet() {
    let mut camera = camera(settings());
    camera.play(6);
    camera.reconnect(5000);
    camera.play(10);
    let text = {
        camera.packager.interrupt(std::time::Duration::from_millis(camera.now));
        good(&camera)
    };
    insta::assert_snapshot!(text);
    camera.play(4);
    let next = good(&camera);
    assert!(next.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1001\n"), "{next}");
}

#[test]
fn a_media_playlist_of_a_transport_stream_has_no_map() {
    let mut camera = camera(Settings { container: Container::MpegTs, ..settings() });
    camera.play(8);
    insta::assert_snapshot!(good(&camera));
}

#[test]
fn a_media_playlist_of_keyframes_far_apart() {
    let mut camera = camera(settings());
    camera.group(250);
    camera.group(250);
    camera.group(100);
    insta::assert_snapshot!(good(&camera));
}

/// The media playlist with parts.
fn low_latency(camera: &Camera, form: Form) -> String {
    String::from_utf8(camera.snapshot().media_playlist(form).plain.to_vec()).unwrap()
}

#[test]
fn a_low_latency_playlist_lists_parts_of_three_target_durations_and_hints_at_the_next() {
    let mut camera = camera(settings());
    camera.play(16);
    (0..14).for_each(|n| {
        camera.send(n == 0);
    });
    insta::assert_snapshot!(low_latency(&camera, Form::LowLatency));
}

#[test]
fn the_first_low_latency_playlist() {
    let mut camera = camera(settings());
    camera.group(7);
    insta::assert_snapshot!(low_latency(&camera, Form::LowLatency));
}

#[test]
fn a_part_that_its_picture_makes_too_long_is_not_listed_and_nobody_waits_for_it() {
    let mut camera = camera(settings());
    camera.play(16);
    (0..7).for_each(|n| {
        camera.send(n == 0);
    });
    // It is dark: pictures are half a second apart, and no part may be longer than 0.216 s.
    (0..2).for_each(|_| {
        camera.now += 460;
        camera.send(false);
    });
    let snapshot = camera.snapshot();
    let open = snapshot.open.media_sequence;
    assert!(snapshot.open.parts.len() > snapshot.next_part());
    let text = low_latency(&camera, Form::LowLatency);
    checker::assert_good(&text);
    let next = format!("part-{open}.{}", snapshot.next_part());
    assert!(text.ends_with(&format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"3e8/{next}.m4s\"\n")), "{text}");
    let awaited = snapshot.next_part();
    assert!(!snapshot.has(open, Some(awaited)));
    // Once the segment is whole there is news, and it has no parts.
    (0..3).for_each(|_| {
        camera.now += 460;
        camera.send(true);
    });
    let snapshot = camera.snapshot();
    assert!(snapshot.has(open, Some(awaited)));
    let text = low_latency(&camera, Form::LowLatency);
    assert!(text.contains(&format!("seg-{open}.m4s")) && !text.contains(&format!("part-{open}.")), "{text}");
}

#[test]
fn an_open_segment_behind_a_discontinuity_says_so_with_its_first_part() {
    let mut camera = camera(settings());
    camera.play(6);
    camera.reconnect(5000);
    camera.set_track(&full_hd());
    let before = low_latency(&camera, Form::LowLatency);
    assert!(!before.contains("EXT-X-DISCONTINUITY\n"), "{before}");
    camera.group(7);
    let text = low_latency(&camera, Form::LowLatency);
    let (_, open) = text.split_once("#EXT-X-DISCONTINUITY\n").unwrap();
    assert!(open.starts_with("#EXT-X-MAP:URI=\"3e8/init-1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:"), "{open}");
    assert!(open.contains("INDEPENDENT=YES"), "{open}");
}

#[test]
fn a_delta_update_leaves_out_what_lies_behind_the_skip_boundary() {
    let mut camera = camera(Settings { list_size: 20, ..settings() });
    camera.play(60);
    let (whole, delta) = (low_latency(&camera, Form::LowLatency), low_latency(&camera, Form::Delta));
    assert!(whole.contains("CAN-SKIP-UNTIL=18.0") && delta.contains("#EXT-X-VERSION:9\n"));
    // Of twenty segments of 2 s, those that begin less than 18 s before the end stay.
    assert!(delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=11\n"), "{delta}");
    let segments =
        |text: &str| text.lines().filter(|line| line.contains("seg-")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(segments(&delta)[..], segments(&whole)[11..]);
    // A window that is no longer than the boundary has nothing to skip.
    let mut camera = self::camera(settings());
    camera.play(60);
    assert_eq!(low_latency(&camera, Form::Delta), low_latency(&camera, Form::LowLatency));
}

#[test]
fn a_multivariant_playlist() {
    let mut camera = camera(settings());
    camera.picture_length = 15_000;
    camera.play(16);
    let text = String::from_utf8(camera.snapshot().multivariant_playlist().plain.to_vec()).unwrap();
    let playlist =
        checker::check_multivariant(&text).unwrap_or_else(|wrong| panic!("{}", checker::list(&wrong)));
    let segments: Vec<_> = camera
        .snapshot()
        .listed
        .iter()
        .map(|segment| (segment.byte_length as u64, segment.duration.as_secs_f64()))
        .collect();
    assert_eq!(checker::check_bandwidth(&playlist.variants[0], 3, &segments), []);
    insta::assert_snapshot!(text);
}
