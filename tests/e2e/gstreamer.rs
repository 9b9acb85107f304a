//! A camera that is not ours, GStreamer's RTSP server, through the real program to players that are not ours: ffmpeg
//! and ffprobe.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::large_futures,
    reason = "a panic here is a test's failure, and nothing is short of memory"
)]

#[path = "../common/mod.rs"]
mod common;
mod gst_camera;

use serde_json::Value;

use common::ffmpeg;
use common::http::Client;
use common::player::Player;
use common::playlist::{self, Measured, check_media};
use common::probe::{is_close, report};
use common::process::Camgate;
use common::wait::answer;
use gst_camera::GstCamera;

/// How much media each player takes, in seconds.
const WATCHED: f64 = 15.0;

/// What one camera of `gst_camera.py` sends.
#[derive(Clone, Copy, Debug)]
struct Sent {
    path: &'static str,
    size: (u64, u64),
    frame_rate: u32,
    /// As ffprobe calls its codec.
    codec: &'static str,
    /// Its profile and constraints in hex, as RFC 6381's name of the codec has them.
    profile: &'static str,
}

const HD: Sent =
    Sent { path: "/1080p", size: (1920, 1080), frame_rate: 25, codec: "h264", profile: "avc1.42C0" };

/// Of RFC 6381's name of H.265, the level varies with the size and the constraints with the encoder: Main profile, main tier.
const H265: Sent = Sent { path: "/h265", size: (640, 360), codec: "hevc", profile: "hvc1.1.", ..HD };

#[tokio::test]
async fn a_1080p_camera_plays() {
    plays(HD).await;
}

#[tokio::test]
async fn a_camera_that_tells_its_parameter_sets_in_the_sdp_only_plays() {
    plays(Sent { path: "/sdp-only", size: (1280, 720), ..HD }).await;
}

#[tokio::test]
async fn a_camera_with_keyframes_further_apart_than_the_target_duration_plays() {
    plays(Sent { path: "/long-gop", size: (640, 360), frame_rate: 15, ..HD }).await;
}

#[tokio::test]
async fn a_camera_that_sends_b_frames_plays() {
    plays(Sent { path: "/b-frames", size: (640, 360), profile: "avc1.4D40", ..HD }).await;
}

#[tokio::test]
async fn a_camera_that_sends_h265_plays() {
    plays(H265).await;
}

#[tokio::test]
async fn a_camera_that_sends_h265_with_b_frames_plays() {
    plays(Sent { path: "/h265-b-frames", ..H265 }).await;
}

#[tokio::test]
async fn the_probe_tells_the_truth_of_a_camera_that_is_not_ours() {
    let camera = GstCamera::start(HD.path).await;
    let report = report(&camera.url()).await;
    let video = &report["video"];
    assert_eq!((&video["width"], &video["height"]), (&1920.into(), &1080.into()), "{report}");
    assert_eq!(video["codec"], "H.264");
    // x264's profile here is constrained baseline, its level 4.
    assert_eq!(video["rfc6381"], "avc1.42C028");
    assert!(is_close(&video["claimed_frame_rate"], 25.0, 0.01), "{report}");
    assert_eq!(report["server"], "GStreamer RTSP server");
    assert_eq!((&report["packets_lost"], &report["ended"]), (&0.into(), &Value::Null), "{report}");
}

/// Has both kinds of segments played, side by side.
async fn plays(sent: Sent) {
    let camera = GstCamera::start(sent.path).await;
    let link = camera.url();
    // One after the other: GStreamer sets one pipeline up for both, and two who ask for it at once may break it.
    let (one, other) = (started("fmp4", &link).await, started("mpegts", &link).await);
    tokio::join!(plays_as("fmp4", sent, one), plays_as("mpegts", sent, other));
}

/// Who joins later begins at a CRA picture, and those that lead it cannot be decoded (H.265 §8.1.3): x265 has a few.
fn leading(sent: Sent) -> u32 {
    if sent.codec == "hevc" { 8 } else { 0 }
}

async fn started(container: &str, link: &str) -> (Camgate, Client) {
    let settings = [("HLS_SEGMENT_TIME", "2"), ("HLS_SEGMENT_TYPE", container)];
    let (process, client) = Camgate::serve(&settings).await;
    // It may close a connection that comes while it sets up.
    answer(async || (client.start("1", link).await.status == 200).then_some(())).await;
    (process, client)
}

