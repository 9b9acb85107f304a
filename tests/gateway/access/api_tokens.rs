//! Who may call the API.

use hyper::Method;
use hyper::header::AUTHORIZATION;

use crate::common::gateway::{TestGateway, camera};
use crate::common::http::{Answer, form};
use crate::common::player::Player;
use crate::common::process::Camgate;

const TOKEN: &str = "first-token-of-16";
const OTHER: &str = "second-token-of-16";

/// Everything below `/api` that is not everyone's.
const ROUTES: [(Method, &str); 4] = [
    (Method::GET, "/api/streams"),
    (Method::GET, "/api/stream/status?indicator_id=1"),
    (Method::POST, "/api/stream/stop"),
    (Method::GET, "/api/stream/start?indicator_id=1&rtsp_link=rtsp%3A%2F%2F127.0.0.1%3A9%2F"),
];

async fn ask(gateway: &TestGateway, headers: &[(&str, &str)]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (method, path) in ROUTES {
        answers.push(gateway.request(method, path, headers).await);
    }
    answers
}

#[tokio::test]
async fn with_tokens_set_each_of_them_opens_the_api_and_nothing_else_does() {
    let gateway = TestGateway::with(&[("API_TOKENS", &format!("{TOKEN},{OTHER}"))]).await;
    for token in [TOKEN, OTHER] {
        for scheme in ["Bearer", "bearer"] {
            let answers = ask(&gateway, &[(AUTHORIZATION.as_str(), &format!("{scheme} {token}"))]).await;
            assert!(answers.iter().all(|answer| answer.status != 401), "{answers:?}");
        }
    }
    let wrong =
        ["", "Bearer", "Bearer ", "Bearer wrong-token-of-16", "Basic Zmlyc3QtdG9rZW4tb2YtMTY6", TOKEN];
    for headers in
        wrong.iter().map(|value| vec![("authorization", *value)]).chain([vec![], vec![("cookie", TOKEN)]])
    {
        for answer in ask(&gateway, &headers).await {
            answer.problem(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"camgate\"");
        }
    }
    gateway.get(&format!("/api/streams?token={TOKEN}")).await.problem(401, "unauthorized");
    gateway.get("/api/health").await.ok();
}

#[tokio::test]
async fn a_start_by_get_works_with_the_token_and_players_need_none() {
    let (gateway, camera) = (TestGateway::with(&[("API_TOKENS", TOKEN)]).await, camera().await);
    let query = form(&[("indicator_id", "1"), ("rtsp_link", &camera.url("/demo"))]);
    let bearer = format!("Bearer {TOKEN}");
    let answer = gateway.get_with(&format!("/api/stream/start?{query}"), &[("authorization", &bearer)]).await;
    assert_eq!(answer.ok()["stream_path"], "/streams/1/stream.m3u8");
    Player::open(&gateway, "1").await.play(2).await;
}

#[tokio::test]
async fn without_tokens_strangers_are_refused_however_they_come() {
    let gateway = TestGateway::start().await;
    for near in [&[][..], &[("x-forwarded-for", "192.168.1.7")], &[("x-forwarded-for", "10.0.0.1, fd00::7")]]
    {
        assert_eq!(gateway.get_with("/api/streams", near).await.status, 200, "{near:?}");
    }
    for far in ["203.0.113.7", "10.0.0.1, 203.0.113.7", "203.0.113.7, 10.0.0.1", "junk", ""] {
        for answer in ask(&gateway, &[("x-forwarded-for", far)]).await {
            let problem = answer.problem(403, "api_not_public");
            assert!(problem["detail"].as_str().unwrap().contains("API_TOKENS"), "no way out: {problem}");
        }
    }
    // Proxies have other ways to tell for whom they ask.
    assert_eq!(gateway.get_with("/api/streams", &[("x-real-ip", "10.0.0.1")]).await.status, 200);
    for far in [("x-real-ip", "203.0.113.7"), ("forwarded", "for=203.0.113.7"), ("forwarded", "for=10.0.0.1")]
    {
        for answer in ask(&gateway, &[("x-forwarded-for", "10.0.0.1"), far]).await {
            answer.problem(403, "api_not_public");
        }
    }
    gateway.get_with("/api/health", &[("x-forwarded-for", "203.0.113.7")]).await.ok();
}

#[tokio::test]
async fn without_tokens_a_link_in_a_strangers_page_starts_nothing() {
    let gateway = TestGateway::start().await;
    for stranger in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://page.example"),
        ("origin", "null"),
        ("referer", "http://page.example/a?b"),
        ("referer", &format!("http://page.example/?http://{}", gateway.address)),
    ] {
        for answer in ask(&gateway, &[stranger]).await {
            answer.problem(403, "cross_site");
        }
    }
    let own = format!("http://{}", gateway.address);
    for near in [
        &[("sec-fetch-site", "same-origin"), ("origin", "https://behind-a-proxy.example")][..],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", &own), ("referer", &format!("{own}/player/1"))],
    ] {
        assert_eq!(gateway.get_with("/api/streams", near).await.status, 200, "{near:?}");
    }
}

#[tokio::test]
async fn a_start_without_tokens_says_once_who_may_call() {
    let (process, client) = Camgate::serve(&[]).await;
    client.get("/api/health").await.ok();
    client.get("/api/streams").await.ok();
    let (_, _, log) = process.ended_by_sigterm().await;
    assert_eq!(log.matches("API_TOKENS is not set").count(), 1, "{log}");
    let (process, _) = Camgate::serve(&[("API_TOKENS", TOKEN)]).await;
    let (_, _, log) = process.ended_by_sigterm().await;
    assert!(!log.contains("API_TOKENS") && log.contains("STREAM_SECRET is not set"), "{log}");
}

#[tokio::test]
async fn a_token_that_is_of_no_use_stops_the_start_and_is_not_shown() {
    for (name, value) in [
        ("API_TOKENS", "shorty77"),
        ("STREAM_SECRET", "shorty77"),
        ("API_TOKENS", "a-good-token-of-32,shorty77"),
    ] {
        let (status, _, log) = Camgate::run(&[], &[(name, value), ("PORT", "0")]).ended().await;
        assert!(!status.success());
        assert!(log.contains(name) && log.contains("characters") && !log.contains("shorty77"), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}
