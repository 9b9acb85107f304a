//! All streams and all cameras: start, stop, find.
//!
//! One lock guards both tables, and whatever joins a stream to a camera happens under it. Nothing waits under it:
//! [`Registry::start`] waits for a camera's answer without, and looks again when it has it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::camera::{Camera, Surroundings};
use super::ended::{Ended, EndedStreams, Why};
use super::pacing::Pacing;
use super::reaper::Seen;
use super::rest::Asked;
use super::threads::{self, Threads};
use super::viewers::{SWEEP_EVERY, TooManyViewers, Viewers};
use super::wishes::{Settings, StartError, Started, Wishes};
use super::{Output, Stream, StreamId, lock, millis};
use crate::clock;
use crate::hls::{Packager, RunId};
use crate::ingest::{Connector, IngestError, SourceUrl};
use crate::metrics::Metrics;

/// All that runs.
pub struct Registry {
    settings: Settings,
    surroundings: Arc<Surroundings>,
    tables: Mutex<Tables>,
    tasks: TaskTracker,
    threads: Threads,
    metrics: Arc<Metrics>,
    /// Above every media sequence number of every stream so far.
    next_sequence: AtomicU64,
    /// Viewers of all streams, and when those who are gone were last forgotten, in milliseconds.
    viewers: Arc<AtomicUsize>,
    swept: AtomicU64,
    /// How many streams may run.
    max_streams: AtomicUsize,
}

#[derive(Default)]
struct Tables {
    streams: HashMap<StreamId, Arc<Stream>>,
    cameras: HashMap<SourceUrl, Arc<Camera>>,
    ended: EndedStreams,
    draining: bool,
}

/// What a start has to wait for.
struct Pending {
    stream: Arc<Stream>,
    camera: Arc<Camera>,
    outcome: Started,
}

impl Registry {
    /// Nothing runs yet; cameras will run on the runtime that starts them.
    pub fn new(settings: Settings, connector: Arc<dyn Connector>) -> Arc<Self> {
        Self::on(threads::none(), settings, connector)
    }

    /// The same, and cameras will run on threads of their own.
    pub fn with_threads(settings: Settings, connector: Arc<dyn Connector>) -> Arc<Self> {
        Self::on(threads::own(), settings, connector)
    }

    fn on(threads: Threads, settings: Settings, connector: Arc<dyn Connector>) -> Arc<Self> {
        let Settings { start_timeout, video_timeout, max_streams, .. } = settings;
        let metrics = Arc::<Metrics>::default();
        Why::ALL.iter().for_each(|why| metrics.expect_ends(why.name()));
        Arc::new(Self {
            settings,
            surroundings: Arc::new(Surroundings {
                connector,
                pacing: Pacing::new(),
                start_timeout,
                video_timeout,
                metrics: metrics.clone(),
            }),
            tables: Mutex::default(),
            tasks: TaskTracker::new(),
            threads,
            metrics,
            next_sequence: AtomicU64::new(0),
            viewers: Arc::default(),
            swept: AtomicU64::new(0),
            max_streams: AtomicUsize::new(max_streams),
        })
    }

    /// Starts stream `id` from `source`, or moves it there; resolves when the camera has agreed to send.
    ///
    /// Goes on to its end even if the caller loses interest: a stream is never half started.
    pub async fn start(self: &Arc<Self>, id: StreamId, source: SourceUrl) -> Result<Started, StartError> {
        self.start_with(id, source, Wishes::default()).await
    }

    /// The same, with `wishes`.
    pub async fn start_with(
        self: &Arc<Self>,
        id: StreamId,
        source: SourceUrl,
        wishes: Wishes,
    ) -> Result<Started, StartError> {
        let this = self.clone();
        let starting = async move { this.start_to_the_end(&id, &source, wishes).await };
        // What is logged of it names the request that asked for it.
        let starting = self.tasks.spawn(starting.in_current_span());
        starting.await.unwrap_or(Err(StartError::Stopped))
    }

    async fn start_to_the_end(
        self: &Arc<Self>,
        id: &StreamId,
        source: &SourceUrl,
        wishes: Wishes,
    ) -> Result<Started, StartError> {
        let began = clock::elapsed();
        let started = match self.prepare(id, source, wishes) {
            Ok(Pending { stream, camera, outcome }) => {
                stream.starts.fetch_add(1, Ordering::Relaxed);
                let answer = camera.first_outcome().await;
                stream.touch();
                stream.starts.fetch_sub(1, Ordering::Relaxed);
                self.conclude(&stream, &camera, outcome, answer)
            }
            Err(error) => Err(error),
        };
        let took = clock::elapsed().saturating_sub(began);
        match &started {
            Ok(Started::New | Started::Moved) => self.metrics.start_took("ok", took),
            // Asked for again, while it runs: no start.
            Ok(Started::Active) => {}
            Err(error) => {
                self.metrics.start_took(error.code(), took);
                tracing::warn!(stream = %id, %source, %error, "start failed");
            }
        }
        started
    }

