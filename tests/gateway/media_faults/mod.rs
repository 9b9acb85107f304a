//! What a viewer sees while the media of a camera goes wrong: at most a short stall, and no clock that is not true.
//!
//! Each fault has a camera, a gateway and a viewer of its own; those of a file run side by side. Viewers that read what they
//! fetched keep a thread busy: cameras and gateways have another.

mod audio;
mod clocks;
mod packets;
mod pictures;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camgate::stream::StreamId;
use camgate::testcam::{Clip, Options};
use tokio::time::Instant;

use crate::common::gateway::{TestGateway, camera_with};
use crate::common::player::Player;
use crate::common::wait::time_of_day;

/// Between two keyframes of [`small`], in seconds.
const KEYFRAMES: f64 = 0.52;

/// What the gateway may take beyond a fault's own length, and the next keyframe, to go on; in seconds.
const RECOVERY: f64 = 2.0;

/// For how long a viewer watches when all is over, in seconds: what is to be corrected is corrected by then.
const AFTERWARDS: f64 = 6.0;

/// Segments whose lateness is compared.
const SETTLED: usize = 6;

/// How far dates may be from arrivals, in seconds, and how long a picture lasts.
const DATE_SLACK: f64 = 0.15;
const FRAME: f64 = 0.04;

/// A small picture, and a keyframe every 0.52 s.
fn small() -> Options {
    Options { clip: Clip::switch().first(13), ..Options::default() }
}

/// A fault and what it may cost.
#[derive(Clone, Copy)]
struct Case {
    /// Lines of the script.
    faults: &'static [&'static str],
    /// When all of them are over, in seconds since the script's start.
    over: f64,
    /// How long nothing comes that can be shown, in seconds.
    stall: f64,
    /// How much of that never comes, in seconds.
    lost: f64,
    /// How often viewers are told of a break; where something is lost, at most.
    discontinuities: usize,
    reconnects: u64,
    /// Whether pictures are damaged: then a decoder may complain.
    damaged: bool,
}

impl Case {
    /// Nothing that a viewer should see.
    const fn unseen(faults: &'static [&'static str], over: f64) -> Self {
        Self { faults, over, stall: 0.0, lost: 0.0, discontinuities: 0, reconnects: 0, damaged: false }
    }

    /// Pictures that are not there to be shown for so long.
    const fn lost(faults: &'static [&'static str], over: f64, lost: f64) -> Self {
        Self { stall: lost, lost, ..Self::unseen(faults, over) }
    }
}

/// What a viewer saw.
struct Watched {
    player: Player,
    /// When each segment was there, in seconds since the Unix epoch.
    seen: BTreeMap<u64, f64>,
    status: serde_json::Value,
}

/// Watches `cases` side by side, each until it is over and then long enough to judge how it goes on, and judges them.
async fn watch(options: &Options, settings: &[(&str, &str)], cases: &[Case]) {
    judge_all(watch_all(options, settings, cases).await).await;
}

/// Watches and does not judge: that takes the time of those that are still being watched.
async fn watch_all<'a>(
    options: &Options,
    settings: &[(&str, &str)],
    cases: &'a [Case],
) -> Vec<(&'a Case, Watched)> {
    let tests = cases.iter().map(async |case| {
        let faults = case.faults.iter().map(|line| line.parse().unwrap()).collect();
        let watched = watch_one(Options { faults, ..options.clone() }, settings, case).await;
        (case, watched)
    });
    futures::future::join_all(tests).await
}

