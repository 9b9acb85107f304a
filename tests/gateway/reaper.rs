//! A stream that nobody watches is let go of; one that somebody watches is not.

use std::time::Duration;

use camgate::testcam::{Clip, Options};
use tokio::time::Instant;

use crate::common::gateway::{TestGateway, camera, camera_with, counters};
use crate::common::player::Player;

const EAGER: [(&str, &str); 2] = [("CLEANUP_DELAY_SECONDS", "1"), ("CLEANUP_INTERVAL_SECONDS", "1")];

#[tokio::test]
async fn an_unwatched_stream_is_torn_down_and_its_urls_are_gone() {
    let (camera, gateway) = (camera().await, TestGateway::with(&EAGER).await);
    gateway.started("1", &camera.url("/demo")).await;
    let began = Instant::now();
    counters(&camera, "TEARDOWN", |now| now.teardowns == 1 && now.sessions == 0).await;
    assert!(began.elapsed() >= Duration::from_millis(900), "nobody was given the time to come");
    gateway.get("/streams/1/stream.m3u8").await.problem(404, "stream_not_found");
    gateway.get("/api/stream/status?indicator_id=1").await.problem(404, "stream_not_found");
    assert_eq!(gateway.stream_count().await, 0);
}

#[tokio::test]
async fn a_viewer_keeps_a_stream_and_its_leaving_ends_it() {
    let (camera, gateway) = (camera().await, TestGateway::with(&EAGER).await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    let until = Instant::now() + Duration::from_secs(4);
    player.play_until("several delays", |_| Instant::now() >= until).await;
    assert_eq!((camera.sessions(), camera.total_sessions()), (1, 1));
    // Who asks for the status does not watch.
    let left = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            ticks.tick().await;
            gateway.get("/api/stream/status?indicator_id=1").await;
        }
    };
    tokio::select! {
        () = left => {}
        _ = counters(&camera, "TEARDOWN", |now| now.teardowns == 1) => {}
    }
}

#[tokio::test]
async fn starting_it_again_renews_the_time_that_a_stream_has() {
    let (camera, gateway) = (camera().await, TestGateway::with(&EAGER).await);
    let link = camera.url("/demo");
    gateway.started("1", &link).await;
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(300));
    while began.elapsed() < Duration::from_secs(3) {
        ticks.tick().await;
        assert_eq!(gateway.started("1", &link).await, "active");
    }
    assert_eq!(camera.total_sessions(), 1);
}

#[tokio::test]
async fn streams_that_outgrow_the_memory_go_however_rarely_idle_ones_are_looked_for() {
    let heavy = Options { clip: Clip::demo().first(12).padded(16_000_000), ..Options::default() };
    let settings = [("CLEANUP_INTERVAL_SECONDS", "3600"), ("MAX_TOTAL_BYTES", "4MiB")];
    let (camera, gateway) = (camera_with(heavy).await, TestGateway::with(&settings).await);
    gateway.started("left", &camera.url("/left")).await;
    gateway.started("watched", &camera.url("/watched")).await;
    let mut player = Player::open(&gateway, "watched").await;
    let gone = async { counters(&camera, "TEARDOWN", |now| now.teardowns == 1).await };
    let watched = async { player.play_until("a minute", |_| false).await };
    tokio::select! {
        _ = gone => {}
        _ = watched => {}
    }
    gateway.get("/streams/left/stream.m3u8").await.problem(404, "stream_not_found");
    assert_eq!(gateway.status("watched").await["state"], "live");
}