    fn prepare(
        self: &Arc<Self>,
        id: &StreamId,
        source: &SourceUrl,
        wishes: Wishes,
    ) -> Result<Pending, StartError> {
        let max_streams = self.max_streams();
        let mut tables = lock(&self.tables);
        let running = tables.streams.get(id).cloned();
        // Who asks for what runs is answered for as long as it does.
        if tables.draining && running.as_ref().is_none_or(|stream| stream.camera().source != *source) {
            return Err(StartError::ShuttingDown);
        }
        if let Some(stream) = running {
            stream.touch();
            let camera = stream.camera();
            if let Some(warm) = wishes.warm {
                stream.warm.store(warm, Ordering::Relaxed);
            }
            if let Some(audio) = wishes.audio {
                stream.audio.store(audio, Ordering::Relaxed);
                camera.want_audio(id, audio);
            }
            if camera.source == *source {
                // Whoever comes while the camera is still being asked gets the answer of whoever came first.
                let known = camera.progress().first.is_some();
                let outcome = if known { Started::Active } else { Started::New };
                return Ok(Pending { stream, camera, outcome });
            }
            // A stream has one camera, or two while it moves: more moves than that are a client gone wild.
            if tables.cameras.len() >= 2 * max_streams && !tables.cameras.contains_key(source) {
                return Err(StartError::TooManyStreams(max_streams));
            }
            let next = self.camera(&mut tables, source)?;
            if camera.progress().first.is_none() {
                // It has not played yet: there is nothing to keep until the next camera answers.
                tables.move_stream(&stream, &next);
                return Ok(Pending { stream, camera: next, outcome: Started::New });
            }
            next.expect();
            return Ok(Pending { stream, camera: next, outcome: Started::Moved });
        }
        if tables.streams.len() >= max_streams {
            return Err(StartError::TooManyStreams(max_streams));
        }
        let camera = self.camera(&mut tables, source)?;
        let stream = self.new_stream(id, &camera, wishes);
        tables.streams.insert(id.clone(), stream.clone());
        tables.ended.remove(id);
        drop(tables);
        tracing::info!(stream = %id, %source, state = camera.state().name(), "stream starts");
        Ok(Pending { stream, camera, outcome: Started::New })
    }

    /// The camera of that link, running, if it may be connected to.
    fn camera(self: &Arc<Self>, tables: &mut Tables, source: &SourceUrl) -> Result<Arc<Camera>, IngestError> {
        if let Some(camera) = tables.cameras.get(source) {
            return Ok(camera.clone());
        }
        self.surroundings.connector.judge(source)?;
        let seat = self.threads.seat(threads::MANY);
        let asked = seat.with.clone().unwrap_or_else(|| Arc::new(Asked::now()));
        let camera = Camera::new(source.clone(), asked);
        tables.cameras.insert(source.clone(), camera.clone());
        let (this, running) = (self.clone(), camera.clone());
        let runtime = seat.runtime.clone();
        let to_the_end = async move {
            let _seat = seat;
            let retire = || lock(&this.tables).release(&running);
            // A panic must not leave streams behind that nothing feeds.
            let running_on = AssertUnwindSafe(running.run(&this.surroundings, retire)).catch_unwind();
            let (ended, why) = match running_on.await {
                Ok(ended) => (ended, None),
                Err(_panic) => {
                    let (streams, source) = (running.fed(), &running.source);
                    tracing::error!(stream = %streams, %source, "stream ended: its camera's task panicked");
                    (Ok(()), Some(Why::Fault))
                }
            };
            // First everything is gone, then its failure is told: a failed start leaves nothing behind.
            this.forget(&running, why);
            running.set_first(ended.map_err(StartError::Camera).and(Err(StartError::Stopped)));
        };
        self.tasks.spawn_on(to_the_end, &runtime);
        Ok(camera)
    }

