//! The guard before retina: what a hostile camera sends without end is cut off, told in words, and held by no one; and
//! nothing else is different with it.

use std::time::Duration;

use bytes::Bytes;
use camgate::testcam::{Access, Credentials, Options};

use crate::common::gateway::{TestGateway, camera, camera_with, counters, quick};
use crate::common::hostile::{Flood, flooding_camera, packets, sdp};
use crate::common::http::Client;
use crate::common::player::Player;
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon, within};

const ON: (&str, &str) = ("CAMERA_GUARD", "on");

/// What a camera sends at most, as fast as it can: without the guard all of it is held.
const MOST: usize = 400 << 20;

/// What a camera may make the process grow by, the allocator's slack included.
const GROWTH: usize = 32 << 20;
/// The same for the smallest of NAL units: retina notes for each of them where it lies, which is ten times as much.
const GROWTH_BY_NOTES: usize = 112 << 20;

/// Packets whose sequence numbers go on when they are sent again.
fn round(packet: impl Fn(u32) -> (u32, bool, &'static [u8])) -> Bytes {
    packets(&(0..=u32::from(u16::MAX)).map(packet).collect::<Vec<_>>())
}

/// A slice of an IDR picture (ISO/IEC 14496-10 §7.3.2.8), or as good as one.
const SLICE: &[u8] = &[0x65; 1000];
/// A sequence parameter set, behind which no access unit ends.
const SPS: &[u8] = &[0x67; 1000];

/// 250 NAL units of two bytes in one packet (RFC 6184 §5.7.1).
const AGGREGATE: &[u8] = &{
    let mut packet = [24; 1 + 4 * 250];
    let mut at = 1;
    while at < packet.len() {
        (packet[at], packet[at + 1], packet[at + 2], packet[at + 3]) = (0, 2, 0x65, 1);
        at += 4;
    }
    packet
};

fn media(first: Bytes, again: Bytes) -> Flood {
    Flood { at: "PLAY", first, again, most: MOST }
}

fn head(at: &'static str, first: &'static str) -> Flood {
    let again = Bytes::from("X-Filler: abcdefghijklmnopqrstuvwxyz\r\n".repeat(1000));
    Flood { at, first: first.into(), again, most: MOST }
}

async fn link(flood: Flood) -> String {
    format!("rtsp://{}/demo", flooding_camera(sdp(""), flood).await.0)
}

/// Starts the camera's stream, which fails with these words.
async fn is_refused(client: &Client, flood: Flood, words: &str) {
    let problem = client.start("1", &link(flood).await).await.problem(502, "camera_rejected");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{words:?} is not in {detail:?}");
}

/// Starts the camera's stream, whose session is lost with these words.
async fn is_lost(client: &Client, flood: Flood, words: &str) {
    client.started("1", &link(flood).await).await;
    let told = answer(async || client.status("1").await["last_error"].as_str().map(str::to_owned));
    let error = soon("an error", told).await;
    assert!(error.contains(words), "{words:?} is not in {error:?}");
    client.stop("1").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_without_end_is_held_and_each_is_told_in_words() {
    let (process, client) = Camgate::serve(&[ON]).await;
    // An ordinary camera first: what it takes is no camera's fault.
    let good = camera().await;
    client.started("good", &good.url("/demo")).await;
    client.get("/streams/good/media.m3u8").await;
    client.stop("good").await.ok();

    let before = process.peak_memory();
    let bounded_by = |most: usize, what: &str| {
        let growth = process.peak_memory() - before;
        assert!(growth < most, "{what}: {growth} bytes");
    };
    let bounded = |what: &str| bounded_by(GROWTH, what);
    is_refused(&client, head("DESCRIBE", "RTSP/1.0 200 OK\r\n"), "head of over 256 KiB").await;
    bounded("a head without end");
    is_refused(&client, head("PLAY", "RTSP/1.0 200 OK\r\nCSeq: 4\r\n"), "head of over 256 KiB").await;
    bounded("a head without end in answer to PLAY");
    let headers: String = (0..60_000).map(|n| format!("{n:x}:x\r\n")).collect();
    let headers = Flood { again: headers.into(), ..head("DESCRIBE", "RTSP/1.0 200 OK\r\n") };
    is_refused(&client, headers, "head of over 256 KiB").await;
    bounded("a head of as many headers as can be");
    let claim = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 1000000000\r\n\r\n";
    is_refused(&client, head("DESCRIBE", claim), "body of over 256 KiB").await;
    bounded("a body of 1 GB");
    let unit = round(|_| (0, false, SLICE));
    is_lost(&client, media(Bytes::new(), unit), "8 MiB without").await;
    bounded("an access unit without end");
    let sets = round(|n| (n, true, SPS));
    is_lost(&client, media(Bytes::new(), sets), "8 MiB without").await;
    bounded("parameter sets without end, each with a marker and a timestamp of its own");
    let mut strange = round(|_| (0, true, SLICE)).to_vec();
    strange.chunks_mut(4 + 12 + SLICE.len()).for_each(|packet| packet[1] = 9);
    let strange = media(packets(&[(0, false, SLICE)]), strange.into());
    is_lost(&client, strange, "8 MiB without").await;
    bounded("an access unit that does not go on, and a channel that was not asked for");
    let aggregates = round(|_| (0, false, AGGREGATE));
    is_lost(&client, media(Bytes::new(), aggregates), "8 MiB without").await;
    bounded_by(GROWTH_BY_NOTES, "NAL units of two bytes without end");
}

#[tokio::test]
async fn a_camera_with_digest_plays_and_is_told_of_the_end() {
    let credentials = Credentials { username: "admin".into(), password: "p@ss".into() };
    let camera = camera_with(Options { access: Access::Digest(credentials), ..quick() }).await;
    let gateway = TestGateway::with(&[ON]).await;
    let link = camera.url("/demo").replace("rtsp://", "rtsp://admin:p@ss@");
    gateway.started("1", &link).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(6).await;
    assert!(player.discontinuities().is_empty());
    player.assert_good_and_whole().await;
    gateway.stop("1").await.ok();
    let told = counters(&camera, "TEARDOWN", |now| now.teardowns == 1 && now.connections == 0);
    within("the end of the session", Duration::from_secs(5), told).await;
}

#[tokio::test]
async fn the_end_of_the_gateway_reaches_the_camera() {
    let (camera, gateway) = (camera().await, TestGateway::with(&[ON]).await);
    gateway.started("1", &camera.url("/demo")).await;
    gateway.shut_down().await;
    assert_eq!((camera.teardowns(), camera.sessions()), (1, 0));
}

#[tokio::test]
async fn a_dropped_camera_is_connected_to_anew() {
    let (camera, gateway) = (camera().await, TestGateway::with(&[ON]).await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&gateway, "1").await;
    player.play(3).await;
    player.watcher.camera_goes_away();
    camera.drop_all();
    player.play_until("the discontinuity", |player| !player.discontinuities().is_empty()).await;
    player.play(3).await;
    let status = gateway.status("1").await;
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &1.into()), "{status}");
    assert_eq!(status["last_error"], "the camera closed the connection");
}

