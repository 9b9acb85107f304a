//! `X-Request-Id`: one name for a request in the answer, in its problem and in the log.

use hyper::Method;
use serde_json::Value;

use crate::common::gateway::{TestGateway, camera};
use crate::common::process::Camgate;

const NAME: &str = "x-request-id";

#[tokio::test]
async fn an_api_request_has_the_name_that_it_came_with_or_gets_one() {
    let gateway = TestGateway::start().await;
    let given = gateway.get_with("/api/streams", &[(NAME, "page-7.a_b")]).await;
    assert_eq!(given.header(NAME), "page-7.a_b");
    for headers in [&[][..], &[(NAME, "a b")], &[(NAME, "")], &[(NAME, "{\"forged\":1}")]] {
        let (first, second) = (
            gateway.get_with("/api/streams", headers).await,
            gateway.get_with("/api/streams", headers).await,
        );
        let (first, second) = (first.header(NAME), second.header(NAME));
        assert!(first.len() == 16 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
        assert_ne!(first, second);
    }
}

#[tokio::test]
async fn a_problem_tells_the_name_of_its_request() {
    let gateway = TestGateway::start().await;
    for path in
        ["/api/stream/status?indicator_id=1", "/api/stream/start", "/api/nothing", "/streams/1/stream.m3u8"]
    {
        let answer = gateway.get_with(path, &[(NAME, "seven")]).await;
        assert!(answer.status >= 400, "{answer:?}");
        assert_eq!(
            (&answer.json()["request_id"], answer.header(NAME)),
            (&Value::from("seven"), "seven"),
            "{path}"
        );
    }
    let unnamed = gateway.stop("1").await;
    assert_eq!(unnamed.json()["request_id"], unnamed.header(NAME));
}

#[tokio::test]
async fn media_requests_are_not_named_unless_the_client_does() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let plain = gateway.get("/streams/1/stream.m3u8").await;
    assert_eq!((plain.status, plain.headers.get(NAME)), (200, None));
    let named = gateway.get_with("/streams/1/stream.m3u8", &[(NAME, "mine")]).await;
    assert_eq!(named.header(NAME), "mine");
    let lost = gateway.get("/streams/2/stream.m3u8").await;
    assert_eq!(lost.problem(404, "stream_not_found").get("request_id"), None);
}

#[tokio::test]
async fn the_log_names_the_request_that_failed_whatever_else_is_logged() {
    let camera = camera().await;
    for level in ["info", "warn"] {
        let (process, client) = serve(level).await;
        let path = format!("/api/stream/start?indicator_id=1&rtsp_link={}", camera.url("/status/404"));
        client.get_with(&path, &[(NAME, "seven")]).await.problem(502, "camera_rejected");
        client.request(Method::POST, "/api/stream/stop", &[(NAME, "eight")]).await;
        let (_, _, log) = process.ended_by_sigterm().await;
        let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let named = |message: &str, id: &str| {
            lines.iter().any(|line| line["message"] == message && line["span"]["request_id"] == id)
        };
        assert!(named("start failed", "seven"), "{log}");
        assert_eq!(named("request failed", "eight"), level == "info", "{log}");
    }
}

/// A gateway that logs as JSON from `level` on.
async fn serve(level: &str) -> (Camgate, crate::common::http::Client) {
    // That it listens is told at `info`.
    let filter = format!("{level},camgate=info,camgate::stream={level},camgate::http={level}");
    Camgate::serve(&[("LOG_FORMAT", "json"), ("LOG_LEVEL", &filter)]).await
}
