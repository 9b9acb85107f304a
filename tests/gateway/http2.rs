//! HTTP/2 without TLS: the same answers, and many requests held on one connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::Method;

use crate::common::gateway::{TestGateway, camera, camera_with};
use crate::common::http::{Answer, Http2};
use crate::common::player::Player;
use crate::common::wait::soon;
use camgate::testcam::Options;

/// What an answer says that does not depend on when it was given.
fn lasting(answer: &Answer) -> BTreeMap<String, String> {
    let text = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let mut headers: BTreeMap<_, _> = answer.headers.iter().map(text).collect();
    headers.remove("date");
    // Each request has its own.
    headers.remove("x-request-id");
    if headers.get("content-type").is_some_and(|kind| kind.contains("mpegurl")) {
        headers.remove("content-length");
    }
    headers
}

#[tokio::test]
async fn answers_are_those_of_http_1() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let player = Player::open(&gateway, "1").await;
    let segment = format!("/streams/1/{}", player.playlist.segments.last().unwrap().uri);
    let connection = Http2::with_prior_knowledge(&gateway).await;
    let origin = ("origin", "https://page.example");
    let preflight =
        [origin, ("access-control-request-method", "GET"), ("access-control-request-headers", "range")];
    let (get, head) = (Method::GET, Method::HEAD);
    for (method, path, headers, status) in [
        (&get, "/streams/1/stream.m3u8", &[origin][..], 200),
        (&get, "/streams/1/media.m3u8", &[("accept-encoding", "gzip")], 200),
        (&head, "/streams/1/media.m3u8", &[], 200),
        (&get, &segment, &[], 200),
        (&head, &segment, &[origin], 200),
        (&get, &segment, &[("range", "bytes=90-400")], 206),
        (&get, &segment, &[("range", "bytes=99999999-")], 416),
        (&Method::OPTIONS, &segment, &preflight, 200),
        (&get, "/streams/none/stream.m3u8", &[origin], 404),
        (&get, "/api/stream/start", &[], 400),
        (&Method::DELETE, "/api/streams", &[], 405),
    ] {
        let one = gateway.request(method.clone(), path, headers).await;
        let two = connection.request(method.clone(), path, headers).await;
        assert_eq!((one.status, two.status), (status, status), "{method} {path}: {two:?}");
        assert_eq!(lasting(&one), lasting(&two), "{method} {path}");
        if path == segment {
            assert!(one.body == two.body, "{method} {path}: other bytes");
        }
    }
}

#[tokio::test]
async fn a_hundred_requests_held_on_one_connection_are_all_answered_when_the_part_comes() {
    // A keyframe every two seconds: a whole segment is long enough to ask a hundred times.
    let camera = camera_with(Options::default()).await;
    let gateway = TestGateway::with(&[("HLS_SEGMENT_TIME", "2")]).await;
    gateway.started("1", &camera.url("/demo")).await;
    let player = Player::open(&gateway, "1").await;
    // The one after that which is open now.
    let wanted = player.playlist.segments.last().unwrap().media_sequence + 2;
    let path = format!("/streams/1/media.m3u8?_HLS_msn={wanted}");
    let connection = Http2::with_prior_knowledge(&gateway).await;
    let answered = std::sync::Arc::new(AtomicUsize::new(0));
    let held: Vec<_> = (0..100)
        .map(|_| {
            let (connection, path, answered) = (connection.clone(), path.clone(), answered.clone());
            tokio::spawn(async move {
                let answer = connection.get(&path).await;
                answered.fetch_add(1, Ordering::Relaxed);
                answer
            })
        })
        .collect();
    tokio::task::yield_now().await;
    // None waits for a place on the connection: one more is answered while all are held.
    assert_eq!(connection.get("/api/health").await.ok()["status"], "healthy");
    assert_eq!(answered.load(Ordering::Relaxed), 0, "they were to be held");
    for answer in held {
        let answer = soon("the segment", answer).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text().contains(&format!("/seg-{wanted}.")), "{}", answer.text());
    }
}

#[tokio::test]
async fn apples_player_gets_low_latency_over_http_2_alone() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let connection = Http2::with_prior_knowledge(&gateway).await;
    let (path, apple) = ("/streams/1/media.m3u8", [("user-agent", "AppleCoreMedia/1.0.0.21F90 (iPhone)")]);
    let one = gateway.get_with(path, &apple).await;
    let two = connection.request(Method::GET, path, &apple).await;
    assert!(!one.text().contains("EXT-X-PART-INF"), "{}", one.text());
    assert!(two.text().contains("EXT-X-PART-INF"), "{}", two.text());
}
