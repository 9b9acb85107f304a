//! What the camera and the one who holds it share: counters, and the switch that takes it off the network.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::sender::Media;
use super::{Fault, Options};

/// What the camera does with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Listening,
    /// The port is closed: connecting is refused.
    Paused,
    Stopped,
}

/// What has happened to a camera so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that are open now, playing or not.
    pub connections: usize,
    /// Sessions that are playing now.
    pub sessions: usize,
    /// Connections ever accepted.
    pub total_connections: u64,
    /// Sessions that have ever played.
    pub total_sessions: u64,
    /// Sessions that ended with TEARDOWN.
    pub teardowns: u64,
}

/// Shared by the camera, its connections and its handles.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) media: Arc<Media>,
    counters: watch::Sender<Counters>,
    /// Ticks are counted from here.
    pub(super) bound: Instant,
    /// The script's time is counted from here, once anything has played.
    first_play: OnceLock<Instant>,
    /// Ends every connection when the camera ends.
    pub(super) all: CancellationToken,
    /// Ends the connections of now; replaced whenever it has been used. Held for no longer than that.
    current: Mutex<Ending>,
    places: Mutex<Places>,
}

/// How the connections of a time end together.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) token: CancellationToken,
    reset: Arc<AtomicBool>,
}

impl Ending {
    fn of(token: CancellationToken) -> Self {
        Self { token, reset: Arc::default() }
    }

    /// Whether they end, or have ended, with RST.
    pub(super) fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }
}

/// The places that a camera has for sessions.
#[derive(Debug, Default)]
struct Places {
    taken: usize,
    /// Whether the last session to end was left without TEARDOWN.
    left: bool,
    /// Until when those are kept that were left without TEARDOWN.
    kept: Vec<Instant>,
}

impl Shared {
    pub(super) fn new(options: Options, media: Media) -> Self {
        let all = CancellationToken::new();
        Self {
            options,
            media: Arc::new(media),
            counters: watch::Sender::default(),
            bound: Instant::now(),
            first_play: OnceLock::new(),
            current: Mutex::new(Ending::of(all.child_token())),
            places: Mutex::default(),
            all,
        }
    }

    /// A generator for the `nth` connection: that of a seeded camera is always the same.
    pub(super) fn random(&self, nth: u64) -> fastrand::Rng {
        self.options.seed.map_or_else(fastrand::Rng::new, |seed| fastrand::Rng::with_seed(seed ^ nth << 32))
    }

    /// The first tick that is not before `due`.
    pub(super) fn next_tick(&self, due: Instant) -> Instant {
        let tick = self.options.tick.as_micros().max(1);
        let ticks = (due - self.bound).as_micros().div_ceil(tick);
        self.bound + Duration::from_micros(u64::try_from(ticks * tick).unwrap_or(u64::MAX))
    }

    /// What time it is on the script's clock: since the first PLAY that was ever answered, and 0 until then.
    pub(super) fn script_time(&self) -> Duration {
        self.first_play.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// The script.
    pub(super) fn faults(&self) -> &[Fault] {
        &self.options.faults
    }

    /// When anything first played, if it has.
    pub(super) fn played(&self) -> Option<Instant> {
        self.first_play.get().copied()
    }

    /// When anything first played, as soon as it has.
    pub(super) async fn first_play(&self) -> Instant {
        let mut counters = self.counters.subscribe();
        loop {
            if let Some(played) = self.played() {
                return played;
            }
            // The sender lives in self: the channel can't close here.
            let _ = counters.changed().await;
        }
    }

    /// What ends a connection accepted now.
    pub(super) fn ending(&self) -> Ending {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the connections of now, with RST or without a word.
    pub(super) fn end_connections(&self, reset: bool) {
        let next = Ending::of(self.all.child_token());
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = std::mem::replace(&mut *current, next);
        ended.reset.store(reset, Ordering::Relaxed);
        ended.token.cancel();
    }

    /// Takes one of at most so many places for sessions; `None` when there is none left.
    pub(super) fn take_place(self: &Arc<Self>, most: usize, kept_for: Duration) -> Option<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        places.kept.retain(|until| *until > now);
        if places.taken + places.kept.len() >= most {
            return None;
        }
        places.taken += 1;
        Some(Place { shared: self.clone(), kept_for, torn_down: false })
    }

    /// Whether the last session to end was left without TEARDOWN.
    pub(super) fn was_left(&self) -> bool {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).left
    }

