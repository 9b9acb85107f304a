//! The Laravel package (`integrations/laravel`) against the real program and simulated cameras: its own tests, by PHPUnit,
//! with Debian's Laravel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a test's failure"
)]

#[allow(dead_code, reason = "shared with the tests of the page")]
mod chromium;
#[path = "../common/mod.rs"]
mod common;

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use camgate::testcam::{Access, Control, Credentials, Options};
use tokio::process::Command;

use chromium::{artifact, driver};
use common::gateway::{camera, camera_with, quick};
use common::http::Client;
use common::process::Camgate;
use common::wait::{answer, within};

const API_TOKEN: &str = "a-token-for-the-tests-of-laravel";
const SECRET: &str = "a-secret-that-gateway-and-laravel-share";
const PASSWORD: &str = "p@ss/w#rd: ^";

/// On two cores that others use as well all of its tests take a quarter of this.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(120);

/// Longer than a camera on loopback needs, and short enough to wait for one that hangs.
const QUICK_START: (&str, &str) = ("START_TIMEOUT_SECONDS", "3");

async fn gateway(settings: &[(&str, &str)]) -> (Camgate, Client) {
    let settings: Vec<_> = [QUICK_START].iter().chain(settings).copied().collect();
    Camgate::serve(&settings).await
}

/// Runs PHPUnit with what `filter` names; its tests have to pass, and there has to be one.
async fn phpunit(filter: &str, client: &Client, camera: &Control, environment: &[(&str, &str)]) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations/laravel");
    let locked = quick_locked().await;
    let mut command = Command::new("phpunit");
    command
        .args(["--fail-on-skipped", "--filter", filter])
        .current_dir(package)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command.env("CAMGATE_URL", format!("http://{}", client.address));
    command.env("TEST_CAMERA", camera.url("")).env("TEST_LOCKED_CAMERA", locked.url(""));
    command.env("TEST_LOCKED_PASSWORD", PASSWORD).envs(environment.iter().copied());
    let run = within("PHPUnit", LONGEST, command.output()).await;
    let run = run.expect("phpunit is missing: run 'make setup'");
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && output.contains("\nOK ("),
        "{output}{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

async fn quick_locked() -> Control {
    let credentials = Credentials { username: "admin".into(), password: PASSWORD.into() };
    camera_with(Options { access: Access::Digest(credentials), ..quick() }).await
}

#[tokio::test]
async fn the_client_and_the_player_do_as_they_say_without_a_gateway() {
    let (_process, client) = gateway(&[]).await;
    phpunit("ClientTest|PlayerTest", &client, &camera().await, &[]).await;
}

#[tokio::test]
async fn laravel_starts_watches_and_stops_cameras_and_tells_why_it_cannot() {
    let (_process, client) = gateway(&[]).await;
    phpunit("GatewayTest|CamerasTest", &client, &camera().await, &[]).await;
}

#[tokio::test]
async fn ten_users_of_laravel_at_once_are_one_session_of_the_camera() {
    let camera = camera().await;
    let (_process, client) = gateway(&[]).await;
    phpunit("TenUsersTest", &client, &camera, &[]).await;
    assert_eq!(camera.counters().total_sessions, 1);
}

#[tokio::test]
async fn laravel_and_its_viewers_are_let_in_by_tokens_alone() {
    let (_process, client) = gateway(&[("API_TOKENS", API_TOKEN), ("STREAM_SECRET", SECRET)]).await;
    let environment = [("CAMGATE_TOKEN", API_TOKEN), ("CAMGATE_STREAM_SECRET", SECRET)];
    phpunit("TokensTest", &client, &camera().await, &environment).await;
}

/// A page of another origin than the gateway's, made by the package: one stream in a frame, the other in a bare video, which
/// has it started.
#[tokio::test]
async fn a_page_of_laravel_shows_streams_in_a_frame_and_in_a_video() {
    let camera = camera().await;
    let (_process, client) = gateway(&[("API_TOKENS", API_TOKEN), ("STREAM_SECRET", SECRET)]).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // PHP's server takes no port 0, so it gets one that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = Command::new("php");
    server
        .args(["-S", &address.to_string(), "tests/page.php"])
        .current_dir(root.join("integrations/laravel"));
    server.env("CAMGATE_URL", format!("http://{}", client.address)).env("TEST_CAMERA", camera.url(""));
    server.env("CAMGATE_TOKEN", API_TOKEN).env("CAMGATE_STREAM_SECRET", SECRET);
    server.env("TEST_HLS_JS", root.join("web/node_modules/hls.js/dist/hls.mjs"));
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let _server = server.spawn().expect("php is missing: run 'make setup'");
    let listens = answer(async || tokio::net::TcpStream::connect(address).await.ok());
    within("PHP's server", common::wait::DEADLINE, listens).await;

    let mut browser = driver("laravel.mjs");
    browser.args([format!("http://{address}/"), artifact("laravel.png")]).stdin(Stdio::null());
    let seen = within("laravel.mjs", LONGEST, browser.output()).await.unwrap();
    assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
    assert_eq!(camera.counters().total_sessions, 1, "both have one link");
}
