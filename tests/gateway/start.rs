//! `/api/stream/start`: every way to ask, and what is answered when all is well.

use camgate::testcam::{Access, Credentials, Options, Start};
use futures::future::join_all;
use serde_json::json;

use crate::common::gateway::{TestGateway, camera, camera_with, quick};
use crate::common::http::form;
use crate::common::player::Player;

const START: &str = "/api/stream/start";

#[tokio::test]
async fn a_query_starts_a_stream_and_asking_again_finds_it_active() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let first = gateway.start("123", &camera.url("/demo")).await.ok();
    assert_eq!(first, json!({ "stream_path": "/streams/123/stream.m3u8", "status": "started" }));
    let second = gateway.start("123", &camera.url("/demo")).await.ok();
    assert_eq!(second, json!({ "stream_path": "/streams/123/stream.m3u8", "status": "active" }));
    assert_eq!(camera.total_sessions(), 1);
}

#[tokio::test]
async fn the_answer_comes_after_the_camera_agreed_to_play_and_its_codec_is_known() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    assert_eq!(camera.total_sessions(), 1);
    assert_eq!(gateway.status("1").await["codec"], "H.264");
}

#[tokio::test]
async fn json_starts_a_stream_by_a_text_or_a_number() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/demo");
    let text =
        gateway.post_json(START, &json!({ "indicator_id": "front-door_1.a", "rtsp_link": link })).await;
    assert_eq!(text.ok()["stream_path"], "/streams/front-door_1.a/stream.m3u8");
    let number = gateway.post_json(START, &json!({ "indicator_id": 123, "rtsp_link": link })).await;
    assert_eq!(number.ok(), json!({ "stream_path": "/streams/123/stream.m3u8", "status": "started" }));
    let again = gateway.post_json(START, &json!({ "indicator_id": "123", "rtsp_link": link })).await;
    assert_eq!(again.ok()["status"], "active", "123 is \"123\"");
}

#[tokio::test]
async fn a_form_starts_a_stream() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/demo");
    let body = form(&[("indicator_id", "123"), ("rtsp_link", &link)]);
    let answer = gateway.post(START, "application/x-www-form-urlencoded; charset=utf-8", body).await;
    assert_eq!(answer.ok(), json!({ "stream_path": "/streams/123/stream.m3u8", "status": "started" }));
}

/// Marks that mean something in a URL, in a form and in a Digest header.
const PASSWORD: &str = "p@ss:w/rd#%20+\\ü";

#[tokio::test]
async fn credentials_in_fields_of_their_own_reach_the_camera_as_they_are() {
    let credentials = Credentials { username: "admin".into(), password: PASSWORD.into() };
    for access in [Access::Digest(credentials.clone()), Access::Basic(credentials)] {
        let camera = camera_with(Options { access, ..quick() }).await;
        let gateway = TestGateway::start().await;
        let link = camera.url("/demo");
        let fields =
            json!({ "indicator_id": 1, "rtsp_link": link, "username": "admin", "password": PASSWORD });
        assert_eq!(gateway.post_json(START, &fields).await.ok()["status"], "started");
        let body = form(&[
            ("indicator_id", "2"),
            ("rtsp_link", &link),
            ("username", "admin"),
            ("password", PASSWORD),
        ]);
        let answer = gateway.post(START, "application/x-www-form-urlencoded", body).await;
        assert_eq!(answer.ok()["status"], "started");
    }
}

#[tokio::test]
async fn credentials_in_the_link_reach_the_camera() {
    let credentials = Credentials { username: "admin".into(), password: "p@ss#1".into() };
    let camera = camera_with(Options { access: Access::Digest(credentials), ..quick() }).await;
    let gateway = TestGateway::start().await;
    for (id, userinfo) in [("encoded", "admin:p%40ss%231"), ("as-typed", "admin:p@ss#1")] {
        let link = camera.url("/demo").replace("rtsp://", &format!("rtsp://{userinfo}@"));
        assert_eq!(gateway.started(id, &link).await, "started");
    }
    assert_eq!(camera.total_sessions(), 1, "the two links are the same source");
}

#[tokio::test]
async fn the_page_may_load_the_playlist_at_once_and_gets_it_with_the_first_segment() {
    // Its first keyframe comes two seconds after PLAY: a slow machine has asked by then.
    let camera = camera_with(Options { start: Start::MidGop(1), ..Options::default() }).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &camera.url("/demo")).await;
    let before = gateway.status("1").await;
    assert_eq!(before["segments"], 0, "else the request below would not wait for anything: {before}");
    let mut player = Player::open(&gateway, "1").await;
    player.play(3).await;
    player.assert_good().await;
}

#[tokio::test]
async fn ten_starts_at_once_are_one_camera_session_and_ten_equal_answers() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/demo");
    let answers = join_all((0..10).map(|_| gateway.start("123", &link))).await;
    let expected = json!({ "stream_path": "/streams/123/stream.m3u8", "status": "started" });
    for answer in answers {
        assert_eq!(answer.ok(), expected);
    }
    assert_eq!(camera.counters().total_connections, 1);
    assert_eq!(camera.total_sessions(), 1);
}

#[tokio::test]
async fn the_first_picture_is_there_before_a_whole_segment_has_passed() {
    // Its keyframes are two seconds apart, and so long are its segments.
    let camera = camera_with(Options::default()).await;
    let gateway = TestGateway::with(&[("HLS_SEGMENT_TIME", "2")]).await;
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    let first = player.playlist.segments[0].duration;
    assert!(first < 1.0, "whoever opens it waits for {first} s of the camera");
    player.play(3).await;
    player.assert_good_and_whole().await;
}