#[tokio::test]
async fn failures_are_told_in_the_same_words_as_without_it() {
    let credentials = Credentials { username: "admin".into(), password: "right".into() };
    let locked = camera_with(Options { access: Access::Digest(credentials), ..quick() }).await;
    let open = camera().await;
    let timeout = ("START_TIMEOUT_SECONDS", "2");
    let guarded = TestGateway::with(&[ON, timeout]).await;
    let direct = TestGateway::with(&[("CAMERA_GUARD", "off"), timeout]).await;
    for link in [
        locked.url("/demo"),
        locked.url("/demo").replace("rtsp://", "rtsp://admin:wr0ng@"),
        "rtsp://127.0.0.1:1/demo".to_owned(),
        "rtsp://[::1]:1/demo".to_owned(),
        "rtsp://no-such-camera.invalid/demo".to_owned(),
        open.url("/status/404"),
        open.url("/codec/mjpeg"),
        open.url("/hang"),
    ] {
        let (with, without) = (guarded.start("1", &link).await, direct.start("1", &link).await);
        assert_eq!(with.unnamed(), without.unnamed());
        assert!(with.status >= 400 && !with.text().contains("wr0ng"), "{with:?}");
    }
    counters(&open, "every connection closed", |now| now.connections == 0).await;
}

#[tokio::test]
async fn a_camera_that_answers_no_teardown_is_let_go() {
    let mute = Flood { at: "TEARDOWN", first: Bytes::new(), again: Bytes::new(), most: 0 };
    let (camera, mut open) = flooding_camera(sdp(""), mute).await;
    let gateway = TestGateway::with(&[ON]).await;
    gateway.started("1", &format!("rtsp://{camera}/demo")).await;
    assert_eq!(*open.borrow(), 1);
    gateway.stop("1").await.ok();
    let closed = within("the end of the relay", Duration::from_secs(4), open.wait_for(|count| *count == 0));
    closed.await.unwrap();
}
