//! Limits: what is above them is told when to come again, and who was there before goes on.

use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::gateway::{TestGateway, camera};
use crate::common::http::{Answer, Client};
use crate::common::player::Player;
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon};

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap()
}

async fn watch(client: &Client, id: &str, agent: &str) -> Answer {
    client.get_with(&format!("/streams/{id}/media.m3u8"), &[("user-agent", agent)]).await
}

#[tokio::test]
async fn a_stream_has_so_many_viewers_and_one_more_is_told_to_come_again() {
    let (gateway, camera) = (TestGateway::with(&[("MAX_STREAM_VIEWERS", "2")]).await, camera().await);
    gateway.started("1", &camera.url("/demo")).await;
    for agent in ["a", "b"] {
        assert_eq!(watch(&gateway, "1", agent).await.status, 200);
    }
    let refused = watch(&gateway, "1", "c").await;
    refused.problem(503, "too_many_viewers");
    assert!(retry_after(&refused) > 0);
    assert_eq!(watch(&gateway, "1", "a").await.status, 200, "who watches goes on");
}

#[tokio::test]
async fn all_streams_together_have_so_many_viewers() {
    let (gateway, camera) = (TestGateway::with(&[("MAX_VIEWERS", "2")]).await, camera().await);
    for id in ["1", "2"] {
        gateway.started(id, &camera.url("/demo")).await;
        assert_eq!(watch(&gateway, id, "a").await.status, 200);
    }
    watch(&gateway, "2", "b").await.problem(503, "too_many_viewers");
    gateway.stop("1").await.ok();
    assert_eq!(watch(&gateway, "2", "b").await.status, 200, "a stream that ends makes room");
}

#[tokio::test]
async fn one_caller_starts_so_many_a_minute() {
    let (gateway, camera) = (TestGateway::with(&[("STARTS_PER_MINUTE", "3")]).await, camera().await);
    for _ in 0..3 {
        gateway.start("1", &camera.url("/demo")).await.ok();
    }
    let refused = gateway.start("1", &camera.url("/demo")).await;
    refused.problem(429, "too_many_starts");
    assert!((1..=21).contains(&retry_after(&refused)), "{refused:?}");
    gateway.status("1").await;
    // Another caller, as the proxy in front tells.
    let other = [("x-forwarded-for", "10.0.0.9")];
    let bad = gateway.get_with("/api/stream/start?indicator_id=1", &other).await;
    bad.problem(400, "invalid_request");
}

