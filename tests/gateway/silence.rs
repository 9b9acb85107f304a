//! A camera that accepts PLAY and sends nothing.

use std::time::Duration;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::wait::{answer, soon, within};

#[tokio::test]
async fn a_silent_camera_starts_and_its_playlist_says_in_time_that_there_is_no_picture() {
    let gateway = TestGateway::with(&[("VIDEO_TIMEOUT_SECONDS", "2")]).await;
    let camera = camera().await;
    assert_eq!(gateway.started("1", &camera.url("/silent")).await, "started");
    assert_eq!(gateway.status("1").await["state"], "connecting");
    let playlist = async {
        // hls.js gives up after ten seconds.
        let answer =
            within("an answer", Duration::from_secs(10), gateway.get("/streams/1/stream.m3u8")).await;
        let problem = answer.problem(503, "stream_not_ready");
        assert!(problem["detail"].as_str().unwrap().contains("no video"), "{problem}");
        assert_ne!(answer.header("retry-after"), "");
    };
    let status = async {
        let why = answer(async || gateway.status("1").await["last_error"].as_str().map(str::to_owned));
        let why = soon("the status says why", why).await;
        // For how long is measured: more on a machine that was busy when the time was over.
        let quiet = why.strip_prefix("the camera has sent no video for ").and_then(|s| s.strip_suffix(" s"));
        assert!(quiet.is_some_and(|s| s.parse::<u64>().is_ok_and(|s| s >= 2)), "{why}");
        // It is tried again, and the session that was given up is not left behind.
        counters(&camera, "a second try", |now| now.total_sessions >= 2).await;
        counters(&camera, "TEARDOWN of the first", |now| now.teardowns >= 1 && now.sessions <= 1).await;
    };
    futures::future::join(playlist, status).await;
}
