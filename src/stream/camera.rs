//! One session with a camera: connect, pump, and connect again.
//!
//! A camera's task is the only one that polls its session. The outputs that it feeds lie behind a mutex that the task
//! takes once a picture and the registry takes to attach and detach: so a stream can change its camera between
//! two pictures, and no queue lies in the way of any.

use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::pacing::{Lane, Pacing};
use super::rest::{Asked, Attention, REST, Rests};
use super::status::State;
use super::{Output, StartError, StreamId, lock};
use crate::clock;
use crate::ingest::backoff::Backoff;
use crate::ingest::{AudioOffer, Connector, Event, IngestError, Session, SourceUrl, Step};
use crate::media::{AccessUnit, VideoCodec, VideoTrack};
use crate::metrics::Metrics;

/// A camera that was asked for and then not used is let go after this time.
const UNUSED: Duration = Duration::from_secs(2);

/// An attempt to connect again that takes so long to fail keeps others from connecting.
const SLOW: Duration = Duration::from_secs(2);

/// By how much a start may outlast what was promised.
const GRACE: Duration = Duration::from_millis(100);

/// A camera that is watched by at least one stream.
#[derive(Debug)]
pub(super) struct Camera {
    pub(super) source: SourceUrl,
    feed: Mutex<Feed>,
    attached: Notify,
    /// Streams that will be attached once the camera plays. Changed under the registry's lock only.
    expected: AtomicUsize,
    progress: watch::Sender<Progress>,
    packets_lost: AtomicU64,
    /// Whether someone watches one of its streams.
    pub(super) attention: Attention,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Feed {
    outputs: Vec<Output>,
    track: Option<Box<VideoTrack>>,
    audio: AudioOffer,
    /// When audio came last, on the clock of arrivals.
    audio_heard: Option<Duration>,
    tally: Tally,
}

/// What a camera has sent so far. Counted under the lock that each picture takes anyway.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) pictures: u64,
    /// Bytes of pictures and audio.
    pub(super) bytes: u64,
    /// When the latest picture came, on the clock of arrivals.
    pub(super) latest: Option<Duration>,
}

/// How far a camera has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) state: State,
    /// The outcome of the first attempt to connect, once it is known.
    pub(super) first: Option<Result<(), StartError>>,
    pub(super) codec: Option<VideoCodec>,
    pub(super) reconnects: u64,
    pub(super) last_error: Option<IngestError>,
}

/// Whether the camera's audio is to be left alone: where it ends session after session, viewers had rather see than
/// hear. Once may be a damaged packet.
#[derive(Debug, Default)]
struct AudioTrouble {
    /// Sessions in a row that it has ended before they were healthy.
    sessions: u32,
    /// What was wrong with it last.
    what: String,
}

impl AudioTrouble {
    /// Learns why a session ended that had worked for `healthy`.
    fn after(&mut self, error: &IngestError, healthy: Duration) {
        if let IngestError::BrokenAudio(what) = error {
            self.sessions = if healthy < Backoff::HEALTHY { self.sessions + 1 } else { 1 };
            what.clone_into(&mut self.what);
        }
    }

    /// What is wrong with it, once it is known to be of no use.
    fn known(&self) -> Option<&str> {
        (self.sessions >= 2).then_some(&self.what)
    }
}

/// What a camera's task needs from outside.
pub(super) struct Surroundings {
    pub(super) connector: Arc<dyn Connector>,
    /// Bounds how many cameras are being connected to at once.
    pub(super) pacing: Pacing,
    /// The first attempt to connect takes no longer.
    pub(super) start_timeout: Duration,
    /// Without video for so long a session is given up.
    pub(super) video_timeout: Duration,
    pub(super) metrics: Arc<Metrics>,
}

impl Camera {
    pub(super) fn new(source: SourceUrl, asked: Arc<Asked>) -> Arc<Self> {
        Arc::new(Self {
            source,
            feed: Mutex::default(),
            attached: Notify::new(),
            expected: AtomicUsize::new(0),
            progress: watch::Sender::default(),
            packets_lost: AtomicU64::new(0),
            attention: Attention::new(asked),
            stop: CancellationToken::new(),
        })
    }