#[tokio::test]
async fn streams_above_the_limit_are_refused_with_when_to_come_again() {
    let (gateway, camera) = (TestGateway::with(&[("MAX_STREAMS", "1")]).await, camera().await);
    gateway.started("1", &camera.url("/demo")).await;
    let refused = gateway.start("2", &camera.url("/demo")).await;
    refused.problem(503, "too_many_streams");
    assert!(retry_after(&refused) > 0);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let gateway = TestGateway::with(&[("MAX_REQUEST_BYTES", "2048")]).await;
    let body = format!(r#"{{"indicator_id":"1","rtsp_link":"{}"}}"#, "x".repeat(2048));
    for content_type in ["application/json", "application/x-www-form-urlencoded"] {
        let answer = gateway.post("/api/stream/start", content_type, body.clone()).await;
        answer.problem(400, "invalid_request");
    }
    gateway.get("/api/health").await.ok();
}

/// Reads what the server says until it closes.
async fn last_words(mut socket: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end as well.
    let _ = soon("the end of a connection", socket.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_head_without_end_is_cut() {
    let gateway = TestGateway::start().await;
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    let _ = socket.write_all(&vec![b'x'; 1 << 20]).await;
    let words = last_words(socket).await;
    assert!(words.is_empty() || words.starts_with("HTTP/1.1 431"), "{words}");
    gateway.get("/api/health").await.ok();
}

#[tokio::test]
async fn a_connection_above_the_limit_is_sent_away_and_the_others_go_on() {
    let (process, client) = Camgate::serve(&[("MAX_CONNECTIONS", "16")]).await;
    let mut busy = Vec::new();
    for _ in 0..16 {
        let mut socket = TcpStream::connect(client.address).await.unwrap();
        socket.write_all(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut begin = [0; 12];
        soon("an answer", socket.read_exact(&mut begin)).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        busy.push(socket);
    }
    // Whoever asks at once, as all do, reads the answer each time, and is not reset.
    for _ in 0..40 {
        let (mut socket, mut words) = (TcpStream::connect(client.address).await.unwrap(), String::new());
        socket.write_all(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        soon("the end of a connection", socket.read_to_string(&mut words)).await.unwrap();
        assert!(words.starts_with("HTTP/1.1 503") && words.contains("Retry-After: "), "{words}");
    }
    let words = last_words(TcpStream::connect(client.address).await.unwrap()).await;
    assert!(words.starts_with("HTTP/1.1 503"), "{words}");
    busy.truncate(8);
    // Whoever is sent away before it has asked is not always told why.
    let room = async || client.try_get("/api/health").await.filter(|answer| answer.status == 200);
    soon("room for another", answer(room)).await;
    let log = process.log();
    assert_eq!(log.matches("MAX_CONNECTIONS").count(), 1, "{log}");
}

#[tokio::test]
async fn one_address_that_is_no_proxy_has_so_many_connections() {
    let settings = [("MAX_ADDRESS_CONNECTIONS", "3"), ("TRUSTED_PROXIES", "10.0.0.0/8")];
    let gateway = TestGateway::with(&settings).await;
    let connect = async || TcpStream::connect(gateway.address).await.unwrap();
    let kept = [connect().await, connect().await, connect().await];
    assert!(last_words(connect().await).await.starts_with("HTTP/1.1 503"));
    drop(kept);
}

/// 2,000 connections that send a byte now and then, against a server of 1,000.
#[tokio::test]
async fn a_slow_loris_of_2000_connections_stops_no_viewer() {
    let camera = camera().await;
    let (_process, client) = Camgate::serve(&[("MAX_CONNECTIONS", "1000")]).await;
    client.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&client, "1").await;
    let crowd = async {
        let open = |at: usize| async move {
            // It may be sent away meanwhile: that is what is hoped for.
            let mut socket = TcpStream::connect(client.address).await.ok()?;
            let head = [
                &b""[..],
                b"G",
                b"GET / HTTP/1.1\r\nX: ",
                b"POST /api/stream/start HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
            ];
            socket.write_all(head[at % 4]).await.ok()?;
            Some(socket)
        };
        let mut sockets = Vec::new();
        for hundred in 0..20 {
            sockets.extend(join_all((0..100).map(|at| open(hundred * 100 + at))).await);
        }
        sockets
    };
    let sockets = soon("2,000 connections", crowd).await;
    assert!(sockets.iter().flatten().count() > 1500, "the crowd did not come");
    // Who of it is above the limit is being sent away, and has a place until then: viewers wait for no longer than that.
    let mut in_a_row = 0;
    let room = async || {
        let answered = client.try_get("/api/health").await.is_some_and(|answer| answer.status == 200);
        in_a_row = if answered { in_a_row + 1 } else { 0 };
        (in_a_row == 3).then_some(())
    };
    soon("room for viewers", answer(room)).await;
    player.play(3).await;
    client.status("1").await;
    assert_eq!(watch(&client, "1", "another").await.status, 200);
    drop(sockets);
}

#[tokio::test]
async fn whoever_makes_up_names_of_players_is_a_bounded_number_of_viewers() {
    let (gateway, camera) = (TestGateway::start().await, camera().await);
    gateway.started("1", &camera.url("/demo")).await;
    for number in 0..1000 {
        assert_eq!(watch(&gateway, "1", &format!("made-up/{number}")).await.status, 200);
    }
    let viewers = gateway.status("1").await["viewers"].as_u64().unwrap();
    assert!((128..=256).contains(&viewers), "{viewers}");
}