    fn new_stream(&self, id: &StreamId, camera: &Arc<Camera>, wishes: Wishes) -> Arc<Stream> {
        let audio = wishes.audio.unwrap_or(true);
        let warm = wishes.warm.unwrap_or_else(|| self.settings.keep_warm.includes(id));
        let first_sequence = self.first_sequence();
        let now = clock::elapsed();
        let (publisher, snapshots) = watch::channel(None);
        let bytes = Arc::new(AtomicUsize::new(0));
        let run = RunId(fastrand::u64(..1 << 48));
        let packager = Packager::new(self.settings.hls.clone(), run, first_sequence);
        camera.attach(Output {
            id: id.clone(),
            packager,
            snapshots: publisher,
            bytes: bytes.clone(),
            wants_audio: audio,
            awaited: Some((now, self.metrics.clone())),
        });
        Arc::new(Stream {
            id: id.clone(),
            run,
            snapshots,
            started: now,
            last_access: AtomicU64::new(millis(now)),
            starts: AtomicUsize::new(0),
            viewers: Mutex::new(Viewers::among(self.viewers.clone())),
            bytes,
            audio: AtomicBool::new(audio),
            warm: AtomicBool::new(warm),
            camera: Mutex::new(camera.clone()),
        })
    }

    /// The time of day in tenths of a second: a stream that is started again, by this process or the next, goes on
    /// above its former numbers, for segments take longer than that. Two streams never get the same.
    fn first_sequence(&self) -> u64 {
        let now = clock::wall_time().deciseconds().max(1);
        let take = |next: u64| Some(next.max(now) + 1);
        let previous = self.next_sequence.fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        previous.unwrap_or(0).max(now)
    }

    /// The camera has answered: looks again what became of the stream meanwhile.
    fn conclude(
        &self,
        stream: &Arc<Stream>,
        camera: &Arc<Camera>,
        outcome: Started,
        answer: Result<(), StartError>,
    ) -> Result<Started, StartError> {
        let mut tables = lock(&self.tables);
        let runs = tables.streams.get(&stream.id).is_some_and(|running| Arc::ptr_eq(running, stream));
        let result = answer.and(if runs { Ok(outcome) } else { Err(StartError::Stopped) });
        if outcome == Started::Moved {
            camera.settle();
            if result.is_ok() {
                tables.move_stream(stream, camera);
            }
            tables.release(camera);
        }
        result
    }

    /// A camera's task has ended: whatever was fed by it ends too. Without `why` nobody need be told: a start failed.
    fn forget(&self, camera: &Arc<Camera>, why: Option<Why>) {
        let mut tables = lock(&self.tables);
        let Tables { streams, ended, .. } = &mut *tables;
        for (id, _) in streams.extract_if(|_, stream| Arc::ptr_eq(&stream.camera(), camera)) {
            if let Some(why) = why {
                self.metrics.stream_ended(why.name());
                ended.insert(id, why, clock::elapsed());
            }
        }
        if tables.cameras.get(&camera.source).is_some_and(|known| Arc::ptr_eq(known, camera)) {
            tables.cameras.remove(&camera.source);
        }
        camera.end_outputs();
    }

    /// Stops a stream; its camera too, unless another stream has it. Returns whether it ran.
    pub fn stop(&self, id: &StreamId) -> bool {
        let stopped = self.stop_if(id, Why::Stopped, |_| true);
        if stopped {
            tracing::info!(stream = %id, "stream stopped");
        }
        stopped
    }

    /// Stops a stream if, at that very moment, `condition` holds; whoever asks for it later is told `why`.
    pub fn stop_if(&self, id: &StreamId, why: Why, condition: impl FnOnce(&Stream) -> bool) -> bool {
        let mut tables = lock(&self.tables);
        if !tables.streams.get(id).is_some_and(|stream| condition(stream)) {
            return false;
        }
        let Some(stream) = tables.streams.remove(id) else { return false };
        // Before the output goes: who waits for a picture asks as soon as it is gone.
        tables.ended.insert(id.clone(), why, clock::elapsed());
        self.metrics.stream_ended(why.name());
        let camera = stream.camera();
        drop(camera.detach(id));
        tables.release(&camera);
        true
    }

    /// The stream of that name, if it runs, is kept with nobody watching only if the settings say so.
    pub fn keep_no_longer(&self, id: &StreamId) {
        if let Some(stream) = self.get(id) {
            stream.warm.store(self.settings.keep_warm.includes(id), Ordering::Relaxed);
        }
    }

    /// The stream of that name.
    pub fn get(&self, id: &StreamId) -> Option<Arc<Stream>> {
        lock(&self.tables).streams.get(id).cloned()
    }