async fn plays_as(container: &str, sent: Sent, (_process, client): (Camgate, Client)) {
    let mut player = Player::open(&client, "1").await;
    player.frame = 1.0 / f64::from(sent.frame_rate);
    // H.265 is fragmented MP4 whatever is wished for.
    let container = if sent.codec == "h264" { container } else { "fmp4" };
    let watched = player.play_until("15 s of media", |player| player.duration() >= WATCHED);
    tokio::join!(watched, plays_live(container, sent, &client));
    // Now, for the film is a minute long, and what follows takes a slow machine longer.
    let status = client.status("1").await;

    let pictures = player.assert_good().await.len();
    assert_eq!(player.maps().is_empty(), container == "mpegts", "{:?}", player.maps());
    if container == "mpegts" {
        assert_true_to_transport_stream(&player).await;
    }
    let told = player.duration() / player.frame;
    let missing = told - pictures as f64;
    assert!(
        missing > -1.5 && missing < 1.5 + f64::from(leading(sent)),
        "{pictures} pictures, and the playlist tells of {told}"
    );
    assert!(player.discontinuities().is_empty());
    let [file] = &player.concatenated()[..] else { panic!("{:?}", player.maps()) };
    let whole = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(whole.path(), file.concat()).unwrap();
    let found = ffmpeg::run("ffprobe", &ffprobe(whole.path().to_str().unwrap())).await;
    assert_described(sent, &found);

    assert_eq!((&status["width"], &status["height"]), (&sent.size.0.into(), &sent.size.1.into()), "{status}");
    let rate = status["frame_rate"].as_f64().unwrap_or_default();
    assert!((rate - f64::from(sent.frame_rate)).abs() < 1.0, "{status}");
    assert!(status["rfc6381"].as_str().unwrap().starts_with(sent.profile), "{status}");
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &0.into()), "{status}");
}

/// ffprobe and ffmpeg open the playlist themselves while it is live.
async fn plays_live(container: &str, sent: Sent, client: &Client) {
    const SECONDS: u32 = 8;
    let url = format!("http://{}/streams/1/stream.m3u8", client.address);
    let found = ffmpeg::run_live(container, "ffprobe", &ffprobe(&url)).await;
    assert_described(sent, &found);
    let seconds = SECONDS.to_string();
    let play = [
        "-v",
        "repeat+warning",
        // Else ffmpeg starts at the third segment from the end, and shows nothing before its first keyframe.
        "-live_start_index",
        "0",
        "-i",
        &url,
        "-t",
        &seconds,
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ];
    let pictures = ffmpeg::run_live(container, "ffmpeg", &play).await;
    let pictures = pictures.lines().filter(|line| !line.starts_with('#')).count();
    let expected = (SECONDS * sent.frame_rate) as usize;
    let few_enough = pictures <= expected + 2 && pictures + 2 + leading(sent) as usize >= expected;
    assert!(few_enough, "{pictures} pictures in {SECONDS} s");
}

fn ffprobe(source: &str) -> [&str; 9] {
    let entries = "stream=codec_name,width,height,avg_frame_rate,r_frame_rate";
    ["-v", "warning", "-select_streams", "v", "-show_entries", entries, "-of", "json", source]
}

fn assert_described(sent: Sent, found: &str) {
    let found: Value = serde_json::from_str(found).unwrap();
    let [stream] = &found["streams"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(stream["codec_name"], sent.codec);
    assert_eq!((&stream["width"], &stream["height"]), (&sent.size.0.into(), &sent.size.1.into()));
    assert_eq!(stream["r_frame_rate"], format!("{}/1", sent.frame_rate), "{found}");
}

/// Holds the playlists against the transport stream segments, as ffprobe reads them.
async fn assert_true_to_transport_stream(player: &Player) {
    let mut measured = Vec::new();
    for segment in player.segments.values() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), player.bytes(segment)).unwrap();
        let path = file.path().to_str().unwrap();
        // Alone, a segment that starts without a keyframe is nothing that could be decoded, and ffprobe says so.
        let packets = ["-v", "fatal", "-show_entries", "packet=dts_time,flags", "-of", "csv=p=0", path];
        let packets = ffmpeg::run("ffprobe", &packets).await;
        let packets: Vec<(f64, bool)> = packets.lines().filter_map(packet).collect();
        let (Some(first), Some(last)) = (packets.first(), packets.last()) else { panic!("{segment:?}") };
        // The stream does not tell how long its last picture lasts: where the next segment starts shows whether EXTINF is true.
        let off = last.0 - first.0 + player.frame - segment.duration;
        assert!(off.abs() < player.frame / 2.0, "{off} s off: {segment:?}");
        measured.push(Measured {
            media_sequence: segment.media_sequence,
            start: first.0,
            duration: segment.duration,
            random_access: first.1,
        });
    }
    let everything = playlist::MediaPlaylist {
        segments: player.segments.values().cloned().collect(),
        ..player.playlist.clone()
    };
    let wrong = check_media(&everything, &measured, player.frame);
    assert!(wrong.is_empty(), "{}\n{measured:?}", playlist::list(&wrong));
}

/// `dts_time,flags` of ffprobe.
fn packet(line: &str) -> Option<(f64, bool)> {
    let (time, flags) = line.split_once(',')?;
    Some((time.parse().ok()?, flags.starts_with('K')))
}
