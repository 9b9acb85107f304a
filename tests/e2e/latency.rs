//! How old the pictures are that Chromium shows, by the time of day that GStreamer's camera paints into each; and for how long a
//! picture stands still.
//!
//! One test at a time, and no others beside them: with two browsers on two cores a picture is late for want of a core.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a panic here is a test's failure"
)]

#[allow(dead_code, reason = "shared with the tests of the page")]
mod chromium;
#[path = "../common/mod.rs"]
mod common;
mod gst_camera;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;

use camgate::testcam::{Audio, AudioCodec, Options};
use chromium::{Watching, gateway, gateway_with};
use common::gateway::{camera, camera_with};
use common::player::Player;
use gst_camera::GstCamera;

static ALONE: Mutex<()> = Mutex::const_new(());

/// Measures for so many seconds how old the pictures of `gst_camera.py`'s `/clock` are when they are shown.
async fn latency(page: &mut Watching, seconds: u64) -> Value {
    page.takes(&format!("latency {seconds}"), Duration::from_secs(seconds)).await
}

/// On an idle machine half of the pictures are younger than 0.7 s.
const LOW_LATENCY: f64 = 1_000.0;

/// `LATENCY_SECONDS=300` watches for as long.
#[tokio::test]
async fn pictures_are_shown_within_a_second_of_being_filmed() {
    let _alone = ALONE.lock().await;
    let seconds = std::env::var("LATENCY_SECONDS").map_or(15, |text| text.parse().unwrap());
    let camera = GstCamera::start("/clock").await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url()).await;
    let mut page = Watching::open(&client, "gate", "low-latency.png");
    page.does("picture").await;
    // It starts where a decoder can, and catches up.
    page.does("play 6").await;
    let seen = latency(&mut page, seconds).await;
    let glass = &seen["glass"];
    println!("glass to glass over {seconds} s: {glass}; fetched: {}", seen["fetched"]);
    assert!(glass["median"].as_f64().is_some_and(|ms| ms < LOW_LATENCY), "{glass}");
    assert_eq!((&glass["waits"], &glass["seeks"]), (&0.into(), &0.into()), "{glass}");
    // The clock is legible, and no picture in ten is left out.
    assert!(glass["samples"].as_u64().is_some_and(|count| count > seconds * 25 * 9 / 10), "{glass}");
    let told = seen["latency_seconds"].as_f64().unwrap();
    let last = glass["last"].as_f64().unwrap() / 1000.0;
    assert!((told - last).abs() < 0.25, "the page says {told} s, and the pictures {last} s");
    // Parts as they come, from playlists that are asked for before there is news, and no segment beside them.
    let fetched = |what: &str| seen["fetched"][what].as_u64().unwrap();
    for what in ["parts", "blocking", "delta"] {
        assert!(fetched(what) > seconds * 3, "{seen}");
    }
    assert!(fetched("segments") < 8, "{seen}");
    page.closes().await;
}

#[tokio::test]
async fn a_playlist_without_parts_is_played_some_seconds_behind_live() {
    let _alone = ALONE.lock().await;
    let camera = GstCamera::start("/clock").await;
    let (_process, client) = gateway_with(&[("HLS_LOW_LATENCY", "off")]).await;
    client.started("gate", &camera.url()).await;
    let mut page = Watching::open(&client, "gate", "plain.png");
    page.does("picture").await;
    page.does("play 10").await;
    let seen = latency(&mut page, 5).await;
    println!("glass to glass without parts: {}", seen["glass"]);
    assert!(seen["glass"]["median"].as_f64().is_some_and(|ms| (1_500.0..7_000.0).contains(&ms)), "{seen}");
    assert_eq!((&seen["fetched"]["parts"], &seen["rate"]), (&0.into(), &1.into()), "{seen}");
    assert_eq!(seen["glass"]["waits"], 0, "{seen}");
    page.closes().await;
}

