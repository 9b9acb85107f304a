//! Runs `gst_camera.py`, the camera that is not ours.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::common::wait::soon;

/// The encoders of this test program. On two cores those of 1080p or H.265 fall behind beside others, and leave pictures or
/// sound out: they have the machine to themselves.
static ENCODERS: RwLock<()> = RwLock::const_new(());

/// Held for as long as a camera runs.
type Turn = (Option<RwLockReadGuard<'static, ()>>, Option<RwLockWriteGuard<'static, ()>>);

/// The camera as a process. It is killed when this is dropped, and ends by itself when the test's process does: its
/// standard input closes.
pub(crate) struct GstCamera {
    port: u16,
    _child: Child,
    _turn: Turn,
}

impl GstCamera {
    /// Beside those of other tests.
    pub(crate) async fn start() -> Self {
        Self::start_in((Some(ENCODERS.read().await), None)).await
    }

    /// While no other runs.
    #[allow(dead_code, reason = "not every program has one that needs it")]
    pub(crate) async fn alone() -> Self {
        Self::start_in((None, Some(ENCODERS.write().await))).await
    }

    async fn start_in(turn: Turn) -> Self {
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
        Self { port, _child: child, _turn: turn }
    }

    /// The address of one of its cameras.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}{path}", self.port)
    }
}
