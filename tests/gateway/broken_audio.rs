//! Audio behind which nothing of a session can be read: the video goes on without it.

use camgate::testcam::{Audio, Oddity, Options};

use crate::common::gateway::{TestGateway, camera_with, quick};
use crate::common::player::Player;
use crate::common::wait::{answer, soon};

#[tokio::test]
async fn audio_that_ends_session_after_session_is_left_out_and_the_video_plays() {
    let oddities = vec![Oddity::AudioWithoutMarker];
    let camera = camera_with(Options { audio: Audio::named("aac"), oddities, ..quick() }).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &camera.url("/demo")).await;
    let without = answer(async || {
        let status = gateway.status("1").await;
        let note = status["audio_note"].as_str().unwrap_or_default().to_owned();
        (status["state"] == "live" && note.contains("ended sessions twice")).then_some(status)
    });
    let status = soon("a session without audio", without).await;
    assert_eq!(status["audio"], serde_json::Value::Null, "{status}");
    assert!(status["last_error"].as_str().unwrap().contains("audio makes no sense"), "{status}");

    let mut player = Player::open(&gateway, "1").await;
    player.play(8).await;
    assert_eq!(gateway.status("1").await["reconnects"], 2, "two sessions with audio, and then one without");
    assert_eq!(camera.total_sessions(), 3);
    player.watcher.assert_good();
}
