//! `HLS_SEGMENT_TYPE=mpegts`.

use camgate::testcam::{Options, Start};

use crate::common::gateway::{TestGateway, camera, camera_with, quick};
use crate::common::player::Player;

const MPEGTS: [(&str, &str); 1] = [("HLS_SEGMENT_TYPE", "mpegts")];

#[tokio::test]
async fn transport_stream_segments_play_and_decode() {
    let (camera, gateway) = (camera().await, TestGateway::with(&MPEGTS).await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(8).await;
    assert!(player.maps().is_empty());
    let segment = format!("/streams/1/{}", player.playlist.segments.last().unwrap().uri);
    let answer = gateway.get(&segment).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "video/mp2t"));
    player.assert_good_and_whole().await;
}

#[tokio::test]
async fn transport_stream_viewers_go_on_when_the_camera_comes_back() {
    let camera = camera_with(Options { start: Start::MidGop(3), ..quick() }).await;
    let gateway = TestGateway::with(&MPEGTS).await;
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(3).await;
    player.watcher.camera_goes_away();
    camera.drop_all();
    player.play_until("the discontinuity", |player| !player.discontinuities().is_empty()).await;
    player.play(3).await;
    player.assert_good().await;
}
