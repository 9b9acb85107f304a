//! Cameras by name, from a file: started without a link, and those that are to be warm by camgate itself.

use std::path::{Path, PathBuf};

use camgate::testcam::{Access, Control, Credentials, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::gateway::{TestGateway, camera, camera_with, counters, quick};
use crate::common::http::{Client, form};
use crate::common::player::Player;
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon};

const START: &str = "/api/stream/start";
const PASSWORD: &str = "Zq7-hunter2/#x";

/// A file of cameras, and files beside it.
struct Folder(TempDir);

impl Folder {
    fn with(cameras: &str) -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.write("cameras.toml", cameras);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn cameras(&self) -> PathBuf {
        self.0.path().join("cameras.toml")
    }
}

fn entry(id: &str, camera: &Control, more: &str) -> String {
    format!("[[camera]]\nid = {id:?}\nlink = {:?}\n{more}\n", camera.url("/demo"))
}

async fn gateway(cameras: &Path, settings: &[(&str, &str)]) -> TestGateway {
    let mut all = vec![("CAMERAS_FILE", cameras.to_str().unwrap())];
    all.extend(settings);
    TestGateway::with(&all).await
}

async fn locked() -> Control {
    let credentials = Credentials { username: "viewer".into(), password: PASSWORD.into() };
    camera_with(Options { access: Access::Digest(credentials), ..quick() }).await
}

async fn start_by_name(gateway: &Client, id: &str) -> Value {
    gateway.post_json(START, &json!({ "indicator_id": id })).await.ok()
}

/// Waits until the stream of that name is in `state`.
async fn in_state(gateway: &Client, id: &str, state: &str) {
    let path = format!("/api/stream/status?indicator_id={id}");
    let there = async || {
        let answer = gateway.get(&path).await;
        (answer.status == 200 && answer.json()["state"] == state).then_some(())
    };
    soon("the stream", answer(there)).await;
}

#[tokio::test]
async fn a_camera_is_started_by_its_name_and_its_password_is_in_no_answer_and_no_log() {
    let camera = locked().await;
    let file = entry("door", &camera, "user = \"viewer\"\npassword_file = \"door.password\"\npath_ = 1");
    let folder = Folder::with(&format!("{file}[[camera]]\nid = \"broken\"\npassword = \"{PASSWORD}\"\n"));
    folder.write("door.password", &format!("{PASSWORD}\n"));
    let path = folder.cameras();
    let settings =
        [("CAMERAS_FILE", path.to_str().unwrap()), ("LOG_LEVEL", "trace,retina=trace,hyper=trace")];
    let (process, client) = Camgate::serve(&settings).await;
    let mut answers = vec![
        client.post_json(START, &json!({ "indicator_id": "door" })).await,
        client.get(&format!("{START}?indicator_id=door")).await,
        client.post(START, "application/x-www-form-urlencoded", "indicator_id=door&rtsp_link=").await,
    ];
    assert_eq!(answers[0].ok(), json!({ "stream_path": "/streams/door/stream.m3u8", "status": "started" }));
    assert_eq!(answers[1].ok()["status"], "active");
    assert_eq!(answers[2].ok()["status"], "active");
    let mut player = Player::open(&client, "door").await;
    player.play(2).await;
    for path in ["/api/stream/status?indicator_id=door", "/api/streams", "/streams/door/media.m3u8"] {
        answers.push(client.get(path).await);
    }
    let broken = client.post_json(START, &json!({ "indicator_id": "broken" })).await;
    assert_eq!(broken.problem(400, "invalid_request")["field"], "rtsp_link");
    answers.push(broken);
    process.terminate().await;
    let (_, stdout, stderr) = process.ended().await;
    let told = format!("{}:7: camera broken: there is no link", path.display());
    assert!(stderr.contains(&told) && stderr.contains(":6: ") && stderr.contains("TRACE"), "{stderr}");
    let everything = format!("{answers:?}{stdout}{stderr}").to_lowercase();
    assert!(!everything.contains("hunter2"), "the password is told");
}

