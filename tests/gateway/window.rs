//! What can be fetched, and for how long; and what the multivariant playlist says of it.

use crate::common::gateway::{TestGateway, camera};
use crate::common::player::Player;

#[tokio::test]
async fn a_segment_that_has_left_the_playlist_can_be_fetched_for_as_long_as_someone_may_know_it() {
    let (camera, gateway) = (camera().await, TestGateway::with(&[("HLS_LIST_SIZE", "3")]).await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(20).await;
    let listed = player.playlist.segments.len() + player.maps().len();
    let fetched = player.fetch_what_is_due().await;
    assert!(fetched > listed, "nothing was fetched but the {listed} files that are listed");
    player.watcher.assert_good();
    // And no longer than that: the first ones are gone.
    let first = player.segments.values().next().unwrap();
    gateway.get(&format!("/streams/1/{}", first.uri)).await.problem(404, "media_not_found");
}

#[tokio::test]
async fn the_multivariant_playlist_tells_codec_size_rate_and_bandwidth() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(12).await;
    player.assert_bandwidth().await;
    let [variant] = &player.multivariant.variants[..] else { panic!("{:?}", player.multivariant) };
    assert_eq!(variant.resolution, Some((1280, 720)));
    assert_eq!(variant.frame_rate, Some(25.0));
    assert!(matches!(&variant.codecs[..], [codec] if codec.starts_with("avc1.64")), "{variant:?}");
    assert!(variant.average_bandwidth.is_some_and(|average| average <= variant.bandwidth), "{variant:?}");
}
