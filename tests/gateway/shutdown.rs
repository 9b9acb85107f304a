//! SIGTERM: cameras are told, clients are answered, and the process ends in time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::http::Client;
use crate::common::player::Player;
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon, within};

/// Five seconds, of which a slow reader alone has over two; and what a busy machine takes beside that.
const IN_TIME: Duration = Duration::from_secs(10);

#[tokio::test]
async fn sigterm_tears_every_session_down_and_ends_with_success() {
    let camera = camera().await;
    let (process, client) = Camgate::serve(&[]).await;
    for id in ["1", "2", "3"] {
        client.started(id, &camera.url(&format!("/{id}"))).await;
    }
    process.terminate().await;
    let (status, _, stderr) = within("the end", IN_TIME, process.ended()).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!((camera.teardowns(), camera.sessions()), (3, 0), "{stderr}");
}

/// Asks for `path` and reads nothing of the answer.
async fn never_reads(client: &Client, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(client.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", client.address);
    // Many answers, so that no buffer between the two takes them all.
    socket.write_all(request.repeat(400).as_bytes()).await.unwrap();
    socket.readable().await.unwrap();
    socket
}

#[tokio::test]
async fn neither_who_waits_nor_who_reads_slowly_holds_up_the_end() {
    let camera = camera().await;
    let (process, client) = Camgate::serve(&[]).await;
    client.started("1", &camera.url("/demo")).await;
    client.started("silent", &camera.url("/silent")).await;
    let mut player = Player::open(&client, "1").await;
    player.play(4).await;
    let segment = format!("/streams/1/{}", player.playlist.segments.last().unwrap().uri);
    let slow = never_reads(&client, &segment).await;
    // A connection that is kept alive between two requests.
    let idle = TcpStream::connect(client.address).await.unwrap();
    let request = Request::get("/streams/silent/stream.m3u8").body(Full::<Bytes>::default()).unwrap();
    let held = tokio::spawn(async move { client.open(request).await.into_parts() });
    let watched = async || (client.status("silent").await["viewers"] == 1).then_some(());
    soon("the request is held", answer(watched)).await;

    process.terminate().await;
    let (status, _, stderr) = within("the end", IN_TIME, process.ended()).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!((camera.teardowns(), camera.sessions()), (2, 0), "{stderr}");
    let (head, body) = held.await.unwrap();
    assert_eq!(head.status, 404, "{:?}", body.collect().await);
    drop((slow, idle));
}

#[tokio::test]
async fn a_start_that_is_under_way_does_not_hold_up_the_end() {
    let camera = camera().await;
    let (process, client) = Camgate::serve(&[]).await;
    let link = camera.url("/hang");
    let starting = tokio::spawn(async move { client.start("1", &link).await });
    counters(&camera, "the camera is being asked", |now| now.connections == 1).await;
    process.terminate().await;
    let (status, _, stderr) = within("the end", IN_TIME, process.ended()).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    let answer = starting.await.unwrap();
    assert!(matches!(answer.status, 409 | 503), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_gateway_within_another_process_lets_go_of_everything_too() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let client: Client = *gateway;
    gateway.shut_down().await;
    counters(&camera, "TEARDOWN", |now| now.teardowns == 1 && now.sessions == 0).await;
    assert!(TcpStream::connect(client.address).await.is_err(), "the port is free again");
}
