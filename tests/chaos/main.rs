//! Many cameras that go wrong at random, and what viewers see of it: every stream goes on.
//!
//! `make chaos` is fifty cameras for five minutes; `make test` has a short run. A run is made from one number, which it
//! prints first; with that number, as `CHAOS_SEED`, the same things go wrong again at the same times.
//! `CHAOS_SECONDS` and `CHAOS_CAMERAS` say how long and how many. What can go wrong is in `plan.rs`.
//!
//! **What is held.** At the end every stream is live and makes segments. No playlist breaks a rule, alone or beside the
//! one before; above all, no media sequence and no discontinuity sequence goes back. Whatever a playlist lists is
//! there. No answer is a 5xx. What was fetched decodes, without a word of complaint unless a camera's own bytes were
//! damaged. Nothing panics, no password is logged. After the streams are stopped there is no session, and threads, open
//! files, tasks and memory are what they were.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a test's failure"
)]

#[path = "../common/mod.rs"]
mod common;

mod cameras;
mod plan;
mod viewer;

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::join_all;
use tokio::time::Instant;

use cameras::Cameras;
use common::ffmpeg;
use common::gateway::TestGateway;
use common::http::Client;
use common::process::Camgate;
use common::wait::{answer, within};
use plan::{ENCODED, PASSWORD, Plan};
use viewer::Viewer;

/// Viewers of each stream.
const VIEWERS: usize = 2;

/// Streams whose media is kept and decoded.
const DECODED: usize = 6;

/// Segments that each viewer has to get after the end, and how long they may take on a busy machine.
const MORE: usize = 2;
const GRACE: Duration = Duration::from_secs(10);

/// How long sessions, connections and tasks may take to be gone once all is stopped.
const LETTING_GO: Duration = Duration::from_secs(10);

/// A count that has not changed for so long is that of a gateway at rest.
const SETTLED: Duration = Duration::from_millis(500);

/// What a gateway keeps of a run when all is stopped, at most, in bytes: what the allocator does not give back.
const KEPT_MEMORY: usize = 96 << 20;

/// Open files beyond those of before: what the system took to poll, here and in each thread that cameras run on.
const KEPT_FILES: usize = 12;

const SETTINGS: &[(&str, &str)] =
    &[("HLS_SEGMENT_TIME", "1"), ("START_TIMEOUT_SECONDS", "5"), ("VIDEO_TIMEOUT_SECONDS", "2")];

/// glibc is told to give back what is free: then what is left is held.
const GIVES_BACK: &[(&str, &str)] =
    &[("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "65536"), ("MALLOC_MMAP_THRESHOLD_", "32768")];

/// Panics of all threads of this process, outside of the tests.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// What the environment says, or that.
fn setting<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name}={text}: this is no whole number"))
    })
}

/// Printed at once, also where tests are run quietly.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// A run's numbers.
#[derive(Clone, Copy)]
struct Run {
    test: &'static str,
    seed: u64,
    cameras: usize,
    seconds: u64,
}

impl Run {
    fn new(test: &'static str, share: usize) -> Self {
        let seed = setting("CHAOS_SEED", fastrand::u64(..));
        let (cameras, seconds) = (setting("CHAOS_CAMERAS", 12), setting("CHAOS_SECONDS", 25));
        let run = Self { test, seed, cameras: cameras / share + 1, seconds };
        let run = if share == 1 { Self { cameras, ..run } } else { run };
        say(&format!("{test}: seed {seed}, {} cameras for {seconds} s", run.cameras));
        run
    }

    /// Runs `test`, and after a failure says how to have it again.
    async fn of(self, test: impl Future<Output = ()>) {
        if let Err(panic) = AssertUnwindSafe(test).catch_unwind().await {
            let (seconds, cameras) = (self.seconds, setting("CHAOS_CAMERAS", 12));
            say(&format!(
                "again: CHAOS_SEED={} CHAOS_CAMERAS={cameras} CHAOS_SECONDS={seconds} cargo test --test chaos {} -- --nocapture",
                self.seed, self.test
            ));
            std::panic::resume_unwind(panic);
        }
    }

    /// Starts a stream of each camera, watches them until the end, and stops them. Returns what is wrong.
    async fn watch(self, client: Client) -> Vec<String> {
        let plan = Plan::new(self.seed, self.cameras, self.seconds);
        let cameras = Cameras::start(&plan.cameras, client.address.port()).await;
        let start = async |number: usize| client.started(&number.to_string(), &cameras.link(number)).await;
        join_all((0..self.cameras).map(start)).await;

        let end = Instant::now() + Duration::from_secs(self.seconds);
        let every = (self.cameras / DECODED).max(1);
        let watching = (0..self.cameras * VIEWERS).map(|n| {
            let (number, which) = (n / VIEWERS, n % VIEWERS);
            let keeps = which == 0 && number.is_multiple_of(every) && number / every < DECODED;
            let viewer = Viewer::new(client, number, &format!("viewer {which}"), keeps);
            tokio::spawn(viewer.watch(end, MORE, GRACE))
        });
        // Spawned, all of them, before the first is waited for.
        let watching: Vec<_> = watching.collect();
        let mut viewers = Vec::new();
        for (n, watched) in watching.into_iter().enumerate() {
            viewers
                .push(watched.await.unwrap_or_else(|error| panic!("a viewer of {}: {error}", n / VIEWERS)));
        }

        let mut wrong = Wrong::new(&plan);
        for number in 0..self.cameras {
            let status = client.status(&number.to_string()).await;
            if status["state"] != "live" {
                wrong.add(number, &format!("it is not live: {status}"));
            }
            if status.to_string().contains("hunter2") {
                wrong.add(number, "its status tells the password");
            }
        }
        say(&format!("{}: {}", self.test, summary(&viewers)));
        let stopped = (0..self.cameras).map(async |number| client.stop(&number.to_string()).await);
        for stopped in join_all(stopped).await {
            stopped.ok();
        }
        assert_eq!(client.get("/api/health").await.ok()["active_streams"], 0);
        let gone = cameras.controls.iter().map(|camera| camera.wait_until(|now| now.connections == 0));
        within("the end of every session", LETTING_GO, join_all(gone)).await;

        for viewer in &viewers {
            viewer.findings().iter().for_each(|what| wrong.add(viewer.number, what));
        }
        for viewer in &viewers {
            for file in viewer.files() {
                if let Err(what) = decode(&file, plan.cameras[viewer.number].is_damaged()).await {
                    wrong.add(viewer.number, &what);
                }
            }
        }
        wrong.lines
    }
}

