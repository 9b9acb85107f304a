//! A warm stream goes on with nobody watching: whoever comes has a picture without waiting for the camera.

use camgate::testcam::Options;
use serde_json::json;

use crate::common::gateway::{TestGateway, camera, camera_with, counters, quick};
use crate::common::http::{Client, form};
use crate::common::player::Player;
use crate::common::wait::{answer, soon};

const EAGER: [(&str, &str); 2] = [("CLEANUP_DELAY_SECONDS", "1"), ("CLEANUP_INTERVAL_SECONDS", "1")];

/// Waits until nobody has asked for `id` for three times as long as a stream that is not warm would live.
async fn unwatched(gateway: &Client, id: &str) {
    let idle = async || (gateway.status(id).await["idle_seconds"].as_u64() >= Some(3)).then_some(());
    soon("some seconds without a viewer", answer(idle)).await;
}

#[tokio::test]
async fn a_warm_stream_has_its_picture_at_once_whatever_its_camera_does_meanwhile() {
    // It sends nothing after the first second: no keyframe can come that a viewer would wait for.
    let faults = vec!["1:silent".parse().unwrap()];
    let camera = camera_with(Options { faults, ..quick() }).await;
    let settings = [EAGER[0], EAGER[1], ("KEEP_WARM", "gate,1"), ("VIDEO_TIMEOUT_SECONDS", "300")];
    let gateway = TestGateway::with(&settings).await;
    gateway.started("1", &camera.url("/demo")).await;
    unwatched(&gateway, "1").await;
    let player = Player::open(&gateway, "1").await;
    // The player has fetched and judged what is listed.
    assert!(!player.segments.is_empty());
    assert_eq!((camera.total_sessions(), camera.sessions()), (1, 1), "in the session that it began with");
}

#[tokio::test]
async fn a_start_says_whether_a_stream_is_warm_and_another_lets_go_again() {
    let (camera, gateway) = (camera().await, TestGateway::with(&EAGER).await);
    let link = camera.url("/demo");
    let fields = |id, warm| form(&[("indicator_id", id), ("rtsp_link", &link), ("warm", warm)]);
    gateway.get(&format!("/api/stream/start?{}", fields("query", "1"))).await.ok();
    let form_type = "application/x-www-form-urlencoded";
    gateway.post("/api/stream/start", form_type, fields("form", "true")).await.ok();
    for (id, warm) in [("json", json!(true)), ("number", json!(1)), ("cold", json!(false))] {
        let body = json!({ "indicator_id": id, "rtsp_link": link, "warm": warm });
        gateway.post_json("/api/stream/start", &body).await.ok();
    }
    for id in ["query", "form", "json", "number"] {
        assert_eq!(gateway.status(id).await["warm"], true, "{id}");
    }
    let left = async || (gateway.stream_count().await == 4).then_some(());
    soon("the end of the one that is not warm", answer(left)).await;
    gateway.get("/api/stream/status?indicator_id=cold").await.problem(404, "stream_not_found");
    unwatched(&gateway, "query").await;
    // Who says nothing changes nothing.
    assert_eq!(gateway.started("query", &link).await, "active");
    assert_eq!(gateway.status("query").await["warm"], true);
    for id in ["query", "form", "json", "number"] {
        gateway.get(&format!("/api/stream/start?{}", fields(id, "0"))).await.ok();
        assert_eq!(gateway.status(id).await["warm"], false, "{id}");
    }
    // They have one camera, which goes with the last of them.
    counters(&camera, "TEARDOWN", |now| now.teardowns == 1 && now.sessions == 0).await;
    let problem = gateway.get(&format!("/api/stream/start?{}", fields("1", "hot"))).await;
    assert_eq!(problem.problem(400, "invalid_request")["field"], "warm");
}
