//! Cameras that do as a test says, without sockets, in paused time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc};

use super::Settings;
use super::{KeepWarm, Registry, StartError, Started, StreamId, Wishes, lock};
use crate::clock;
use crate::hls;
use crate::ingest::{AudioOffer, Connector, Event, IngestError, Session, SourceUrl};
use crate::media::{AccessUnit, Ticks, VideoCodec};
use crate::mux::{Container, testing};

/// Some cameras, by host and path of their links: `rtsp://nvr/a` is camera `nvr/a`, `rtsp://cam/a` is `a` for short.
#[derive(Default)]
pub(super) struct Cameras {
    cameras: Mutex<HashMap<String, Arc<Camera>>>,
}

/// One of them.
pub(super) struct Camera {
    /// A permit for each answer that it may give.
    answers: Semaphore,
    error: Mutex<Option<IngestError>>,
    connects: AtomicUsize,
    /// How often it was looked at in vain.
    looks: Arc<AtomicUsize>,
    /// Sessions that are open or being opened.
    open: Arc<AtomicUsize>,
    session: Mutex<Option<mpsc::Sender<Result<Event, IngestError>>>>,
}

/// Counts while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct FakeSession {
    events: mpsc::Receiver<Result<Event, IngestError>>,
    looks: Arc<AtomicUsize>,
    _counted: Counted,
}

impl Session for FakeSession {
    fn codec(&self) -> VideoCodec {
        VideoCodec::H264
    }

    fn audio(&self) -> &AudioOffer {
        &AudioOffer::None
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, IngestError>> {
        let event = self.events.poll_recv(context).map(|event| event.unwrap_or(Err(IngestError::Closed)));
        self.looks.fetch_add(usize::from(event.is_pending()), Ordering::Relaxed);
        assert!(!matches!(event, Poll::Ready(Err(IngestError::NoVideo))), "a camera that upsets the code");
        event
    }
}

impl Connector for Cameras {
    fn connect(
        &self,
        source: &SourceUrl,
        _: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<dyn Session>, IngestError>> {
        let name = format!("{}{}", source.host(), source.request_url().path());
        let camera = self.camera(name.trim_start_matches("cam/"));
        camera.connects.fetch_add(1, Ordering::Relaxed);
        let counted = Counted::new(&camera.open);
        async move {
            camera.answers.acquire().await.unwrap().forget();
            if let Some(error) = lock(&camera.error).clone() {
                return Err(error);
            }
            let (sender, events) = mpsc::channel(256);
            *lock(&camera.session) = Some(sender);
            Ok(Box::new(FakeSession { events, looks: camera.looks.clone(), _counted: counted })
                as Box<dyn Session>)
        }
        .boxed()
    }

    fn drain(&self) -> BoxFuture<'static, ()> {
        futures::future::ready(()).boxed()
    }
}

impl Cameras {
    pub(super) fn camera(&self, name: &str) -> Arc<Camera> {
        let new = || {
            Arc::new(Camera {
                answers: Semaphore::new(0),
                error: Mutex::default(),
                connects: AtomicUsize::new(0),
                looks: Arc::default(),
                open: Arc::default(),
                session: Mutex::default(),
            })
        };
        lock(&self.cameras).entry(name.to_owned()).or_insert_with(new).clone()
    }
}

impl Camera {
    /// Answers the next `count` requests to play, or those that wait for an answer.
    pub(super) fn answer(&self, count: usize) {
        self.answers.add_permits(count);
    }

    /// From now on it refuses, or agrees again.
    pub(super) fn refuse(&self, error: Option<IngestError>) {
        *lock(&self.error) = error;
    }

    pub(super) fn connects(&self) -> usize {
        self.connects.load(Ordering::Relaxed)
    }

    /// How often its session had nothing more when it was looked at.
    pub(super) fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Sends pictures for `seconds`, a keyframe each two, in paused time.
    pub(super) async fn play(&self, seconds: usize) {
        for i in 0..seconds * 25 {
            self.send_picture(i % 50 == 0, i == 0).await;
        }
        settle().await;
    }

    /// Sends one more, that is no keyframe.
    pub(super) async fn picture(&self) {
        self.send_picture(false, false).await;
    }

