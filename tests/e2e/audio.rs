//! Audio from a camera that is not ours, through the real program to ffmpeg and ffprobe: what it is, how loud, how high,
//! and when.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::large_futures,
    reason = "a panic here is a test's failure, and nothing is short of memory"
)]

#[path = "../common/mod.rs"]
mod common;
mod gst_camera;

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::NamedTempFile;

use common::ffmpeg;
use common::http::{Client, form};
use common::player::Player;
use common::process::Camgate;
use common::wait::{answer, soon};
use gst_camera::GstCamera;

/// How much media each player takes, in seconds.
const WATCHED: f64 = 14.0;

/// The tone of `gst_camera.py`: a sine of a quarter of full scale.
const AMPLITUDE: f64 = 0.25;
const HERTZ: f64 = 440.0;

/// What one camera of `gst_camera.py` sends, and what becomes of its audio.
#[derive(Clone, Copy, Debug)]
struct Sent {
    path: &'static str,
    /// Both as ffprobe calls them.
    video: &'static str,
    audio: &'static str,
    sample_rate: u32,
    channels: u32,
    /// As the status calls what the camera sends.
    source: &'static str,
    /// The `CODECS` value.
    rfc6381: &'static str,
    /// How much audio the camera collects before it sends it, in seconds.
    packet: f64,
}

const AAC: Sent = Sent {
    path: "/aac",
    video: "h264",
    audio: "aac",
    sample_rate: 48_000,
    channels: 2,
    source: "AAC",
    rfc6381: "mp4a.40.2",
    packet: 1024.0 / 48_000.0,
};

const A_LAW: Sent = Sent {
    path: "/a-law",
    audio: "flac",
    sample_rate: 8_000,
    channels: 1,
    source: "G.711 A-law",
    rfc6381: "fLaC",
    packet: 0.02,
    ..AAC
};

#[tokio::test]
async fn aac_is_carried_as_it_is() {
    is_heard(AAC, &["fmp4", "mpegts"]).await;
}

#[tokio::test]
async fn aac_beside_b_frames_is_carried_as_it_is() {
    let sent =
        Sent { path: "/aac-b-frames", sample_rate: 16_000, channels: 1, packet: 1024.0 / 16_000.0, ..AAC };
    is_heard(sent, &["fmp4", "mpegts"]).await;
}

#[tokio::test]
async fn a_law_becomes_flac() {
    is_heard(A_LAW, &["fmp4"]).await;
}

#[tokio::test]
async fn a_law_beside_h265_becomes_flac_whatever_container_is_wished_for() {
    is_heard(Sent { path: "/h265-a-law", video: "hevc", ..A_LAW }, &["fmp4", "mpegts"]).await;
}

#[tokio::test]
async fn mu_law_in_long_packets_becomes_flac() {
    is_heard(Sent { path: "/mu-law", source: "G.711 µ-law", packet: 0.128, ..A_LAW }, &["fmp4"]).await;
}

#[tokio::test]
async fn l16_in_stereo_becomes_flac() {
    let sent = Sent {
        path: "/l16",
        source: "L16",
        sample_rate: 44_100,
        channels: 2,
        packet: 1024.0 / 44_100.0,
        ..A_LAW
    };
    is_heard(sent, &["fmp4"]).await;
}

#[tokio::test]
async fn a_law_is_left_out_of_transport_stream_and_the_status_says_so() {
    let note = is_left_out("/a-law", &[("HLS_SEGMENT_TYPE", "mpegts")], "").await;
    assert!(note.contains("G.711 A-law") && note.contains("MPEG-TS"), "{note}");
    assert!(note.contains("HLS_SEGMENT_TYPE=fmp4"), "no help to anyone: {note}");
}

#[tokio::test]
async fn audio_that_is_not_carried_is_left_out_and_the_status_names_it() {
    let note = is_left_out("/opus", &[], "").await;
    assert!(note.contains("Opus") && note.contains("camgate carries AAC, G.711 and L16"), "{note}");
}

#[tokio::test]
async fn audio_is_never_asked_for_where_it_is_turned_off() {
    let note = is_left_out("/aac", &[("AUDIO", "off")], "").await;
    assert!(note.contains("AUDIO=off"), "{note}");
}