/// What is wrong, beside the script of the camera.
struct Wrong<'a> {
    plan: &'a Plan,
    lines: Vec<String>,
}

impl<'a> Wrong<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self { plan, lines: Vec::new() }
    }

    fn add(&mut self, number: usize, what: &str) {
        self.lines.push(format!("{what}\n  camera {}", self.plan.cameras[number]));
    }
}

fn summary(viewers: &[Viewer]) -> String {
    let segments: usize = viewers.iter().map(Viewer::segment_count).sum();
    let breaks: usize = viewers.iter().map(Viewer::discontinuity_count).sum();
    format!("{} viewers got {segments} segments, {breaks} of them behind a discontinuity", viewers.len())
}

/// Has ffmpeg decode a file. Of one that was damaged on its way to the gateway it may say what it likes.
async fn decode(file: &[Bytes], damaged: bool) -> Result<(), String> {
    let decoded = ffmpeg::decode_loosely(file).await;
    if decoded.crashed || (!damaged && (!decoded.complaints.is_empty() || decoded.pictures == 0)) {
        return Err(format!("ffmpeg decodes {} pictures and says {}", decoded.pictures, decoded.complaints));
    }
    Ok(())
}

fn count_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // What a test panics with is its own failure.
            if !info.location().is_some_and(|location| location.file().starts_with("tests/")) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            usual(info);
        }));
    });
}

fn assert_nothing_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "something panicked: see above");
}

#[tokio::test]
async fn every_stream_outlives_whatever_its_camera_does_and_the_program_is_as_before() {
    count_panics();
    let run = Run::new("every_stream_outlives", 1);
    let test = async {
        let (process, client) = Camgate::serve(&[SETTINGS, GIVES_BACK].concat()).await;
        client.get("/api/health").await.ok();
        let (memory, files) = (process.memory(), process.open_files());
        let wrong = run.watch(client).await;

        let most = files + KEPT_FILES;
        let let_go = answer(async || (process.open_files() <= most).then_some(()));
        within("the files are closed", LETTING_GO, let_go).await;
        let mib = |bytes: usize| bytes >> 20;
        let (peak, kept) = (process.peak_memory(), process.memory());
        let (memory, peak, kept_now) = (mib(memory), mib(peak), mib(kept));
        say(&format!(
            "memory: {memory} MiB before, {peak} MiB at most, {kept_now} MiB when all is stopped; open files: {files} \
             before, {} now; {} threads",
            process.open_files(),
            process.threads()
        ));
        let log = process.log();
        assert!(!log.contains("panicked"), "{log}");
        let pair = STANDARD_NO_PAD.encode(format!("admin:{PASSWORD}"));
        for telltale in [PASSWORD, ENCODED, "hunter2", &pair] {
            let line = log.lines().find(|line| line.contains(telltale));
            assert_eq!(line, None, "the log tells a password");
        }
        assert_nothing_wrong(&wrong);
        assert!(
            kept <= (memory << 20) + KEPT_MEMORY,
            "{kept_now} MiB are kept, and {memory} MiB were there before"
        );
        let (status, ..) = process.ended_by_sigterm().await;
        assert!(status.success());
    };
    run.of(test).await;
}

#[test]
fn no_task_is_left_of_streams_whose_cameras_went_wrong() {
    count_panics();
    let run = Run::new("no_task_is_left", 5);
    // The gateway has a runtime of its own: all tasks there are its tasks.
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (of_gateway, of_viewers) = (runtime(), runtime());
    let tasks = || of_gateway.metrics().num_alive_tasks();
    of_viewers.block_on(run.of(async {
        let starting = of_gateway.spawn(TestGateway::with(SETTINGS));
        let gateway = starting.await.unwrap();
        // Whatever the server keeps is there after its first answer; that of the connection ends by itself.
        gateway.get("/api/health").await.ok();
        let settled = async || {
            let before = tasks();
            tokio::time::sleep(SETTLED).await;
            (tasks() == before).then_some(before)
        };
        let before = within("a gateway at rest", LETTING_GO, answer(settled)).await;
        let wrong = run.watch(*gateway).await;
        let let_go = answer(async || (tasks() <= before).then_some(()));
        within("all tasks have ended", LETTING_GO, let_go).await;
        say(&format!("tasks: {before} before, {} when all is stopped", tasks()));
        assert_nothing_wrong(&wrong);
        gateway.shut_down().await;
    }));
}
