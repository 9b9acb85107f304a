//! Runs `gst_camera.py`, the camera that is not ours.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::common::wait::soon;

/// The camera as a process. It is killed when this is dropped, and ends by itself when the test's process does: its
/// standard input closes.
pub(crate) struct GstCamera {
    port: u16,
    _child: Child,
}

impl GstCamera {
    pub(crate) async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/gst_camera.py");
        // Debian's Python, which has Debian's bindings; not whichever comes first in PATH.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("Debian's python3: `make setup` installs it");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        soon("the camera's port", stdout.read_line(&mut line)).await.unwrap();
        let port = line.strip_prefix("port ").and_then(|port| port.trim().parse().ok());
        let port = port.unwrap_or_else(|| {
            panic!("gst_camera.py did not start, see above; `make setup` installs what it needs")
        });
        Self { port, _child: child }
    }

    /// The address of one of its cameras.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}{path}", self.port)
    }
}