#[tokio::test]
async fn a_stream_that_is_started_without_audio_has_none_and_another_of_its_camera_has() {
    let camera = GstCamera::start("/aac").await;
    // A new track waits for a keyframe, which the camera sends every 2 s.
    let (_process, client) = Camgate::serve(&[("HLS_SEGMENT_TIME", "2")]).await;
    client.started("heard", &camera.url()).await;
    let note = plays_without(&client, &camera.url(), "&audio=0").await;
    assert!(note.contains("audio=0"), "{note}");
    let heard = client.status("heard").await;
    assert_eq!((&heard["audio"]["codec"], &heard["audio_note"]), (&"AAC".into(), &Value::Null), "{heard}");
    // A start that asks for it turns it on while somebody watches.
    let mut player = Player::open(&client, "1").await;
    // One that says nothing of it changes nothing.
    assert_eq!(client.started("1", &camera.url()).await, "active");
    let query = form(&[("indicator_id", "1"), ("rtsp_link", &camera.url()), ("audio", "1")]);
    assert_eq!(client.get(&format!("/api/stream/start?{query}")).await.status, 200);
    player.play_until("a second init section", |player| player.maps().len() > 1).await;
    player.play(3).await;
    player.assert_good().await;
    assert_eq!(player.discontinuities().len(), 1);
    let sound: Vec<bool> = player.measured().iter().map(|(_, audio)| audio.is_some()).collect();
    assert!(!sound[0] && sound[sound.len() - 1], "{sound:?}");
    assert_eq!(client.status("1").await["audio"]["codec"], "AAC");
}

#[tokio::test]
async fn of_a_camera_without_audio_nothing_is_said() {
    let camera = GstCamera::start("/silent").await;
    let (_process, client) = Camgate::serve(&[]).await;
    client.started("1", &camera.url()).await;
    let mut player = Player::open(&client, "1").await;
    player.play(4).await;
    player.assert_good().await;
    let status = client.status("1").await;
    assert_eq!((&status["audio"], &status["audio_note"]), (&Value::Null, &Value::Null), "{status}");
}

#[tokio::test]
async fn what_is_seen_and_what_is_heard_come_together() {
    for (path, container) in [("/flash-aac", "fmp4"), ("/flash-aac", "mpegts"), ("/flash-a-law", "fmp4")] {
        let off = seen_to_heard(path, container).await;
        println!("{path}, {container}: heard {:+.0} ms after it is seen", off * 1000.0);
        assert!(off.abs() < 0.1, "{path}, {container}: {off:+.3} s between picture and sound");
    }
}

#[tokio::test]
async fn b_frames_do_not_part_what_is_seen_and_what_is_heard() {
    let off = seen_to_heard("/flash-b-frames", "fmp4").await;
    println!("B-frames: heard {:+.0} ms after it is seen", off * 1000.0);
    assert!(off.abs() < 0.1, "{off:+.3} s between picture and sound");
}

/// Has `sent` played in each container, side by side.
async fn is_heard(sent: Sent, containers: &[&str]) {
    let camera = GstCamera::start(sent.path).await;
    let link = camera.url();
    let all = containers.iter().map(|container| is_heard_in(container, sent, &link));
    futures::future::join_all(all).await;
}

