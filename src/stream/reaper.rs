//! Lets go of streams that nobody watches, and of those least watched when memory runs short.
//!
//! The decisions are pure functions of what is seen at one instant; [`run`] is the loop around them.

use std::sync::Arc;
use std::time::Duration;

use super::{Registry, StreamId, Why};

/// What the reaper knows of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub id: StreamId,
    /// Time since someone asked for it.
    pub idle: Duration,
    /// Bytes of media it holds.
    pub bytes: usize,
}

/// The streams to let go of: those idle for `delay`, and then the longest idle ones until the rest fits in `max_bytes`.
pub fn to_stop(mut seen: Vec<Seen>, delay: Duration, max_bytes: usize) -> Vec<Seen> {
    seen.sort_by_key(|stream| std::cmp::Reverse(stream.idle));
    let mut held: usize = seen.iter().map(|stream| stream.bytes).sum();
    let mut stop = Vec::new();
    for stream in seen {
        if stream.idle < delay && held <= max_bytes {
            break;
        }
        held -= stream.bytes;
        stop.push(stream);
    }
    stop
}

/// How often it is looked whether memory runs short: often, since cameras fill it in seconds.
const MEMORY_INTERVAL: Duration = Duration::from_secs(1);

/// Looks for idle streams every `interval` and at the bytes held every second, for as long as it is polled.
pub async fn run(registry: Arc<Registry>, delay: Duration, interval: Duration, max_bytes: usize) {
    let (mut idle_looks, mut memory_looks) = (ticks(interval), ticks(MEMORY_INTERVAL));
    loop {
        let delay = tokio::select! {
            _ = idle_looks.tick() => delay,
            // No one is too long idle now; but memory may be short.
            _ = memory_looks.tick() => Duration::MAX,
        };
        if delay == Duration::MAX && registry.byte_length() <= max_bytes {
            continue;
        }
        for Seen { id, idle, bytes } in to_stop(registry.seen(), delay, max_bytes) {
            // Someone may have come back since the look: the registry asks again under its lock.
            let held = registry.byte_length();
            let least = if held > max_bytes { idle.min(delay) } else { delay };
            let why = if idle < delay { Why::Memory } else { Why::Idle };
            if !registry.stop_if(&id, why, |stream| stream.idle() >= least) {
                continue;
            }
            if why == Why::Memory {
                tracing::warn!(
                    stream = %id, ?idle, bytes, held, limit = max_bytes,
                    "stream let go: all together held more than MAX_TOTAL_BYTES, and it was watched least recently"
                );
            } else {
                tracing::info!(stream = %id, ?idle, "stream let go: nobody watched it");
            }
        }
    }
}

fn ticks(interval: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, idle: u64, bytes: usize) -> Seen {
        Seen { id: StreamId::parse(id).unwrap(), idle: Duration::from_secs(idle), bytes }
    }

    fn stopped(streams: &[Seen], max_bytes: usize) -> Vec<String> {
        let stop = to_stop(streams.to_vec(), Duration::from_secs(30), max_bytes);
        stop.iter().map(|stream| stream.id.to_string()).collect()
    }

    #[test]
    fn idle_streams_go_and_watched_ones_stay() {
        let streams = [seen("watched", 3, 10), seen("idle", 30, 10), seen("forgotten", 300, 10)];
        assert_eq!(stopped(&streams, 1000), ["forgotten", "idle"]);
    }

    #[test]
    fn when_memory_is_short_the_least_recently_watched_go_first() {
        let streams = [seen("a", 1, 60), seen("b", 9, 60), seen("c", 5, 60)];
        assert_eq!(stopped(&streams, 130), ["b"]);
        assert_eq!(stopped(&streams, 60), ["b", "c"]);
    }
}