    /// The viewer whose requests look alike (`fingerprint`) asks for something of `stream`, which `most` may watch, and
    /// `most_of_all` all of them together.
    ///
    /// # Errors
    /// When as many watch, and this is none of them.
    pub fn admit(
        &self,
        stream: &Stream,
        fingerprint: u64,
        most: usize,
        most_of_all: usize,
    ) -> Result<(), TooManyViewers> {
        let refused = match stream.admit(fingerprint, most, most_of_all) {
            Err(TooManyViewers::OfAll(_)) if self.forgets_viewers() => {
                stream.admit(fingerprint, most, most_of_all)
            }
            outcome => outcome,
        };
        refused.inspect_err(|error| tracing::debug!(stream = %stream.id, %error, "a viewer was refused"))
    }

    /// Forgets viewers of other streams who are gone: those of a stream that nobody asks for count until someone looks.
    /// Not if that was done just now.
    fn forgets_viewers(&self) -> bool {
        let now = clock::elapsed();
        let swept = Duration::from_millis(self.swept.load(Ordering::Relaxed));
        if now.saturating_sub(swept) < SWEEP_EVERY {
            return false;
        }
        self.swept.store(millis(now), Ordering::Relaxed);
        self.list().iter().for_each(|stream| {
            lock(&stream.viewers).count(now);
        });
        true
    }

    /// From now on so many streams may run; those that run go on.
    pub fn set_max_streams(&self, most: usize) {
        self.max_streams.store(most, Ordering::Relaxed);
    }

    /// How many streams may run.
    pub fn max_streams(&self) -> usize {
        self.max_streams.load(Ordering::Relaxed)
    }

    /// How the stream of that name ended, if it did lately and does not run again.
    pub fn ended(&self, id: &StreamId) -> Option<Ended> {
        lock(&self.tables).ended.get(id, clock::elapsed())
    }

    /// All streams, by name.
    pub fn list(&self) -> Vec<Arc<Stream>> {
        let mut streams: Vec<_> = lock(&self.tables).streams.values().cloned().collect();
        streams.sort_by(|a, b| a.id.cmp(&b.id));
        streams
    }

    /// How many run.
    pub fn count(&self) -> usize {
        lock(&self.tables).streams.len()
    }

    /// Bytes of media held by all streams.
    pub fn byte_length(&self) -> usize {
        lock(&self.tables).streams.values().map(|stream| stream.byte_length()).sum()
    }

    /// What has been counted so far of its streams, and by whoever serves them.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Starts no more streams, while those that run go on: the gateway is about to end.
    pub fn drain(&self) {
        lock(&self.tables).draining = true;
    }

    /// Whether no more streams are started.
    pub fn is_draining(&self) -> bool {
        lock(&self.tables).draining
    }

    /// All streams, as the reaper sees them.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = |stream: &Arc<Stream>| Seen {
            id: stream.id.clone(),
            idle: stream.idle(),
            bytes: stream.byte_length(),
            warm: stream.is_warm(),
        };
        self.list().iter().map(seen).collect()
    }

    /// Stops everything, and resolves when every camera has been told or does not answer.
    pub async fn shutdown(&self) {
        let streams = {
            let mut tables = lock(&self.tables);
            tables.draining = true;
            for camera in std::mem::take(&mut tables.cameras).into_values() {
                camera.end_outputs();
                camera.stop();
            }
            std::mem::take(&mut tables.streams)
        };
        for id in streams.into_keys() {
            tracing::info!(stream = %id, "stream ended: the gateway shuts down");
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.surroundings.connector.drain().await;
    }
}

impl Tables {
    /// Feeds `stream` from `camera`, and ends the one that fed it if nothing else has that.
    fn move_stream(&mut self, stream: &Arc<Stream>, camera: &Arc<Camera>) {
        let former = std::mem::replace(&mut *lock(&stream.camera), camera.clone());
        if Arc::ptr_eq(&former, camera) {
            return;
        }
        if let Some(mut output) = former.detach(&stream.id) {
            output.interrupt();
            camera.attach(output);
        }
        self.release(&former);
        tracing::info!(stream = %stream.id, source = %camera.source, "stream moved to another link");
    }

    /// Ends `camera` if nothing has it any longer; returns whether that is so.
    fn release(&mut self, camera: &Arc<Camera>) -> bool {
        let unused = camera.is_unused();
        if unused {
            if self.cameras.get(&camera.source).is_some_and(|known| Arc::ptr_eq(known, camera)) {
                self.cameras.remove(&camera.source);
            }
            camera.stop();
        }
        unused
    }
}

#[cfg(test)]
mod tests;