/// Its keyframes are further apart than a segment may be long.
#[tokio::test]
async fn who_comes_in_between_keyframes_far_apart_is_soon_at_the_live_edge() {
    let _alone = ALONE.lock().await;
    let camera = GstCamera::start("/clock-long-gop").await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url()).await;
    let mut player = Player::open(&client, "gate").await;
    player.play_until("segments without a keyframe", |player| player.segments.len() >= 6).await;
    let mut page = Watching::open(&client, "gate", "long-gop.png");
    page.does("picture").await;
    page.does("play 6").await;
    let seen = latency(&mut page, 5).await;
    println!("glass to glass, keyframes far apart: {}", seen["glass"]);
    assert!(seen["glass"]["median"].as_f64().is_some_and(|ms| ms < 1_500.0), "{seen}");
    page.closes().await;
}

/// hls.js fetches one part at a time, and here each takes longer than it lasts.
#[tokio::test]
async fn who_is_too_far_away_for_parts_watches_whole_segments() {
    let _alone = ALONE.lock().await;
    let camera = camera().await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url("/demo")).await;
    let mut page = Watching::open(&client, "gate", "far.png");
    page.does("picture").await;
    page.does("far 300").await;
    let near = page.does("play 6").await;
    let began = tokio::time::Instant::now();
    let far = page.does("play 12").await;
    let frozen = began.elapsed().as_secs_f64() - 12.0;
    println!("0.3 s away: the picture stood still for {frozen:.2} s of 12 s: {far}");
    assert!(frozen < FROZEN, "the picture stood still for {frozen:.2} s: {near} {far}");
    let segments = |seen: &Value| seen["fetched"]["segments"].as_u64().unwrap();
    assert!(segments(&far) >= segments(&near) + 5, "{near} {far}");
    assert_eq!(far["fetched"]["parts"], near["fetched"]["parts"], "{near} {far}");
    page.closes().await;
}

/// What looking takes, and a segment that comes a little late: a player that waits for audio stands still for good.
const FROZEN: f64 = 1.5;

/// The browser's own player stays at the very end of the playlist, and of a stream that has just begun it waits for several
/// segments.
const FROZEN_AT_THE_EDGE: f64 = 3.0;

/// A viewer with the sound on, of a camera that offers audio and keeps it back from so many seconds on.
async fn silence_freezes_nothing(codec: AudioCodec, since: &str, query: &str) {
    let options = Options {
        audio: Some(Audio::new(codec)),
        faults: vec![format!("{since}:no-audio").parse().unwrap()],
        ..Options::default()
    };
    let camera = camera_with(options).await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url("/demo")).await;
    let name = format!("silent-{codec:?}-{since}{query}.png").replace(['?', '='], "-");
    let mut page = Watching::open(&client, &format!("gate{query}"), &name);
    page.does("picture").await;
    page.does("sound").await;
    let before = page.does("play 3").await;
    let began = tokio::time::Instant::now();
    let after = page.does("play 12").await;
    let frozen = began.elapsed().as_secs_f64() - 12.0;
    println!("{codec:?} until {since} s{query}: the picture stood still for {frozen:.2} s of 12 s");
    let most = if query.contains("native") { FROZEN_AT_THE_EDGE } else { FROZEN };
    assert!(frozen < most, "the picture stood still for {frozen:.2} s: {after}");
    let after = page.does("state playing").await;
    assert_eq!(after["muted"], false, "{after}");
    assert!(after["audio_bytes"].as_f64() > before["audio_bytes"].as_f64(), "{before} {after}");
    page.closes().await;
}

#[tokio::test]
async fn audio_that_never_comes_freezes_no_picture() {
    let _alone = ALONE.lock().await;
    silence_freezes_nothing(AudioCodec::Pcmu, "0", "").await;
    silence_freezes_nothing(AudioCodec::Pcmu, "0", "?native=1").await;
}

#[tokio::test]
async fn audio_that_stops_freezes_no_picture() {
    let _alone = ALONE.lock().await;
    silence_freezes_nothing(AudioCodec::Aac, "8", "").await;
    silence_freezes_nothing(AudioCodec::Pcma, "8", "?native=1").await;
}
