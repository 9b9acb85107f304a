//! Why streams ended, for whoever still asks for one: the last ones, and for some minutes. Pure: time is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::StreamId;

/// Ends that are remembered.
const MOST: usize = 1024;

/// For how long: players that were left open ask again within minutes, if at all.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Someone stopped it.
    Stopped,
    /// Nobody watched it for `CLEANUP_DELAY_SECONDS`.
    Idle,
    /// All streams together held more than `MAX_TOTAL_BYTES`, and it was the least recently watched.
    Memory,
    /// A panic of ours.
    Fault,
}

impl Why {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Stopped, Self::Idle, Self::Memory, Self::Fault];

    /// For a program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Idle => "idle",
            Self::Memory => "memory",
            Self::Fault => "fault",
        }
    }
}

/// The end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub why: Why,
    /// How long ago.
    pub ago: Duration,
}

/// The last ends.
#[derive(Debug, Default)]
pub(super) struct EndedStreams {
    ends: HashMap<StreamId, (Why, Duration)>,
    /// Oldest first; a stream that ended twice is in it twice.
    order: VecDeque<(StreamId, Duration)>,
}

impl EndedStreams {
    /// A stream ended at `now`.
    pub(super) fn insert(&mut self, id: StreamId, why: Why, now: Duration) {
        self.forget_old(now);
        self.order.push_back((id.clone(), now));
        self.ends.insert(id, (why, now));
        while self.order.len() > MOST {
            self.forget_oldest();
        }
    }

    /// The stream runs again.
    pub(super) fn remove(&mut self, id: &StreamId) {
        self.ends.remove(id);
    }

    /// How the stream of that name ended, seen at `now`.
    pub(super) fn get(&self, id: &StreamId, now: Duration) -> Option<Ended> {
        let (why, at) = *self.ends.get(id)?;
        let ago = now.saturating_sub(at);
        (ago < REMEMBERED).then_some(Ended { why, ago })
    }

    fn forget_old(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(_, at)| now.saturating_sub(*at) >= REMEMBERED) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((id, at)) = self.order.pop_front() else { return };
        if self.ends.get(&id).is_some_and(|(_, latest)| *latest == at) {
            self.ends.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> StreamId {
        StreamId::parse(text).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_end_is_told_for_ten_minutes_or_until_the_stream_runs_again() {
        let mut ended = EndedStreams::default();
        ended.insert(id("a"), Why::Memory, seconds(10));
        ended.insert(id("b"), Why::Idle, seconds(20));
        let end = Ended { why: Why::Memory, ago: seconds(5) };
        assert_eq!(ended.get(&id("a"), seconds(15)), Some(end));
        assert_eq!(ended.get(&id("c"), seconds(15)), None);
        ended.remove(&id("b"));
        assert_eq!(ended.get(&id("b"), seconds(30)), None);
        assert!(ended.get(&id("a"), seconds(609)).is_some());
        assert!(ended.get(&id("a"), seconds(610)).is_none());
    }

    #[test]
    fn of_two_ends_the_later_one_counts_even_when_the_earlier_is_forgotten() {
        let mut ended = EndedStreams::default();
        ended.insert(id("a"), Why::Idle, seconds(0));
        ended.remove(&id("a"));
        ended.insert(id("a"), Why::Stopped, seconds(300));
        ended.insert(id("b"), Why::Idle, seconds(601));
        assert_eq!(ended.get(&id("a"), seconds(601)), Some(Ended { why: Why::Stopped, ago: seconds(301) }));
    }

    #[test]
    fn however_many_streams_end_the_memory_of_them_is_bounded() {
        let mut ended = EndedStreams::default();
        for n in 0..3000 {
            ended.insert(id(&n.to_string()), Why::Stopped, seconds(1));
            // One that starts and stops all the time.
            ended.insert(id("again"), Why::Stopped, seconds(1));
            ended.remove(&id("again"));
        }
        assert!(ended.order.len() <= MOST && ended.ends.len() <= MOST);
        assert!(ended.get(&id("2999"), seconds(2)).is_some());
        assert!(ended.get(&id("0"), seconds(2)).is_none());
    }
}
