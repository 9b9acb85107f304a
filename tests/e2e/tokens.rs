//! The page where `API_TOKENS` and `STREAM_SECRET` are set, in Chromium.

use std::time::Duration;

use bytes::Bytes;
use camgate::access::{Claims, StreamSecrets};
use camgate::testcam::{Audio, AudioCodec, Control, Options};
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::chromium::{Watching, artifact, gateway_with};
use crate::common::gateway::{camera, camera_with, quick};
use crate::common::http::Client;
use crate::common::process::Camgate;
use crate::common::wait::time_of_day;

const API_TOKEN: &str = "a-token-of-the-backend-0123";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Chromium writes a line for each answer of these by itself.
const REFUSED: &str = "status of 40[13]";

/// Clocks may differ by so much: a token is believed so long after its end.
const SKEW: u64 = 30;

async fn protected() -> (Camgate, Client) {
    gateway_with(&[("API_TOKENS", API_TOKEN), ("STREAM_SECRET", SECRET)]).await
}

/// A stream that runs, as a backend starts it.
async fn playing() -> (Camgate, Client, Control) {
    let options = Options { audio: Some(Audio::new(AudioCodec::Aac)), ..quick() };
    let (camera, (process, client)) = (camera_with(options).await, protected().await);
    calls(&client, "start", &json!({ "indicator_id": "gate", "rtsp_link": camera.url("/demo") })).await;
    (process, client, camera)
}

/// Calls the API as a backend does.
async fn calls(client: &Client, what: &str, fields: &Value) {
    let request = Request::post(format!("/api/stream/{what}"))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {API_TOKEN}"));
    client.send(request.body(Full::new(Bytes::from(fields.to_string()))).unwrap()).await.ok();
}

/// A token for the stream that is refused so many seconds from now on.
fn token(seconds: i64) -> String {
    let exp = (time_of_day().as_secs() - SKEW).checked_add_signed(seconds).unwrap();
    let claims = Claims { stream: "gate".into(), exp, nbf: None, viewer: None, address: None };
    StreamSecrets::parse(SECRET).unwrap().sign(&claims).unwrap()
}

fn address(seen: &Value) -> &str {
    seen["address"].as_str().unwrap()
}

async fn screenshots(page: &mut Watching, name: &str) {
    for (width, height) in [(1280, 900), (390, 844)] {
        for scheme in ["light", "dark"] {
            page.does(&format!("size {width} {height}")).await;
            page.does(&format!("scheme {scheme}")).await;
            page.does(&format!("screenshot {}", artifact(&format!("{name}-{scheme}-{width}.png")))).await;
        }
    }
    page.does("size 1280 900").await;
    page.does("scheme light").await;
}

#[tokio::test]
async fn a_person_with_a_token_starts_a_stream_and_watches_it_and_no_address_holds_a_token() {
    let (camera, (_process, client)) = (camera().await, protected().await);
    let root = format!("http://{}/", client.address);
    let mut page = Watching::open_address(REFUSED, &root, "token-form.png");
    page.does("says The gateway wants a token").await;
    page.does("hides Start a stream").await;
    page.does("hides No streams are running").await;
    screenshots(&mut page, "token-wanted").await;
    page.does("fill Token=a-token-of-nobody-0123456").await;
    page.does("key Enter").await;
    page.does("says does not know this token").await;
    page.does("forgets a-token-of-nobody").await;
    screenshots(&mut page, "token-unknown").await;
    page.does(&format!("fill Token={API_TOKEN}")).await;
    page.does("tick Remember in this tab").await;
    page.does("press Use token").await;
    page.does("says No streams are running").await;
    page.does("hides The gateway wants a token").await;
    page.does(&format!("keeps {API_TOKEN}")).await;
    page.does("fill Stream id=gate").await;
    page.does(&format!("fill RTSP link={}", camera.url("/demo"))).await;
    page.does("press Start stream").await;
    let started = page.does("live gate").await;
    assert_eq!(address(&started), root);
    screenshots(&mut page, "token-streams").await;
    page.does("watch gate").await;
    page.does("picture").await;
    let seen = page.does("play 3").await;
    assert_eq!(address(&seen), format!("{root}player/gate"));
    // The details come by the API's token.
    page.does("camera live").await;
    screenshots(&mut page, "token-player").await;
    page.does("reload").await;
    page.does("picture").await;
    assert_eq!(address(&page.does("play 2").await), format!("{root}player/gate"));
    // Without a token for the stream, or with one that has ended, the API hands out another.
    page.does(&format!("open /player/gate?token={}", token(-5))).await;
    page.does("picture").await;
    page.does("play 2").await;
    page.does("open /").await;
    page.does("press Forget token").await;
    page.does("says The gateway wants a token").await;
    page.does(&format!("forgets {API_TOKEN}")).await;
    page.does("quiet 5").await;
    page.closes().await;
}

