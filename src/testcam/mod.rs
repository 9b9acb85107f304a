//! A simulated camera: an RTSP/1.0 server (RFC 2326) that loops an H.264 clip.
//!
//! It serves `camgate camera`, `camgate demo`, the tests and the benches. Any path is a camera, `/demo` is
//! the one that documents name, and a few paths misbehave on purpose: see `script.rs`. What goes wrong at a time of
//! its own is in `fault.rs`; what a make of camera always does otherwise than others, in `oddities.rs`.
//! Media goes interleaved over TCP (§10.12), as camgate asks for it.
//!
//! Here belongs what a camera does. What camgate makes of it does not: nothing of `ingest`, `stream`, `hls`
//! or `http` is known here.
//!
//! ```text
//! Camera::run ─accepts─▶ connection::serve ─requests─▶ message, access, script, sdp, oddities
//!                                          └─media───▶ sender ─▶ packet (cut once for all sessions), audio, rtcp
//! Control ─counts and steers─▶ control::Shared ◀─breaks─ outage
//! ```
//!
//! A session costs one timer and one write an access unit. The cheapest place for many of them is a
//! single-threaded runtime, where no wakeup crosses threads.

mod access;
mod audio;
mod clip;
mod connection;
mod control;
mod fault;
mod message;
mod oddities;
mod outage;
mod packet;
mod rewrite;
mod rtcp;
mod script;
mod sdp;
mod sender;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

pub use access::{Access, Credentials};
pub use audio::{Audio, AudioCodec};
pub use clip::{Clip, ClipError};
pub use control::{Control, Counters};
pub use fault::{Fault, FaultError, FaultKind};
pub use oddities::{Oddity, OddityError};

use control::{Shared, State};
use oddities::Oddities;
use packet::PacketizedClip;
use sender::Media;

/// Where the camera tells its SPS and PPS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParameterSetPlacement {
    /// In `sprop-parameter-sets` of the SDP (RFC 6184 §8.1) only.
    Sdp,
    /// Before each keyframe only.
    InBand,
    /// In both.
    #[default]
    Both,
}

/// Which picture of the clip a session gets first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// The first one, a keyframe.
    #[default]
    Keyframe,
    /// The one after so many pictures of the clip: the session waits for its first keyframe.
    MidGop(usize),
}

/// What a simulated camera is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// What it asks of a client. Default [`Access::Open`].
    pub access: Access,
    /// What it films. Default [`Clip::demo`].
    pub clip: Clip,
    /// What it hears. Default nothing: there is no such track.
    pub audio: Option<Audio>,
    /// Where SPS and PPS are told. Default both.
    pub parameter_sets: ParameterSetPlacement,
    /// Which picture a session gets first. Default a keyframe.
    pub start: Start,
    /// Makes session ids, SSRCs, first sequence numbers and first timestamps the same on every run, counted
    /// by connections; random without. Default none.
    pub seed: Option<u64>,
    /// A client that sends neither request nor RTCP for so long is dropped; told as the session's timeout
    /// (RFC 2326 §12.37) in whole seconds. Default 60 s.
    pub session_timeout: Duration,
    /// A client that does not take an access unit for so long is dropped. Default 10 s.
    pub stall_timeout: Duration,
    /// Pictures leave on multiples of this, at most so late, so that one wakeup serves many sessions; their
    /// timestamps stay exact. Default 5 ms.
    pub tick: Duration,
    /// Between RTCP sender reports; the first comes with the first picture. Default 5 s.
    pub sender_report_interval: Duration,
    /// What goes wrong, and when. Default nothing.
    pub faults: Vec<Fault>,
    /// What it does otherwise than other cameras, to every client. Default nothing.
    pub oddities: Vec<Oddity>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            access: Access::default(),
            clip: Clip::demo(),
            audio: None,
            parameter_sets: ParameterSetPlacement::default(),
            start: Start::default(),
            seed: None,
            session_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(10),
            tick: Duration::from_millis(5),
            sender_report_interval: Duration::from_secs(5),
            faults: Vec::new(),
            oddities: Vec::new(),
        }
    }
}

/// A camera that has its port. It serves while [`run`](Self::run) is polled.
#[derive(Debug)]
pub struct Camera {
    listener: TcpListener,
    control: Control,
    wanted: watch::Receiver<State>,
    actual: watch::Sender<State>,
}

impl Camera {
    /// Takes the port and prepares the media.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn bind(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let local_addr = listener.local_addr()?;
        let media = Media {
            clip: Oddities::of(&options.oddities).packetized(&options.clip, options.parameter_sets),
            other: PacketizedClip::new(&Clip::switch(), ParameterSetPlacement::Both),
            faults: options.faults.clone(),
        };
        let (wanted_tx, wanted) = watch::channel(State::Listening);
        let (actual, actual_rx) = watch::channel(State::Listening);
        let shared = Arc::new(Shared::new(options, media));
        let control = Control { shared, local_addr, wanted: wanted_tx, actual: actual_rx };
        Ok(Self { listener, control, wanted, actual })
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.control.local_addr
    }

    /// A handle to watch and steer it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Serves on a task of its own, until [`Control::stop`].
    pub fn spawn(self) -> Control {
        let control = self.control();
        tokio::spawn(async move {
            if let Err(error) = self.run().await {
                warn!(%error, "the simulated camera ended");
            }
        });
        control
    }

    /// Serves until [`Control::stop`]. Dropping the future ends every session.
    ///
    /// # Errors
    /// When the port cannot be had again after [`Control::pause`].
    pub async fn run(self) -> io::Result<()> {
        let Self { listener, control, mut wanted, actual } = self;
        let shared = control.shared;
        let _ends_with_this = shared.all.clone().drop_guard();
        let tracker = TaskTracker::new();
        let mut listener = Some(listener);
        let mut events = pin!(shared.run_events());
        loop {
            let state = *wanted.borrow_and_update();
            listener = match state {
                State::Listening if shared.holds(&FaultKind::Refuse) => None,
                State::Listening => match listener.take() {
                    None => Some(bind_again(control.local_addr).await?),
                    open => open,
                },
                State::Paused => None,
                State::Stopped => break,
            };
            actual.send_replace(state);
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { break },
                () = accept_all(listener.as_ref(), &shared, &tracker) => {}
                () = shared.turns(&FaultKind::Refuse) => {}
                () = &mut events => {}
            }
        }
        drop(listener);
        shared.all.cancel();
        tracker.close();
        tracker.wait().await;
        actual.send_replace(State::Stopped);
        Ok(())
    }
}

/// Listens where it did before. Somebody's connection may have that port for a moment, and there is no event for its end.
async fn bind_again(address: SocketAddr) -> io::Result<TcpListener> {
    let mut tries = 100;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => tries -= 1,
            bound => return bound,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Accepts for ever; without a listener, waits for ever.
async fn accept_all(listener: Option<&TcpListener>, shared: &Arc<Shared>, tracker: &TaskTracker) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: there is no event that says when one is free again.
                warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Both before the task runs: whoever has been accepted is counted, and dropped by drop_all.
        let counted = shared.count_connection();
        let ending = shared.ending();
        let shared = shared.clone();
        tracker.spawn(async move {
            let token = ending.token.clone();
            match token.run_until_cancelled(connection::serve(socket, shared, counted, ending)).await {
                Some(Err(error)) => debug!(%peer, %error, "connection lost"),
                Some(Ok(())) => debug!(%peer, "client left"),
                None => debug!(%peer, "client dropped"),
            }
        });
    }
}
