//! `camgate demo`: one command, and the URL that it prints plays.

use crate::common::http::Client;
use crate::common::player::Player;
use crate::common::process::Camgate;

#[tokio::test]
async fn the_demo_prints_urls_that_play() {
    let process = Camgate::run(&["demo"], &[("HOST", "127.0.0.1"), ("PORT", "0")]);
    let page = process.stdout_after("Open http://localhost").await;
    let playlist = process.stdout_after("curl http://localhost").await;
    let (address, path) = page.split_once('/').unwrap();
    let client = Client { address: format!("127.0.0.1{address}").parse().unwrap() };
    let html = client.get(&format!("/{path}")).await;
    assert_eq!((html.status, html.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(playlist, format!("{address}/streams/demo/stream.m3u8"));
    let mut player = Player::open(&client, "demo").await;
    player.play(3).await;
    player.assert_good().await;
    process.terminate().await;
    let (status, _, stderr) = process.ended().await;
    assert!(status.success(), "{stderr}");
}