async fn judge_all(watched: Vec<(&Case, Watched)>) {
    let mut wrong = Vec::new();
    for (case, watched) in watched {
        wrong
            .extend(judge(case, &watched).await.into_iter().map(|what| format!("{:?}: {what}", case.faults)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// When each segment was there, in seconds since the Unix epoch: noted where it is published, for the viewer looks now and
/// then, and late on a busy machine.
type Published = Arc<Mutex<BTreeMap<u64, f64>>>;

fn note(gateway: &TestGateway) -> Published {
    let stream = gateway.registry().get(&StreamId::parse("1").unwrap()).unwrap();
    let (mut snapshots, published) = (stream.snapshots(), Published::default());
    let noted = published.clone();
    tokio::spawn(async move {
        loop {
            let now = time_of_day().as_secs_f64();
            let snapshot = snapshots.borrow_and_update().clone();
            for segment in snapshot.iter().flat_map(|snapshot| &snapshot.listed) {
                noted.lock().unwrap().entry(segment.media_sequence).or_insert(now);
            }
            if snapshots.changed().await.is_err() {
                return;
            }
        }
    });
    published
}

async fn watch_one(options: Options, settings: &[(&str, &str)], case: &Case) -> Watched {
    let (camera, gateway) = (camera_with(options).await, TestGateway::with(settings).await);
    gateway.started("1", &camera.url("/demo")).await;
    let published = note(&gateway);
    let started = Instant::now();
    let mut player = Player::open(&gateway, "1").await;
    if case.stall > 0.0 {
        player.watcher.camera_goes_away();
    }
    let end = started + Duration::from_secs_f64(case.over + AFTERWARDS);
    player.play_until("the end of the watch", |_| Instant::now() >= end).await;
    let published = published.lock().unwrap().clone();
    let seen = player.segments.keys().map(|number| (*number, published[number])).collect();
    Watched { status: gateway.status("1").await, player, seen }
}

/// All that is wrong with what was seen.
async fn judge(case: &Case, watched: &Watched) -> Vec<String> {
    let Watched { player, seen, status } = watched;
    let mut wrong: Vec<String> = player.watcher.violations().iter().map(ToString::to_string).collect();
    let mut hold = |holds: bool, what: String| wrong.extend((!holds).then_some(what));
    if std::env::var_os("CAMGATE_SHOW").is_some() {
        for (number, segment) in &player.segments {
            let date = segment.program_date_time.unwrap_or_default();
            eprintln!(
                "{:?} {number} date {:.3} lasts {:.3} seen {:+.3} after its end {}",
                case.faults,
                date % 1000.0,
                segment.duration,
                seen[number] - date - segment.duration,
                if segment.discontinuity { "DISCONTINUITY" } else { "" },
            );
        }
    }
    let discontinuities = player.discontinuities().len();
    hold(
        discontinuities == case.discontinuities || case.lost > 0.0 && discontinuities < case.discontinuities,
        format!("{discontinuities} discontinuities instead of {}", case.discontinuities),
    );
    hold(status["state"] == "live", format!("{status}"));
    hold(status["reconnects"] == case.reconnects, format!("reconnected otherwise: {status}"));

    // No stall beyond the fault's own length and what it takes to go on.
    let longest = player.segments.values().map(|segment| segment.duration).fold(0.0, f64::max);
    let waits = seen.values().zip(seen.values().skip(1)).map(|(one, two)| two - one);
    let stall = waits.fold(0.0, f64::max);
    let allowed = case.stall + KEYFRAMES + RECOVERY + longest;
    hold(stall <= allowed, format!("nothing new for {stall:.2} s, and {allowed:.2} s are allowed"));

    let ends = dates(player);
    for (one, two) in ends.iter().zip(&ends[1..]) {
        hold(two.0 > one.0, format!("dates go back from {:.3} to {:.3}", one.0, two.0));
    }
    // All durations together are the time that has passed, but for what was lost.
    let mut total = 0.0;
    let sums = player.segments.values().map(|segment| {
        total += segment.duration;
        total
    });
    let behind: Vec<f64> = seen.values().zip(sums).map(|(seen, sum)| seen - sum).collect();
    let missing = least(&behind[behind.len() - SETTLED..]) - least(&behind[..SETTLED]);
    let allowed = if case.lost > 0.0 { case.lost + KEYFRAMES + RECOVERY } else { DATE_SLACK + FRAME };
    let holds = (-DATE_SLACK - FRAME..=allowed).contains(&missing);
    hold(holds, format!("durations lack {missing:.3} s, and {allowed:.3} s are allowed"));
    // At the end the dates are true.
    let late: Vec<f64> = ends.iter().zip(seen.values()).map(|((_, end), seen)| seen - end).collect();
    let late = least(&late[late.len() - SETTLED..]);
    hold(late.abs() <= DATE_SLACK + FRAME, format!("dates end {late:.3} s before their segment is there"));

    player.assert_true_to_media();
    if !case.damaged && wrong.is_empty() {
        player.assert_good().await;
    }
    wrong
}

/// Each segment is seen somewhat late, on a busy machine the more so: the least of several counts.
fn least(late: &[f64]) -> f64 {
    late.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The dates of each segment's start and end, in seconds since the Unix epoch.
fn dates(player: &Player) -> Vec<(f64, f64)> {
    let mut end = 0.0;
    let mut dates = |segment: &crate::common::playlist::Segment| {
        let start = segment.program_date_time.unwrap_or(end);
        end = start + segment.duration;
        (start, end)
    };
    player.segments.values().map(&mut dates).collect()
}
