//! The page in Chromium, served by the real program from a simulated camera, or from GStreamer's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a panic here is a test's failure"
)]

mod chromium;
#[path = "../common/mod.rs"]
mod common;
mod gst_camera;
mod tokens;

use std::path::Path;
use std::time::Duration;

use camgate::testcam::{Audio, AudioCodec, Clip, Options};
use serde_json::Value;
use tokio::process::Command;

use chromium::{Watching, artifact, gateway, gateway_with, play};
use common::gateway::{camera, camera_with};
use common::player::Player;
use gst_camera::GstCamera;

/// Far above what a first picture takes on a busy machine with a keyframe every two seconds.
const SLOW: f64 = 20_000.0;

/// On an idle machine it takes less than half a second.
const CLICK: f64 = 3_000.0;

/// Starts a stream and plays it, by the way that `mode` names.
async fn plays(container: &str, mode: &str) -> Value {
    let camera = camera_with(Options::default()).await;
    let (_process, client) = gateway(container).await;
    let name = format!("{container}-{mode}.png");
    let played = if mode == "index" {
        let link = camera.url("/demo");
        let url = format!("http://{}/", client.address);
        play(&["--mode", mode, "--id", "gate", "--link", &link], &name, &url).await
    } else {
        client.started("gate", &camera.url("/demo")).await;
        play(&["--mode", mode], &name, &format!("http://{}/player/gate", client.address)).await
    };
    println!("{container}, {mode}: {played}");
    assert_eq!((&played["width"], &played["height"]), (&1280.into(), &720.into()), "{played}");
    // Chromium's own player steps back a little where it ran dry: what has played counts, and not how far it came.
    assert!(played["played"].as_f64().is_some_and(|seconds| seconds >= 8.0), "{played}");
    assert!(played["ms_to_first_frame"].as_f64().is_some_and(|ms| ms < SLOW), "{played}");
    played
}

/// Plays by hls.js; the bit rate that the page shows is the clip's own, whether it came in parts or in segments.
async fn hls_js_plays(container: &str) {
    let played = plays(container, "hlsjs").await;
    let bitrate = played["bitrate"].as_str().and_then(|text| text.strip_suffix(" kbit/s"));
    let bitrate: u32 = bitrate.unwrap_or_else(|| panic!("{played}")).parse().unwrap();
    assert!((240..400).contains(&bitrate), "{played}");
}

#[tokio::test]
async fn hls_js_plays_fragmented_mp4() {
    hls_js_plays("fmp4").await;
}

#[tokio::test]
async fn hls_js_plays_transport_stream() {
    hls_js_plays("mpegts").await;
}

#[tokio::test]
async fn the_browsers_own_player_plays_fragmented_mp4() {
    plays("fmp4", "native").await;
}

#[tokio::test]
async fn a_person_starts_a_stream_in_the_form_and_watches_it() {
    let played = plays("fmp4", "index").await;
    let waited = played["ms_click_to_first_frame"].as_f64().unwrap();
    println!("from the click on Start to the first picture: {waited} ms");
    assert!(waited < CLICK, "{played}");
}

#[tokio::test]
async fn a_person_starts_a_camera_that_the_gateway_knows_by_its_name_alone() {
    let (camera, folder) = (camera().await, tempfile::tempdir().unwrap());
    let cameras = folder.path().join("cameras.toml");
    std::fs::write(&cameras, format!("[[camera]]\nid = \"gate\"\nlink = {:?}\n", camera.url("/demo")))
        .unwrap();
    let (_process, client) = gateway_with(&[("CAMERAS_FILE", cameras.to_str().unwrap())]).await;
    // Chromium writes a line for the refusal by itself.
    let address = format!("http://{}/", client.address);
    let mut page = Watching::open_address("status of 400", &address, "by-name.png");
    page.does("fill Stream id=yard").await;
    page.does("press Start stream").await;
    page.does("says no camera of CAMERAS_FILE has this name").await;
    page.does("fill Stream id=gate").await;
    page.does("press Start stream").await;
    page.does("says gate is running.").await;
    page.does("live gate").await;
    page.does("watch gate").await;
    page.does("picture").await;
    page.closes().await;
}

/// Seconds behind live once playback has found its way back.
const CAUGHT_UP: f64 = 1.5;

