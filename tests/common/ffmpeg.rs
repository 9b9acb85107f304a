//! ffmpeg and ffprobe as judges: what they warn of is a failure.

use std::io::Write as _;
use std::process::Stdio;

use bytes::Bytes;
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::wait::soon;

/// Streams that are watched meanwhile must not stumble because many tests end at once.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Runs a program of the ffmpeg package; returns what it printed. A single word of complaint is a failure.
pub async fn run(program: &str, arguments: &[&str]) -> String {
    let _permit = AT_ONCE.acquire().await.unwrap();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon(program, command.output()).await;
    let output = output.unwrap_or_else(|error| {
        panic!("cannot run {program} ({error}): install the package ffmpeg, as `make test` does")
    });
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {complaints}");
    assert_eq!(complaints, "", "{program} {arguments:?} complains");
    String::from_utf8(output.stdout).unwrap()
}

/// Decodes `chunks`, one after the other as one file; returns the MD5 of every picture that came out.
pub async fn decode(chunks: &[Bytes]) -> Vec<String> {
    let file = written(chunks);
    let pictures = run("ffmpeg", &decoding(file.path().to_str().unwrap())).await;
    let lines = pictures.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap_or_default().trim().to_owned()).collect()
}

/// What came of a file that may be damaged.
#[derive(Debug)]
pub struct Decoded {
    /// Pictures, and frames of sound.
    pub pictures: usize,
    pub complaints: String,
    /// Whether a signal ended ffmpeg.
    pub crashed: bool,
}

/// The same for media that may be damaged: whether a complaint is a failure is for the caller to say.
pub async fn decode_loosely(chunks: &[Bytes]) -> Decoded {
    let _permit = AT_ONCE.acquire().await.unwrap();
    let file = written(chunks);
    let mut command = Command::new("ffmpeg");
    command.args(decoding(file.path().to_str().unwrap())).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("ffmpeg", command.output()).await.unwrap();
    let pictures = String::from_utf8_lossy(&output.stdout);
    Decoded {
        pictures: pictures.lines().filter(|line| !line.starts_with('#')).count(),
        complaints: String::from_utf8_lossy(&output.stderr).into_owned(),
        crashed: output.status.code().is_none(),
    }
}

fn written(chunks: &[Bytes]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for chunk in chunks {
        file.write_all(chunk).unwrap();
    }
    file
}

fn decoding(path: &str) -> [&str; 9] {
    ["-v", "warning", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-"]
}
