//! Starts the streams that are to run whether or not anybody watches, and starts them again until their cameras answer: a
//! camera that is off when the machine boots comes by itself later.
//!
//! What is due is decided by `Keeper`, which only computes; [`run`] is the loop around it. Which streams these are is
//! not known here, and a camera that has answered once is connected to again by its own task.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};

use super::{Registry, StartError, StreamId, Why, Wishes};
use crate::clock;
use crate::ingest::SourceUrl;
use crate::ingest::backoff::Backoff;

/// A stream that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub id: StreamId,
    /// Its camera.
    pub source: SourceUrl,
    /// What its start asks for.
    pub wishes: Wishes,
}

/// How often it is looked what is to run, and what runs.
const INTERVAL: Duration = Duration::from_secs(1);

/// So many are started at a time: places to connect are left for those whose start someone waits for.
const AT_ONCE: usize = 16;

/// What a look finds of a stream.
enum Found {
    Runs,
    Ended(Option<Why>),
}

/// What is known of the streams that are to run.
#[derive(Default)]
struct Keeper {
    streams: HashMap<StreamId, Known>,
    latest: Option<Arc<[Kept]>>,
}

struct Known {
    kept: Kept,
    state: State,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be started at this time.
    Due(Duration),
    Starting,
    Running,
    /// Someone has stopped it: they will have had a reason.
    LeftAlone,
}

impl Keeper {
    /// Takes what is to run from `now` on; hands out what no longer is.
    fn take(&mut self, wanted: Arc<[Kept]>, now: Duration) -> Vec<StreamId> {
        if self.latest.as_ref().is_some_and(|latest| Arc::ptr_eq(latest, &wanted)) {
            return Vec::new();
        }
        let gone = self.streams.extract_if(|id, _| !wanted.iter().any(|kept| kept.id == *id));
        let gone = gone.map(|(id, _)| id).collect();
        for kept in wanted.iter() {
            if self.streams.get(&kept.id).is_some_and(|known| known.kept == *kept) {
                continue;
            }
            let known = Known {
                kept: kept.clone(),
                state: State::Due(now),
                backoff: Backoff::new(fastrand::u64(..)),
            };
            self.streams.insert(kept.id.clone(), known);
        }
        self.latest = Some(wanted);
        gone
    }

    /// Learns what has become of those that ran.
    fn look(&mut self, find: impl Fn(&StreamId) -> Found, now: Duration) {
        for (id, known) in &mut self.streams {
            known.state = match (known.state, find(id)) {
                (State::LeftAlone, Found::Runs) => State::Running,
                // Someone was quicker, maybe with another link: it is theirs. What is new in the file is not asked.
                (State::Due(at), Found::Runs) if at > now => State::Running,
                (State::Running, Found::Ended(Some(Why::Stopped))) => State::LeftAlone,
                (State::Running, Found::Ended(_)) => {
                    State::Due(now + known.backoff.after_failure(Duration::ZERO))
                }
                (state, _) => state,
            };
        }
    }

    /// At most so many of those that are to be started now; they count as being started.
    fn due(&mut self, most: usize, now: Duration) -> Vec<Kept> {
        let is_due = |known: &&mut Known| matches!(known.state, State::Due(at) if at <= now);
        let due = self.streams.values_mut().filter(is_due).take(most);
        due.map(|known| {
            known.state = State::Starting;
            known.kept.clone()
        })
        .collect()
    }

    /// Learns how a start has ended.
    fn learn(&mut self, started: &Kept, outcome: Result<(), StartError>, now: Duration) {
        // Meanwhile it may be wanted otherwise, or no longer.
        let Some(known) = self.streams.get_mut(&started.id).filter(|known| known.kept == *started) else {
            return;
        };
        known.state = match outcome {
            Ok(()) => {
                known.backoff = Backoff::new(fastrand::u64(..));
                State::Running
            }
            // By someone, or for want of memory, or by a fault of ours: the next look tells.
            Err(StartError::Stopped) => State::Running,
            Err(StartError::Camera(error)) if error.is_about_credentials() => {
                State::Due(now + known.backoff.after_refusal(Duration::ZERO))
            }
            Err(_) => State::Due(now + known.backoff.after_failure(Duration::ZERO)),
        };
    }
}

