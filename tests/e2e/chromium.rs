//! Runs the drivers of `tests/browser`, which run Chromium.
//!
//! A driver that is killed takes Chromium with it: it is Chromium's only end of a pipe, and Chromium ends with the pipe.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::common::http::Client;
use crate::common::process::Camgate;
use crate::common::wait::within;

use std::time::Duration;

/// Above the deadlines that the drivers keep themselves, with time for the last screenshot.
const DEADLINE: Duration = Duration::from_secs(90);

/// Where a screenshot is kept.
pub(crate) fn artifact(name: &str) -> String {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name).to_str().unwrap().to_owned()
}

/// The real program with its page and the segments that people get.
pub(crate) async fn gateway(container: &str) -> (Camgate, Client) {
    gateway_with(&[("HLS_SEGMENT_TYPE", container)]).await
}

pub(crate) async fn gateway_with(settings: &[(&str, &str)]) -> (Camgate, Client) {
    let settings: Vec<_> = [("HLS_SEGMENT_TIME", "2")].iter().chain(settings).copied().collect();
    let (process, client) = Camgate::serve(&settings).await;
    let page = client.get("/").await;
    assert!(
        !page.text().contains("\"/assets/index.js\""),
        "this camgate was built without the page (web/dist was absent): run 'make test'"
    );
    (process, client)
}

/// Runs a script of `tests/browser`.
pub(crate) fn driver(script: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(
        folder.join("node_modules/playwright-core").is_dir(),
        "Playwright is not installed: run 'make test', or 'npm ci' in tests/browser"
    );
    let mut command = Command::new("node");
    command.arg(folder.join(script)).kill_on_drop(true);
    command
}

/// Plays for 8 s by `play.mjs`, and returns what it measured.
pub(crate) async fn play(arguments: &[&str], screenshot: &str, url: &str) -> Value {
    let mut command = driver("play.mjs");
    command.args(arguments).args(["--advance", "8", "--within", "50"]);
    command.args(["--screenshot", &artifact(screenshot), url]).stdin(Stdio::null());
    let output = within("play.mjs", DEADLINE, command.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Somebody who watches a stream: `watch.mjs`.
pub(crate) struct Watching {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    pub(crate) fn open(client: &Client, id: &str, screenshot: &str) -> Self {
        Self::open_allowing("^$", client, id, screenshot)
    }

    /// With errors in the console that are expected, as a regular expression.
    pub(crate) fn open_allowing(console: &str, client: &Client, id: &str, screenshot: &str) -> Self {
        Self::open_address(console, &format!("http://{}/player/{id}", client.address), screenshot)
    }

    /// Any page, in the same way.
    pub(crate) fn open_address(console: &str, url: &str, screenshot: &str) -> Self {
        let mut command = driver("watch.mjs");
        command.args(["--screenshot", &artifact(screenshot), "--allow-console", console, url]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdin, stdout }
    }

    /// Has a step done, and returns what the page measured after it.
    pub(crate) async fn does(&mut self, step: &str) -> Value {
        self.takes(step, Duration::ZERO).await
    }

    /// The same of a step that lasts so long.
    pub(crate) async fn takes(&mut self, step: &str, time: Duration) -> Value {
        // A driver that has failed reads no more; its own words follow.
        let _ = self.stdin.write_all(format!("{step}\n").as_bytes()).await;
        let line = within(step, DEADLINE + time, self.stdout.next_line()).await.unwrap();
        if let Some(line) = line {
            return serde_json::from_str(&line).unwrap();
        }
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        panic!("{step}: {said}");
    }

    /// Closes the page, with the screenshot as the last thing.
    pub(crate) async fn closes(self) {
        let Self { mut child, stdin, stdout: _stdout } = self;
        drop(stdin);
        let status = within("the end of the browser", DEADLINE, child.wait()).await.unwrap();
        assert!(status.success());
    }
}
