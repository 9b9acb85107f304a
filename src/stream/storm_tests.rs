//! A thousand cameras behind a switch that reboots, without sockets and in paused time.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::Settings;
use super::pacing::RECONNECTS;
use super::testing::{id, track_event};
use super::{KeepWarm, Registry, StartError, Started, State, lock};
use crate::clock;
use crate::ingest::backoff::Backoff;
use crate::ingest::{AudioOffer, Connector, Event, IngestError, Session, SourceUrl, Step};

const HOSTS: usize = 50;
const CAMERAS_EACH: usize = 20;
const CAMERAS: usize = HOSTS * CAMERAS_EACH;

/// What opening a session takes, and being refused.
const ANSWER: Duration = Duration::from_millis(300);
const REFUSAL: Duration = Duration::from_millis(3);
/// When the connector gives up.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Hosts that can be switched off, and what they have seen.
#[derive(Default)]
struct Site {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    refusing: bool,
    mute: HashSet<String>,
    power: HashMap<String, CancellationToken>,
    /// When each attempt began, and at which host.
    attempts: Vec<(Instant, String)>,
    under_way: HashMap<String, usize>,
    /// The most that were ever under way: at one host, and in all.
    most: (usize, usize),
}

/// An attempt is under way while it lives.
struct UnderWay(Arc<Site>, String);

impl UnderWay {
    fn new(site: &Arc<Site>, host: &str) -> Self {
        let mut seen = lock(&site.seen);
        seen.attempts.push((Instant::now(), host.to_owned()));
        *seen.under_way.entry(host.to_owned()).or_default() += 1;
        let all = seen.under_way.values().sum();
        seen.most = (seen.most.0.max(seen.under_way[host]), seen.most.1.max(all));
        Self(site.clone(), host.to_owned())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *lock(&self.0.seen).under_way.get_mut(&self.1).unwrap() -= 1;
    }
}