#[tokio::test]
async fn a_token_that_is_not_to_be_remembered_is_gone_with_the_page() {
    let (_process, client, _camera) = playing().await;
    let mut page = Watching::open_address(REFUSED, &format!("http://{}/", client.address), "token-once.png");
    page.does(&format!("fill Token={API_TOKEN}")).await;
    page.does("press Use token").await;
    page.does("live gate").await;
    page.does(&format!("forgets {API_TOKEN}")).await;
    page.does("reload").await;
    page.does("says The gateway wants a token").await;
    page.closes().await;
}

#[tokio::test]
async fn where_the_api_wants_no_token_the_player_has_the_details_beside_a_streams_token() {
    let (camera, (_process, client)) = (camera().await, gateway_with(&[("STREAM_SECRET", SECRET)]).await);
    client.start("gate", &camera.url("/demo")).await.ok();
    let mut page = Watching::open_address("^$", &format!("http://{}/", client.address), "token-near.png");
    page.does("live gate").await;
    page.does("hides Forget token").await;
    page.does("watch gate").await;
    page.does("picture").await;
    let seen = page.does("camera live").await;
    assert!(!address(&seen).contains("token"), "{seen}");
    page.closes().await;
}

#[tokio::test]
async fn a_viewer_with_a_link_watches_and_asks_nothing_else() {
    let (_process, client, _camera) = playing().await;
    for (query, name) in [("", "link"), ("&native=1", "link-native")] {
        let link = format!("gate?token={}{query}", token(300));
        let mut page = Watching::open(&client, &link, &format!("token-{name}.png"));
        page.does("picture").await;
        page.does("play 3").await;
        page.does("hides Viewers").await;
        // The player finds that there is sound, not the API.
        page.does("offered").await;
        screenshots(&mut page, &format!("token-{name}")).await;
        page.does("reload").await;
        page.does("picture").await;
        let seen = page.does("play 2").await;
        assert_eq!(seen["fetched"]["api"], 0, "{seen}");
        assert!(!address(&seen).contains("token"), "{seen}");
        page.closes().await;
    }
}

#[tokio::test]
async fn a_viewer_is_told_when_the_time_of_the_link_has_ended_and_the_page_asks_no_more() {
    let (_process, client, _camera) = playing().await;
    let mut page = Watching::open_allowing(REFUSED, &client, "gate", "token-ended.png");
    page.does("says This stream wants a token").await;
    // Its time begins when the browser runs, however long that took.
    page.does(&format!("open /player/gate?token={}", token(15))).await;
    page.does("picture").await;
    page.does("says The time of this link has ended").await;
    screenshots(&mut page, "token-ended").await;
    page.does("quiet 5").await;
    page.does("press Try again").await;
    page.does("says The time of this link has ended").await;
    page.closes().await;
}

