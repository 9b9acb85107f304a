//! The simulated cameras of a run, on a thread of their own: the gateway's share of the machine is its own.

use camgate::testcam::{Camera, Control};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::plan::{ENCODED, Planned};

/// Cameras that run until this is dropped.
pub(crate) struct Cameras {
    /// In the order of the plan.
    pub(crate) controls: Vec<Control>,
    end: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Cameras {
    /// None at the port of the gateway: at another address that is free, and on loopback it is the gateway's own.
    pub(crate) async fn start(planned: &[Planned], gateway_port: u16) -> Self {
        let options: Vec<_> = planned.iter().map(Planned::options).collect();
        let (told, controls) = oneshot::channel();
        let end = CancellationToken::new();
        let ended = end.clone();
        let run = async move {
            let mut controls = Vec::new();
            for options in options {
                let mut camera = Camera::bind(options.clone()).await.unwrap();
                while camera.local_addr().port() == gateway_port {
                    camera = Camera::bind(options.clone()).await.unwrap();
                }
                controls.push(camera.spawn());
            }
            told.send(controls).unwrap();
            ended.cancelled().await;
        };
        let thread = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run);
        });
        Self { controls: controls.await.unwrap(), end, thread: Some(thread) }
    }

    /// The link of that camera, with its password.
    pub(crate) fn link(&self, number: usize) -> String {
        self.controls[number].url("/demo").replace("rtsp://", &format!("rtsp://admin:{ENCODED}@"))
    }
}

impl Drop for Cameras {
    fn drop(&mut self) {
        self.end.cancel();
        // What it panicked with was printed then.
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}
