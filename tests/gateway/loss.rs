//! Packets that are lost on the way.

use std::collections::HashSet;

use crate::common::gateway::{TestGateway, camera};
use crate::common::player::Player;

#[tokio::test]
async fn after_a_lost_packet_viewers_see_whole_pictures_from_the_next_keyframe_on() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("whole", &camera.url("/demo")).await;
    gateway.started("lossy", &camera.url("/lossy/40")).await;
    let (mut whole, mut lossy) =
        futures::future::join(Player::open(&gateway, "whole"), Player::open(&gateway, "lossy")).await;
    futures::future::join(whole.play(3), lossy.play(14)).await;

    let status = gateway.status("lossy").await;
    assert!(status["packets_lost"].as_u64() > Some(0), "{status}");
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &0.into()), "{status}");
    // Not ffmpeg's words alone: it conceals what is missing without any.
    let clip: HashSet<String> = whole.assert_good_and_whole().await.into_iter().collect();
    let seen = lossy.assert_good().await;
    assert!(seen.len() >= 50, "{} pictures", seen.len());
    let broken = seen.iter().filter(|picture| !clip.contains(*picture)).count();
    assert_eq!(broken, 0, "of {} pictures", seen.len());
}
