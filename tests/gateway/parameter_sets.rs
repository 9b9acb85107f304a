//! Parameter sets that change, that are not in the SDP, and sessions that begin between two keyframes.

use camgate::testcam::{Options, ParameterSetPlacement, Start};

use crate::common::gateway::{TestGateway, camera, camera_with, quick};
use crate::common::player::Player;

#[tokio::test]
async fn changed_parameter_sets_are_one_discontinuity_with_another_init() {
    // The other clip has a keyframe every two seconds.
    let (camera, gateway) = (camera().await, TestGateway::with(&[("HLS_SEGMENT_TIME", "2")]).await);
    gateway.started("1", &camera.url("/switch/3")).await;
    let mut player = Player::open(&gateway, "1").await;
    assert_eq!(player.multivariant.variants[0].resolution, Some((1280, 720)));
    player.play_until("the discontinuity", |player| !player.discontinuities().is_empty()).await;
    player.play(2).await;
    let [after] = player.discontinuities()[..] else { panic!("{:?}", player.discontinuities()) };
    assert_ne!(after.map, player.before(after).map);
    assert_eq!(player.maps().len(), 2);
    player.reload_multivariant().await;
    assert_eq!(player.multivariant.variants[0].resolution, Some((640, 360)));
    let status = gateway.status("1").await;
    assert_eq!((&status["width"], &status["reconnects"]), (&640.into(), &0.into()), "{status}");
    player.assert_good().await;
}

#[tokio::test]
async fn parameter_sets_in_the_stream_alone_are_enough() {
    let parameter_sets = ParameterSetPlacement::InBand;
    let camera = camera_with(Options { parameter_sets, ..quick() }).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(5).await;
    assert_eq!(player.multivariant.variants[0].resolution, Some((1280, 720)));
    player.assert_good().await;
}

#[tokio::test]
async fn parameter_sets_in_the_sdp_alone_are_enough() {
    let parameter_sets = ParameterSetPlacement::Sdp;
    let camera = camera_with(Options { parameter_sets, ..quick() }).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(5).await;
    player.assert_good().await;
}

#[tokio::test]
async fn a_session_that_begins_between_two_keyframes_shows_nothing_before_the_next() {
    for parameter_sets in [ParameterSetPlacement::InBand, ParameterSetPlacement::Both] {
        let options = Options { start: Start::MidGop(5), parameter_sets, ..quick() };
        let (camera, gateway) = (camera_with(options).await, TestGateway::start().await);
        gateway.started("1", &camera.url("/demo")).await;
        let mut player = Player::open(&gateway, "1").await;
        player.play(5).await;
        assert!(player.discontinuities().is_empty());
        // ffmpeg would complain of pictures that refer to ones it has not seen.
        player.assert_good().await;
    }
}