#[tokio::test]
async fn a_viewer_goes_on_when_the_camera_was_away_for_five_seconds() {
    let camera = camera().await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url("/demo")).await;
    let mut page = Watching::open(&client, "gate", "camera-away.png");
    page.does("picture").await;
    page.does("play 3").await;
    camera.pause().await.unwrap();
    camera.drop_all();
    let away = tokio::time::Instant::now() + Duration::from_secs(5);
    page.does("camera reconnecting").await;
    page.does(&format!("screenshot {}", artifact("camera-reconnecting.png"))).await;
    tokio::time::sleep_until(away).await;
    camera.resume().await.unwrap();
    page.does("camera live").await;
    let before = page.does("state playing").await["current_time"].as_f64().unwrap();
    let after = page.does("play 8").await;
    assert!(after["current_time"].as_f64().unwrap() >= before + 8.0, "{after}");
    println!("behind live after the camera was away: {} s", after["latency_seconds"]);
    assert!(after["latency_seconds"].as_f64().is_some_and(|seconds| seconds < CAUGHT_UP), "{after}");
    assert_eq!(client.status("gate").await["reconnects"], 1);
    page.closes().await;
}

#[tokio::test]
async fn a_viewer_sees_the_other_camera_after_a_restart_to_another_link() {
    let first = camera().await;
    let second = camera_with(Options { clip: Clip::switch(), ..Options::default() }).await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &first.url("/demo")).await;
    let mut page = Watching::open(&client, "gate", "restarted.png");
    page.does("picture").await;
    assert_eq!(page.does("play 3").await["width"], 1280);
    client.started("gate", &second.url("/other")).await;
    page.does("width 640").await;
    page.does("play 5").await;
    page.closes().await;
}

#[tokio::test]
async fn a_viewer_goes_on_when_the_gateway_restarts() {
    let (camera, folder) = (camera().await, tempfile::tempdir().unwrap());
    let cameras = folder.path().join("cameras.toml");
    let text = format!("[[camera]]\nid = \"gate\"\nlink = {:?}\nwarm = true\n", camera.url("/demo"));
    std::fs::write(&cameras, text).unwrap();
    let cameras = ("CAMERAS_FILE", cameras.to_str().unwrap());
    let (process, client) = gateway_with(&[cameras]).await;
    let mut page = Watching::open_allowing("ERR_|404|503", &client, "gate", "gateway-restarted.png");
    page.does("picture").await;
    page.does("play 5").await;
    process.ended_by_sigterm().await;
    let port = client.address.port().to_string();
    let (_process, _client) = gateway_with(&[cameras, ("PORT", &port)]).await;
    let after = page.does("play 8").await;
    assert_eq!(after["state"], "playing", "{after}");
    page.closes().await;
}

#[tokio::test]
async fn a_viewer_of_a_stream_that_is_stopped_is_told_so_and_stops_asking() {
    let camera = camera().await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url("/demo")).await;
    // Chromium itself writes each 404 to the console.
    let mut page = Watching::open_allowing("404", &client, "gate", "stopped.png");
    page.does("picture").await;
    page.does("play 2").await;
    assert_eq!(client.stop("gate").await.status, 200);
    let told = page.does("state stopped").await;
    assert!(told["message"].as_str().unwrap().contains("not running"), "{told}");
    page.does("quiet 7").await;
    page.closes().await;
}

/// The tone of `gst_camera.py`, for so many seconds.
const TONE: &str = "hear 440 5";

/// Watches and listens to a camera of GStreamer's, by the way that `query` asks for.
async fn is_seen_and_heard(container: &str, path: &str, query: &str, engine: &str) {
    let camera = GstCamera::start(path).await;
    let (_process, client) = gateway(container).await;
    client.started("gate", &camera.url()).await;
    let name = format!("heard{}-{container}{query}.png", path.replace('/', "-")).replace(['?', '='], "-");
    let mut page = Watching::open(&client, &format!("gate{query}"), &name);
    page.does("picture").await;
    page.does("sound").await;
    let before = page.does("play 2").await;
    let heard = page.does(TONE).await;
    let after = page.does("play 5").await;
    println!("{path}, {container}, {engine}: {}", heard["heard"]);
    // A sine of a quarter of full scale.
    let level = heard["heard"]["rms"].as_f64().unwrap();
    assert!((20.0 * (level / 0.25 * 2_f64.sqrt()).log10()).abs() < 1.0, "{heard}");
    assert!(after["engine"].as_str().unwrap().starts_with(engine), "{after}");
    assert_eq!((&after["muted"], &after["sound_offered"]), (&false.into(), &false.into()), "{after}");
    for rises in ["current_time", "frames", "audio_bytes"] {
        assert!(after[rises].as_f64() > before[rises].as_f64(), "{rises}: {before} {after}");
    }
    page.closes().await;
}

