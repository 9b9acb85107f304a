//! Every error of the API: its status, its code, words that help, and nothing left behind.

use std::time::Duration;

use camgate::testcam::{Access, Control, Credentials, Options};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::common::gateway::{TestGateway, camera, camera_with, counters, quick};
use crate::common::http::form;

const START: &str = "/api/stream/start";

/// The problem's text, in which a person has to find `words`.
#[track_caller]
fn says(problem: &Value, words: &[&str]) {
    let detail = problem["detail"].as_str().unwrap();
    for word in words {
        assert!(detail.contains(word), "{word:?} is not in {detail:?}");
    }
}

async fn nothing_is_left(gateway: &TestGateway, camera: &Control) {
    assert_eq!(gateway.stream_count().await, 0);
    assert_eq!(gateway.get("/api/health").await.ok()["active_streams"], 0);
    counters(camera, "every connection closed", |now| now.connections == 0).await;
}

#[tokio::test]
async fn a_bad_field_is_named_with_what_is_wrong_with_it() {
    let gateway = TestGateway::start().await;
    let good = "rtsp://127.0.0.1:9/demo";
    let long = "x".repeat(65);
    let bad_ids = ["", "a/b", "../x", "..", ".", "a b", "a%b", "ü", "a\0", &long];
    let mut cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![("rtsp_link", good)], "indicator_id"),
        (vec![("indicator_id", "1")], "rtsp_link"),
        (vec![("indicator_id", "1"), ("rtsp_link", "")], "rtsp_link"),
        (vec![("indicator_id", "1"), ("rtsp_link", "http://10.0.0.7/")], "rtsp_link"),
        (vec![("indicator_id", "1"), ("rtsp_link", "rtsp:///demo")], "rtsp_link"),
        (vec![("indicator_id", "1"), ("rtsp_link", "rtsp://10.0.0.7:99999/demo")], "rtsp_link"),
        (vec![("indicator_id", "1"), ("rtsp_link", "rtsp://10.0.0.7/\r\nSETUP")], "rtsp_link"),
        (vec![("indicator_id", "1"), ("rtsp_link", good), ("password", "p")], "username"),
    ];
    cases.extend(bad_ids.iter().map(|id| (vec![("indicator_id", *id), ("rtsp_link", good)], "indicator_id")));
    for (fields, field) in cases {
        let object: serde_json::Map<_, _> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        for answer in [
            gateway.get(&format!("{START}?{}", form(&fields))).await,
            gateway.post(START, "application/x-www-form-urlencoded", form(&fields)).await,
            gateway.post_json(START, &Value::Object(object)).await,
        ] {
            let problem = answer.problem(400, "invalid_request");
            assert_eq!(problem["field"], field, "{fields:?}");
            says(&problem, &[field]);
        }
    }
    assert_eq!(gateway.stream_count().await, 0);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_bad_request_too() {
    let gateway = TestGateway::start().await;
    let huge = format!("{{\"indicator_id\":\"{}\"}}", "x".repeat(100_000));
    for (content_type, body) in [
        ("application/json", "{"),
        ("application/json", "[1]"),
        ("application/json", r#"{"indicator_id":{},"rtsp_link":"rtsp://h/"}"#),
        ("text/plain", r#"{"indicator_id":1,"rtsp_link":"rtsp://h/"}"#),
        ("application/json", huge.as_str()),
    ] {
        gateway.post(START, content_type, body.to_owned()).await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_link_that_was_cut_at_its_ampersand_is_refused_and_one_that_was_not_is_taken() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let link = camera.url("/cam?channel=1&subtype=1");
    let cut = gateway.get(&format!("{START}?indicator_id=1&rtsp_link={link}")).await;
    let problem = cut.problem(400, "invalid_request");
    assert_eq!(problem["field"], "rtsp_link");
    says(&problem, &["%26"]);
    let whole = link.replace('&', "%26");
    gateway.get(&format!("{START}?indicator_id=1&rtsp_link={whole}")).await.ok();
    let fields = json!({ "indicator_id": 1, "rtsp_link": link, "note": "extra fields of JSON do no harm" });
    assert_eq!(gateway.post_json(START, &fields).await.ok()["status"], "active");
}

#[tokio::test]
async fn a_password_of_a_wrong_type_is_refused_without_being_repeated() {
    let gateway = TestGateway::start().await;
    for password in [json!(-987_654), json!(987_654.5), json!([987_654]), json!({ "is": "987654" })] {
        let fields =
            json!({ "indicator_id": 1, "rtsp_link": "rtsp://h/", "username": "u", "password": password });
        let problem = gateway.post_json(START, &fields).await.problem(400, "invalid_request");
        says(&problem, &["password", "text or a whole number"]);
        assert!(!problem.to_string().contains("987654"), "{problem}");
    }
}

#[tokio::test]
async fn a_password_of_digits_may_come_as_a_number() {
    let access = Access::Digest(Credentials { username: "admin".into(), password: "987654".into() });
    let (camera, gateway) = (camera_with(Options { access, ..quick() }).await, TestGateway::start().await);
    let link = camera.url("/demo");
    let fields = json!({ "indicator_id": 1, "rtsp_link": link, "username": "admin", "password": 987_654 });
    assert_eq!(gateway.post_json(START, &fields).await.ok()["status"], "started");
}

#[tokio::test]
async fn a_path_that_is_not_text_is_a_bad_request_too() {
    let gateway = TestGateway::start().await;
    for path in ["/streams/%ff/stream.m3u8", "/streams/%ff/media.m3u8", "/streams/1/%ff/seg-1.m4s"] {
        gateway.get(path).await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn the_same_rules_hold_for_ids_of_stop_and_status() {
    let gateway = TestGateway::start().await;
    gateway.stop("a/b").await.problem(400, "invalid_request");
    gateway.post_json("/api/stream/stop", &json!({})).await.problem(400, "invalid_request");
    gateway.get("/api/stream/status").await.problem(400, "invalid_request");
    gateway.get("/api/stream/status?indicator_id=..").await.problem(400, "invalid_request");
    gateway.get("/api/stream/status?indicator_id=1").await.problem(404, "stream_not_found");
}

#[tokio::test]
async fn a_codec_that_camgate_does_not_carry_is_named() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    for (path, name) in [("/codec/mjpeg", "MJPEG"), ("/codec/vp8", "VP8")] {
        let problem = gateway.start("1", &camera.url(path)).await.problem(422, "unsupported_codec");
        says(&problem, &[name, "H.264"]);
    }
    nothing_is_left(&gateway, &camera).await;
}

#[tokio::test]
async fn a_camera_that_is_not_there_is_unreachable() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    camera.pause().await.unwrap();
    let closed_port = gateway.start("1", &camera.url("/demo")).await.problem(502, "camera_unreachable");
    says(&closed_port, &[&camera.local_addr().to_string(), "refused"]);
    let no_host =
        gateway.start("2", "rtsp://no-such-camera.invalid/demo").await.problem(502, "camera_unreachable");
    says(&no_host, &["no-such-camera.invalid"]);
    nothing_is_left(&gateway, &camera).await;
}

#[tokio::test]
async fn wrong_and_missing_credentials_are_told_apart() {
    let gateway = TestGateway::start().await;
    let credentials = Credentials { username: "admin".into(), password: "right".into() };
    for access in [Access::Digest(credentials.clone()), Access::Basic(credentials)] {
        let camera = camera_with(Options { access, ..quick() }).await;
        let missing = gateway.start("1", &camera.url("/demo")).await.problem(502, "camera_auth_failed");
        says(&missing, &["asks for", "password"]);
        let link = camera.url("/demo").replace("rtsp://", "rtsp://admin:wr0ng@");
        let wrong = gateway.start("1", &link).await.problem(502, "camera_auth_failed");
        says(&wrong, &["refused", "password"]);
        nothing_is_left(&gateway, &camera).await;
        assert_eq!(camera.total_sessions(), 0);
    }
}

#[tokio::test]
async fn a_refusal_tells_the_status_that_the_camera_gave() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    for (status, hint) in [(404, "path"), (453, "bandwidth"), (403, "forbidden"), (500, "500")] {
        let answer = gateway.start("1", &camera.url(&format!("/status/{status}"))).await;
        let problem = answer.problem(502, "camera_rejected");
        assert_eq!(problem["rtsp_status"], status);
        says(&problem, &[&status.to_string(), hint]);
    }
    nothing_is_left(&gateway, &camera).await;
}

#[tokio::test]
async fn a_camera_that_does_not_answer_is_given_up_when_the_time_is_over() {
    let (camera, gateway) = (camera().await, TestGateway::with(&[("START_TIMEOUT_SECONDS", "1")]).await);
    let began = tokio::time::Instant::now();
    let problem = gateway.start("1", &camera.url("/hang")).await.problem(504, "camera_timeout");
    assert!(began.elapsed() >= Duration::from_secs(1));
    says(&problem, &["DESCRIBE", "1 s"]);
    nothing_is_left(&gateway, &camera).await;
}

#[tokio::test]
async fn ten_starts_that_fail_together_are_one_connection_and_ten_equal_answers() {
    let (camera, gateway) = (camera().await, TestGateway::with(&[("START_TIMEOUT_SECONDS", "3")]).await);
    let link = camera.url("/hang");
    let answers = join_all((0..10).map(|_| gateway.start("1", &link))).await;
    for answer in &answers {
        answer.problem(504, "camera_timeout");
        assert_eq!(answer.unnamed(), answers[0].unnamed());
    }
    assert_eq!(camera.counters().total_connections, 1);
    nothing_is_left(&gateway, &camera).await;
}

#[tokio::test]
async fn one_stream_above_the_limit_is_refused_until_another_ends() {
    let (camera, gateway) = (camera().await, TestGateway::with(&[("MAX_STREAMS", "2")]).await);
    gateway.started("1", &camera.url("/one")).await;
    gateway.started("2", &camera.url("/two")).await;
    let answer = gateway.start("3", &camera.url("/three")).await;
    says(&answer.problem(503, "too_many_streams"), &["2", "MAX_STREAMS"]);
    assert_eq!(gateway.started("2", &camera.url("/two")).await, "active", "what runs is not refused");
    assert_eq!(camera.total_sessions(), 2);
    gateway.stop("1").await.ok();
    assert_eq!(gateway.started("3", &camera.url("/three")).await, "started");
}

#[tokio::test]
async fn an_id_whose_start_failed_starts_well_with_a_good_link() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.start("1", &camera.url("/status/404")).await.problem(502, "camera_rejected");
    gateway.get("/streams/1/stream.m3u8").await.problem(404, "stream_not_found");
    assert_eq!(gateway.started("1", &camera.url("/demo")).await, "started");
}