/// Sends one picture, and then nothing until its host loses its power.
struct StillSession {
    sent: bool,
    power: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Session for StillSession {
    fn codec(&self) -> crate::media::VideoCodec {
        crate::media::VideoCodec::H264
    }

    fn audio(&self) -> &AudioOffer {
        &AudioOffer::None
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, IngestError>> {
        if !std::mem::replace(&mut self.sent, true) {
            return Poll::Ready(Ok(track_event()));
        }
        ready!(self.power.as_mut().poll(context));
        Poll::Ready(Err(IngestError::Closed))
    }
}

struct SiteConnector(Arc<Site>);

impl Connector for SiteConnector {
    fn connect(
        &self,
        source: &SourceUrl,
        _: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<dyn Session>, IngestError>> {
        let (site, host) = (self.0.clone(), source.host().to_owned());
        let under_way = UnderWay::new(&site, &host);
        async move {
            let _under_way = under_way;
            let (refusing, mute) = {
                let seen = lock(&site.seen);
                (seen.refusing, seen.mute.contains(&host))
            };
            if mute {
                tokio::time::sleep(TIMEOUT).await;
                return Err(IngestError::Timeout { step: Step::Describe, after: TIMEOUT });
            }
            if refusing {
                tokio::time::sleep(REFUSAL).await;
                return Err(IngestError::Unreachable { address: host, reason: "connection refused".into() });
            }
            tokio::time::sleep(ANSWER).await;
            let power = lock(&site.seen).power.entry(host).or_default().clone();
            let power = Box::pin(power.cancelled_owned());
            Ok(Box::new(StillSession { sent: false, power }) as Box<dyn Session>)
        }
        .boxed()
    }

    fn drain(&self) -> BoxFuture<'static, ()> {
        futures::future::ready(()).boxed()
    }
}

impl Site {
    /// Every session with that host ends, or every session at all.
    fn drop_sessions(&self, of: impl Fn(&str) -> bool) {
        for (_, power) in lock(&self.seen).power.extract_if(|host, _| of(host)) {
            power.cancel();
        }
    }

    fn refuse(&self, refusing: bool) {
        lock(&self.seen).refusing = refusing;
    }

    /// From now on these hosts do not answer, and no other is mute.
    fn mute(&self, hosts: impl Iterator<Item = usize>) {
        lock(&self.seen).mute = hosts.map(host).collect();
    }

    /// The attempts since `begin`.
    fn attempts_since(&self, begin: Instant) -> Vec<(Instant, String)> {
        let attempts = lock(&self.seen).attempts.clone();
        attempts.into_iter().filter(|(at, _)| *at >= begin).collect()
    }
}

fn host(n: usize) -> String {
    format!("host{n}")
}

fn link(host: &str, channel: usize) -> SourceUrl {
    SourceUrl::parse(&format!("rtsp://{host}/{channel}")).unwrap()
}

fn registry(site: &Arc<Site>) -> Arc<Registry> {
    clock::elapsed();
    let day = Duration::from_secs(86_400);
    let settings = Settings {
        hls: super::testing::hls_settings(),
        max_streams: 2 * CAMERAS,
        start_timeout: TIMEOUT,
        // These cameras are still on purpose.
        video_timeout: day,
        keep_warm: KeepWarm::Off,
    };
    Registry::new(settings, Arc::new(SiteConnector(site.clone())))
}

/// Starts `cameras` of each host, and lets them play for a minute and more.
async fn playing(site: &Arc<Site>, cameras: usize) -> Arc<Registry> {
    let registry = registry(site);
    let starts = (0..HOSTS).flat_map(|n| (0..cameras).map(move |channel| (n, channel)));
    let started = join_all(starts.map(|(n, channel)| {
        let registry = registry.clone();
        async move { registry.start(id(&format!("{n}.{channel}")), link(&host(n), channel)).await }
    }));
    assert!(started.await.iter().all(|started| *started == Ok(Started::New)));
    tokio::time::sleep(Backoff::HEALTHY + Duration::from_secs(1)).await;
    registry
}

/// How long it takes until all streams whose id meets `which` are live.
async fn until_live(registry: &Registry, which: impl Fn(&str) -> bool) -> Duration {
    let begin = Instant::now();
    let live = |stream: &super::Status| !which(&stream.indicator_id) || stream.state == State::Live;
    while !registry.list().iter().all(|stream| live(&stream.status())) {
        assert!(begin.elapsed() < Duration::from_secs(600), "they never come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    begin.elapsed()
}

/// The most attempts within any second.
fn busiest_second(attempts: &[(Instant, String)]) -> usize {
    let mut begin = 0;
    let mut most = 0;
    for (end, (at, _)) in attempts.iter().enumerate() {
        while *at - attempts[begin].0 >= Duration::from_secs(1) {
            begin += 1;
        }
        most = most.max(end + 1 - begin);
    }
    most
}

#[tokio::test(start_paused = true)]
async fn a_thousand_cameras_come_back_from_a_reboot_of_their_switch_without_a_storm() {
    let site = Arc::new(Site::default());
    let registry = playing(&site, CAMERAS_EACH).await;
    lock(&site.seen).most = (0, 0);
    let lost = Instant::now();
    site.refuse(true);
    site.drop_sessions(|_| true);
    tokio::time::sleep(Duration::from_secs(150)).await;
    let outage = site.attempts_since(lost);
    site.refuse(false);
    let back = Instant::now();
    let took = until_live(&registry, |_| true).await;

    // Two attempts of each within the first second and a half; for a minute one in 1 to 2 s, as after a reboot; in the
    // long run one in 7.5 to 15 s.
    let between = |from: u64, to: u64| -> Vec<_> {
        let (from, to) = (lost + Duration::from_secs(from), lost + Duration::from_secs(to));
        outage.iter().filter(|(at, _)| *at > from && *at < to).cloned().collect()
    };
    assert!(busiest_second(&outage) <= 2 * CAMERAS, "when all are lost at once");
    assert!(busiest_second(&between(10, 60)) <= CAMERAS, "while it may be a reboot");
    assert!(busiest_second(&between(100, 150)) <= CAMERAS / 4, "in the long run");
    assert!(busiest_second(&site.attempts_since(back)) <= CAMERAS / 4, "when they are back");
    assert_eq!(site.attempts_since(back).len(), CAMERAS, "one attempt each");
    // The longest wait, and a queue.
    assert!(took <= Backoff::LONGEST + Duration::from_secs(5), "{took:?}");
    let (at_one_host, in_all) = lock(&site.seen).most;
    assert!(at_one_host <= 4 && in_all <= 64, "{at_one_host}, {in_all}");
    let reconnects: u64 = registry.list().iter().map(|stream| stream.status().reconnects).sum();
    assert_eq!(reconnects, CAMERAS as u64);
    registry.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_cameras_come_back_from_silence_without_a_storm() {
    let site = Arc::new(Site::default());
    let registry = playing(&site, CAMERAS_EACH).await;
    lock(&site.seen).most = (0, 0);
    site.mute(0..HOSTS);
    site.drop_sessions(|_| true);
    tokio::time::sleep(Duration::from_secs(120)).await;
    site.mute(0..0);
    let back = Instant::now();
    let took = until_live(&registry, |_| true).await;
    // The attempts that still hang, the longest wait, and a queue.
    assert!(took <= TIMEOUT + Backoff::LONGEST + Duration::from_secs(10), "{took:?}");
    let busiest = busiest_second(&site.attempts_since(back));
    // They stood in a queue: each place is taken four times in a second.
    assert!(busiest <= 4 * RECONNECTS[0], "{busiest} attempts in a second");
    let (at_one_host, in_all) = lock(&site.seen).most;
    assert!(at_one_host <= 4 && in_all <= 64, "{at_one_host}, {in_all}");
    registry.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_mute_host_holds_up_neither_the_cameras_of_others_nor_a_start() {
    let site = Arc::new(Site::default());
    let registry = playing(&site, CAMERAS_EACH).await;
    // An NVR of three hundred channels.
    for channel in CAMERAS_EACH..300 {
        let started = registry.start(id(&format!("0.{channel}")), link(&host(0), channel)).await;
        assert_eq!(started, Ok(Started::New));
    }
    tokio::time::sleep(Backoff::HEALTHY).await;
    site.mute(0..1);
    site.drop_sessions(|_| true);
    let took = until_live(&registry, |id| !id.starts_with("0.")).await;
    // Twenty cameras of a host three at a time, of all hosts 64 at a time.
    assert!(took <= Duration::from_secs(8), "{took:?}");

    tokio::time::sleep(Duration::from_secs(60)).await;
    site.drop_sessions(|host| host == "host1");
    tokio::time::sleep(Duration::from_millis(1)).await;
    let took = until_live(&registry, |id| id.starts_with("1.")).await;
    assert!(took <= Duration::from_secs(4), "{took:?}");

    let begin = Instant::now();
    assert_eq!(registry.start(id("new"), link(&host(1), 300)).await, Ok(Started::New));
    assert_eq!(begin.elapsed(), ANSWER, "a start of another host's camera waits for nobody");
    let mute = registry.start(id("mute"), link(&host(0), 300)).await;
    assert!(matches!(mute, Err(StartError::Camera(IngestError::Timeout { .. }))), "it was tried: {mute:?}");
    registry.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn half_a_site_that_is_mute_does_not_hold_up_the_other_half() {
    let site = Arc::new(Site::default());
    let registry = playing(&site, CAMERAS_EACH).await;
    site.mute(0..HOSTS / 2);
    let mute = lock(&site.seen).mute.clone();
    site.drop_sessions(|host| mute.contains(host));
    tokio::time::sleep(Duration::from_secs(120)).await;
    site.drop_sessions(|host| host == "host30");
    tokio::time::sleep(Duration::from_millis(1)).await;
    let took = until_live(&registry, |id| id.starts_with("30.")).await;
    assert!(took <= Duration::from_secs(4), "{took:?}");
    registry.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_health_forgives_the_failures_before_it_and_less_does_not() {
    for (healthy, forgiven) in [(Backoff::HEALTHY, true), (Backoff::HEALTHY / 2, false)] {
        let site = Arc::new(Site::default());
        let registry = registry(&site);
        registry.start(id("1"), link(&host(1), 1)).await.unwrap();
        site.refuse(true);
        site.drop_sessions(|_| true);
        tokio::time::sleep(Duration::from_secs(120)).await;
        site.refuse(false);
        until_live(&registry, |_| true).await;
        tokio::time::sleep(healthy).await;
        let lost = Instant::now();
        site.drop_sessions(|_| true);
        tokio::time::sleep(2 * Backoff::LONGEST).await;
        let attempts = site.attempts_since(lost);
        let [(at, _)] = &attempts[..] else { panic!("{attempts:?}") };
        let bounds = if forgiven {
            Backoff::SHORTEST / 2..=Backoff::SHORTEST
        } else {
            Backoff::LONGEST / 2..=Backoff::LONGEST
        };
        // Timers are good to a millisecond.
        assert!(
            bounds.contains(&(*at - lost)) || bounds.contains(&(*at - lost - Duration::from_millis(1))),
            "{:?}",
            *at - lost
        );
        registry.shutdown().await;
    }
}
