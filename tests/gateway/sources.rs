//! What may be pulled: whatever is refused is told in words, and never connected to.

use std::time::Duration;

use bytes::Bytes;
use camgate::testcam::{Control, Options};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::common::gateway::{TestGateway, camera, camera_with, counters, quick};
use crate::common::hostile::{Flood, flooding_camera, sdp};
use crate::common::http::Client;
use crate::common::player::Player;
use crate::common::wait::{answer, soon};

/// Starts `link`, which is refused with these words; and no stream is left behind.
async fn refused(gateway: &Client, link: &str, words: &str) -> Value {
    let problem = gateway.start("refused", link).await.problem(403, "source_refused");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{words:?} is not in {detail:?}");
    gateway.get("/api/stream/status?indicator_id=refused").await.problem(404, "stream_not_found");
    problem
}

/// The link's host in another form.
fn by(camera: &Control, host: &str) -> String {
    camera.url("/demo").replace("127.0.0.1", host)
}

#[tokio::test]
async fn the_gateway_pulls_neither_itself_nor_what_is_no_cameras_address() {
    let gateway = TestGateway::start().await;
    let port = gateway.address.port();
    for host in ["127.0.0.1", "localhost", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"] {
        refused(&gateway, &format!("rtsp://{host}:{port}/"), "camgate itself").await;
    }
    refused(&gateway, "rtsp://0.0.0.0/", "unspecified").await;
    refused(&gateway, "rtsp://169.254.169.254/latest/meta-data", "metadata").await;
    refused(&gateway, "rtsp://[::ffff:169.254.169.254]:80/", "metadata").await;
    refused(&gateway, "rtsp://2852039166/", "metadata").await;
    refused(&gateway, "rtsp://[fe80::1]/", "link-local").await;
    refused(&gateway, "rtsp://224.0.0.1/", "multicast").await;
}

#[tokio::test]
async fn a_camera_in_a_denied_network_sees_no_connection() {
    let camera = camera().await;
    for guard in ["auto", "on", "off"] {
        let deny = [("SOURCE_DENY", "192.168.0.0/16, 127.0.0.0/8,[::1]"), ("CAMERA_GUARD", guard)];
        let gateway = TestGateway::with(&deny).await;
        refused(&gateway, &camera.url("/demo"), "SOURCE_DENY").await;
        let told = refused(&gateway, &by(&camera, "localhost"), "SOURCE_DENY").await;
        assert!(!told.to_string().contains("127."), "it tells what a name stands for: {told}");
        for host in ["127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"] {
            refused(&gateway, &by(&camera, host), "SOURCE_DENY").await;
        }
    }
    assert_eq!(camera.counters().total_connections, 0);
}

#[tokio::test]
async fn ports_that_are_allowed_are_reached_and_no_others() {
    let (good, bad) = (camera().await, camera().await);
    let allow = format!("localhost:{0}-{0},10.0.0.0/8", good.local_addr().port());
    let gateway = TestGateway::with(&[("SOURCE_ALLOW", &allow)]).await;
    assert_eq!(gateway.started("1", &by(&good, "localhost")).await, "started");
    refused(&gateway, &by(&bad, "localhost"), "SOURCE_ALLOW").await;
    refused(&gateway, &good.url("/demo"), "SOURCE_ALLOW").await;
    assert_eq!(bad.counters().total_connections, 0);
}

#[tokio::test]
async fn a_name_is_connected_to_with_a_guard_and_without_and_shown_as_it_is() {
    // It listens where `localhost` leads to second, if it has an IPv6 address.
    let camera = camera().await;
    for guard in ["on", "off"] {
        let gateway = TestGateway::with(&[("CAMERA_GUARD", guard)]).await;
        gateway.started("1", &by(&camera, "localhost")).await;
        let mut player = Player::open(&gateway, "1").await;
        player.play(2).await;
        assert_eq!(gateway.status("1").await["source"], by(&camera, "localhost"));
        let problem = gateway.start("2", &by(&camera, "localhost").replace("/demo", "/status/404")).await;
        let problem = problem.problem(502, "camera_rejected");
        assert!(!problem.to_string().contains("127.0.0.1"), "{problem}");
    }
}

#[tokio::test]
async fn a_stream_that_is_to_move_to_a_refused_link_stays_where_it_is() {
    let (old, new) = (camera().await, camera().await);
    let deny = new.local_addr().to_string();
    let gateway = TestGateway::with(&[("SOURCE_DENY", &deny)]).await;
    gateway.started("1", &old.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(2).await;
    gateway.start("1", &new.url("/demo")).await.problem(403, "source_refused");
    player.play(3).await;
    assert!(player.discontinuities().is_empty());
    assert_eq!(gateway.status("1").await["source"], old.url("/demo"));
    assert_eq!(new.counters().total_connections, 0);
}

#[tokio::test]
async fn a_running_stream_whose_source_is_refused_from_now_on_ends_with_its_session() {
    let camera = camera_with(Options { faults: vec!["60:close".parse().unwrap()], ..quick() }).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(2).await;
    gateway.reload(&[("SOURCE_DENY", "127.0.0.1")]).await;
    player.play(2).await;
    // Who asks for what runs is not refused.
    assert_eq!(gateway.started("1", &camera.url("/demo")).await, "active");
    let before = counters(&camera, "one session", |now| now.sessions == 1).await;
    camera.drop_all();
    let told = async || {
        let status = gateway.status("1").await;
        let error = status["last_error"].as_str().unwrap_or_default().to_owned();
        error.contains("SOURCE_DENY").then_some(())
    };
    soon("the refusal", answer(told)).await;
    assert_eq!(camera.counters().total_connections, before.total_connections);
    // It goes on when it may again.
    gateway.reload(&[]).await;
    counters(&camera, "another session", |now| now.sessions == 1).await;
}

#[tokio::test]
async fn a_camera_cannot_send_camgate_elsewhere_to_take_its_leave() {
    // Of this version of live555 retina takes its leave on a new connection, to where Content-Base says.
    let elsewhere = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("rtsp://{}/", elsewhere.local_addr().unwrap());
    let tool = "a=tool:LIVE555 Streaming Media v2013.04.08\r\n";
    let described = sdp("").replace("m=video", &format!("{tool}a=control:*\r\nm=video"));
    for guard in ["on", "off"] {
        for described in
            [described.clone(), described.replace("a=control:track", &format!("a=control:{base}"))]
        {
            let answer = format!(
                "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: {base}\r\nContent-Type: application/sdp\r\n\
                 Content-Length: {}\r\n\r\n{described}",
                described.len()
            );
            let flood = Flood { at: "DESCRIBE", first: answer.into(), again: Bytes::new(), most: 0 };
            let (camera, _) = flooding_camera(described, flood).await;
            let gateway = TestGateway::with(&[("CAMERA_GUARD", guard)]).await;
            gateway.started("1", &format!("rtsp://{camera}/hang-up-at-leave")).await;
            gateway.shut_down().await;
        }
    }
    let visit = tokio::time::timeout(Duration::from_millis(1), elsewhere.accept()).await;
    assert!(visit.is_err(), "someone came: {visit:?}");
}