    async fn send_picture(&self, key: bool, with_track: bool) {
        tokio::time::advance(Duration::from_millis(40)).await;
        let arrival = clock::arrival();
        let track = with_track.then(|| Box::new(testing::track()));
        let pts = i64::try_from(arrival.elapsed.as_millis()).unwrap() * 90;
        let data = testing::sample(0, 0, 0, key, &[&[if key { 0x65 } else { 0x41 }; 100]]).data;
        let unit = AccessUnit { pts: Ticks(pts), arrival, random_access: key, lost_packets: 0, data };
        self.send(Ok(Event::Video { track, unit }));
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    /// Breaks the session.
    pub(super) async fn fail(&self) {
        self.send(Err(IngestError::Closed));
        settle().await;
    }

    /// Sends what the session panics at.
    pub(super) async fn upset(&self) {
        self.send(Err(IngestError::NoVideo));
        settle().await;
    }

    fn send(&self, event: Result<Event, IngestError>) {
        // A session that was dropped takes nothing.
        let _ = lock(&self.session).as_ref().unwrap().try_send(event);
    }
}

/// Lets every task go as far as it can without time passing.
pub(super) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn id(text: &str) -> StreamId {
    StreamId::parse(text).unwrap()
}

pub(super) fn link(camera: &str) -> SourceUrl {
    let host = if camera.contains('/') { "" } else { "cam/" };
    SourceUrl::parse(&format!("rtsp://{host}{camera}")).unwrap()
}

pub(super) fn hls_settings() -> hls::Settings {
    hls::Settings {
        container: Container::Fmp4,
        segment_time: Duration::from_secs(2),
        part_time: Duration::from_millis(200),
        list_size: 5,
        max_bytes: 64 << 20,
    }
}

/// A camera's first picture, now.
pub(super) fn track_event() -> Event {
    let data = testing::sample(0, 0, 0, true, &[&[0x65; 100]]).data;
    let unit =
        AccessUnit { pts: Ticks(0), arrival: clock::arrival(), random_access: true, lost_packets: 0, data };
    Event::Video { track: Some(Box::new(testing::track())), unit }
}

/// A registry on fake cameras.
pub(super) struct Bench {
    pub(super) registry: Arc<Registry>,
    pub(super) cameras: Arc<Cameras>,
}

pub(super) const START_TIMEOUT: Duration = Duration::from_secs(7);
pub(super) const VIDEO_TIMEOUT: Duration = Duration::from_secs(10);

impl Bench {
    pub(super) fn new() -> Self {
        Self::with_streams(4)
    }

    /// On which so many streams may run.
    pub(super) fn with_streams(max_streams: usize) -> Self {
        Self::of(max_streams, KeepWarm::Off)
    }

    /// That keeps these streams with nobody watching.
    pub(super) fn keeping(keep_warm: KeepWarm) -> Self {
        Self::of(4, keep_warm)
    }

    fn of(max_streams: usize, keep_warm: KeepWarm) -> Self {
        // The clock's epoch must not lie ahead of a runtime whose time stands still.
        clock::elapsed();
        let hls = hls_settings();
        let settings = Settings {
            hls,
            max_streams,
            start_timeout: START_TIMEOUT,
            video_timeout: VIDEO_TIMEOUT,
            keep_warm,
        };
        let cameras = Arc::new(Cameras::default());
        Self { registry: Registry::new(settings, cameras.clone()), cameras }
    }

    pub(super) fn camera(&self, name: &str) -> Arc<Camera> {
        self.cameras.camera(name)
    }

    /// Asks for a start; it goes as far as it can without the camera's answer.
    pub(super) async fn ask(
        &self,
        id: &str,
        camera: &str,
    ) -> tokio::task::JoinHandle<Result<Started, StartError>> {
        self.ask_with(id, camera, Wishes::default()).await
    }

    async fn ask_with(
        &self,
        id: &str,
        camera: &str,
        wishes: Wishes,
    ) -> tokio::task::JoinHandle<Result<Started, StartError>> {
        let (registry, id, link) = (self.registry.clone(), self::id(id), link(camera));
        let asked = tokio::spawn(async move { registry.start_with(id, link, wishes).await });
        settle().await;
        asked
    }

    /// Starts a stream on a camera that answers.
    pub(super) async fn start(&self, id: &str, camera: &str) -> Started {
        self.start_with(id, camera, Wishes::default()).await
    }

    /// The same, kept with nobody watching or let go then.
    pub(super) async fn start_warm(&self, id: &str, camera: &str, warm: bool) -> Started {
        self.start_with(id, camera, Wishes { warm: Some(warm), ..Wishes::default() }).await
    }

    async fn start_with(&self, id: &str, camera: &str, wishes: Wishes) -> Started {
        let asked = self.ask_with(id, camera, wishes).await;
        if !asked.is_finished() {
            self.camera(camera).answer(1);
        }
        asked.await.unwrap().unwrap()
    }

    /// The media playlist of a stream.
    pub(super) fn playlist(&self, id: &str) -> String {
        let stream = self.registry.get(&self::id(id)).unwrap();
        let snapshot = stream.snapshots().borrow().clone().unwrap();
        String::from_utf8(snapshot.media_playlist(crate::hls::Form::Plain).plain.to_vec()).unwrap()
    }

    /// Numbers of the listed segments, and of those that stand behind a discontinuity.
    pub(super) fn segments(&self, id: &str) -> (Vec<u64>, Vec<u64>) {
        let stream = self.registry.get(&self::id(id)).unwrap();
        let snapshot = stream.snapshots().borrow().clone();
        let listed = snapshot.map(|snapshot| snapshot.listed.clone()).unwrap_or_default();
        let numbers = listed.iter().map(|segment| segment.media_sequence).collect();
        let broken =
            listed.iter().filter(|segment| segment.discontinuity).map(|segment| segment.media_sequence);
        (numbers, broken.collect())
    }

    /// Ends everything, and holds that nothing is left.
    pub(super) async fn finish(self, cameras: &[&str]) {
        self.registry.shutdown().await;
        assert_eq!(self.registry.left(), (0, 0, 0), "streams, cameras, tasks");
        for name in cameras {
            assert_eq!(self.camera(name).open(), 0, "sessions with camera {name}");
        }
    }
}
