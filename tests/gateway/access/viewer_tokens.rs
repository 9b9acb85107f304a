//! Who may watch, where `STREAM_SECRET` is set.

use camgate::access::{Claims, StreamSecrets};
use serde_json::json;

use crate::common::gateway::{TestGateway, camera};
use crate::common::playlist::{MediaPlaylist, assert_good};
use crate::common::wait::time_of_day;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn playing() -> TestGateway {
    let (gateway, camera) = (TestGateway::with(&[("STREAM_SECRET", SECRET)]).await, camera().await);
    gateway.start("1", &camera.url("/demo")).await.ok();
    gateway
}

fn token(change: impl FnOnce(&mut Claims)) -> String {
    let exp = time_of_day().as_secs() + 60;
    let mut claims = Claims { stream: "1".into(), exp, nbf: None, viewer: None, address: None };
    change(&mut claims);
    StreamSecrets::parse(SECRET).unwrap().sign(&claims).unwrap()
}

const PLAYLISTS: [&str; 2] = ["/streams/1/stream.m3u8", "/streams/1/media.m3u8"];

/// The path of each piece of media that a playlist lists.
fn media(playlist: &MediaPlaylist) -> Vec<String> {
    let segments = playlist.segments.iter();
    let listed = segments.flat_map(|segment| [Some(segment.uri.clone()), segment.map.clone()]).flatten();
    let parts =
        playlist.segments.iter().flat_map(|segment| segment.parts.iter().map(|part| part.uri.clone()));
    listed.chain(parts).map(|uri| format!("/streams/1/{uri}")).collect()
}

#[tokio::test]
async fn what_start_answers_plays_as_it_is_and_each_uri_of_its_playlists_does() {
    let (gateway, camera) = (TestGateway::with(&[("STREAM_SECRET", SECRET)]).await, camera().await);
    let fields =
        json!({ "indicator_id": 1, "rtsp_link": camera.url("/demo"), "expires_in": 120, "viewer": "u7" });
    let started = gateway.post_json("/api/stream/start", &fields).await.ok();
    let ends = started["expires_at"].as_u64().unwrap() - time_of_day().as_secs();
    assert!((118..=120).contains(&ends), "{started}");
    let path = started["stream_path"].as_str().unwrap();
    let multivariant = gateway.get(path).await;
    let variant = multivariant.text().lines().last().unwrap().to_owned();
    assert!(variant.starts_with("media.m3u8?token="), "{variant}");
    for query in ["", "&_HLS_skip=YES"] {
        let playlist = gateway.get(&format!("/streams/1/{variant}{query}")).await;
        let playlist = assert_good(playlist.text());
        let media = media(&playlist);
        assert!(media.len() >= 3 && media.iter().all(|path| path.contains("?token=")), "{media:?}");
        for path in media {
            let answer = gateway.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("cache-control"), "private, max-age=31536000, immutable");
        }
        let hint = format!("/streams/1/{}", playlist.hints[0].0);
        assert_eq!(gateway.get(&hint).await.status, 200, "{hint}");
    }
    let status = gateway.status("1").await;
    let listed = &gateway.get("/api/streams").await.ok()["streams"][0];
    for status in [&status, listed] {
        assert_eq!(gateway.get(status["stream_path"].as_str().unwrap()).await.status, 200, "{status}");
    }
}

#[tokio::test]
async fn a_token_is_taken_from_the_query_the_header_or_a_cookie() {
    let gateway = playing().await;
    let token = token(|_| ());
    for path in PLAYLISTS {
        assert_eq!(gateway.get(&format!("{path}?token={token}")).await.status, 200);
        for header in [
            ("authorization", format!("Bearer {token}")),
            ("cookie", format!("theme=dark; camgate_token={token}; a=b")),
        ] {
            let answer = gateway.get_with(path, &[(header.0, &header.1)]).await;
            assert_eq!(answer.status, 200, "{header:?}");
            assert!(!answer.text().contains("token="), "a header is sent again by itself");
        }
    }
}