#[tokio::test]
async fn a_viewer_without_a_link_is_told_that_one_is_wanted() {
    let (_process, client, _camera) = playing().await;
    let mut page = Watching::open_allowing(REFUSED, &client, "gate", "token-missing.png");
    page.does("says This stream wants a token").await;
    page.does("hides Try again").await;
    screenshots(&mut page, "token-missing").await;
    page.does("quiet 5").await;
    page.closes().await;
}

/// A page of someone else's, with the player in a frame that fills it. `localhost` is another site than `127.0.0.1`.
async fn host(source: String) -> String {
    let html = format!(
        "<!doctype html><link rel=icon href=data:,><style>html,body{{margin:0;height:100%;background:#fff}}iframe{{display:block;border:0;width:100%;height:100%}}</style>\
         <iframe src=\"{source}\" title=\"gate\" allow=\"fullscreen\"></iframe>"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{html}",
        html.len()
    );
    // Ends with the test.
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            // One page is all there is, whatever is asked; a browser that connects for later asks nothing.
            if matches!(socket.read(&mut [0; 4096]).await, Ok(1..)) {
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
    });
    format!("http://localhost:{port}/")
}

#[tokio::test]
async fn the_player_fills_a_frame_in_a_page_of_another_site() {
    let (_process, client, _camera) = playing().await;
    let link = |token: String| format!("http://{}/player/gate?token={token}&embed=1", client.address);
    let outer = host(link(token(300))).await;
    let mut page = Watching::open_address("404", &outer, "embed.png");
    page.does("size 1280 720").await;
    page.does("frame").await;
    page.does("picture").await;
    page.does("play 3").await;
    for text in ["All streams", "behind live", "Dropped frames", "camgate"] {
        page.does(&format!("hides {text}")).await;
    }
    for (width, height) in [(1280, 720), (320, 180)] {
        page.does(&format!("size {width} {height}")).await;
        let seen = page.does(&format!("screenshot {}", artifact(&format!("embed-{width}.png")))).await;
        assert_eq!(seen["shown"], json!({ "width": width, "height": height }), "{seen}");
        assert_eq!(seen["fetched"]["api"], 0, "{seen}");
    }
    page.does("sound").await;
    page.does("play 2").await;
    calls(&client, "stop", &json!({ "indicator_id": "gate" })).await;
    page.does("says This stream is not running").await;
    page.does("hides All streams").await;
    for (width, height) in [(1280, 720), (320, 180)] {
        page.does(&format!("size {width} {height}")).await;
        page.does(&format!("screenshot {}", artifact(&format!("embed-stopped-{width}.png")))).await;
    }
    page.does("quiet 5").await;
    page.closes().await;

    let outer = host(link(token(-5))).await;
    let mut page = Watching::open_address(REFUSED, &outer, "embed-ended.png");
    page.does("frame").await;
    page.does("says The time of this link has ended").await;
    page.does("hides All streams").await;
    for (width, height) in [(1280, 720), (320, 180)] {
        page.does(&format!("size {width} {height}")).await;
        page.does(&format!("screenshot {}", artifact(&format!("embed-ended-{width}.png")))).await;
    }
    page.closes().await;
}

#[tokio::test]
async fn a_viewer_too_many_is_told_when_the_page_asks_again() {
    let (camera, (_process, client)) = (camera().await, gateway_with(&[("MAX_STREAM_VIEWERS", "1")]).await);
    client.started("gate", &camera.url("/demo")).await;
    assert_eq!(client.get("/streams/gate/stream.m3u8").await.status, 200);
    // Who watches goes on, else the place would be free by the time a slow browser runs. Ends with the test.
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(3));
        loop {
            ticks.tick().await;
            client.get("/streams/gate/stream.m3u8").await;
        }
    });
    let mut page = Watching::open_allowing("503", &client, "gate", "too-many-viewers.png");
    // Retry-After, and not the page's own second.
    page.does("says Trying again in 10 s").await;
    page.closes().await;
}
