//! What makes of cameras do otherwise: the stream is live, whole and without a break.

use std::time::Duration;

use bytes::Bytes;
use camgate::testcam::{Access, Clip, Credentials, Oddity, Options};
use futures::FutureExt as _;

use super::{Judgement, all, quick};
use crate::common::gateway::{TestGateway, camera_with, counters};
use crate::common::player::Player;

/// A stream of this camera is live within its first seconds and stays so; ffmpeg decodes every picture of it.
async fn plays_with(options: Options, segments: u64) -> Judgement<'static> {
    let camera = camera_with(options).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &camera.url("/demo").replace("rtsp://", "rtsp://admin:secret@")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(segments).await;
    assert!(player.discontinuities().is_empty());
    let status = gateway.status("1").await;
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &0.into()), "{status}");
    assert_eq!(status["last_error"], serde_json::Value::Null, "{status}");
    gateway.stop("1").await.ok();
    counters(&camera, "the end of the session", |now| now.sessions == 0 && now.connections == 0).await;
    Some(async move { drop(player.assert_good_and_whole().await) }.boxed())
}

fn digest(password: &str) -> Access {
    Access::Digest(Credentials { username: "admin".into(), password: password.into() })
}

#[tokio::test]
async fn every_oddity_plays_without_a_break() {
    let odd = |oddities: Vec<Oddity>| Options { oddities, access: digest("secret"), ..quick() };
    // retina answers one challenge a session: see `rtsp.rs` for what is told.
    let named = || Oddity::NAMED.into_iter().filter(|(_, oddity)| *oddity != Oddity::OneTimeNonces);
    let mut cases: Vec<(String, Options, u64)> =
        named().map(|(name, oddity)| (name.to_owned(), odd(vec![oddity]), 4)).collect();
    // An fmtp that is empty has no sprop-parameter-sets to be invalid; the same goes for RTP-Info.
    let apart = [Oddity::EmptyFmtp, Oddity::NoRtpInfo];
    let together = named().map(|(_, oddity)| oddity).filter(|oddity| !apart.contains(oddity)).collect();
    cases.push(("all that go together".into(), odd(together), 4));
    // Two keepalives fall into it, both with a nonce that is stale; a client that sends none is dropped.
    let session_timeout = Duration::from_secs(3);
    let drops_silent = Options { session_timeout, ..odd(vec![Oddity::NonceExpires]) };
    cases.push(("drops clients that go silent".into(), drops_silent, 9));
    let clip = Clip::from_annex_b(&Bytes::from_static(include_bytes!("../../../fixtures/slices.h264")));
    cases.push(("several slices a picture".into(), Options { clip: clip.unwrap(), ..odd(vec![]) }, 4));
    all(cases.into_iter().map(|(name, options, segments)| (name, plays_with(options, segments).boxed())))
        .await;
}

#[tokio::test]
async fn an_oddity_may_be_named_by_the_path() {
    let (camera, gateway) = (camera_with(quick()).await, TestGateway::start().await);
    gateway.started("1", &camera.url("/odd/start-codes-in-rtp")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(2).await;
    player.assert_good_and_whole().await;
    gateway.start("2", &camera.url("/odd/even")).await.problem(502, "camera_rejected");
}

#[tokio::test]
async fn one_camera_of_one_session_serves_two_streams_of_the_same_link_and_refuses_another() {
    let options = Options { oddities: vec![Oddity::AtMostSessions(1)], ..quick() };
    let (camera, gateway) = (camera_with(options).await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    gateway.started("2", &camera.url("/demo")).await;
    let problem = gateway.start("3", &camera.url("/other")).await.problem(502, "camera_rejected");
    assert_eq!(problem["rtsp_status"], 453);
    for id in ["1", "2"] {
        gateway.stop(id).await.ok();
    }
    counters(&camera, "the end of the session", |now| now.sessions == 0).await;
    gateway.started("3", &camera.url("/other")).await;
}

#[tokio::test]
async fn passwords_with_every_mark_open_the_camera() {
    let passwords = ["p#ss", "p@ss", "p^ss", "p:ss", "p/ss", "#@^:/", "%23", "pä ss"];
    all(passwords.map(|password| {
        let case = async move {
            for access in [digest, basic] {
                let camera = camera_with(Options { access: access(password), ..quick() }).await;
                let gateway = TestGateway::start().await;
                let (link, username) = (camera.url("/demo"), "admin");
                let fields = serde_json::json!({
                    "indicator_id": 1, "rtsp_link": link, "username": username, "password": password
                });
                gateway.post_json("/api/stream/start", &fields).await.ok();
                assert_eq!(gateway.status("1").await["last_error"], serde_json::Value::Null);
                gateway.stop("1").await.ok();
                counters(&camera, "the end of the session", |now| now.sessions == 0).await;
                let encoded = percent_encode(password);
                let link = link.replace("rtsp://", &format!("rtsp://{username}:{encoded}@"));
                gateway.started("2", &link).await;
            }
            None
        };
        (password.to_owned(), case.boxed())
    }))
    .await;
}

fn basic(password: &str) -> Access {
    Access::Basic(Credentials { username: "admin".into(), password: password.into() })
}

/// Every byte as `%XX`.
fn percent_encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
