//! Whole playlists, as a viewer gets them: cut by the packager from a camera in virtual time.

use super::super::testing::{Camera, checker, full_hd, settings, small};
use crate::hls::Settings;
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
