//! One camera session, however many ids and viewers.

use futures::future::join_all;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::player::Player;

#[tokio::test]
async fn two_ids_with_one_link_both_play_on_one_camera_session() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/demo");
    assert_eq!(gateway.started("a", &link).await, "started");
    let mut first = Player::open(&gateway, "a").await;
    assert_eq!(gateway.started("b", &link).await, "started");
    let mut second = Player::open(&gateway, "b").await;
    first.play(4).await;
    second.play(4).await;
    assert_eq!(camera.counters().total_connections, 1);

    gateway.stop("a").await.ok();
    second.play(3).await;
    assert_eq!(camera.sessions(), 1, "the other stream still has the camera");
    gateway.stop("b").await.ok();
    counters(&camera, "the end of the session", |now| now.sessions == 0).await;
    assert_eq!(camera.teardowns(), 1);
    first.assert_good().await;
    second.assert_good().await;
}

#[tokio::test]
async fn ten_viewers_watch_one_camera_session() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let watch = async |agent: String| {
        let mut player = Player::open_as(&agent, &gateway, "1").await;
        player.play(5).await;
        player
    };
    let players = join_all((0..10).map(|number| watch(format!("viewer-{number}")))).await;
    assert_eq!(camera.counters().total_connections, 1);
    assert_eq!(gateway.status("1").await["viewers"], 10);
    for player in &players {
        player.watcher.assert_good();
    }
    players[0].assert_good().await;
}
