//! What is counted as it happens, for `/metrics`: starts, ends, what went wrong with cameras, requests.
//!
//! Here belong counters and histograms that outlive what they count. What a stream can be asked for at any time (its
//! pictures, its viewers) is not counted here, but read when someone asks: see `http::metrics`. Labels are names that
//! stand in the code or in the router, so their number is bounded.

mod requests;

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use requests::{Requests, Series};

/// One label with a value that stands in the code.
type Label = [(&'static str, &'static str); 1];

/// Upper bounds in seconds. A camera in the house answers within 0.1 s; `START_TIMEOUT_SECONDS` is 10.
const START_BOUNDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0];

/// The same for the first segment, which waits for a keyframe: cameras send one every 1 to 10 s.
const FIRST_SEGMENT_BOUNDS: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 60.0];

/// What one gateway has counted.
#[derive(Debug)]
pub struct Metrics {
    starts: Family<Label, Histogram, fn() -> Histogram>,
    first_segment: Histogram,
    ended: Family<Label, Counter>,
    camera_failures: Family<Label, Counter>,
    /// Requests of clients.
    pub requests: Requests,
}

impl Default for Metrics {
    fn default() -> Self {
        let starts: Family<Label, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(START_BOUNDS));
        drop(starts.get_or_create(&[("outcome", "ok")]));
        Self {
            starts,
            first_segment: Histogram::new(FIRST_SEGMENT_BOUNDS),
            ended: Family::default(),
            camera_failures: Family::default(),
            requests: Requests::default(),
        }
    }
}

impl Metrics {
    /// A start of a stream, or a move to another camera, took so long to end in `outcome`: `ok` or the code of an error.
    pub fn start_took(&self, outcome: &'static str, duration: Duration) {
        self.starts.get_or_create(&[("outcome", outcome)]).observe(duration.as_secs_f64());
    }

    /// A new stream could be played so long after its start was asked for.
    pub fn first_segment_after(&self, duration: Duration) {
        self.first_segment.observe(duration.as_secs_f64());
    }

    /// A reason for which streams end is told from the start on, so that the first end is seen as a change.
    pub fn expect_ends(&self, reason: &'static str) {
        drop(self.ended.get_or_create(&[("reason", reason)]));
    }

    /// A stream ended.
    pub fn stream_ended(&self, reason: &'static str) {
        self.ended.get_or_create(&[("reason", reason)]).inc();
    }

    /// A camera was lost, or an attempt to connect to it failed.
    pub fn camera_failed(&self, code: &'static str) {
        self.camera_failures.get_or_create(&[("code", code)]).inc();
    }

    /// Has `registry` tell all of it but the requests, which a collector tells.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "start_duration_seconds",
            "From the request for a stream to the camera's answer, by outcome: ok or the code of the error",
            self.starts.clone(),
        );
        registry.register(
            "first_segment_seconds",
            "From the request for a new stream to its first segment that can be played",
            self.first_segment.clone(),
        );
        registry.register("streams_ended", "Streams that ended, by reason", self.ended.clone());
        registry.register(
            "camera_failures",
            "Cameras that were lost, and attempts to connect that failed, by code",
            self.camera_failures.clone(),
        );
    }
}
