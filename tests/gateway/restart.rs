//! The same id with another link: the stream moves, and its viewers go on.

use camgate::testcam::{Clip, Options};
use serde_json::json;

use crate::common::gateway::{TestGateway, camera, camera_with, counters};
use crate::common::player::Player;

#[tokio::test]
async fn viewers_go_on_across_one_discontinuity_when_the_stream_moves_to_another_link() {
    let (former, gateway) = (camera().await, TestGateway::start().await);
    let latter = camera_with(Options { clip: Clip::switch().first(12), ..Options::default() }).await;
    gateway.started("1", &former.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(4).await;
    player.watcher.camera_goes_away();

    let moved = gateway.start("1", &latter.url("/demo")).await.ok();
    assert_eq!(moved, json!({ "stream_path": "/streams/1/stream.m3u8", "status": "restarted" }));
    assert_eq!(gateway.start("1", &latter.url("/demo")).await.ok()["status"], "active");
    counters(&former, "the end of the first session", |now| now.sessions == 0).await;
    assert_eq!(former.teardowns(), 1);

    // The player's media playlist has the same URL all along, and the watcher sees its numbers rise.
    player.play_until("the discontinuity", |player| !player.discontinuities().is_empty()).await;
    player.play(3).await;
    assert_eq!(player.discontinuities().len(), 1);
    assert_eq!(player.maps().len(), 2, "the other camera has other parameter sets");
    player.reload_multivariant().await;
    assert_eq!(player.multivariant.variants[0].resolution, Some((640, 360)));
    player.assert_good().await;
    assert_eq!(latter.total_sessions(), 1);
}

#[tokio::test]
async fn a_stream_stays_where_it_is_if_the_other_link_does_not_work() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    gateway.start("1", &camera.url("/status/404")).await.problem(502, "camera_rejected");
    player.play(5).await;
    assert!(player.discontinuities().is_empty());
    assert_eq!(gateway.start("1", &camera.url("/demo")).await.ok()["status"], "active");
    player.assert_good().await;
}
