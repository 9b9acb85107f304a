//! ffmpeg and ffprobe as judges: what they warn of is a failure.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::process::Command;

use super::wait::{soon, within};

/// Runs a program of the ffmpeg package; returns what it printed. A single word of complaint is a failure.
pub async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = within(program, LONG, command.output()).await;
    let output = output.unwrap_or_else(|error| {
        panic!("cannot run {program} ({error}): install the package ffmpeg, as `make test` does")
    });
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {complaints}");
    assert_eq!(complaints, "", "{program} {arguments:?} complains");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a player on a live playlist, and returns what it printed. It may not complain, but for what it says of any
/// origin: on live fMP4, ffmpeg 5.1 warns of a second `moov` when its HLS demuxer goes on after a reload. It does the same
/// on a live playlist that its own `hls` muxer writes (`-f hls -hls_segment_type fmp4 -hls_flags delete_segments`).
pub async fn run_live(container: &str, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon(program, command.output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let of_any_origin =
        |line: &&str| container == "fmp4" && line.ends_with("Found duplicated MOOV Atom. Skipped it");
    let complaints: Vec<&str> = said.lines().filter(|line| !of_any_origin(line)).collect();
    assert!(output.status.success() && complaints.is_empty(), "{container}: {program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// `chunks`, one after the other as one file, which is there for as long as what is returned.
pub fn file(chunks: &[Bytes]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for chunk in chunks {
        file.write_all(chunk).unwrap();
    }
    file
}

/// Decodes `chunks`, audio as well; returns the MD5 of every picture that came out.
pub async fn decode(chunks: &[Bytes]) -> Vec<String> {
    let file = file(chunks);
    let frames = run("ffmpeg", &decoding(file.path().to_str().unwrap())).await;
    let pictures = frames.lines().filter(|line| line.starts_with("0,"));
    pictures.map(|line| line.rsplit(',').next().unwrap_or_default().trim().to_owned()).collect()
}

fn decoding(path: &str) -> [&str; 13] {
    #[rustfmt::skip]
    let arguments = [
        "-v", "warning", "-i", path, "-map", "0:v", "-map", "0:a?",
        "-fps_mode", "passthrough", "-f", "framemd5", "-",
    ];
    arguments
}

/// Minutes of media, on a busy machine.
const LONG: Duration = Duration::from_secs(300);

/// What came of media that may be damaged.
#[derive(Debug)]
pub struct Decoded {
    pub pictures: usize,
    pub complaints: String,
    /// Whether a signal ended ffmpeg.
    pub crashed: bool,
}

/// The same for media that may be damaged, or long: whether a complaint is a failure is for the caller to say.
pub async fn decode_loosely(chunks: &[Bytes]) -> Decoded {
    let file = file(chunks);
    let mut command = Command::new("ffmpeg");
    command.args(decoding(file.path().to_str().unwrap())).stdin(Stdio::null()).kill_on_drop(true);
    let output = within("ffmpeg", LONG, command.output()).await.unwrap();
    let frames = String::from_utf8_lossy(&output.stdout);
    Decoded {
        pictures: frames.lines().filter(|line| line.starts_with("0,")).count(),
        complaints: String::from_utf8_lossy(&output.stderr).into_owned(),
        crashed: output.status.code().is_none(),
    }
}
