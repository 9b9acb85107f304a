//! Starts, stops, moves and failures, interleaved on purpose, on cameras without sockets and in paused time.

use super::super::KeepWarm;
use super::super::pacing::{AT_ONE_HOST, RECONNECTS, STARTS};
use super::super::reaper;
use super::super::status::State;
use super::super::testing::{Bench, START_TIMEOUT, VIDEO_TIMEOUT, id, link, settle};
use super::*;
use crate::ingest::Step;

const REFUSED: IngestError = IngestError::Rejected { step: Step::Describe, status: 404 };

impl Registry {
    /// Streams, cameras and tasks.
    pub(in crate::stream) fn left(&self) -> (usize, usize, usize) {
        let tables = lock(&self.tables);
        (tables.streams.len(), tables.cameras.len(), self.tasks.len())
    }
}

fn failed(error: &IngestError) -> Result<Started, StartError> {
    Err(StartError::Camera(error.clone()))
}

#[tokio::test(start_paused = true)]
async fn ten_concurrent_starts_are_one_connection_and_ten_equal_answers() {
    let bench = Bench::new();
    let mut asked = Vec::new();
    for _ in 0..10 {
        asked.push(bench.ask("1", "a").await);
    }
    bench.camera("a").answer(1);
    for answer in asked {
        assert_eq!(answer.await.unwrap(), Ok(Started::New));
    }
    assert_eq!(bench.camera("a").connects(), 1);
    assert_eq!(bench.start("1", "a").await, Started::Active);
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_leaves_nothing_behind_and_all_who_wait_get_the_same_error() {
    let bench = Bench::new();
    bench.camera("a").refuse(Some(REFUSED));
    let asked = [bench.ask("1", "a").await, bench.ask("1", "a").await, bench.ask("2", "a").await];
    bench.camera("a").answer(1);
    for answer in asked {
        assert_eq!(answer.await.unwrap(), failed(&REFUSED));
    }
    assert_eq!(bench.registry.left(), (0, 0, 0));
    assert_eq!(why(&bench, "1"), None, "it never ran");
    assert_eq!((bench.camera("a").connects(), bench.camera("a").open()), (1, 0));
    bench.camera("a").refuse(None);
    assert_eq!(bench.start("1", "a").await, Started::New, "and the next start begins anew");
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn two_ids_with_one_link_share_a_session_and_stopping_one_leaves_the_other() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.start("2", "a").await;
    bench.camera("a").play(4).await;
    assert_eq!(bench.camera("a").connects(), 1);
    assert_eq!((bench.segments("1").0.len(), bench.segments("2").0.len()), (3, 3));
    assert!(bench.registry.stop(&id("1")));
    settle().await;
    assert_eq!(bench.camera("a").open(), 1);
    bench.camera("a").play(2).await;
    assert_eq!(bench.segments("2").0.len(), 4);
    assert!(bench.registry.stop(&id("2")));
    settle().await;
    assert_eq!(bench.registry.left(), (0, 0, 0));
    assert_eq!(bench.camera("a").open(), 0);
    assert!(!bench.registry.stop(&id("2")));
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_the_streams_of_its_camera_and_no_others() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.start("2", "b").await;
    let mut snapshots = bench.registry.get(&id("1")).unwrap().snapshots();
    bench.camera("a").upset().await;
    assert!(snapshots.changed().await.is_err(), "viewers learn of it");
    assert!(bench.registry.get(&id("1")).is_none());
    assert_eq!(why(&bench, "1"), Some(Why::Fault));
    bench.camera("b").play(4).await;
    assert_eq!(bench.segments("2").0.len(), 3);
    assert_eq!(bench.start("1", "a").await, Started::New, "and it can be started again");
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn viewers_learn_of_a_stop() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    let mut snapshots = bench.registry.get(&id("1")).unwrap().snapshots();
    bench.registry.stop(&id("1"));
    assert!(snapshots.wait_for(|snapshot| snapshot.is_some()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn another_link_moves_the_stream_across_one_discontinuity() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(4).await;
    let stream = bench.registry.get(&id("1")).unwrap();
    let (before, _) = bench.segments("1");
    assert_eq!(bench.start("1", "b").await, Started::Moved);
    settle().await;
    assert_eq!(bench.camera("a").open(), 0, "the old session is dropped");
    bench.camera("b").play(4).await;
    let (after, broken) = bench.segments("1");
    let moved = bench.registry.get(&id("1")).unwrap();
    assert!(Arc::ptr_eq(&stream, &moved));
    // What was open when the stream moved became a segment.
    assert_eq!(broken, [before.last().unwrap() + 2]);
    assert!(after.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{after:?}");
    assert_eq!(moved.status().source, "rtsp://cam/b");
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn ten_concurrent_moves_are_one_connection_and_ten_equal_answers() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(2).await;
    let mut asked = Vec::new();
    for _ in 0..10 {
        asked.push(bench.ask("1", "b").await);
    }
    bench.camera("b").answer(1);
    for answer in asked {
        assert_eq!(answer.await.unwrap(), Ok(Started::Moved));
    }
    assert_eq!((bench.camera("b").connects(), bench.camera("a").open()), (1, 0));
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_fails_leaves_the_stream_where_it_was() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(2).await;
    bench.camera("b").refuse(Some(REFUSED));
    let asked = bench.ask("1", "b").await;
    bench.camera("b").answer(1);
    assert_eq!(asked.await.unwrap(), failed(&REFUSED));
    assert_eq!(bench.registry.left(), (1, 1, 1));
    bench.camera("a").play(4).await;
    let (listed, broken) = bench.segments("1");
    assert!(listed.len() > 3 && broken.is_empty(), "{listed:?} {broken:?}");
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_moves_to_a_camera_that_another_id_plays() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.start("2", "b").await;
    bench.camera("a").play(4).await;
    bench.camera("b").play(4).await;
    assert_eq!(bench.start("1", "b").await, Started::Moved);
    bench.camera("b").play(4).await;
    assert_eq!((bench.camera("a").open(), bench.camera("b").connects()), (0, 1));
    assert_eq!(bench.segments("1").1.len(), 1);
    assert_eq!(bench.segments("2").1, [0; 0], "the other stream sees nothing of it");
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_move_outlives_the_stop_of_the_id_that_it_joins() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(2).await;
    let two = bench.ask("2", "b").await;
    let moving = bench.ask("1", "b").await;
    bench.registry.stop(&id("2"));
    settle().await;
    bench.camera("b").answer(1);
    assert_eq!(moving.await.unwrap(), Ok(Started::Moved));
    assert_eq!(two.await.unwrap(), Err(StartError::Stopped));
    assert_eq!(bench.registry.left().0, 1);
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_camera_is_asked_ends_the_start() {
    let bench = Bench::new();
    let asked = bench.ask("1", "a").await;
    assert!(bench.registry.stop(&id("1")));
    assert_eq!(asked.await.unwrap(), Err(StartError::Stopped));
    settle().await;
    assert_eq!(bench.registry.left(), (0, 0, 0));
    assert_eq!(bench.camera("a").open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_stopped_is_no_success_though_another_id_has_the_camera() {
    let bench = Bench::new();
    let one = bench.ask("1", "a").await;
    let two = bench.ask("2", "a").await;
    bench.registry.stop(&id("1"));
    bench.camera("a").answer(1);
    assert_eq!(one.await.unwrap(), Err(StartError::Stopped));
    assert_eq!(two.await.unwrap(), Ok(Started::New));
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_a_stream_moves_ends_both_cameras() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    let moving = bench.ask("1", "b").await;
    bench.registry.stop(&id("1"));
    settle().await;
    assert_eq!(bench.camera("a").open(), 0);
    bench.camera("b").answer(1);
    assert_eq!(moving.await.unwrap(), Err(StartError::Stopped));
    settle().await;
    assert_eq!(bench.registry.left(), (0, 0, 0));
    assert_eq!(bench.camera("b").open(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_link_before_the_first_has_answered_takes_its_place() {
    let bench = Bench::new();
    let first = bench.ask("1", "a").await;
    let second = bench.ask("1", "b").await;
    assert_eq!(first.await.unwrap(), Err(StartError::Stopped));
    assert_eq!(bench.camera("a").open(), 0);
    bench.camera("b").answer(1);
    assert_eq!(second.await.unwrap(), Ok(Started::New));
    bench.camera("b").play(2).await;
    assert!(!bench.playlist("1").contains("DISCONTINUITY\n"));
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_comes_back_with_its_camera_across_one_discontinuity() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(4).await;
    let (before, _) = bench.segments("1");
    bench.camera("a").refuse(Some(IngestError::Closed));
    bench.camera("a").fail().await;
    let status = || bench.registry.get(&id("1")).unwrap().status();
    assert_eq!(status().state, State::Reconnecting);
    assert_eq!(bench.camera("a").open(), 0);
    bench.camera("a").answer(3);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(
        bench.camera("a").connects(),
        1 + 4,
        "three failures, and the next attempt waits for its answer"
    );
    bench.camera("a").refuse(None);
    bench.camera("a").answer(1);
    settle().await;
    bench.camera("a").play(4).await;
    assert_eq!((status().state, status().reconnects), (State::Live, 1));
    assert_eq!(status().last_error.as_deref(), Some("the camera closed the connection"));
    let (after, broken) = bench.segments("1");
    assert_eq!(broken, [before.last().unwrap() + 2]);
    assert!(after.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{after:?}");
    assert_eq!(bench.start("1", "a").await, Started::Active);
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_falls_silent_is_connected_to_again() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(2).await;
    bench.camera("a").answer(1);
    tokio::time::sleep(VIDEO_TIMEOUT - Duration::from_millis(100)).await;
    assert_eq!(bench.camera("a").connects(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((bench.camera("a").connects(), bench.camera("a").open()), (2, 1));
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_sends_is_not_taken_for_silent() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(30).await;
    assert_eq!(bench.camera("a").connects(), 1);
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_is_connected_and_never_used_is_let_go() {
    let bench = Bench::new();
    let camera = {
        let mut tables = lock(&bench.registry.tables);
        bench.registry.camera(&mut tables, &link("a")).unwrap()
    };
    bench.camera("a").answer(1);
    camera.first_outcome().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1900)).await;
    assert_eq!(bench.camera("a").open(), 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((bench.camera("a").open(), bench.registry.left()), (0, (0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_a_stream_is_about_to_move_to_is_in_use() {
    let bench = Bench::new();
    let camera = {
        let mut tables = lock(&bench.registry.tables);
        bench.registry.camera(&mut tables, &link("a")).unwrap()
    };
    camera.expect();
    bench.camera("a").answer(1);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(bench.camera("a").open(), 1);
    camera.settle();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((bench.camera("a").open(), bench.registry.left()), (0, (0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_joins_an_unused_camera_keeps_it() {
    let bench = Bench::new();
    {
        let mut tables = lock(&bench.registry.tables);
        bench.registry.camera(&mut tables, &link("a")).unwrap();
    }
    bench.camera("a").answer(1);
    tokio::time::sleep(Duration::from_millis(1999)).await;
    assert_eq!(bench.ask("1", "a").await.await.unwrap(), Ok(Started::New));
    bench.camera("a").play(4).await;
    assert_eq!((bench.camera("a").connects(), bench.segments("1").0.len()), (1, 3));
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_its_caller_gives_up_goes_on_to_its_end() {
    let bench = Bench::new();
    let asked = bench.ask("1", "a").await;
    asked.abort();
    settle().await;
    bench.camera("a").answer(1);
    settle().await;
    bench.camera("a").play(2).await;
    assert_eq!(bench.registry.left(), (1, 1, 1));
    let asked = bench.ask("1", "b").await;
    asked.abort();
    settle().await;
    bench.camera("b").answer(1);
    settle().await;
    assert_eq!(bench.registry.get(&id("1")).unwrap().status().source, "rtsp://cam/b");
    assert_eq!(bench.camera("a").open(), 0);
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn more_streams_than_may_run_are_refused_before_their_camera_is_asked() {
    let bench = Bench::new();
    for n in ["1", "2", "3", "4"] {
        bench.start(n, n).await;
    }
    assert_eq!(bench.ask("5", "5").await.await.unwrap(), Err(StartError::TooManyStreams(4)));
    assert_eq!(bench.camera("5").connects(), 0);
    bench.registry.stop(&id("1"));
    assert_eq!(bench.start("5", "5").await, Started::New);
    bench.finish(&["1", "2", "3", "4", "5"]).await;
}

#[tokio::test(start_paused = true)]
async fn moves_of_one_stream_do_not_open_cameras_without_end() {
    let bench = Bench::new();
    bench.start("1", "first").await;
    let names: Vec<String> = (0..8).map(|n| format!("move{n}")).collect();
    let mut asked = Vec::new();
    for name in &names {
        asked.push(bench.ask("1", name).await);
    }
    assert_eq!(asked.pop().unwrap().await.unwrap(), Err(StartError::TooManyStreams(4)));
    assert_eq!(bench.camera("move7").connects(), 0);
    bench.camera("move0").answer(1);
    assert_eq!(asked.remove(0).await.unwrap(), Ok(Started::Moved));
    bench.finish(&["first", "move0", "move1"]).await;
}

#[tokio::test(start_paused = true)]
async fn cameras_that_cannot_be_connected_to_again_hold_up_no_start() {
    let bench = Bench::with_streams(100);
    for n in 0..RECONNECTS[0] {
        bench.start(&n.to_string(), &format!("down{n}/")).await;
        bench.camera(&format!("down{n}/")).fail().await;
    }
    // Each is asked again, and none answers.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.camera("down0/").connects(), 2);
    let asked = bench.ask("new", "good").await;
    assert_eq!(bench.camera("good").connects(), 1);
    bench.camera("good").answer(1);
    assert_eq!(asked.await.unwrap(), Ok(Started::New));
    bench.finish(&["down0/", "good"]).await;
}

/// With so many mute cameras, a start of another one waits for its place, and is told so in time.
async fn a_start_behind(mute_cameras: impl Iterator<Item = String>) {
    let bench = Bench::with_streams(100);
    let mut mute = Vec::new();
    for name in mute_cameras {
        mute.push(bench.ask(&mute.len().to_string(), &name).await);
    }
    let begin = tokio::time::Instant::now();
    let asked = bench.ask("new", "cam/good").await;
    assert_eq!(bench.camera("good").connects(), 0);
    assert_eq!(asked.await.unwrap(), failed(&IngestError::Busy(START_TIMEOUT)));
    assert_eq!(begin.elapsed(), START_TIMEOUT);
    for asked in mute {
        let too_long = IngestError::Timeout { step: Step::Describe, after: START_TIMEOUT };
        assert_eq!(asked.await.unwrap(), failed(&too_long));
    }
    assert_eq!(bench.registry.left(), (0, 0, 0));
    assert_eq!(bench.registry.surroundings.pacing.host_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_takes_no_longer_than_promised_however_many_cameras_are_mute() {
    a_start_behind((0..STARTS).map(|n| format!("mute{n}/"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_takes_no_longer_than_promised_however_mute_its_host_is() {
    a_start_behind((0..AT_ONE_HOST[0]).map(|n| format!("mute{n}"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_given_up_gives_its_place_back() {
    let bench = Bench::with_streams(100);
    for n in 0..AT_ONE_HOST[0] {
        bench.ask(&n.to_string(), &format!("mute{n}")).await;
    }
    let asked = bench.ask("new", "good").await;
    assert_eq!(bench.camera("good").connects(), 0);
    bench.registry.stop(&id("0"));
    settle().await;
    assert_eq!(bench.camera("good").connects(), 1);
    bench.camera("good").answer(1);
    assert_eq!(asked.await.unwrap(), Ok(Started::New));
    bench.finish(&["good"]).await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_all_that_runs_and_all_that_waits() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(2).await;
    let waiting = bench.ask("2", "b").await;
    let moving = bench.ask("1", "c").await;
    bench.registry.shutdown().await;
    assert_eq!(waiting.await.unwrap(), Err(StartError::Stopped));
    assert_eq!(moving.await.unwrap(), Err(StartError::Stopped));
    assert_eq!(bench.ask("3", "a").await.await.unwrap(), Err(StartError::ShuttingDown));
    bench.finish(&["a", "b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_started_again_is_another_run_with_higher_numbers() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    bench.camera("a").play(4).await;
    let (run, numbers) = (bench.registry.get(&id("1")).unwrap().run(), bench.segments("1").0);
    bench.registry.stop(&id("1"));
    bench.start("1", "a").await;
    bench.camera("a").play(2).await;
    assert_ne!(bench.registry.get(&id("1")).unwrap().run(), run);
    let again = bench.segments("1").0;
    assert!(again[0] > numbers[0], "{again:?} after {numbers:?}");
    bench.finish(&["a"]).await;
}

fn why(bench: &Bench, stream: &str) -> Option<Why> {
    bench.registry.ended(&id(stream)).map(|ended| ended.why)
}

fn reap(bench: &Bench, max_bytes: usize) -> tokio::task::JoinHandle<()> {
    let (delay, interval) = (Duration::from_secs(30), Duration::from_secs(10));
    tokio::spawn(reaper::run(bench.registry.clone(), delay, interval, max_bytes))
}

#[tokio::test(start_paused = true)]
async fn the_reaper_lets_go_of_idle_streams_and_of_no_others() {
    let bench = Bench::new();
    bench.start("idle", "a").await;
    bench.start("watched", "b").await;
    let reaper = reap(&bench, usize::MAX);
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.registry.get(&id("watched")).unwrap().viewed_by(1);
    }
    reaper.abort();
    assert!(bench.registry.get(&id("idle")).is_none());
    assert_eq!((bench.camera("a").open(), bench.registry.count()), (0, 1));
    assert_eq!((why(&bench, "idle"), why(&bench, "watched")), (Some(Why::Idle), None));
    bench.finish(&["a"]).await;
}

/// Which of these run when nobody has watched any for as long as an hour.
async fn left_after_an_hour<'a>(bench: &Bench, ids: &[&'a str]) -> Vec<&'a str> {
    let reaper = reap(bench, usize::MAX);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    reaper.abort();
    ids.iter().copied().filter(|name| bench.registry.get(&id(name)).is_some()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_warm_stream_is_kept_with_nobody_watching_until_a_start_says_otherwise() {
    let bench = Bench::new();
    bench.start_warm("1", "a", true).await;
    bench.start("2", "b").await;
    assert_eq!(left_after_an_hour(&bench, &["1", "2"]).await, ["1"]);
    let stream = bench.registry.get(&id("1")).unwrap();
    assert!(stream.status().warm);
    assert_eq!(bench.start("1", "a").await, Started::Active);
    assert!(stream.status().warm, "a start that says nothing leaves it as it is");
    assert_eq!(bench.start_warm("1", "a", false).await, Started::Active);
    assert!(!stream.status().warm);
    assert_eq!(left_after_an_hour(&bench, &["1"]).await, [""; 0]);
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn each_stream_of_a_shared_camera_has_its_own_warmth() {
    let bench = Bench::new();
    bench.start_warm("1", "a", true).await;
    bench.start("2", "a").await;
    assert_eq!(left_after_an_hour(&bench, &["1", "2"]).await, ["1"]);
    bench.start_warm("2", "a", true).await;
    bench.start_warm("1", "a", false).await;
    assert_eq!(left_after_an_hour(&bench, &["1", "2"]).await, ["2"]);
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn settings_say_which_streams_are_warm_where_their_start_does_not() {
    let bench = Bench::keeping(KeepWarm::These([id("listed"), id("refused")].into()));
    bench.start("listed", "a").await;
    bench.start_warm("refused", "a", false).await;
    bench.start("other", "a").await;
    assert_eq!(left_after_an_hour(&bench, &["listed", "refused", "other"]).await, ["listed"]);
    bench.finish(&["a"]).await;
    let bench = Bench::keeping(KeepWarm::All);
    bench.start("1", "a").await;
    bench.start_warm("2", "b", false).await;
    assert_eq!(left_after_an_hour(&bench, &["1", "2"]).await, ["1"]);
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn when_memory_is_short_a_warm_stream_goes_after_those_that_nobody_watches() {
    let bench = Bench::new();
    bench.start_warm("warm", "a", true).await;
    bench.camera("a").play(4).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    bench.start("left", "b").await;
    bench.camera("b").play(4).await;
    tokio::time::advance(Duration::from_secs(20)).await;
    let held = bench.registry.byte_length();
    let reaper = reap(&bench, held - 1);
    settle().await;
    reaper.abort();
    assert_eq!((why(&bench, "left"), why(&bench, "warm")), (Some(Why::Memory), None));
    // It is no bound if there is nothing else to let go of.
    let reaper = reap(&bench, 1);
    settle().await;
    reaper.abort();
    assert_eq!(why(&bench, "warm"), Some(Why::Memory));
    bench.finish(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_who_comes_back_at_the_last_moment_keeps_the_stream() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    tokio::time::advance(Duration::from_secs(31)).await;
    let condemned = reaper::to_stop(bench.registry.seen(), Duration::from_secs(30), usize::MAX);
    assert_eq!(condemned.len(), 1);
    bench.registry.get(&id("1")).unwrap().touch();
    assert!(
        !bench
            .registry
            .stop_if(&condemned[0].id, Why::Idle, |stream| stream.idle() >= Duration::from_secs(30))
    );
    assert!(bench.registry.get(&id("1")).is_some());
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_camera_is_slow_to_answer_is_not_idle_meanwhile() {
    let bench = Bench::new();
    let asked = bench.ask("1", "a").await;
    let delay = Duration::from_secs(2);
    let condemned = || reaper::to_stop(bench.registry.seen(), delay, usize::MAX).len();
    tokio::time::advance(START_TIMEOUT - Duration::from_secs(1)).await;
    assert_eq!(condemned(), 0, "someone waits for it");
    bench.camera("a").answer(1);
    assert_eq!(asked.await.unwrap(), Ok(Started::New));
    assert_eq!(condemned(), 0, "whoever has just been told of it may come now");
    tokio::time::advance(delay).await;
    assert_eq!(condemned(), 1);
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn when_memory_is_short_the_stream_that_was_watched_longest_ago_goes() {
    let bench = Bench::new();
    for name in ["1", "2"] {
        bench.start(name, name).await;
        bench.camera(name).play(4).await;
    }
    bench.registry.get(&id("1")).unwrap().touch();
    let held = bench.registry.byte_length();
    let reaper = reap(&bench, held - 1);
    settle().await;
    reaper.abort();
    assert!(bench.registry.get(&id("2")).is_none());
    assert!(bench.registry.get(&id("1")).is_some());
    assert!(bench.registry.byte_length() < held);
    assert_eq!(why(&bench, "2"), Some(Why::Memory));
    bench.start("2", "2").await;
    assert_eq!(why(&bench, "2"), None, "it runs again, however many bytes others hold");
    bench.finish(&["1", "2"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_nobody_watches_is_looked_at_less_often_than_it_sends_and_none_of_it_is_lost() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    let camera = bench.camera("a");
    // Whoever has started it is about to watch.
    camera.play(8).await;
    assert!(camera.looks() >= 8 * 25, "a look for each picture");
    camera.play(4).await;
    let before = camera.looks();
    camera.play(10).await;
    let looks = camera.looks() - before;
    assert!((40..=130).contains(&looks), "{looks} looks at 250 pictures");
    bench.registry.get(&id("1")).unwrap().viewed_by(0);
    settle().await;
    let (segments, discontinuities) = bench.segments("1");
    assert_eq!((segments.len(), discontinuities), (5, vec![]));
    bench.finish(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_a_stream_ends_its_cameras_rest_at_once() {
    let bench = Bench::new();
    bench.start("1", "a").await;
    let camera = bench.camera("a");
    camera.play(20).await;
    let stream = bench.registry.get(&id("1")).unwrap();
    // Somewhere in a rest: what comes is not seen before its end.
    let mut held = stream.byte_length();
    for _ in 0..5 {
        camera.picture().await;
        if stream.byte_length() == held {
            break;
        }
        held = stream.byte_length();
    }
    settle().await;
    assert_eq!(stream.byte_length(), held, "a rest");
    stream.viewed_by(0);
    settle().await;
    assert!(stream.byte_length() > held, "it is seen without a moment passing");
    bench.finish(&["a"]).await;
}
