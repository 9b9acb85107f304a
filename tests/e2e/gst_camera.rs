//! Runs `gst_camera.py`, the camera that is not ours.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::common::wait::within;

/// It films first: a minute of 1080p takes 20 s on two cores that have nothing else to do, and two may film at once.
const FILMING: Duration = Duration::from_secs(400);

/// The camera as a process. It is killed when this is dropped, and ends by itself when the test's process does: its
/// standard input closes.
pub(crate) struct GstCamera {
    port: u16,
    path: String,
    _child: Child,
}

impl GstCamera {
    /// The one that has this path in `gst_camera.py`.
    pub(crate) async fn start(path: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/gst_camera.py");
        // Debian's Python, which has Debian's bindings; not whichever comes first in PATH.
        let mut command = Command::new("/usr/bin/python3");
        command.args([script, path]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("Debian's python3: `make setup` installs it");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        within("the camera's port", FILMING, stdout.read_line(&mut line)).await.unwrap();
        let port = line.strip_prefix("port ").and_then(|port| port.trim().parse().ok());
        let port = port.unwrap_or_else(|| {
            panic!("gst_camera.py did not start, see above; `make setup` installs what it needs")
        });
        Self { port, path: path.to_owned(), _child: child }
    }

    pub(crate) fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}{}", self.port, self.path)
    }
}
