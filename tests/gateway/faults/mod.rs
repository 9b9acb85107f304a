//! Cameras that go wrong by a script, or are odd by make: what viewers see of it, and what operators are told.
//!
//! The cases of a table run side by side, for they mostly wait. docs/cameras.md lists them all.
//!
//! **What a fault may cost.** Two clocks are read. By the dates of segments, the time for which no picture is in any
//! playlist; by their arrival, the longest wait for a new segment. Neither may be longer than the fault itself, plus
//! the longest wait before the next attempt to connect (2 s), plus the next keyframe (0.48 s); a segment arrives when
//! it is whole, so the second may be longer by one segment. What a case adds to that, it says.

mod connection;
mod oddities;
mod rtsp;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use camgate::testcam::{Clip, Control, Fault, Options};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use serde_json::Value;
use tokio::time::Instant;

use crate::common::gateway::{TestGateway, camera_with};
use crate::common::player::Player;
use crate::common::wait::{Stalls, within};

/// The longest wait before an attempt to connect again, in seconds, for the first minute.
const RECONNECT: f64 = 2.0;
/// From one keyframe of the camera to the next, in seconds.
const KEYFRAME: f64 = 0.48;
/// TARGETDURATION and the time between two looks at the playlist, in seconds.
const SEGMENT: f64 = 1.0 + 0.15;
/// What a busy machine takes, in seconds.
const BUSY: f64 = 0.5;

/// A camera with a keyframe every 0.48 s, whose pictures are small: many are decoded at once.
fn quick() -> Options {
    Options { clip: Clip::switch().first(12), ..Options::default() }
}

/// What is left to be judged when all cases are over: it takes the thread that plays those that still go on.
type Judgement<'a> = Option<BoxFuture<'a, ()>>;

/// Runs the cases side by side, and then names those that failed.
async fn all<'a>(cases: impl IntoIterator<Item = (String, BoxFuture<'a, Judgement<'a>>)>) {
    let cases =
        cases.into_iter().map(async |(name, case)| (name, AssertUnwindSafe(case).catch_unwind().await));
    let mut failed = Vec::new();
    for (name, ended) in join_all(cases).await {
        let good = match ended {
            Ok(Some(judgement)) => AssertUnwindSafe(judgement).catch_unwind().await.is_ok(),
            Ok(None) => true,
            Err(_) => false,
        };
        failed.extend((!good).then_some(name));
    }
    assert!(failed.is_empty(), "failed, with the reasons above: {failed:?}");
}

fn script(faults: &[&str]) -> Vec<Fault> {
    faults.iter().map(|fault| fault.parse().unwrap()).collect()
}

/// A camera that recovers.
struct Case {
    faults: &'static [&'static str],
    /// How long the camera is at fault, in seconds, beginning 2 s after PLAY.
    lasts: f64,
    /// What it may cost beyond the rule, in seconds.
    extra: f64,
    /// Sessions beyond the first one.
    reconnects: std::ops::RangeInclusive<u64>,
    /// In `last_error`, once it is over; empty if there is none.
    told: &'static str,
    settings: &'static [(&'static str, &'static str)],
    options: Options,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            faults: &[],
            lasts: 0.0,
            extra: 0.0,
            reconnects: 1..=1,
            told: "",
            settings: &[],
            options: quick(),
        }
    }
}

impl Case {
    fn boxed(self) -> (String, BoxFuture<'static, Judgement<'static>>) {
        (format!("{:?} {:?}", self.faults, self.options.oddities), Box::pin(self.costs_no_more_than_it_may()))
    }

    async fn costs_no_more_than_it_may(self) -> Judgement<'static> {
        let camera = camera_with(Options { faults: script(self.faults), ..self.options }).await;
        let gateway = TestGateway::with(self.settings).await;
        let link = camera.url("/demo").replace("rtsp://", "rtsp://admin:secret@");
        gateway.started("1", &link).await;
        let (began, stalls) = (Instant::now(), Stalls::watch());
        let mut player = Player::open(&gateway, "1").await;
        player.watcher.camera_goes_away();
        let over = began + Duration::from_secs_f64(2.0 + self.lasts);
        let waited = play_past(&mut player, over).await;

        let lost = lost(&player);
        let may = self.lasts + RECONNECT + KEYFRAME + self.extra + BUSY + stalls.take().as_secs_f64();
        eprintln!("{:?}: {lost:.2} s lost, {waited:.2} s waited, of {:.1} s", self.faults, self.lasts);
        assert!(lost <= may, "{:?}: {lost:.2} s are lost, more than {may:.2} s", self.faults);
        assert!(waited <= may + SEGMENT, "{:?}: {waited:.2} s without a segment", self.faults);
        let status = gateway.status("1").await;
        assert_eq!(status["state"], "live", "{status}");
        assert!(
            self.reconnects.contains(&status["reconnects"].as_u64().unwrap()),
            "{:?} {status}",
            self.faults
        );
        let told = status["last_error"].as_str().unwrap_or_default();
        assert!(
            told.contains(self.told) && told.is_empty() == self.told.is_empty(),
            "{:?} {status}",
            self.faults
        );
        Some(async move { drop(player.assert_good().await) }.boxed())
    }
}

/// Plays until two segments are there that began after `over`. Returns the longest wait for a new one, in seconds.
async fn play_past(player: &mut Player, over: Instant) -> f64 {
    let (mut newest, mut arrived, mut longest) = (player.newest(), Instant::now(), Duration::ZERO);
    let mut after = 0;
    let enough = |player: &Player| {
        if player.newest() > newest {
            let now = Instant::now();
            longest = longest.max(now - arrived);
            after += if now > over { player.newest() - newest } else { 0 };
            (newest, arrived) = (player.newest(), now);
        }
        after >= 4
    };
    player.play_until("segments after the fault", enough).await;
    longest.as_secs_f64()
}

/// For how long there is no picture, by the dates of the segments, in seconds.
fn lost(player: &Player) -> f64 {
    let (mut end, mut lost) = (None, 0.0);
    for segment in player.segments.values() {
        let date = segment.program_date_time.or(end).unwrap();
        lost += end.map_or(0.0, |end: f64| (date - end).max(0.0));
        end = Some(date + segment.duration);
    }
    lost
}

/// Starts a stream on a camera that does not recover: the problem that is told, in time, with nothing left behind.
async fn fails_to_start(options: Options, settings: &[(&str, &str)]) -> (Control, Value) {
    let camera = camera_with(options).await;
    // Two floods of the same table take the machine meanwhile: what is refused is refused before the timeout.
    let settings = [&[("START_TIMEOUT_SECONDS", "5")], settings].concat();
    let gateway = TestGateway::with(&settings).await;
    let link = camera.url("/demo").replace("rtsp://", "rtsp://admin:secret@");
    let answer = within("an answer", Duration::from_secs(15), gateway.start("1", &link)).await;
    assert_eq!(gateway.stream_count().await, 0);
    (camera, answer.json())
}
