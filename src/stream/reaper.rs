//! Lets go of streams that nobody watches, and of those least watched when memory runs short.
//!
//! The decisions are pure functions of what is seen at one instant; [`run`] is the loop around them.

use std::sync::Arc;
use std::time::Duration;

use super::{Registry, Stream, StreamId, Why};

/// What the reaper knows of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub id: StreamId,
    /// Time since someone asked for it.
    pub idle: Duration,
    /// Bytes of media it holds.
    pub bytes: usize,
    /// It is kept with nobody watching.
    pub warm: bool,
}

/// Players ask more often than that: whatever was asked for more recently is being watched.
const WATCHED: Duration = Duration::from_secs(15);

/// The streams to let go of: those idle for `delay` that are not warm, and then others until the rest fits in `max_bytes`.
///
/// Of these the ones that nobody watches go first, the warm ones among them last; each time the longest idle one.
pub fn to_stop(mut seen: Vec<Seen>, delay: Duration, max_bytes: usize) -> Vec<Seen> {
    seen.sort_by_key(|stream| std::cmp::Reverse(stream.idle));
    let idle = |stream: &Seen| stream.idle >= delay && !stream.warm;
    let (mut stop, mut rest): (Vec<_>, Vec<_>) = seen.into_iter().partition(idle);
    // Stable: among equals the longest idle one stays in front.
    rest.sort_by_key(|stream| (stream.idle < WATCHED, stream.idle >= WATCHED && stream.warm));
    let mut held: usize = rest.iter().map(|stream| stream.bytes).sum();
    for stream in rest {
        if held <= max_bytes {
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
        for Seen { id, idle, bytes, warm } in to_stop(registry.seen(), delay, max_bytes) {
            let held = registry.byte_length();
            let why = if idle < delay || warm { Why::Memory } else { Why::Idle };
            let short = why == Why::Memory && held > max_bytes;
            // Someone may have come back since the look: the registry asks again under its lock.
            let still = |stream: &Stream| {
                if short {
                    stream.idle() >= idle.min(delay)
                } else {
                    stream.idle() >= delay && !stream.is_warm()
                }
            };
            if !registry.stop_if(&id, why, still) {
                continue;
            }
            if why == Why::Memory {
                tracing::warn!(
                    stream = %id, ?idle, bytes, held, limit = max_bytes,
                    warm, "stream let go: all together held more than MAX_TOTAL_BYTES, and it was watched least recently"
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
        Seen { id: StreamId::parse(id).unwrap(), idle: Duration::from_secs(idle), bytes, warm: false }
    }

    fn warm(id: &str, idle: u64, bytes: usize) -> Seen {
        Seen { warm: true, ..seen(id, idle, bytes) }
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

    #[test]
    fn warm_streams_stay_however_long_they_are_idle() {
        let streams = [warm("warm", 86_400, 10), seen("idle", 31, 10), warm("watched", 1, 10)];
        assert_eq!(stopped(&streams, 1000), ["idle"]);
    }

    #[test]
    fn when_memory_is_short_warm_ones_go_after_the_unwatched_and_before_the_watched() {
        let streams = [
            seen("watched", 2, 60),
            warm("older", 900, 60),
            seen("left", 16, 60),
            warm("old", 400, 60),
            warm("both", 3, 60),
            seen("idle", 30, 60),
        ];
        assert_eq!(stopped(&streams, 300), ["idle"], "what is let go anyway makes room too");
        assert_eq!(stopped(&streams, 240), ["idle", "left"]);
        assert_eq!(stopped(&streams, 120), ["idle", "left", "older", "old"]);
        assert_eq!(stopped(&streams, 60), ["idle", "left", "older", "old", "both"]);
    }
}
