//! `camgate probe`: the tool for the camera that does not work, here on `camgate camera`.

use serde_json::Value;

use crate::common::probe::{is_close, report};
use crate::common::process::Camgate;

/// A simulated camera as a process of its own, and the address of its demo.
async fn camera(arguments: &[&str]) -> (Camgate, String) {
    let all = [&["camera", "--listen", "127.0.0.1:0"], arguments].concat();
    let process = Camgate::run(&all, &[]);
    let link = process.stdout_after("plays at ").await;
    (process, link)
}

async fn probe(link: &str, arguments: &[&str]) -> (bool, String, String) {
    let (status, stdout, stderr) = Camgate::run(&[&["probe", link], arguments].concat(), &[]).ended().await;
    (status.success(), stdout, stderr)
}

#[tokio::test]
async fn the_probe_tells_the_truth_of_the_demo_clip() {
    let (_camera, link) = camera(&["--user", "admin", "--password", "s3cret"]).await;
    let link = link.replace("rtsp://", "rtsp://admin:s3cret@");
    let report = report(&link).await;
    let video = &report["video"];
    assert_eq!((&video["width"], &video["height"]), (&1280.into(), &720.into()), "{report}");
    assert_eq!(video["codec"], "H.264");
    assert!(is_close(&video["claimed_frame_rate"], 25.0, 0.01), "{report}");
    assert!(video["bitrate_bps"].as_f64().is_some_and(|rate| (50e3..2e6).contains(&rate)), "{report}");
    assert!(report["first_keyframe_ms"].as_u64().is_some_and(|ms| ms < 3000), "{report}");
    assert_eq!(report["authentication"], serde_json::json!(["digest"]));
    assert_eq!(
        (&report["tracks"][0]["media"], &report["tracks"][0]["encoding"]),
        (&"video".into(), &"h264".into())
    );
    assert_eq!((&report["packets_lost"], &report["ended"]), (&0.into(), &Value::Null), "{report}");
    assert!(report["sdp"].as_str().unwrap().contains("m=video"), "{report}");
}

#[tokio::test]
async fn the_probe_tells_a_person_the_same_in_words() {
    let (_camera, link) = camera(&[]).await;
    let (success, stdout, stderr) = probe(&link, &["--seconds", "3"]).await;
    assert!(success, "{stderr}");
    for words in
        ["H.264", "1280x720", "frame rate", "keyframe interval", "authentication       none", "m=video"]
    {
        assert!(stdout.contains(words), "{words:?} is not in\n{stdout}");
    }
}

#[tokio::test]
async fn credentials_that_no_link_can_hold_are_given_apart() {
    let password = "p@ss/w#rd?";
    let (_camera, link) = camera(&["--user", "admin", "--password", password]).await;
    let as_flags = ["--user", "admin", "--password", password, "--seconds", "1"];
    let (success, stdout, stderr) = probe(&link, &as_flags).await;
    assert!(success && stdout.contains("1280x720"), "{stdout}{stderr}");
    let from_environment = ["probe", &link, "--user", "admin", "--seconds", "1"];
    let (status, stdout, stderr) =
        Camgate::run(&from_environment, &[("CAMERA_PASSWORD", password)]).ended().await;
    assert!(status.success() && stdout.contains("1280x720"), "{stdout}{stderr}");
}

#[tokio::test]
async fn the_probe_says_in_one_line_why_a_camera_does_not_play() {
    let (camera, link) = camera(&["--user", "admin", "--password", "s3cret", "--auth", "basic"]).await;
    let with = |userinfo: &str, path: &str| {
        link.replace("rtsp://", &format!("rtsp://{userinfo}")).replace("/demo", path)
    };
    for (link, words) in [
        (with("admin:wrong@", "/demo"), "refused the user name or password"),
        (with("", "/demo"), "asks for a user name"),
        (with("admin:s3cret@", "/status/404"), "404"),
        (with("admin:s3cret@", "/codec/mjpeg"), "MJPEG"),
        ("http://127.0.0.1/".into(), "rtsp://"),
    ] {
        let (success, _, stderr) = probe(&link, &[]).await;
        assert!(!success && stderr.lines().count() == 1 && stderr.contains(words), "{words}: {stderr}");
    }
    drop(camera.ended_by_sigterm().await);
    let (success, _, stderr) = probe(&link, &[]).await;
    assert!(!success && stderr.lines().count() == 1 && stderr.contains("cannot connect"), "{stderr}");
}

#[tokio::test]
async fn the_probe_says_that_a_camera_is_silent() {
    let (_camera, link) = camera(&[]).await;
    let silent = link.replace("/demo", "/silent");
    let (_, stdout, stderr) = probe(&silent, &["--json", "--seconds", "1"]).await;
    let report: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    assert!(report["ended"].as_str().is_some_and(|why| why.contains("no video")), "{report}");
    assert_eq!(report["first_keyframe_ms"], Value::Null);
}
