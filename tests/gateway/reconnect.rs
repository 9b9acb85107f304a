//! The camera goes away and comes back: viewers go on.

use std::time::Duration;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::player::Player;

#[tokio::test]
async fn a_camera_that_is_away_for_five_seconds_is_one_discontinuity_with_a_gap_in_the_dates() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(6).await;

    player.watcher.camera_goes_away();
    camera.pause().await.unwrap();
    camera.drop_all();
    let away = tokio::time::Instant::now() + Duration::from_secs(5);
    player.play_until("the end of the outage", |_| tokio::time::Instant::now() >= away).await;
    let status = gateway.status("1").await;
    assert_eq!(status["state"], "reconnecting", "{status}");
    let error = status["last_error"].as_str().unwrap_or_default();
    assert!(error.contains("cannot connect") && error.contains("refused"), "{status}");

    camera.resume().await.unwrap();
    player.play_until("the discontinuity", |player| !player.discontinuities().is_empty()).await;
    player.play(6).await;
    let status = gateway.status("1").await;
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &1.into()), "{status}");
    counters(&camera, "one session after the other", |now| now.total_sessions == 2 && now.sessions == 1)
        .await;

    let [after] = player.discontinuities()[..] else { panic!("{:?}", player.discontinuities()) };
    let before = player.before(after);
    let gap = after.program_date_time.unwrap() - before.program_date_time.unwrap() - before.duration;
    assert!((4.5..15.0).contains(&gap), "{gap} s");
    assert_eq!(player.maps().len(), 1, "the camera's parameter sets are the same");
    player.assert_good_and_whole().await;
}

#[tokio::test]
async fn a_dropped_connection_is_made_anew_at_once() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(4).await;
    player.watcher.camera_goes_away();
    camera.drop_all();
    player.play_until("the discontinuity", |player| !player.discontinuities().is_empty()).await;
    player.play(3).await;
    let status = gateway.status("1").await;
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &1.into()), "{status}");
    assert_eq!(status["last_error"], "the camera closed the connection");
    assert_eq!(player.discontinuities().len(), 1);
    player.assert_good().await;
}
