//! The simulated camera against clients that are not ours: ffmpeg, ffprobe and retina, and against a client that
//! speaks RTSP by hand where a well-behaved one would not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is a test's failure")]

use std::future::Future;
use std::time::Duration;

use camgate::testcam::{
    Access, Camera, Clip, Control, Credentials, Fault, Oddity, Options, ParameterSetPlacement, Start,
};
use futures::StreamExt as _;
use futures::future::try_join_all;
use retina::client::{Demuxed, PlayOptions, Session, SessionOptions, SetupOptions, Transport};
use retina::codec::{CodecItem, ParametersRef, VideoFrame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

async fn camera(options: Options) -> Control {
    Camera::bind(options).await.unwrap().spawn()
}

/// Nothing here takes longer than a few seconds: what hangs is a failure, not a wait.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("in time")
}

/// A short clip, so that its loop point comes soon.
fn short_clip() -> Clip {
    Clip::demo().first(5)
}

fn credentials(password: &str) -> Credentials {
    Credentials { username: "admin".into(), password: password.into() }
}

// ---- ffmpeg ----

/// Runs a tool of ffmpeg on `url` and returns what it printed; a warning is a failure.
async fn run(program: &str, arguments: &[&str]) -> String {
    let output = soon(Command::new(program).args(arguments).kill_on_drop(true).output()).await.unwrap();
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} failed: {warnings}");
    assert_eq!(warnings, "", "{program} warned");
    String::from_utf8(output.stdout).unwrap()
}

/// How many pictures ffmpeg decodes of `seconds` of `url`.
async fn decoded_pictures(url: &str, seconds: &str) -> usize {
    let input = ["-v", "warning", "-rtsp_transport", "tcp", "-i", url, "-t", seconds];
    let hashes = run("ffmpeg", &[&input[..], &["-f", "framemd5", "-"]].concat()).await;
    hashes.lines().filter(|line| !line.starts_with('#')).count()
}

#[tokio::test]
async fn ffmpeg_decodes_the_demo_across_its_loop_without_a_warning() {
    let clip = Clip::demo().first(30);
    let camera = camera(Options { clip, ..Options::default() }).await;
    let pictures = decoded_pictures(&camera.url("/demo"), "3").await;
    assert!((74..=76).contains(&pictures), "{pictures} pictures in 3 s");
}

#[tokio::test]
async fn ffmpeg_decodes_a_padded_clip_without_a_warning() {
    let clip = Clip::demo().padded(3_000_000);
    let camera = camera(Options { clip, ..Options::default() }).await;
    let pictures = decoded_pictures(&camera.url("/demo"), "2").await;
    assert!((49..=51).contains(&pictures), "{pictures} pictures in 2 s");
}

#[tokio::test]
async fn ffmpeg_decodes_what_a_decoder_must_not_notice_without_a_warning() {
    let cameras = ["0:alternate-pps", "0:other-timing", "0:keyframe-every=3", "0.5+1:no-keyframes"];
    let counts = cameras.map(async |fault| {
        let faults = vec![fault.parse().unwrap()];
        let camera = camera(Options { clip: Clip::switch().first(10), faults, ..Options::default() }).await;
        decoded_pictures(&camera.url("/demo"), "3").await
    });
    for (count, fault) in futures::future::join_all(counts).await.into_iter().zip(cameras) {
        // ffmpeg evens pictures out at the rate that the SPS states, which of `other-timing` is the half.
        // A keyframe that is left out leaves a gap, of each tenth picture at most.
        let least = if fault == "0:other-timing" { 36 } else { 66 };
        assert!((least..=76).contains(&count), "{fault}: {count} pictures in 3 s");
    }
}

