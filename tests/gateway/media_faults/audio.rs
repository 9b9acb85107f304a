//! Audio beside the video: as loud as the camera's, in time with the pictures, and never in their way.

use std::time::Duration;

use camgate::testcam::{Audio, AudioCodec, Options};
use futures::future::join_all;

use super::{Case, judge_all, small, watch_all};
use crate::common::ffmpeg;
use crate::common::gateway::{TestGateway, camera_with};
use crate::common::player::Player;

/// RMS of a sine of -12 dBFS, in dBFS.
const LOUDNESS: f64 = -15.01;

fn hearing(audio: Audio) -> Options {
    Options { audio: Some(audio), ..small() }
}

/// What a filter of ffmpeg says in `key` of the audio of all that was played, after the first second.
async fn said(player: &Player, filter: &str, key: &str) -> Vec<f64> {
    let [chunks] = &player.concatenated()[..] else { panic!("{:?}", player.maps()) };
    let file = ffmpeg::file(chunks);
    let filter = format!("{filter},ametadata=print:key={key}:file=-");
    let path = file.path().to_str().unwrap();
    let text = ffmpeg::run(
        "ffmpeg",
        &["-v", "warning", "-copyts", "-i", path, "-map", "0:a", "-af", &filter, "-f", "null", "-"],
    )
    .await;
    let value = |line: &str| line.strip_prefix(key)?.strip_prefix('=')?.parse().ok();
    text.lines().filter_map(value).collect()
}

async fn loudness(player: &Player) -> f64 {
    let filter = "atrim=start=1,astats=metadata=1:reset=0";
    *said(player, filter, "lavfi.astats.Overall.RMS_level").await.last().expect("sound")
}

/// What ffprobe says of the first stream of that kind.
async fn probed(player: &Player, kind: &str, entries: &str) -> String {
    let file = ffmpeg::file(&player.concatenated()[0]);
    let entries = format!("stream={entries}");
    let arguments = ["-v", "error", "-select_streams", kind, "-show_entries", &entries, "-of", "csv=p=0"];
    let path = file.path().to_str().unwrap();
    let text = ffmpeg::run("ffprobe", &[&arguments[..], &[path]].concat()).await;
    text.lines().next().unwrap_or_default().trim_end_matches(',').to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_encoding_that_is_carried_is_as_loud_as_the_camera_sent_it() {
    let l16 = Audio::new(AudioCodec::L16 { clock_rate: 48_000, channels: 2 });
    let long_packets = Audio { packet_time: Duration::from_millis(100), ..Audio::new(AudioCodec::Pcmu) };
    let cases = [
        (Audio::new(AudioCodec::Pcmu), "fMP4", "fLaC", "flac,8000,1"),
        (Audio::new(AudioCodec::Pcma), "fMP4", "fLaC", "flac,8000,1"),
        (long_packets, "fMP4", "fLaC", "flac,8000,1"),
        (l16, "fMP4", "fLaC", "flac,48000,2"),
        (Audio::new(AudioCodec::Aac), "fMP4", "mp4a.40.2", "aac,16000,1"),
        (Audio::new(AudioCodec::Aac), "mpegts", "mp4a.40.2", "aac,16000,1"),
    ];
    let cases = cases.map(async |(audio, container, codec, stream)| {
        let settings = if container == "mpegts" { &[("HLS_SEGMENT_TYPE", "mpegts")][..] } else { &[] };
        let (camera, gateway) = (camera_with(hearing(audio)).await, TestGateway::with(settings).await);
        gateway.started("1", &camera.url("/demo")).await;
        let mut player = Player::open(&gateway, "1").await;
        player.play(12).await;
        let codecs = &player.multivariant.variants[0].codecs;
        assert!(codecs.iter().any(|one| one == codec), "{codecs:?}");
        assert_eq!(probed(&player, "a:0", "codec_name,sample_rate,channels").await, stream, "{audio:?}");
        let loudness = loudness(&player).await;
        assert!((loudness - LOUDNESS).abs() < 0.5, "{audio:?}: {loudness} dBFS");
        player.assert_good().await;
    });
    join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sound_is_in_time_with_the_pictures_by_the_cameras_reports() {
    // The camera falls silent 5 s after its first picture, in what it sends, and has heard that much earlier.
    let cases = [(0, true, 5.0), (400, true, 4.6), (400, false, 5.0)];
    let cases = cases.map(async |(late, reports, falls_silent)| {
        let offset = Duration::from_millis(late);
        let audio = Audio { offset, reports, ..Audio::new(AudioCodec::Pcmu) };
        let faults = vec!["5:no-audio".parse().unwrap()];
        let (camera, gateway) =
            (camera_with(Options { faults, ..hearing(audio) }).await, TestGateway::start().await);
        gateway.started("1", &camera.url("/demo")).await;
        let mut player = Player::open(&gateway, "1").await;
        player.play(15).await;
        let first: f64 = probed(&player, "v:0", "start_time").await.parse().unwrap();
        let silences = said(&player, "silencedetect=noise=-40dB:d=0.5", "lavfi.silence_start").await;
        let fell = silences.last().expect("silence") - first;
        assert!((fell - falls_silent).abs() < 0.1, "{audio:?}: silent after {fell} s, not {falls_silent}");
    });
    join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sound_that_starts_late_stops_or_drifts_holds_no_picture_back() {
    let pcmu = Audio::new(AudioCodec::Pcmu);
    let cases = [
        Case::unseen(&["0+4:no-audio"], 4.0),
        Case::unseen(&["3:no-audio"], 4.0),
        Case::unseen(&["0:no-audio"], 4.0),
        Case::unseen(&["0:audio-clock-rate=0.01"], 4.0),
        Case::unseen(&["0:audio-clock-rate=-0.01"], 4.0),
        Case::unseen(&["4:clock-reset"], 4.0),
    ];
    let late = Audio { offset: Duration::from_millis(800), reports: false, ..pcmu };
    let (pcmu, late, aac) = (hearing(pcmu), hearing(late), hearing(Audio::new(AudioCodec::Aac)));
    let pauses = [Case::unseen(&["2+2:no-audio"], 4.0)];
    let (pcmu, late, aac) = futures::join!(
        watch_all(&pcmu, &[], &cases),
        watch_all(&late, &[], &pauses),
        watch_all(&aac, &[], &pauses)
    );
    judge_all([pcmu, late, aac].into_iter().flatten().collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sound_that_cannot_be_carried_is_told_of_and_the_video_plays() {
    let cases = [("g726", "G726"), ("opus", "OPUS")].map(async |(name, told)| {
        let (camera, gateway) = (camera_with(small()).await, TestGateway::start().await);
        gateway.started("1", &camera.url(&format!("/audio/{name}"))).await;
        let mut player = Player::open(&gateway, "1").await;
        player.play(5).await;
        let status = gateway.status("1").await;
        assert!(status["audio"].is_null(), "{status}");
        let note = status["audio_note"].as_str().unwrap_or_default().to_uppercase();
        assert!(note.contains(told), "{status}");
        player.assert_good_and_whole().await;
    });
    join_all(cases).await;
}
