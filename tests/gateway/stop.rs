//! `/api/stream/stop`.

use std::time::Duration;

use serde_json::json;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::player::Player;
use crate::common::wait::{answer, within};

#[tokio::test]
async fn a_stopped_stream_is_gone_at_once_and_its_camera_is_told() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("123", &camera.url("/demo")).await;
    let player = Player::open(&gateway, "123").await;
    let segment = player.playlist.segments[0].clone();

    assert_eq!(gateway.stop("123").await.ok(), json!({ "indicator_id": "123", "status": "stopped" }));
    let gone = async {
        let files = [segment.map.unwrap(), segment.uri];
        for file in ["stream.m3u8", "media.m3u8", &files[0], &files[1]] {
            let problem = gateway.get(&format!("/streams/123/{file}")).await.problem(404, "stream_not_found");
            assert_eq!(problem["ended"], "stopped", "{problem}");
        }
    };
    gone.await;
    counters(&camera, "TEARDOWN", |now| now.teardowns == 1 && now.connections == 0).await;
    assert_eq!(gateway.stream_count().await, 0);
    gateway.stop("123").await.problem(404, "stream_not_found");
}

#[tokio::test]
async fn a_form_stops_a_stream_and_so_does_a_number() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", "indicator_id=7"),
        ("application/json", r#"{"indicator_id":7}"#),
    ] {
        gateway.started("7", &camera.url("/demo")).await;
        let stopped = gateway.post("/api/stream/stop", content_type, body).await.ok();
        assert_eq!(stopped, json!({ "indicator_id": "7", "status": "stopped" }));
    }
}

#[tokio::test]
async fn a_request_that_waits_for_the_first_segment_is_told_when_the_stream_stops() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/silent")).await;
    let waiting = async { gateway.get("/streams/1/stream.m3u8").await };
    let stopping = async {
        // Whoever waits counts as a viewer.
        answer(async || (gateway.status("1").await["viewers"] == 1).then_some(())).await;
        gateway.stop("1").await.ok();
    };
    let (held, ()) = within("both", Duration::from_secs(5), futures::future::join(waiting, stopping)).await;
    assert_eq!(held.problem(404, "stream_not_found")["ended"], "stopped");
}

#[tokio::test]
async fn a_stream_that_is_started_again_has_other_media_urls_and_higher_numbers() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/demo");
    gateway.started("1", &link).await;
    let mut first = Player::open(&gateway, "1").await;
    first.play(3).await;
    gateway.stop("1").await.ok();
    assert_eq!(gateway.started("1", &link).await, "started");
    let second = Player::open(&gateway, "1").await;
    assert!(second.playlist.media_sequence.unwrap() > first.newest());
    let known = |uri: &String| first.segments.values().any(|segment| segment.uri == *uri);
    assert!(!second.segments.values().any(|segment| known(&segment.uri)));
}

#[tokio::test]
async fn a_stream_can_be_stopped_while_its_camera_is_being_asked() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/hang");
    let stopping = async {
        counters(&camera, "the camera is being asked", |now| now.connections == 1).await;
        gateway.stop("1").await.ok();
    };
    let both = futures::future::join(gateway.start("1", &link), stopping);
    let (start, ()) = within("both", Duration::from_secs(5), both).await;
    start.problem(409, "stream_stopped");
    assert_eq!(gateway.stream_count().await, 0);
    counters(&camera, "the connection is closed", |now| now.connections == 0).await;
}