    pub(super) fn count_connection(self: &Arc<Self>) -> Connected {
        let mut nth = 0;
        self.counters.send_modify(|counters| {
            counters.connections += 1;
            counters.total_connections += 1;
            nth = counters.total_connections;
        });
        Connected { shared: self.clone(), nth }
    }

    pub(super) fn count_playing(self: &Arc<Self>) -> Playing {
        self.first_play.get_or_init(Instant::now);
        self.counters.send_modify(|counters| {
            counters.sessions += 1;
            counters.total_sessions += 1;
        });
        Playing(self.clone())
    }

    pub(super) fn count_teardown(&self) {
        self.counters.send_modify(|counters| counters.teardowns += 1);
    }
}

/// A session counts as playing for as long as this lives.
#[derive(Debug)]
pub(super) struct Playing(Arc<Shared>);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.counters.send_modify(|counters| counters.sessions -= 1);
    }
}

/// A place for a session is taken for as long as this lives, and kept for a while after it.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    kept_for: Duration,
    torn_down: bool,
}

impl Place {
    /// The session was torn down: nothing is kept.
    pub(super) fn give_back(mut self) {
        self.torn_down = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.shared.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.taken -= 1;
        places.left = !self.torn_down;
        if places.left && !self.kept_for.is_zero() {
            places.kept.extend(Instant::now().checked_add(self.kept_for));
        }
    }
}

/// A connection counts as open for as long as this lives.
#[derive(Debug)]
pub(super) struct Connected {
    shared: Arc<Shared>,
    /// Which connection of the camera it is, from 1.
    pub(super) nth: u64,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.shared.counters.send_modify(|counters| counters.connections -= 1);
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

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        *self.shared.counters.borrow()
    }

    /// Sessions that are playing now.
    pub fn sessions(&self) -> usize {
        self.counters().sessions
    }

    /// Sessions that have ever played.
    pub fn total_sessions(&self) -> u64 {
        self.counters().total_sessions
    }

    /// Sessions that ended with TEARDOWN.
    pub fn teardowns(&self) -> u64 {
        self.counters().teardowns
    }

    /// Returns the counters as soon as they meet `condition`; waits for ever if they never do.
    pub async fn wait_until(&self, condition: impl FnMut(&Counters) -> bool) -> Counters {
        let mut counters = self.shared.counters.subscribe();
        // The sender lives in `shared`, as long as this handle.
        counters.wait_for(condition).await.map_or_else(|_| self.counters(), |met| *met)
    }

    /// Closes every connection, without a word to the clients. New ones are welcome.
    pub fn drop_all(&self) {
        self.shared.end_connections(false);
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

#[cfg(test)]
mod tests {
    use super::super::ParameterSetPlacement;
    use super::super::clip::Clip;
    use super::super::packet::PacketizedClip;
    use super::*;

    #[test]
    fn pictures_wait_for_the_next_tick_and_no_longer() {
        let clip = PacketizedClip::new(&Clip::switch(), ParameterSetPlacement::Both);
        let options = Options { tick: Duration::from_millis(5), ..Options::default() };
        let shared = Shared::new(options, Media { clip: clip.clone(), other: clip, faults: Vec::new() });
        for (due, tick) in [(0, 0), (1, 5_000), (4_999, 5_000), (5_000, 5_000), (33_333, 35_000)] {
            let at = |micros| shared.bound + Duration::from_micros(micros);
            assert_eq!(shared.next_tick(at(due)), at(tick), "{due} µs");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_the_script_stands_until_something_plays_and_is_not_set_again() {
        let clip = PacketizedClip::new(&Clip::switch(), ParameterSetPlacement::Both);
        let media = Media { clip: clip.clone(), other: clip, faults: Vec::new() };
        let shared = Arc::new(Shared::new(Options::default(), media));
        let second = Duration::from_secs(1);
        tokio::time::advance(second).await;
        assert_eq!(shared.script_time(), Duration::ZERO);
        drop(shared.count_playing());
        tokio::time::advance(second).await;
        let _again = shared.count_playing();
        assert_eq!(shared.script_time(), second);
    }
}