#[tokio::test]
async fn ffmpeg_hears_the_tone_in_every_encoding_and_sees_the_video_beside_it() {
    let camera = camera(Options::default()).await;
    let names = ["pcmu", "pcma", "l16", "aac"];
    let heard = names.map(async |name| {
        let url = camera.url(&format!("/audio/{name}"));
        let input =
            ["-v", "warning", "-rtsp_transport", "tcp", "-i", &url, "-t", "3", "-map", "0:v", "-map", "0:a"];
        let key = "lavfi.astats.Overall.RMS_level";
        let filter = format!("atrim=start=1,astats=metadata=1:reset=0,ametadata=print:key={key}:file=-");
        let text = run("ffmpeg", &[&input[..], &["-af", &filter, "-f", "null", "-"]].concat()).await;
        let level = text.lines().rev().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        level.expect("sound").parse::<f64>().unwrap()
    });
    for (level, name) in futures::future::join_all(heard).await.into_iter().zip(names) {
        // A sine of -12 dBFS.
        assert!((level + 15.01).abs() < 0.2, "{name}: {level} dBFS");
    }
}

#[tokio::test]
async fn ffprobe_sees_what_the_clip_is_with_digest() {
    let access = Access::Digest(credentials("s3cret"));
    let camera = camera(Options { access, ..Options::default() }).await;
    let url = format!("rtsp://admin:s3cret@{}/any/path", camera.local_addr());
    let entries = "stream=codec_name,profile,width,height,avg_frame_rate";
    let arguments =
        ["-v", "warning", "-rtsp_transport", "tcp", "-show_entries", entries, "-of", "csv=p=0", &url];
    assert_eq!(run("ffprobe", &arguments).await.trim(), "h264,High,1280,720,25/1");
}

// ---- retina ----

/// Plays `path` with the credentials of `admin` if a password is given.
async fn play(camera: &Control, path: &str, password: Option<&str>) -> Result<Demuxed, retina::Error> {
    let credentials =
        password.map(|p| retina::client::Credentials { username: "admin".into(), password: p.into() });
    let options = SessionOptions::default().creds(credentials);
    let url = camera.url(path).parse().unwrap();
    let mut session = Session::describe(url, options).await?;
    let setup = SetupOptions::default().transport(Transport::Tcp(Default::default()));
    session.setup(0, setup).await?;
    session.play(PlayOptions::default()).await?.demuxed()
}

async fn next_frame(session: &mut Demuxed) -> VideoFrame {
    loop {
        match soon(session.next()).await.expect("the stream goes on").expect("no error") {
            CodecItem::VideoFrame(frame) => return frame,
            _ => continue,
        }
    }
}