async fn is_heard_in(container: &str, sent: Sent, link: &str) {
    let settings = [("HLS_SEGMENT_TIME", "2"), ("HLS_SEGMENT_TYPE", container)];
    let (_process, client) = Camgate::serve(&settings).await;
    client.started("1", link).await;
    let mut player = Player::open(&client, "1").await;
    // H.265 is fragmented MP4 whatever is wished for.
    let container = if sent.video == "h264" { container } else { "fmp4" };
    let watched = player.play_until("14 s of media", |player| player.duration() >= WATCHED);
    tokio::join!(watched, plays_live(container, sent, &client));
    // Now, for the film is a minute long, and what follows takes a slow machine longer.
    let status = client.status("1").await;

    player.assert_good().await;
    assert!(player.discontinuities().is_empty());
    let codecs = &player.multivariant.variants[0].codecs;
    assert_eq!(codecs[1..], [sent.rfc6381]);
    let whole = whole(&player);
    let path = whole.path().to_str().unwrap();
    assert_described(sent, &ffmpeg::run("ffprobe", &describe(path)).await);
    let (video, audio) = spans(path).await;
    let level = heard(path, sent).await;
    println!(
        "{} {container}: {level:+.2} dB off, starts {:+.3} s, ends {:+.3} s",
        sent.path,
        audio.0 - video.0,
        audio.1 - video.1
    );
    assert!(level.abs() < 0.5, "the tone is {level:+.2} dB off");
    assert!((audio.0 - video.0).abs() < 0.1, "video {video:?}, audio {audio:?}");
    // Segments are cut where the video is: the last packet of audio is on its way then.
    let late = 0.1 + sent.packet;
    assert!((audio.1 - video.1).abs() < late, "video {video:?}, audio {audio:?}");

    let told = &status["audio"];
    assert_eq!((&told["source"], &told["rfc6381"]), (&sent.source.into(), &sent.rfc6381.into()), "{status}");
    assert_eq!(told["codec"].as_str().unwrap().to_lowercase(), sent.audio, "{status}");
    assert_eq!((&told["sample_rate"], &told["channels"]), (&sent.sample_rate.into(), &sent.channels.into()));
    assert_eq!((&status["audio_note"], &status["state"]), (&Value::Null, &"live".into()), "{status}");
}

/// ffmpeg opens the playlist itself while it is live, and decodes both tracks.
async fn plays_live(container: &str, sent: Sent, client: &Client) {
    let url = format!("http://{}/streams/1/stream.m3u8", client.address);
    assert_described(sent, &ffmpeg::run_live(container, "ffprobe", &describe(&url)).await);
    // From the first segment on: others need not start with a keyframe.
    let from_the_first = ["-v", "repeat+warning", "-live_start_index", "0", "-i", &url];
    let play =
        [&from_the_first[..], &["-t", "6", "-fps_mode", "passthrough", "-f", "framecrc", "-"]].concat();
    let frames = ffmpeg::run_live(container, "ffmpeg", &play).await;
    for stream in ["0,", "1,"] {
        let count = frames.lines().filter(|line| line.starts_with(stream)).count();
        assert!(count > 40, "{count} frames of stream {stream}\n{frames}");
    }
}

/// Has a stream played that has no audio; returns what the status says of that.
async fn is_left_out(path: &str, settings: &[(&str, &str)], start: &str) -> String {
    let camera = GstCamera::start(path).await;
    let (_process, client) = Camgate::serve(settings).await;
    plays_without(&client, &camera.url(), start).await
}

