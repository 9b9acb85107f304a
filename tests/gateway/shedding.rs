//! When memory runs short the stream goes that was watched least recently, and whoever asks for it learns why.

use camgate::testcam::{Clip, Control, Options, Start};
use serde_json::Value;

use crate::common::gateway::{TestGateway, camera_with, counters};
use crate::common::playlist::check_but_dates;
use crate::common::wait::{answer, soon};

/// Idle streams stay: what goes, goes for its bytes.
const SETTINGS: [(&str, &str); 3] =
    [("CLEANUP_DELAY_SECONDS", "3600"), ("CLEANUP_INTERVAL_SECONDS", "3600"), ("MAX_TOTAL_BYTES", "4MiB")];

/// A camera of 2 MB a second.
async fn heavy() -> Control {
    camera_with(Options { clip: Clip::demo().first(12).padded(16_000_000), ..Options::default() }).await
}

fn assert_told(problem: &Value) {
    assert_eq!(problem["ended"], "memory", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("MAX_TOTAL_BYTES") && detail.contains("s ago"), "{detail}");
}

#[tokio::test]
async fn the_stream_that_nobody_watches_goes_and_the_watched_one_goes_on() {
    let (camera, gateway) = (heavy().await, TestGateway::with(&SETTINGS).await);
    gateway.started("left", &camera.url("/left")).await;
    gateway.started("watched", &camera.url("/watched")).await;
    // Segments are there for a second or two: what is asked for is the playlist, which watches as well.
    let playlist = async || {
        let answer = gateway.get("/streams/watched/media.m3u8").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        check_but_dates(answer.text()).unwrap()
    };
    let gone = async { counters(&camera, "TEARDOWN", |now| now.teardowns == 1).await };
    let watched = answer(async || {
        playlist().await;
        None::<()>
    });
    tokio::select! {
        _ = gone => {}
        () = watched => {}
    }
    for path in
        ["/streams/left/stream.m3u8", "/streams/left/media.m3u8", "/api/stream/status?indicator_id=left"]
    {
        assert_told(&gateway.get(path).await.problem(404, "stream_not_found"));
    }
    let next = playlist().await.next_sequence();
    let goes_on = async || {
        let playlist = playlist().await;
        let newest = gateway.get(&format!("/streams/watched/{}", playlist.segments.last()?.uri)).await;
        (newest.status == 200 && playlist.next_sequence() >= next + 2).then_some(())
    };
    soon("two segments more", answer(goes_on)).await;
    assert_eq!(gateway.status("watched").await["state"], "live");
}

#[tokio::test]
async fn a_start_is_never_refused_for_bytes_and_ends_the_tale_of_the_end() {
    let (camera, gateway) = (heavy().await, TestGateway::with(&SETTINGS).await);
    gateway.started("old", &camera.url("/old")).await;
    gateway.get("/streams/old/media.m3u8").await;
    for n in 0..3 {
        assert_eq!(gateway.started(&format!("new{n}"), &camera.url(&format!("/new{n}"))).await, "started");
    }
    counters(&camera, "TEARDOWN", |now| now.teardowns >= 1).await;
    assert_told(&gateway.get("/api/stream/status?indicator_id=old").await.problem(404, "stream_not_found"));
    assert_eq!(gateway.started("old", &camera.url("/old")).await, "started");
    assert_eq!(gateway.status("old").await["indicator_id"], "old");
}

#[tokio::test]
async fn a_playlist_that_bytes_cut_short_is_a_warning_in_the_status() {
    let settings = [("MAX_STREAM_BYTES", "4MiB"), ("HLS_SEGMENT_TIME", "1")];
    // Its first keyframe, and with it the first byte that is kept, comes two seconds after PLAY.
    let options =
        Options { start: Start::MidGop(1), clip: Clip::demo().padded(16_000_000), ..Options::default() };
    let (camera, gateway) = (camera_with(options).await, TestGateway::with(&settings).await);
    gateway.started("1", &camera.url("/demo")).await;
    assert_eq!(gateway.status("1").await["warning"], Value::Null);
    let warning = answer(async || gateway.status("1").await["warning"].as_str().map(str::to_owned));
    let warning = soon("a warning", warning).await;
    assert!(warning.contains("MAX_STREAM_BYTES") && warning.contains("players count on"), "{warning}");
}
