//! Packets that are lost on the way.

use crate::common::gateway::{TestGateway, camera};
use crate::common::player::Player;

#[tokio::test]
async fn after_a_lost_packet_viewers_see_whole_pictures_from_the_next_keyframe_on() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/lossy/40")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(14).await;
    let status = gateway.status("1").await;
    assert!(status["packets_lost"].as_u64() > Some(0), "{status}");
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &0.into()), "{status}");
    // ffmpeg would complain of a broken picture, and of one that refers to it.
    let pictures = player.assert_good().await;
    assert!(pictures >= 50, "{pictures} pictures");
}