    /// Feeds `output` from the next random access point on.
    pub(super) fn attach(&self, mut output: Output) {
        let mut feed = lock(&self.feed);
        output.set_audio(feed.audio.source());
        if let Some(track) = &feed.track {
            output.set_track(track);
        }
        feed.outputs.push(output);
        drop(feed);
        // Whoever starts a stream is about to watch it.
        self.attention.ask(clock::elapsed());
        self.attached.notify_one();
    }

    /// Takes an output away.
    pub(super) fn detach(&self, id: &StreamId) -> Option<Output> {
        let mut feed = lock(&self.feed);
        let index = feed.outputs.iter().position(|output| output.id == *id)?;
        Some(feed.outputs.swap_remove(index))
    }

    /// A stream waits for the camera to play, to be attached then: until that is
    /// [settled](Self::settle), the camera is in use.
    pub(super) fn expect(&self) {
        self.expected.fetch_add(1, Ordering::Relaxed);
    }

    /// A stream that was expected has been attached, or will not be.
    pub(super) fn settle(&self) {
        self.expected.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether nothing is attached nor will be.
    pub(super) fn is_unused(&self) -> bool {
        self.expected.load(Ordering::Relaxed) == 0 && !self.feeds_any()
    }

    fn feeds_any(&self) -> bool {
        !lock(&self.feed).outputs.is_empty()
    }

    /// Ends the session, with TEARDOWN, and the task.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Lets go of every output: their viewers learn that the streams have ended.
    pub(super) fn end_outputs(&self) {
        lock(&self.feed).outputs.clear();
    }

    /// Says how the first attempt to connect ended.
    pub(super) fn set_first(&self, outcome: Result<(), StartError>) {
        self.progress.send_if_modified(|progress| {
            let news = progress.first.is_none();
            progress.first.get_or_insert(outcome);
            news
        });
    }

    /// Resolves when the first attempt to connect has ended.
    pub(super) async fn first_outcome(&self) -> Result<(), StartError> {
        let mut progress = self.progress.subscribe();
        let known = progress.wait_for(|progress| progress.first.is_some()).await;
        // The sender lives in self: the channel can't close here.
        known.ok().and_then(|progress| progress.first.clone()).unwrap_or(Err(StartError::Stopped))
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    pub(super) fn state(&self) -> State {
        self.progress.borrow().state
    }

    pub(super) fn reconnects(&self) -> u64 {
        self.progress.borrow().reconnects
    }

    pub(super) fn tally(&self) -> Tally {
        lock(&self.feed).tally
    }

    /// Names of the streams that it feeds, for the log.
    pub(super) fn fed(&self) -> String {
        let feed = lock(&self.feed);
        let names: Vec<&str> = feed.outputs.iter().map(|output| output.id.as_str()).collect();
        names.join(",")
    }

    pub(super) fn track(&self) -> Option<VideoTrack> {
        lock(&self.feed).track.as_deref().cloned()
    }

    /// The audio of its session, and when some came last.
    pub(super) fn audio(&self) -> (AudioOffer, Option<Duration>) {
        let feed = lock(&self.feed);
        (feed.audio.clone(), feed.audio_heard)
    }

    /// Has the output of that stream carry audio, or not.
    pub(super) fn want_audio(&self, id: &StreamId, wanted: bool) {
        let mut feed = lock(&self.feed);
        let Feed { outputs, audio, .. } = &mut *feed;
        if let Some(output) = outputs.iter_mut().find(|output| output.id == *id) {
            output.want_audio(wanted, audio.source());
        }
    }

    pub(super) fn packets_lost(&self) -> u64 {
        self.packets_lost.load(Ordering::Relaxed)
    }

    /// Runs until the camera is stopped, or the first attempt to connect fails, or nothing is attached in time and
    /// `retire`, asked then, agrees that nothing will be.
    pub(super) async fn run(
        &self,
        surroundings: &Surroundings,
        retire: impl Fn() -> bool,
    ) -> Result<(), IngestError> {
        let running = self.run_until_failure(surroundings, retire);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(()),
            outcome = running => outcome,
        }
    }

    async fn run_until_failure(
        &self,
        surroundings: &Surroundings,
        retire: impl Fn() -> bool,
    ) -> Result<(), IngestError> {
        let mut backoff = Backoff::new(fastrand::u64(..));
        let mut connected_before = false;
        let mut lane = Lane::Start;
        let mut audio_trouble = AudioTrouble::default();
        loop {
            let mut healthy_since = None;
            let error = match self.connect(surroundings, &mut lane, audio_trouble.known()).await {
                Ok(session) => {
                    healthy_since = Some(clock::elapsed());
                    self.connected(&*session, connected_before);
                    while !connected_before && !self.used_soon().await {
                        if retire() {
                            return Ok(());
                        }
                    }
                    connected_before = true;
                    let error = self.pump(session, surroundings.video_timeout).await;
                    lock(&self.feed).outputs.iter_mut().for_each(Output::interrupt);
                    error
                }
                Err(error) if !connected_before => return Err(error),
                Err(error) => error,
            };
            let healthy =
                healthy_since.map_or(Duration::ZERO, |since| clock::elapsed().saturating_sub(since));
            audio_trouble.after(&error, healthy);
            let wait = if error.is_about_credentials() {
                backoff.after_refusal(healthy)
            } else {
                backoff.after_failure(healthy)
            };
            surroundings.metrics.camera_failed(error.code());
            self.tell_loss(&error, wait);
            self.progress.send_modify(|progress| {
                progress.state = State::Reconnecting;
                progress.last_error = Some(error);
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// One line when the camera is lost, and one where it stays away for another reason: not one for each attempt.
    fn tell_loss(&self, error: &IngestError, wait: Duration) {
        let news = {
            let progress = self.progress.borrow();
            let known = progress.last_error.as_ref().filter(|_| progress.state == State::Reconnecting);
            known.is_none_or(|known| known.code() != error.code())
        };
        let (stream, source) = (self.fed(), &self.source);
        if news {
            tracing::warn!(%stream, %source, %error, retry_in = ?wait, "stream reconnecting: its camera was lost");
        } else {
            tracing::debug!(%stream, %source, %error, retry_in = ?wait, "still reconnecting");
        }
    }

    /// Pictures arrive, for the first time or again.
    fn went_live(&self) {
        let again = self.tally().pictures > 1;
        let codec = self.progress.borrow().codec.map(VideoCodec::name);
        let what = if again { "stream live again" } else { "stream live" };
        tracing::info!(stream = %self.fed(), source = %self.source, codec, "{what}");
        self.progress.send_modify(|progress| progress.state = State::Live);
    }

    /// Connects in `lane`, and says in which the next attempt belongs.
    async fn connect(
        &self,
        surroundings: &Surroundings,
        lane: &mut Lane,
        broken_audio: Option<&str>,
    ) -> Result<Box<dyn Session>, IngestError> {
        let Surroundings { connector, pacing, start_timeout: after, .. } = surroundings;
        let host = self.source.host();
        if *lane == Lane::Start {
            *lane = Lane::Again;
            // Someone waits for this one, and for no longer than was promised, however many stand before it.
            let deadline = Instant::now() + *after;
            let waiting = timeout_at(deadline, pacing.place(host, Lane::Start));
            let _place = waiting.await.map_err(|_| IngestError::Busy(*after))?;
            // The connector keeps the same time and knows the step that took too long: it goes first.
            let connecting = timeout_at(deadline + GRACE, connector.connect(&self.source, broken_audio));
            return connecting
                .await
                .unwrap_or(Err(IngestError::Timeout { step: Step::Describe, after: *after }));
        }
        let _place = pacing.place(host, *lane).await;
        let began = Instant::now();
        let outcome = connector.connect(&self.source, broken_audio).await;
        *lane = if outcome.is_err() && began.elapsed() >= SLOW { Lane::Slow } else { Lane::Again };
        outcome
    }

    fn connected(&self, session: &dyn Session, again: bool) {
        let codec = session.codec();
        let offer = session.audio().clone();
        {
            let mut feed = lock(&self.feed);
            feed.outputs.iter_mut().for_each(|output| output.set_audio(offer.source()));
            feed.audio = offer;
            feed.audio_heard = None;
        }
        tracing::debug!(source = %self.source, codec = codec.name(), again, "camera plays");
        self.progress.send_modify(|progress| {
            progress.codec = Some(codec);
            progress.reconnects += u64::from(again);
        });
        self.set_first(Ok(()));
    }

    /// Waits until something is attached: pictures that nobody takes would be lost, the first keyframe among them.
    async fn used_soon(&self) -> bool {
        let used = async {
            while !self.feeds_any() {
                self.attached.notified().await;
            }
        };
        tokio::time::timeout(UNUSED, used).await.is_ok()
    }

    /// Hands on what the session sends until it ends; with rests in between while nobody watches.
    async fn pump(&self, mut session: Box<dyn Session>, video_timeout: Duration) -> IngestError {
        let mut latest = clock::elapsed();
        let mut live = false;
        // One timer for many pictures: it is set anew when it fires, not at each of them.
        let mut silence = pin!(tokio::time::sleep(video_timeout));
        let mut rests = Rests::default();
        let mut rest = pin!(tokio::time::sleep(Duration::ZERO));
        std::future::poll_fn(|context| {
            let watched = self.attention.is_paid(context.waker());
            if !watched && rest.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let mut unwoken = Context::from_waker(Waker::noop());
            let mut pictures = 0;
            let rests_now = loop {
                let may_rest = !watched && rests.may_follow(pictures);
                match session.poll_next(if may_rest { &mut unwoken } else { context }) {
                    Poll::Ready(Ok(Event::Video { track, unit })) => {
                        pictures += 1;
                        latest = unit.arrival.elapsed;
                        self.deliver(track, unit);
                        if !std::mem::replace(&mut live, true) {
                            self.went_live();
                        }
                    }
                    Poll::Ready(Ok(beside)) => self.deliver_beside(&beside),
                    Poll::Ready(Err(error)) => return Poll::Ready(error),
                    Poll::Pending => break may_rest,
                }
            };
            // Asked of the clock as well: a flood of what is no video leaves no timer its turn.
            let quiet = clock::elapsed().saturating_sub(latest);
            if quiet >= video_timeout {
                return Poll::Ready(IngestError::Silent(quiet));
            }
            rests.turn(rests_now);
            if rests_now {
                rest.as_mut().reset(Instant::now() + REST);
                // Nothing has been found silent: the end of the rest is what is waited for.
                if rest.as_mut().poll(context).is_ready() {
                    context.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            while silence.as_mut().poll(context).is_ready() {
                silence.as_mut().reset(Instant::now() + (video_timeout - quiet));
            }
            Poll::Pending
        })
        .await
    }

    /// Hands on what comes beside pictures.
    fn deliver_beside(&self, event: &Event) {
        let mut feed = lock(&self.feed);
        if let Event::Audio(unit) = event {
            feed.audio_heard = Some(unit.arrival.elapsed);
            feed.tally.bytes += unit.data.len() as u64;
        }
        feed.outputs.iter_mut().for_each(|output| output.take_beside(event));
    }

    fn deliver(&self, track: Option<Box<VideoTrack>>, unit: AccessUnit) {
        if unit.lost_packets > 0 {
            self.packets_lost.fetch_add(unit.lost_packets.into(), Ordering::Relaxed);
        }
        let mut feed = lock(&self.feed);
        let Feed { outputs, track: known, tally, .. } = &mut *feed;
        tally.pictures += 1;
        tally.bytes += unit.data.len() as u64;
        tally.latest = Some(unit.arrival.elapsed);
        if let Some(track) = track {
            outputs.iter_mut().for_each(|output| output.set_track(&track));
            *known = Some(track);
        }
        // Nearly always there is one output: it gets the picture itself.
        if let Some((last, others)) = outputs.split_last_mut() {
            others.iter_mut().for_each(|output| output.push(unit.clone()));
            last.push(unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_left_alone_once_it_has_ended_two_sessions_in_a_row() {
        let broken = IngestError::BrokenAudio("no marker".into());
        let mut trouble = AudioTrouble::default();
        trouble.after(&broken, Duration::ZERO);
        assert_eq!(trouble.known(), None, "it may be a damaged packet");
        trouble.after(&broken, Backoff::HEALTHY);
        assert_eq!(trouble.known(), None, "a minute is no row");
        trouble.after(&broken, Duration::ZERO);
        trouble.after(&IngestError::Closed, Duration::ZERO);
        assert_eq!(trouble.known(), Some("no marker"));
    }
}
