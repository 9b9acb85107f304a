//! `/api/stream/status`, `/api/streams`, `/api/health`.

use serde_json::json;

use crate::common::gateway::{TestGateway, camera};
use crate::common::player::Player;

#[tokio::test]
async fn the_status_tells_all_that_an_operator_asks_for() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/demo").replace("rtsp://", "rtsp://admin:secret@");
    gateway.started("1", &link).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(8).await;
    let status = gateway.status("1").await;
    for (field, value) in [
        ("indicator_id", json!("1")),
        ("stream_path", json!("/streams/1/stream.m3u8")),
        ("state", json!("live")),
        ("codec", json!("H.264")),
        ("width", json!(1280)),
        ("height", json!(720)),
        ("frame_rate", json!(25.0)),
        ("source", json!(camera.url("/demo").replace("rtsp://", "rtsp://***@"))),
        ("viewers", json!(1)),
        ("reconnects", json!(0)),
        ("packets_lost", json!(0)),
        ("last_error", json!(null)),
    ] {
        assert_eq!(status[field], value, "{field} in {status}");
    }
    assert!(status["idle_seconds"].as_u64().is_some_and(|idle| idle <= 2), "{status}");
    assert!(status["rfc6381"].as_str().unwrap().starts_with("avc1."), "{status}");
    let listed = player.playlist.segments.len() as u64;
    assert!(status["segments"].as_u64().unwrap() >= listed, "{status}");
    let (held, rate) = (status["bytes_held"].as_f64().unwrap(), status["bitrate_bps"].as_f64().unwrap());
    assert!(held > 0.8 * rate / 8.0 * player.playlist.duration(), "{status}");
    assert!((100_000.0..5_000_000.0).contains(&rate), "{status}");
    assert!(status["uptime_seconds"].as_u64().is_some_and(|uptime| (2..60).contains(&uptime)), "{status}");
}

#[tokio::test]
async fn the_list_has_every_stream_by_name_and_the_health_counts_them() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    assert_eq!(gateway.get("/api/streams").await.ok(), json!({ "streams": [] }));
    for id in ["b", "a"] {
        gateway.started(id, &camera.url("/demo")).await;
    }
    let list = gateway.get("/api/streams").await.ok();
    let ids: Vec<_> = list["streams"].as_array().unwrap().iter().map(|s| s["indicator_id"].clone()).collect();
    assert_eq!(ids, [json!("a"), json!("b")]);
    let health = gateway.get("/api/health").await.ok();
    assert_eq!((&health["status"], &health["active_streams"]), (&json!("healthy"), &json!(2)));
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(health["uptime_seconds"].is_u64(), "{health}");
}
