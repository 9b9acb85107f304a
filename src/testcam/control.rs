//! What the camera and the one who holds it share: counters, and the switch that takes it off the network.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::sender::Media;

/// What the camera does with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Listening,
    /// The port is closed: connecting is refused.
    Paused,
    Stopped,
}

/// Shared by the camera, its connections and its handles.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) media: Arc<Media>,
    playing: AtomicUsize,
    connections: AtomicUsize,
    total_sessions: AtomicU64,
    teardowns: AtomicU64,
    accepted: AtomicU64,
    /// Ends every connection when the camera ends.
    pub(super) all: CancellationToken,
    /// Ends the connections of now; replaced whenever it has been used. Held for no longer than that.
    current: Mutex<CancellationToken>,
}

impl Shared {
    pub(super) fn new(options: Options, media: Media) -> Self {
        let all = CancellationToken::new();
        Self {
            options,
            media: Arc::new(media),
            playing: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            total_sessions: AtomicU64::new(0),
            teardowns: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            current: Mutex::new(all.child_token()),
            all,
        }
    }

    /// A generator for the next connection: the n-th one of a seeded camera is always the same.
    pub(super) fn random(&self) -> fastrand::Rng {
        let nth = self.accepted.fetch_add(1, Ordering::Relaxed);
        self.options.seed.map_or_else(fastrand::Rng::new, |seed| fastrand::Rng::with_seed(seed ^ nth << 32))
    }

    /// The token that ends a connection accepted now.
    pub(super) fn connection_token(&self) -> CancellationToken {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn count_connection(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(self.clone())
    }

    pub(super) fn count_playing(self: &Arc<Self>) -> Playing {
        self.playing.fetch_add(1, Ordering::Relaxed);
        self.total_sessions.fetch_add(1, Ordering::Relaxed);
        Playing(self.clone())
    }

    pub(super) fn count_teardown(&self) {
        self.teardowns.fetch_add(1, Ordering::Relaxed);
    }
}

/// A session counts as playing for as long as this lives.
#[derive(Debug)]
pub(super) struct Playing(Arc<Shared>);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.playing.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection counts as open for as long as this lives.
#[derive(Debug)]
pub(super) struct Connected(Arc<Shared>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Watches and steers a running camera. Clones steer the same one; dropping them does not stop it.
#[derive(Clone, Debug)]
pub struct Control {
    pub(super) shared: Arc<Shared>,
    pub(super) local_addr: SocketAddr,
    pub(super) wanted: watch::Sender<State>,
    pub(super) actual: watch::Receiver<State>,
}

impl Control {
    /// The address that the camera listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// A URL of the camera: `rtsp://`, its address, and `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("rtsp://{}{path}", self.local_addr)
    }

    /// Sessions that are playing now.
    pub fn sessions(&self) -> usize {
        self.shared.playing.load(Ordering::Relaxed)
    }

    /// Connections that are open now, playing or not.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Sessions that have ever played.
    pub fn total_sessions(&self) -> u64 {
        self.shared.total_sessions.load(Ordering::Relaxed)
    }

    /// Sessions that ended with TEARDOWN.
    pub fn teardowns(&self) -> u64 {
        self.shared.teardowns.load(Ordering::Relaxed)
    }

    /// Closes every connection, without a word to the clients. New ones are welcome.
    pub fn drop_all(&self) {
        let next = self.shared.all.child_token();
        let mut current = self.shared.current.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, next).cancel();
    }

    /// Closes the port, so that connecting is refused, and returns once it is closed. Sessions go on:
    /// with [`drop_all`](Self::drop_all) behind it, this is a camera that lost its power.
    pub async fn pause(&self) -> io::Result<()> {
        self.turn(State::Paused).await
    }

    /// Opens the same port again, and returns once it is open; an error if it could not be had.
    pub async fn resume(&self) -> io::Result<()> {
        self.turn(State::Listening).await
    }

    /// Ends the camera and every session, and returns once all of it is gone.
    pub async fn stop(&self) {
        // An error means that the camera is gone already.
        let _ = self.turn(State::Stopped).await;
    }

    async fn turn(&self, state: State) -> io::Result<()> {
        self.wanted.send_if_modified(|wanted| {
            let changes = *wanted != State::Stopped && *wanted != state;
            if changes {
                *wanted = state;
            }
            changes
        });
        let gone = |_| io::Error::new(io::ErrorKind::NotConnected, "the camera has stopped");
        self.actual.clone().wait_for(|actual| *actual == state).await.map(drop).map_err(gone)
    }
}
