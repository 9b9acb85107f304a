//! A stream that nobody watches is let go of; one that somebody watches is not.

use std::time::Duration;

use tokio::time::Instant;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::player::Player;

const EAGER: [(&str, &str); 2] = [("CLEANUP_DELAY_SECONDS", "1"), ("CLEANUP_INTERVAL_SECONDS", "1")];

/// For those that are to stay: none of their requests comes three seconds late.
const PATIENT: [(&str, &str); 2] = [("CLEANUP_DELAY_SECONDS", "3"), ("CLEANUP_INTERVAL_SECONDS", "1")];

#[tokio::test]
async fn an_unwatched_stream_is_torn_down_and_its_urls_are_gone() {
    let (camera, gateway) = (camera().await, TestGateway::with(&EAGER).await);
    gateway.started("1", &camera.url("/demo")).await;
    let began = Instant::now();
    counters(&camera, "TEARDOWN", |now| now.teardowns == 1 && now.sessions == 0).await;
    assert!(began.elapsed() >= Duration::from_millis(900), "nobody was given the time to come");
    for path in ["/streams/1/stream.m3u8", "/api/stream/status?indicator_id=1"] {
        let problem = gateway.get(path).await.problem(404, "stream_not_found");
        assert_eq!(problem["ended"], "idle", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("CLEANUP_DELAY_SECONDS"), "{problem}");
    }
    assert_eq!(gateway.stream_count().await, 0);
}

#[tokio::test]
async fn a_viewer_keeps_a_stream_and_its_leaving_ends_it() {
    let (camera, gateway) = (camera().await, TestGateway::with(&PATIENT).await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    let until = Instant::now() + Duration::from_secs(5);
    player.play_until("longer than the delay", |_| Instant::now() >= until).await;
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
    let (camera, gateway) = (camera().await, TestGateway::with(&PATIENT).await);
    let link = camera.url("/demo");
    gateway.started("1", &link).await;
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(300));
    while began.elapsed() < Duration::from_secs(5) {
        ticks.tick().await;
        assert_eq!(gateway.started("1", &link).await, "active");
    }
    assert_eq!(camera.total_sessions(), 1);
}