fn pixels(session: &Demuxed) -> (u32, u32) {
    match session.streams()[0].parameters() {
        Some(ParametersRef::Video(video)) => video.pixel_dimensions(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_right_password_plays_under_every_scheme_and_a_wrong_one_is_401() {
    for scheme in [Access::Basic, Access::Digest, Access::DigestSha256] {
        let access = scheme(credentials("p#@:^/ 1"));
        let camera = camera(Options { access: access.clone(), ..Options::default() }).await;
        let mut session = soon(play(&camera, "/demo", Some("p#@:^/ 1"))).await.unwrap();
        assert!(next_frame(&mut session).await.is_random_access_point(), "{access:?}");
        for wrong in [Some("p"), None] {
            let error = soon(play(&camera, "/demo", wrong)).await.err().expect("refused");
            assert_eq!(error.status_code(), Some(401), "{access:?}: {error}");
        }
        assert_eq!(camera.total_sessions(), 1);
    }
}

#[tokio::test]
async fn timestamps_rise_evenly_across_the_loop_point() {
    let camera = camera(Options { clip: short_clip(), ..Options::default() }).await;
    let mut session = play(&camera, "/demo", None).await.unwrap();
    let mut keyframes = 0;
    let mut last = None;
    for _ in 0..16 {
        let frame = next_frame(&mut session).await;
        assert_eq!(frame.loss(), 0);
        keyframes += usize::from(frame.is_random_access_point());
        let now = frame.timestamp().timestamp();
        assert!(last.is_none_or(|last| now - last == 3600), "{last:?} then {now}");
        last = Some(now);
    }
    assert_eq!(keyframes, 4, "every loop of five pictures begins with one");
}

#[tokio::test]
async fn sender_reports_come_with_the_first_picture_and_then_every_interval() {
    let sender_report_interval = Duration::from_millis(200);
    let camera = camera(Options { sender_report_interval, ..Options::default() }).await;
    let mut session = play(&camera, "/demo", None).await.unwrap();
    let (mut pictures, mut reported_at) = (0, Vec::new());
    while pictures < 16 {
        match soon(session.next()).await.expect("the stream goes on").expect("no error") {
            CodecItem::VideoFrame(_) => pictures += 1,
            CodecItem::Rtcp(_) => reported_at.push(pictures),
            _ => {}
        }
    }
    assert_eq!(reported_at, [0, 5, 10, 15]);
}

#[tokio::test]
async fn twenty_sessions_play_at_once_and_none_is_left_behind() {
    let camera = camera(Options::default()).await;
    let mut sessions = try_join_all((0..20).map(|n| {
        let camera = camera.clone();
        async move { play(&camera, &format!("/camera/{n}"), None).await }
    }))
    .await
    .unwrap();
    for session in &mut sessions {
        assert!(next_frame(session).await.is_random_access_point());
    }
    assert_eq!(camera.sessions(), 20);
    // The clients vanish: their sockets close without a TEARDOWN.
    drop(sessions);
    let counters = soon(camera.wait_until(|counters| counters.connections == 0)).await;
    assert_eq!((counters.sessions, counters.total_sessions), (0, 20));
}

#[tokio::test]
async fn parameter_sets_may_come_in_band_only_and_from_the_middle_of_a_gop() {
    let (parameter_sets, start) = (ParameterSetPlacement::InBand, Start::MidGop(45));
    let camera = camera(Options { parameter_sets, start, ..Options::default() }).await;
    let mut session = play(&camera, "/demo", None).await.unwrap();
    assert!(session.streams()[0].parameters().is_none());
    let mut waited = 0;
    while !next_frame(&mut session).await.is_random_access_point() {
        waited += 1;
    }
    assert_eq!(waited, 5, "pictures 45 to 49 precede the keyframe");
    assert_eq!(pixels(&session), (1280, 720));
}

#[tokio::test]
async fn parameter_sets_may_be_in_the_sdp_only() {
    let parameter_sets = ParameterSetPlacement::Sdp;
    let camera = camera(Options { parameter_sets, ..Options::default() }).await;
    let session = play(&camera, "/demo", None).await.unwrap();
    assert_eq!(pixels(&session), (1280, 720));
}

#[tokio::test]
async fn the_switch_path_changes_the_resolution_on_the_way() {
    let camera = camera(Options::default()).await;
    let mut session = play(&camera, "/switch/1", None).await.unwrap();
    for _ in 0..25 {
        next_frame(&mut session).await;
    }
    assert_eq!(pixels(&session), (1280, 720));
    let frame = next_frame(&mut session).await;
    assert!(frame.is_random_access_point() && frame.has_new_parameters());
    assert_eq!((pixels(&session), frame.loss()), ((640, 360), 0));
}

#[tokio::test]
async fn the_lossy_path_loses_packets() {
    let camera = camera(Options { clip: Clip::demo().padded(3_000_000), ..Options::default() }).await;
    let mut session = play(&camera, "/lossy/4", None).await.unwrap();
    let mut lost = 0;
    while lost < 3 {
        match soon(session.next()).await.expect("the stream goes on") {
            Ok(CodecItem::VideoFrame(frame)) => lost += frame.loss(),
            _ => continue,
        }
    }
}

#[tokio::test]
async fn the_codec_path_names_the_codec() {
    let camera = camera(Options::default()).await;
    for (path, name) in [("/codec/h265", "h265"), ("/codec/mjpeg", "jpeg"), ("/codec/vp8", "vp8")] {
        let session =
            Session::describe(camera.url(path).parse().unwrap(), SessionOptions::default()).await.unwrap();
        assert_eq!(session.streams()[0].encoding_name(), name);
    }
}

// ---- by hand ----

/// An RTSP client that says exactly what it is told to.
struct Client {
    socket: TcpStream,
    input: Vec<u8>,
}

impl Client {
    async fn connect(camera: &Control) -> Self {
        Self { socket: TcpStream::connect(camera.local_addr()).await.unwrap(), input: Vec::new() }
    }

    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next response's head, over interleaved packets before it; `None` when the camera has hung up.
    async fn response(&mut self) -> Option<String> {
        loop {
            if let [b'$', _, high, low, ..] = self.input[..] {
                let length = 4 + usize::from(u16::from_be_bytes([high, low]));
                if self.input.len() >= length {
                    self.input.drain(..length);
                    continue;
                }
            } else if let Some(end) = self.input.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8(self.input.drain(..end + 4).collect()).unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                let body = length.map_or(0, |length| length.trim().parse().unwrap());
                while self.input.len() < body {
                    self.read().await?;
                }
                self.input.drain(..body);
                return Some(head);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Option<()> {
        let read = soon(self.socket.read_buf(&mut self.input)).await.unwrap_or(0);
        (read > 0).then_some(())
    }

    /// Sends a request to the camera's `/demo`, or to another path, and returns the response.
    async fn ask(&mut self, method: &str, path: &str, headers: &str) -> String {
        self.send(&format!("{method} rtsp://camera{path} RTSP/1.0\r\nCSeq: 7\r\n{headers}\r\n")).await;
        self.response().await.expect("a response")
    }

    /// SETUP and PLAY; returns the `Session` header line and PLAY's response.
    async fn start(&mut self, path: &str) -> (String, String) {
        let setup = self.ask("SETUP", &format!("{path}/trackID=0"), TCP).await;
        let id = setup.split("Session: ").nth(1).unwrap().split(';').next().unwrap();
        let session = format!("Session: {id}\r\n");
        let play = self.ask("PLAY", path, &session).await;
        assert_eq!(status(&play), 200, "{play}");
        (session, play)
    }
}

const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

fn status(response: &str) -> u16 {
    response.strip_prefix("RTSP/1.0 ").unwrap()[..3].parse().unwrap()
}

#[tokio::test]
async fn a_session_has_the_tracks_that_were_set_up_and_tells_of_each() {
    let camera = camera(Options::default()).await;
    let mut client = Client::connect(&camera).await;
    let other = "Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n";
    let video = client.ask("SETUP", "/audio/pcmu/trackID=0", TCP).await;
    let id = video.split("Session: ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let session = format!("Session: {id}\r\n");
    let audio = client.ask("SETUP", "/audio/pcmu/trackID=1", &format!("{other}{session}")).await;
    assert!(audio.contains(&format!("Session: {id};")) && audio.contains("interleaved=2-3;"), "{audio}");
    assert_eq!(status(&client.ask("SETUP", "/audio/pcmu/trackID=2", other).await), 404);
    let play = client.ask("PLAY", "/audio/pcmu", &session).await;
    let info = play.lines().find_map(|line| line.strip_prefix("RTP-Info: ")).unwrap();
    let tracks: Vec<_> = info.split(',').map(|track| track.split(';').next().unwrap()).collect();
    assert_eq!(tracks, ["url=rtsp://camera/audio/pcmu/trackID=0", "url=rtsp://camera/audio/pcmu/trackID=1"]);
    assert_eq!(status(&client.ask("SETUP", "/demo/trackID=1", TCP).await), 455, "it plays");
    let mut client = Client::connect(&camera).await;
    assert_eq!(status(&client.ask("SETUP", "/demo/trackID=1", TCP).await), 404, "no audio there");
}

#[tokio::test]
async fn every_request_has_the_status_that_the_standard_gives_it() {
    let camera = camera(Options::default()).await;
    let mut client = Client::connect(&camera).await;
    let (no_session, other) = ("", "Session: 12345678\r\n");
    let udp = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";
    for (method, headers, expected) in [
        ("OPTIONS", no_session, 200),
        ("DESCRIBE", no_session, 200),
        ("GET_PARAMETER", no_session, 200),
        ("GET_PARAMETER", other, 454),
        ("PLAY", no_session, 454),
        ("PLAY", other, 454),
        ("TEARDOWN", other, 454),
        ("SETUP", udp, 461),
        ("SETUP", no_session, 461),
        ("RECORD", no_session, 405),
        ("BREW", no_session, 501),
    ] {
        let response = client.ask(method, "/demo", headers).await;
        assert_eq!(status(&response), expected, "{method} {headers}");
        assert!(response.contains("\r\nCSeq: 7\r\n"), "{response}");
    }
    let (session, _) = client.start("/demo").await;
    assert_eq!(status(&client.ask("SETUP", "/demo/trackID=0", TCP).await), 455);
    assert_eq!(status(&client.ask("SET_PARAMETER", "/demo", &session).await), 200);
    client.send("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n").await;
    assert_eq!(status(&client.response().await.unwrap()), 505);
    client.send("OPTIONS * RTSP/1.0\r\n\r\n").await;
    assert_eq!(status(&client.response().await.unwrap()), 400, "without CSeq");
}

#[tokio::test]
async fn garbage_is_answered_with_400_and_the_connection_closed() {
    let camera = camera(Options::default()).await;
    let mut client = Client::connect(&camera).await;
    client.send("GET / HTTP/1.1\r\nHost: camera\r\n\r\n").await;
    assert_eq!(status(&client.response().await.unwrap()), 400);
    assert_eq!(client.response().await, None);
}

#[tokio::test]
async fn teardown_ends_the_session_and_is_counted() {
    let camera = camera(Options::default()).await;
    let mut client = Client::connect(&camera).await;
    let (session, play) = client.start("/demo").await;
    assert!(play.contains("\r\nRTP-Info: url=rtsp://camera/demo/trackID=0;seq="), "{play}");
    assert_eq!(camera.sessions(), 1);
    assert_eq!(status(&client.ask("TEARDOWN", "/demo", &session).await), 200);
    let counters = camera.counters();
    assert_eq!((counters.sessions, counters.teardowns, counters.connections), (0, 1, 1));
    assert_eq!(status(&client.ask("PLAY", "/demo", &session).await), 454);
}

#[tokio::test]
async fn the_status_path_answers_that_status_and_the_hang_path_nothing() {
    let camera = camera(Options::default()).await;
    let mut client = Client::connect(&camera).await;
    for code in [404, 453, 503] {
        assert_eq!(status(&client.ask("DESCRIBE", &format!("/status/{code}/x"), "").await), code);
    }
    client.send("DESCRIBE rtsp://camera/hang RTSP/1.0\r\nCSeq: 1\r\n\r\n").await;
    let next = client.ask("OPTIONS", "/hang", "").await;
    assert!(next.contains("CSeq: 7"), "DESCRIBE was answered: {next}");
}

#[tokio::test]
async fn the_silent_path_plays_and_sends_nothing() {
    let session_timeout = Duration::from_millis(300);
    let camera = camera(Options { session_timeout, ..Options::default() }).await;
    let mut client = Client::connect(&camera).await;
    client.start("/silent").await;
    assert_eq!(camera.sessions(), 1);
    // The camera gives up on us after the timeout, and has sent nothing until then.
    assert_eq!(client.response().await, None);
    assert!(client.input.is_empty());
}

#[tokio::test]
async fn a_client_that_falls_silent_is_dropped_and_one_that_keeps_talking_is_not() {
    let session_timeout = Duration::from_millis(400);
    let camera = camera(Options { session_timeout, ..Options::default() }).await;
    let mut silent = Client::connect(&camera).await;
    silent.start("/demo").await;
    let mut talking = Client::connect(&camera).await;
    let (session, _) = talking.start("/demo").await;
    // Reads to the end of the silent client's session, and keeps the other alive meanwhile.
    let mut closed = std::pin::pin!(silent.response());
    loop {
        tokio::select! {
            response = &mut closed => break assert_eq!(response, None),
            response = talking.ask("GET_PARAMETER", "/demo", &session) => assert_eq!(status(&response), 200),
        }
    }
    assert_eq!(camera.sessions(), 1);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    // Heavy enough to fill the sockets' buffers at once.
    let options = Options {
        clip: Clip::demo().first(5).padded(1_000_000_000),
        stall_timeout: Duration::from_millis(200),
        ..Options::default()
    };
    let camera = camera(options).await;
    let mut client = Client::connect(&camera).await;
    client.start("/demo").await;
    let counters = soon(camera.wait_until(|counters| counters.connections == 0)).await;
    assert_eq!((counters.total_sessions, counters.sessions), (1, 0));
}

#[tokio::test]
async fn a_seed_makes_two_cameras_alike_and_connections_different() {
    let mut answers = Vec::new();
    for _ in 0..2 {
        let camera = camera(Options { seed: Some(1), ..Options::default() }).await;
        for _ in 0..2 {
            answers.push(Client::connect(&camera).await.start("/demo").await);
        }
    }
    assert_eq!(answers[..2], answers[2..]);
    assert_ne!(answers[0], answers[1]);
}

#[tokio::test]
async fn an_outage_refuses_connections_and_ends_with_the_same_address() {
    let camera = camera(Options::default()).await;
    let mut client = Client::connect(&camera).await;
    client.start("/demo").await;
    camera.pause().await.unwrap();
    assert_eq!(camera.sessions(), 1, "a closed port does not end sessions");
    camera.drop_all();
    assert_eq!(client.response().await, None);
    let refused = TcpStream::connect(camera.local_addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    camera.resume().await.unwrap();
    Client::connect(&camera).await.start("/demo").await;
    assert_eq!(camera.total_sessions(), 2);
}

#[tokio::test]
async fn stop_leaves_nothing_behind() {
    let camera = camera(Options::default()).await;
    let mut client = Client::connect(&camera).await;
    client.start("/demo").await;
    soon(camera.stop()).await;
    let counters = camera.counters();
    assert_eq!((counters.sessions, counters.connections), (0, 0));
    assert!(TcpStream::connect(camera.local_addr()).await.is_err());
    assert_eq!(client.response().await, None);
    assert!(camera.resume().await.is_err());
}

#[tokio::test]
async fn an_odd_camera_is_odd_in_its_answers() {
    let camera = camera(Options::default()).await;
    let session = |name: &'static str| {
        let camera = camera.clone();
        async move {
            let (path, mut client) = (format!("/odd/{name}"), Client::connect(&camera).await);
            let describe = client.ask("DESCRIBE", &path, "").await;
            let setup = client.ask("SETUP", &format!("{path}/trackID=0"), TCP).await;
            let id = setup.split("Session: ").nth(1).unwrap().split(';').next().unwrap().to_owned();
            let session = format!("Session: {id}\r\n");
            let play = client.ask("PLAY", &path, &session).await;
            let teardown = client.ask("TEARDOWN", &path, &session).await;
            [describe, setup, play, teardown].concat()
        }
    };
    let plain = session("second-audio").await;
    for (name, shows) in [
        ("content-base-without-scheme", "Content-Base: camera/odd/"),
        ("space-in-ssrc", ";ssrc= "),
        ("first-sequence-zero", ";seq=0;"),
        ("timestamps-from-zero", ";rtptime=0\r\n"),
        ("rtptime-minus-one", ";rtptime=-1\r\n"),
        ("space-after-headers", "RTSP/1.0 200 OK \r\n"),
        ("teardown-fails", "RTSP/1.0 500 "),
    ] {
        let answers = session(name).await;
        assert!(answers.contains(shows) && !plain.contains(shows), "{name}: {answers}");
    }
    assert!(plain.contains("RTP-Info") && !session("no-rtp-info").await.contains("RTP-Info"));
}

#[tokio::test]
async fn a_place_is_free_again_at_once_after_teardown_and_later_without() {
    let oddities = vec![Oddity::AtMostSessions(1), Oddity::SessionsLinger(1)];
    let camera = camera(Options { oddities, ..Options::default() }).await;
    let mut first = Client::connect(&camera).await;
    let (session, _) = first.start("/demo").await;
    let mut second = Client::connect(&camera).await;
    assert_eq!(status(&second.ask("SETUP", "/demo/trackID=0", TCP).await), 453);
    assert_eq!(status(&first.ask("TEARDOWN", "/demo", &session).await), 200);
    second.start("/demo").await;
    drop(second);
    let left = tokio::time::Instant::now();
    soon(camera.wait_until(|counters| counters.sessions == 0)).await;
    while status(&first.ask("SETUP", "/demo/trackID=0", TCP).await) == 453 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(left.elapsed() >= Duration::from_millis(900), "{:?}", left.elapsed());
}

#[tokio::test]
async fn a_nonce_that_expired_is_said_to_be_stale() {
    for oddity in [Oddity::OneTimeNonces, Oddity::NonceExpires] {
        let options = Options {
            oddities: vec![oddity],
            access: Access::Digest(credentials("p")),
            ..Options::default()
        };
        let camera = camera(options).await;
        let played = soon(play(&camera, "/demo", Some("p"))).await;
        match oddity {
            // retina answers one challenge a session.
            Oddity::OneTimeNonces => assert_eq!(played.err().unwrap().status_code(), Some(401)),
            _ => assert!(played.is_ok()),
        }
    }
    let faults = faults(&["0:new-nonce"]);
    let camera =
        camera(Options { faults, access: Access::Digest(credentials("p")), ..Options::default() }).await;
    let mut client = Client::connect(&camera).await;
    let challenge = client.ask("DESCRIBE", "/demo", "").await;
    assert!(challenge.contains("nonce=") && !challenge.contains("stale"), "{challenge}");
    let error = soon(play(&camera, "/demo", Some("p"))).await.err().expect("refused");
    assert_eq!(error.status_code(), Some(401), "{error}");
}

fn faults(script: &[&str]) -> Vec<Fault> {
    script.iter().map(|fault| fault.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_close_is_an_end_and_a_reset_an_error() {
    for (fault, reset) in [("0.3:close", false), ("0.3:reset", true)] {
        let camera = camera(Options { faults: faults(&[fault]), ..Options::default() }).await;
        let mut client = Client::connect(&camera).await;
        client.start("/demo").await;
        let mut media = Vec::new();
        let end = soon(client.socket.read_to_end(&mut media)).await;
        assert_eq!(
            end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
            reset,
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_script_silences_partitions_and_refuses() {
    let script = ["1+3:silent", "5+2.5:partition", "8.5+1.5:refuse"];
    let camera = camera(Options { faults: faults(&script), ..Options::default() }).await;
    let mut client = Client::connect(&camera).await;
    client.start("/demo").await;
    let began = tokio::time::Instant::now();
    let mut pauses = Vec::new();
    let mut refused = false;
    // Each lasts so long that a busy machine can look late, and not miss it.
    while began.elapsed() < Duration::from_millis(11_500) {
        let read = tokio::time::timeout(Duration::from_millis(200), client.read()).await;
        match read {
            Ok(read) => assert!(read.is_some(), "the session goes on"),
            Err(_) => pauses.push(began.elapsed().as_millis() / 100),
        }
        client.input.clear();
        refused |= TcpStream::connect(camera.local_addr()).await.is_err();
    }
    assert!(refused);
    assert!(
        pauses.iter().any(|at| (11..43).contains(at)) && pauses.iter().any(|at| (51..78).contains(at)),
        "{pauses:?}"
    );
    assert_eq!(camera.sessions(), 1);
}