#[tokio::test]
async fn a_link_in_the_request_goes_before_the_one_of_the_file_and_credentials_need_one() {
    let (of_file, other) = (camera().await, camera().await);
    let folder = Folder::with(&entry("door", &of_file, "audio = false"));
    let gateway = gateway(&folder.cameras(), &[]).await;
    start_by_name(&gateway, "door").await;
    assert_eq!(gateway.status("door").await["source"], of_file.url("/demo"));
    assert_eq!(gateway.started("door", &other.url("/demo")).await, "restarted");
    assert_eq!(start_by_name(&gateway, "door").await["status"], "restarted", "back to that of the file");
    let fields = json!({ "indicator_id": "door", "username": "u", "password": "p" });
    let problem = gateway.post_json(START, &fields).await.problem(400, "invalid_request");
    assert_eq!(problem["field"], "rtsp_link");
    let unknown = gateway.get(&format!("{START}?{}", form(&[("indicator_id", "none")]))).await;
    let problem = unknown.problem(400, "invalid_request");
    assert!(problem["detail"].as_str().unwrap().contains("CAMERAS_FILE"), "{problem}");
}

#[tokio::test]
async fn a_warm_camera_plays_by_itself_and_one_that_is_off_as_soon_as_it_is_on() {
    let (on, off) = (camera().await, camera().await);
    off.pause().await.unwrap();
    let warm = "warm = true";
    let folder = Folder::with(&format!("{}{}", entry("on", &on, warm), entry("off", &off, warm)));
    let eager = [("CLEANUP_DELAY_SECONDS", "1"), ("CLEANUP_INTERVAL_SECONDS", "1")];
    let gateway = gateway(&folder.cameras(), &eager).await;
    in_state(&gateway, "on", "live").await;
    assert_eq!(gateway.status("on").await["warm"], true);
    assert_eq!(gateway.stream_count().await, 1);
    off.resume().await.unwrap();
    in_state(&gateway, "off", "live").await;
    assert_eq!(gateway.status("off").await["warm"], true);
}

#[tokio::test]
async fn cameras_that_are_read_again_are_started_and_those_that_are_gone_let_go_of() {
    let (old, new, moved) = (camera().await, camera().await, camera().await);
    let warm = "warm = true";
    let folder = Folder::with(&format!("{}{}", entry("old", &old, warm), entry("stays", &old, warm)));
    let eager = [("CLEANUP_DELAY_SECONDS", "1"), ("CLEANUP_INTERVAL_SECONDS", "1")];
    let gateway = gateway(&folder.cameras(), &eager).await;
    in_state(&gateway, "old", "live").await;
    in_state(&gateway, "stays", "live").await;
    folder.write("cameras.toml", &format!("{}{}", entry("new", &new, warm), entry("stays", &moved, warm)));
    gateway.reload(&[("CAMERAS_FILE", folder.cameras().to_str().unwrap())]).await;
    in_state(&gateway, "new", "live").await;
    counters(&moved, "the move", |now| now.sessions == 1).await;
    counters(&old, "the end of the old one", |now| now.sessions == 0).await;
    gateway.get("/api/stream/status?indicator_id=old").await.problem(404, "stream_not_found");
    gateway.post_json(START, &json!({ "indicator_id": "old" })).await.problem(400, "invalid_request");
    // A file that cannot be used changes nothing.
    folder.write("cameras.toml", "[[camera]\n");
    gateway.reload(&[("CAMERAS_FILE", folder.cameras().to_str().unwrap())]).await;
    assert_eq!(start_by_name(&gateway, "new").await["status"], "active");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_stops_the_start_with_its_line() {
    let folder = Folder::with("[[camera]]\nid = \"a\"\npassword = hunter2\n");
    let path = folder.cameras();
    let settings = [("CAMERAS_FILE", path.to_str().unwrap()), ("PORT", "0")];
    let (status, _, stderr) = Camgate::run(&[], &settings).ended().await;
    assert!(!status.success());
    assert!(stderr.contains(&format!("camgate: {}:3: this is no TOML", path.display())), "{stderr}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
}
