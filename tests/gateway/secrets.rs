//! Passwords appear in no answer and no log line, however much is logged.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use camgate::testcam::{Access, Credentials, Options};
use serde_json::json;

use crate::common::gateway::{camera_with, counters, quick};
use crate::common::http::form;
use crate::common::player::Player;
use crate::common::process::Camgate;

/// The marks have to be encoded in a link, so that the plain and the encoded password differ.
const PASSWORD: &str = "Zq7-hunter2/#x";
const ENCODED: &str = "Zq7-hunter2%2F%23x";
const WRONG: &str = "Wr0ng-tiger9/#y";
const WRONG_ENCODED: &str = "Wr0ng-tiger9%2F%23y";

/// Whatever would give a password away.
fn telltales() -> Vec<String> {
    let mut all: Vec<String> = [PASSWORD, ENCODED, WRONG, WRONG_ENCODED, "hunter2", "tiger9"]
        .iter()
        .flat_map(|text| [(*text).to_owned(), text.to_lowercase()])
        .collect();
    for password in [PASSWORD, WRONG] {
        let pair = format!("admin:{password}");
        all.extend([STANDARD.encode(&pair), STANDARD_NO_PAD.encode(&pair)]);
    }
    all
}

async fn tells_nothing(access: fn(Credentials) -> Access, log_format: &str) {
    let credentials = Credentials { username: "admin".into(), password: PASSWORD.into() };
    let camera = camera_with(Options { access: access(credentials), ..quick() }).await;
    let settings =
        [("LOG_LEVEL", "trace,retina=trace,hyper=trace"), ("LOG_FORMAT", log_format), ("MAX_STREAMS", "3")];
    let (process, client) = Camgate::serve(&settings).await;
    let mut answers = Vec::new();

    let link =
        |userinfo: &str, path: &str| camera.url(path).replace("rtsp://", &format!("rtsp://{userinfo}@"));
    let good = link(&format!("admin:{ENCODED}"), "/demo");
    let wrong = link(&format!("admin:{WRONG_ENCODED}"), "/demo");
    let as_typed = link(&format!("admin:{PASSWORD}"), "/demo");
    for (id, link) in [("1", &good), ("1", &as_typed), ("2", &wrong), ("bad id", &good), ("1", &wrong)] {
        answers.push(client.start(id, link).await);
    }
    assert_eq!(answers[0].ok()["status"], "started");
    assert_eq!(answers[1].ok()["status"], "active");
    answers[2].problem(502, "camera_auth_failed");

    // Every kind of failure, with the password on board.
    let userinfo = format!("admin:{ENCODED}");
    for path in ["/status/404", "/codec/mjpeg", "/silent"] {
        answers.push(client.start("3", &link(&userinfo, path)).await);
    }
    for bad in [
        format!("rtsp://{userinfo}@no-such-camera.invalid/"),
        format!("rtsp://{userinfo}@127.0.0.1:99999/"),
        format!("rtsp://{userinfo}@"),
        format!("http://{userinfo}@127.0.0.1/"),
        format!("rtsp://{userinfo}@127.0.0.1:9/?user=admin&password={PASSWORD}"),
        format!("admin:{PASSWORD}@127.0.0.1"),
    ] {
        answers.push(client.start("4", &bad).await);
    }
    let fields = json!({ "indicator_id": 5, "rtsp_link": camera.url("/demo"),
                         "username": "admin", "password": PASSWORD });
    answers.push(client.post_json("/api/stream/start", &fields).await);
    assert!(answers.last().unwrap().status == 200, "{answers:?}");
    let body = form(&[("indicator_id", "5"), ("rtsp_link", "rtsp://h/"), ("password", PASSWORD)]);
    answers.push(client.post("/api/stream/start", "application/x-www-form-urlencoded", body).await);
    let broken = format!(r#"{{"indicator_id":5,"password":"{PASSWORD}","username":["#);
    answers.push(client.post("/api/stream/start", "application/json", broken).await);
    let mistyped = json!({ "indicator_id": [PASSWORD], "rtsp_link": { "link": good }, "password": PASSWORD });
    answers.push(client.post_json("/api/stream/start", &mistyped).await);
    let number = json!({ "indicator_id": 5, "rtsp_link": 7, "password": [PASSWORD] });
    answers.push(client.post_json("/api/stream/start", &number).await);

    let mut player = Player::open(&client, "1").await;
    player.play(2).await;
    camera.drop_all();
    counters(&camera, "the camera is connected to again", |now| now.sessions > 0).await;
    for id in ["1", "2", "3", "5"] {
        answers.push(client.get(&format!("/api/stream/status?indicator_id={id}")).await);
    }
    for path in ["/api/streams", "/api/health", "/streams/1/stream.m3u8", "/streams/1/media.m3u8"] {
        answers.push(client.get(path).await);
    }
    answers.push(client.stop("1").await);
    process.terminate().await;
    let (status, stdout, stderr) = process.ended().await;
    assert!(status.success());

    assert!(stderr.contains("start failed"), "the log does not tell of starts that failed");
    assert!(stderr.contains("TRACE") && stderr.contains("retina"), "too little is logged to say anything");
    for telltale in telltales() {
        for answer in &answers {
            let bytes = String::from_utf8_lossy(&answer.body);
            assert!(!bytes.contains(&telltale), "{telltale} in {bytes}");
            assert!(!format!("{:?}", answer.headers).contains(&telltale), "{telltale} in {answer:?}");
        }
        for line in stdout.lines().chain(stderr.lines()) {
            assert!(!line.contains(&telltale), "{telltale} in {line}");
        }
    }
}

#[tokio::test]
async fn no_answer_and_no_log_line_holds_the_password_of_a_digest_camera() {
    tells_nothing(Access::Digest, "text").await;
}

#[tokio::test]
async fn no_answer_and_no_log_line_holds_the_password_of_a_basic_camera() {
    tells_nothing(Access::Basic, "json").await;
}

#[tokio::test]
async fn probe_prints_no_password() {
    let credentials = Credentials { username: "admin".into(), password: PASSWORD.into() };
    let camera = camera_with(Options { access: Access::Basic(credentials), ..quick() }).await;
    for password in [ENCODED, WRONG_ENCODED] {
        let link = camera.url("/demo").replace("rtsp://", &format!("rtsp://admin:{password}@"));
        for format in [&["probe", &link, "--seconds", "1"][..], &["probe", &link, "--seconds", "1", "--json"]]
        {
            let (_, stdout, stderr) = Camgate::run(format, &[("LOG_LEVEL", "trace")]).ended().await;
            for telltale in telltales() {
                assert!(!stdout.contains(&telltale) && !stderr.contains(&telltale), "{stdout}{stderr}");
            }
        }
    }
}