#[tokio::test]
async fn playlists_and_media_are_closed_to_who_has_no_token_or_another() {
    let gateway = playing().await;
    let good = token(|_| ());
    let playlist = gateway.get(&format!("/streams/1/media.m3u8?token={good}")).await;
    let media = media(&assert_good(playlist.text()));
    let media = media.iter().map(|path| path.split('?').next().unwrap());
    let now = time_of_day().as_secs();
    for path in PLAYLISTS.into_iter().chain(media) {
        let ask = async |token: &str| gateway.get(&format!("{path}?token={token}")).await;
        gateway.get(path).await.problem(401, "token_missing");
        ask("junk").await.problem(401, "token_invalid");
        ask(&format!("{good}x")).await.problem(401, "token_invalid");
        let expired = ask(&token(|claims| claims.exp = now - 31)).await.problem(403, "token_expired");
        assert!(expired["detail"].as_str().unwrap().contains("ended 3"), "{expired}");
        assert_eq!(ask(&token(|claims| claims.exp = now - 20)).await.status, 200, "clocks differ");
        ask(&token(|claims| claims.stream = "2".into())).await.problem(403, "token_refused");
        ask(&token(|claims| claims.nbf = Some(now + 3600))).await.problem(403, "token_refused");
        ask(&token(|claims| claims.address = Some([192, 0, 2, 1].into())))
            .await
            .problem(403, "token_refused");
        assert_eq!(ask(&token(|claims| claims.address = Some([127, 0, 0, 1].into()))).await.status, 200);
    }
    let elsewhere = gateway.get("/streams/none/media.m3u8").await;
    elsewhere.problem(401, "token_missing");
}

#[tokio::test]
async fn a_token_for_an_address_holds_behind_a_proxy_that_is_trusted_and_no_stranger_can_claim_it() {
    let (camera, address) = (camera().await, Some([203, 0, 113, 7].into()));
    let token = token(|claims| claims.address = address);
    let path = format!("/streams/1/media.m3u8?token={token}");
    for (trusted, status) in [("127.0.0.0/8", 200), ("10.0.0.0/8", 403)] {
        let gateway = TestGateway::with(&[("STREAM_SECRET", SECRET), ("TRUSTED_PROXIES", trusted)]).await;
        gateway.start("1", &camera.url("/demo")).await.ok();
        let answer = gateway.get_with(&path, &[("x-forwarded-for", "203.0.113.7")]).await;
        assert_eq!(answer.status, status, "{trusted}");
    }
}

#[tokio::test]
async fn who_may_call_the_api_may_watch() {
    let api = "a-token-of-the-api";
    let gateway = TestGateway::with(&[("STREAM_SECRET", SECRET), ("API_TOKENS", api)]).await;
    let camera = camera().await;
    let bearer = format!("Bearer {api}");
    let fields = crate::common::http::form(&[("indicator_id", "1"), ("rtsp_link", &camera.url("/demo"))]);
    let start = format!("/api/stream/start?{fields}");
    gateway.get_with(&start, &[("authorization", &bearer)]).await.ok();
    assert_eq!(gateway.get_with(PLAYLISTS[1], &[("authorization", &bearer)]).await.status, 200);
    gateway.get(&format!("{}?token={api}", PLAYLISTS[1])).await.problem(401, "token_invalid");
}

#[tokio::test]
async fn whoever_has_one_token_takes_the_place_of_one_viewer_whatever_the_player_calls_itself() {
    let (camera, settings) = (camera().await, [("STREAM_SECRET", SECRET), ("MAX_STREAM_VIEWERS", "2")]);
    let gateway = TestGateway::with(&settings).await;
    gateway.start("1", &camera.url("/demo")).await.ok();
    let path = format!("{}?token={}", PLAYLISTS[1], token(|_| ()));
    for number in 0..4 {
        let (agent, network) = (format!("agent {number}"), format!("2001:db8::{number}"));
        let headers = [("user-agent", agent.as_str()), ("x-forwarded-for", &network)];
        assert_eq!(gateway.get_with(&path, &headers).await.status, 200, "{headers:?}");
    }
    let another = format!("{}?token={}", PLAYLISTS[1], token(|claims| claims.viewer = Some("u7".into())));
    assert_eq!(gateway.get(&another).await.status, 200);
    assert_eq!(gateway.status("1").await["viewers"], 2);
}