#[tokio::test]
async fn aac_is_heard_with_hls_js() {
    is_seen_and_heard("fmp4", "/aac", "", "hls.js").await;
    is_seen_and_heard("mpegts", "/aac", "", "hls.js").await;
}

/// hls.js makes up its mind of the tracks from the first segment that it loads.
#[tokio::test]
async fn who_comes_in_mid_gop_sees_and_hears_a_transport_stream() {
    let options = Options {
        audio: Some(Audio::new(AudioCodec::Aac)),
        faults: vec!["0:keyframe-every=8".parse().unwrap()],
        ..Options::default()
    };
    let camera = camera_with(options).await;
    let (_process, client) = gateway("mpegts").await;
    client.started("gate", &camera.url("/demo")).await;
    // Most segments start without a keyframe.
    let mut player = Player::open(&client, "gate").await;
    player.play_until("segments without a keyframe", |player| player.segments.len() >= 4).await;
    let mut page = Watching::open(&client, "gate", "mid-gop.png");
    page.does("picture").await;
    page.does("sound").await;
    page.does("play 5").await;
    page.does(TONE).await;
    page.closes().await;
}

#[tokio::test]
async fn g711_is_heard_with_hls_js() {
    is_seen_and_heard("fmp4", "/a-law", "", "hls.js").await;
}

#[tokio::test]
async fn aac_and_g711_are_heard_with_the_browsers_own_player() {
    is_seen_and_heard("fmp4", "/aac", "?native=1", "the browser").await;
    is_seen_and_heard("fmp4", "/a-law", "?native=1", "the browser").await;
}

#[tokio::test]
async fn a_person_turns_the_sound_on_and_the_page_remembers_it() {
    let camera = GstCamera::start("/a-law").await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url()).await;
    let mut page = Watching::open(&client, "gate", "sound-on.png");
    page.does("picture").await;
    let offered = page.does("offered").await;
    assert_eq!(offered["muted"], true, "{offered}");
    assert_eq!(offered["audio"], "FLAC from G.711 A-law, 8\u{a0}kHz mono", "{offered}");
    for (width, height) in [(1280, 900), (390, 844)] {
        for scheme in ["light", "dark"] {
            page.does(&format!("size {width} {height}")).await;
            page.does(&format!("scheme {scheme}")).await;
            page.does(&format!("screenshot {}", artifact(&format!("sound-{scheme}-{width}.png")))).await;
        }
    }
    page.does("sound").await;
    page.does(TONE).await;
    page.does("reload").await;
    page.does("picture").await;
    let again = page.does("play 2").await;
    assert_eq!((&again["muted"], &again["sound_offered"]), (&false.into(), &false.into()), "{again}");
    page.does(TONE).await;
    page.closes().await;
}

#[tokio::test]
async fn sound_is_not_offered_where_there_is_none_and_the_page_says_why() {
    let camera = GstCamera::start("/opus").await;
    let (_process, client) = gateway("fmp4").await;
    client.started("gate", &camera.url()).await;
    let mut page = Watching::open(&client, "gate", "sound-none.png");
    page.does("picture").await;
    let seen = page.does("play 4").await;
    assert_eq!((&seen["sound_offered"], &seen["audio"]), (&false.into(), &"None".into()), "{seen}");
    assert!(seen["audio_note"].as_str().unwrap().starts_with("The camera sends Opus;"), "{seen}");
    page.closes().await;
}

/// What is served where Node has never run: `build.rs` embeds these as they are.
#[tokio::test]
async fn the_scripts_of_the_page_without_node_are_there_and_are_javascript() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let build = std::fs::read_to_string(root.join("build.rs")).unwrap();
    for asset in ["src/style.css", "fallback/index.js", "fallback/player.js", "public/favicon.svg"] {
        assert!(build.contains(&format!("(\"{asset}\", ")), "build.rs no longer embeds {asset}");
        let file = root.join("web").join(asset);
        assert!(file.is_file(), "{} is missing", file.display());
        if asset.ends_with(".js") {
            let check = Command::new("node").arg("--check").arg(&file).output().await.unwrap();
            assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        }
    }
    for page in ["index", "player"] {
        let html = std::fs::read_to_string(root.join(format!("web/{page}.html"))).unwrap();
        for address in ["/src/style.css".to_owned(), format!("/src/{page}.ts")] {
            assert!(html.contains(&address), "build.rs replaces {address}, which {page}.html does not have");
        }
    }
}