/// Keeps what `wanted` has running, for as long as it is polled. What it no longer has is let go of as the settings say.
pub async fn run(registry: Arc<Registry>, wanted: impl Fn() -> Arc<[Kept]>) {
    let mut keeper = Keeper::default();
    let mut starts = FuturesUnordered::new();
    let mut looks = tokio::time::interval(INTERVAL);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {
                for id in keeper.take(wanted(), clock::elapsed()) {
                    registry.keep_no_longer(&id);
                }
                let find = |id: &StreamId| match registry.get(id) {
                    Some(_) => Found::Runs,
                    None => Found::Ended(registry.ended(id).map(|ended| ended.why)),
                };
                keeper.look(find, clock::elapsed());
            }
            Some((kept, outcome)) = starts.next() => keeper.learn(&kept, outcome, clock::elapsed()),
        }
        for kept in keeper.due(AT_ONCE - starts.len(), clock::elapsed()) {
            let registry = registry.clone();
            starts.push(async move {
                let starting = registry.start_with(kept.id.clone(), kept.source.clone(), kept.wishes);
                let outcome = starting.await.map(drop);
                (kept, outcome)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::IngestError;

    fn kept(id: &str, link: &str) -> Kept {
        let source = SourceUrl::parse(link).unwrap();
        Kept { id: StreamId::parse(id).unwrap(), source, wishes: Wishes::default() }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn names(kept: &[Kept]) -> Vec<&str> {
        kept.iter().map(|kept| kept.id.as_str()).collect()
    }

    #[test]
    fn a_camera_that_does_not_answer_is_asked_again_and_one_that_runs_is_left_to_itself() {
        let (mut keeper, a) = (Keeper::default(), kept("a", "rtsp://cam/a"));
        assert!(keeper.take([a.clone()].into(), at(0)).is_empty());
        assert_eq!(names(&keeper.due(9, at(0))), ["a"]);
        assert!(keeper.due(9, at(99)).is_empty(), "it is being started");
        keeper.learn(&a, Err(StartError::Camera(IngestError::Closed)), at(1));
        assert!(keeper.due(9, at(1)).is_empty(), "not at once");
        assert_eq!(names(&keeper.due(9, at(2))), ["a"]);
        keeper.learn(&a, Ok(()), at(3));
        keeper.look(|_| Found::Runs, at(4));
        assert!(keeper.due(9, at(999)).is_empty());
        keeper.look(|_| Found::Ended(Some(Why::Memory)), at(1000));
        assert!(keeper.due(9, at(1000)).is_empty());
        assert_eq!(names(&keeper.due(9, at(1001))), ["a"], "it was let go for want of memory");
    }

    #[test]
    fn one_that_someone_started_meanwhile_is_theirs() {
        let (mut keeper, a) = (Keeper::default(), kept("a", "rtsp://cam/a"));
        keeper.take([a.clone()].into(), at(0));
        keeper.due(9, at(0));
        keeper.learn(&a, Err(StartError::Camera(IngestError::Closed)), at(1));
        keeper.look(|_| Found::Runs, at(1));
        assert!(keeper.due(9, at(999)).is_empty(), "it would be moved to the link of the file");
    }

    #[test]
    fn one_that_someone_stops_stays_stopped_until_they_start_it() {
        let (mut keeper, a) = (Keeper::default(), kept("a", "rtsp://cam/a"));
        keeper.take([a.clone()].into(), at(0));
        keeper.due(9, at(0));
        keeper.learn(&a, Ok(()), at(0));
        keeper.look(|_| Found::Ended(Some(Why::Stopped)), at(1));
        assert!(keeper.due(9, at(999)).is_empty());
        keeper.look(|_| Found::Runs, at(1000));
        keeper.look(|_| Found::Ended(Some(Why::Fault)), at(1001));
        assert_eq!(names(&keeper.due(9, at(1002))), ["a"]);
    }

    #[test]
    fn one_that_ends_while_it_is_started_is_left_alone_only_if_someone_stopped_it() {
        for (why, due) in [(Why::Stopped, 0), (Why::Memory, 1), (Why::Fault, 1)] {
            let (mut keeper, a) = (Keeper::default(), kept("a", "rtsp://cam/a"));
            keeper.take([a.clone()].into(), at(0));
            keeper.due(9, at(0));
            keeper.learn(&a, Err(StartError::Stopped), at(1));
            keeper.look(|_| Found::Ended(Some(why)), at(2));
            assert_eq!(keeper.due(9, at(999)).len(), due, "{why:?}");
        }
    }

    #[test]
    fn what_is_new_or_otherwise_is_started_and_what_is_gone_is_told() {
        let mut keeper = Keeper::default();
        let both: Arc<[Kept]> = [kept("a", "rtsp://cam/a"), kept("b", "rtsp://cam/b")].into();
        keeper.take(both.clone(), at(0));
        for kept in keeper.due(9, at(0)) {
            keeper.learn(&kept, Ok(()), at(0));
        }
        assert!(keeper.take(both, at(1)).is_empty() && keeper.due(9, at(1)).is_empty());
        let other = [kept("a", "rtsp://other/a"), kept("c", "rtsp://cam/c")];
        assert_eq!(keeper.take(other.into(), at(2)), [StreamId::parse("b").unwrap()]);
        let due = keeper.due(9, at(2));
        let mut due = names(&due);
        due.sort_unstable();
        assert_eq!(due, ["a", "c"]);
        // The answer to a question that nobody asks any more.
        keeper.learn(&kept("a", "rtsp://cam/a"), Err(StartError::Stopped), at(3));
        assert_eq!(keeper.streams[&StreamId::parse("a").unwrap()].state, State::Starting);
    }

    #[test]
    fn no_more_are_started_at_a_time_than_may_be() {
        let mut keeper = Keeper::default();
        let many: Vec<_> = (0..5).map(|n| kept(&n.to_string(), "rtsp://cam/a")).collect();
        keeper.take(many.into(), at(0));
        assert_eq!((keeper.due(3, at(0)).len(), keeper.due(3, at(0)).len()), (3, 2));
    }
}