async fn plays_without(client: &Client, link: &str, start: &str) -> String {
    let query = form(&[("indicator_id", "1"), ("rtsp_link", link)]);
    client.get(&format!("/api/stream/start?{query}{start}")).await.ok();
    let mut player = Player::open(client, "1").await;
    player.play(6).await;
    player.assert_good().await;
    assert_eq!(player.multivariant.variants[0].codecs.len(), 1, "{:?}", player.multivariant);
    let whole = whole(&player);
    let found = ffmpeg::run("ffprobe", &describe(whole.path().to_str().unwrap())).await;
    let found: Value = serde_json::from_str(&found).unwrap();
    let [stream] = &found["streams"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(stream["codec_type"], "video");
    // What the camera offers is known at once; that the container has no place for it, some seconds later.
    let note = async || {
        let status = client.status("1").await;
        assert_eq!(status["audio"], Value::Null, "{status}");
        assert_eq!(status["state"], "live", "{status}");
        status["audio_note"].as_str().map(str::to_owned)
    };
    soon("a word about the audio", answer(note)).await
}

fn whole(player: &Player) -> NamedTempFile {
    let [file] = &player.concatenated()[..] else { panic!("{:?}", player.maps()) };
    ffmpeg::file(file)
}

fn describe(source: &str) -> [&str; 7] {
    let entries = "stream=codec_type,codec_name,sample_rate,channels";
    ["-v", "warning", "-show_entries", entries, "-of", "json", source]
}

fn assert_described(sent: Sent, found: &str) {
    let found: Value = serde_json::from_str(found).unwrap();
    let [video, audio] = &found["streams"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(video["codec_name"], sent.video, "{found}");
    assert_eq!(audio["codec_name"], sent.audio, "{found}");
    assert_eq!(audio["sample_rate"], sent.sample_rate.to_string(), "{found}");
    assert_eq!(audio["channels"], sent.channels, "{found}");
}

/// Start and end of the video and of the audio by their packets' presentation times, in seconds.
async fn spans(path: &str) -> ((f64, f64), (f64, f64)) {
    let entries = "packet=stream_index,pts_time,duration_time";
    let packets = ["-v", "warning", "-show_entries", entries, "-of", "csv=p=0", path];
    let mut spans: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for line in ffmpeg::run("ffprobe", &packets).await.lines() {
        let mut fields = line.split(',');
        // ffprobe ends some packets of transport streams with a line of its own.
        let Some(stream) = fields.next().and_then(|field| field.parse().ok()) else { continue };
        let mut number = || fields.next().and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        let (start, duration) = (number(), number());
        let span = spans.entry(stream).or_insert((start, start));
        *span = (span.0.min(start), span.1.max(start + duration));
    }
    (spans[&0], spans[&1])
}

/// Holds the tone against the one that was sent; returns by how many decibels it differs.
async fn heard(path: &str, sent: Sent) -> f64 {
    // Not the first moments: encoders start with silence, and the camera's reports set the clock right.
    let filter = "atrim=start=3,asetpts=PTS-STARTPTS,astats=metadata=1,ametadata=mode=print:file=-";
    // Timestamps may run from the time of the stream's start.
    let measure = ["-v", "warning", "-i", path, "-map", "0:a", "-af", filter, "-f", "null", "-"];
    let printed = ffmpeg::run("ffmpeg", &measure).await;
    let last = |key: &str| -> f64 {
        let mark = format!("lavfi.astats.{key}=");
        let line = printed.lines().rev().find_map(|line| line.strip_prefix(&mark));
        line.unwrap_or_else(|| panic!("no {key} in {printed}")).parse().unwrap()
    };
    // Twice a period.
    let hertz = last("1.Zero_crossings_rate") * f64::from(sent.sample_rate) / 2.0;
    assert!((hertz - HERTZ).abs() < 5.0, "a tone of {hertz:.1} Hz is heard");
    last("Overall.RMS_level") - 20.0 * (AMPLITUDE / 2_f64.sqrt()).log10()
}

/// How much later than its flash the camera's tone starts, in the middle, in seconds.
async fn seen_to_heard(path: &str, container: &str) -> f64 {
    let camera = GstCamera::start(path).await;
    let settings = [("HLS_SEGMENT_TIME", "2"), ("HLS_SEGMENT_TYPE", container)];
    let (_process, client) = Camgate::serve(&settings).await;
    client.started("1", &camera.url()).await;
    let mut player = Player::open(&client, "1").await;
    player.play_until("12 s of media", |player| player.duration() >= 12.0).await;
    let whole = whole(&player);
    let path = whole.path().to_str().unwrap();
    let ends = async |filter: &str, key: &str| -> Vec<f64> {
        let (option, print) = if key.contains("black") { ("-vf", "metadata") } else { ("-af", "ametadata") };
        let filter = format!("{filter},{print}=mode=print:key={key}:file=-");
        let detect = ["-v", "warning", "-i", path, option, &filter, "-f", "null", "-"];
        let mark = format!("{key}=");
        let printed = ffmpeg::run("ffmpeg", &detect).await;
        printed.lines().filter_map(|line| line.strip_prefix(&mark)?.parse().ok()).collect()
    };
    let flashes = ends("blackdetect=d=0.3:pix_th=0.1", "lavfi.black_end").await;
    let tones = ends("silencedetect=n=-40dB:d=0.3", "lavfi.silence_end").await;
    // A player may start between a flash and its tone, and not at the first reports of the camera's clocks.
    let nearest = |flash: f64| {
        tones.iter().map(|tone| tone - flash).min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
    };
    let off: Vec<f64> = flashes.iter().skip(1).map(|flash| nearest(*flash)).collect();
    println!("{off:.3?} {flashes:?} {tones:?}");
    assert!(off.len() >= 4, "flashes at {flashes:?}, tones at {tones:?}");
    off.iter().sum::<f64>() / off.len() as f64
}
