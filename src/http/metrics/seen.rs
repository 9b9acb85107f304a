//! What is seen of the gateway at one scrape, as series.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::Options;
use crate::clock;
use crate::hls::window::playlists_rendered;
use crate::metrics::Series;
use crate::stream::{Registry, State, StreamId, Vitals};

/// A metric of each stream: its name, what it means, and where it is found.
type Told<T> = (&'static str, &'static str, fn(&Vitals) -> T);

/// All that is read at a scrape.
#[derive(Debug)]
pub(super) struct Seen {
    /// By name, so that the same ones are told each time.
    streams: Vec<(StreamId, Vitals)>,
    requests: Vec<(Series<String>, u64, u64)>,
    playlists: u64,
    uptime: Duration,
    ready: bool,
    max_streams: usize,
    options: Options,
}

impl Seen {
    pub(super) fn now(registry: &Arc<Registry>, options: Options) -> Self {
        let streams = registry.list();
        Self {
            streams: streams.iter().map(|stream| (stream.id().clone(), stream.vitals())).collect(),
            requests: registry.metrics().requests.all(),
            playlists: playlists_rendered(),
            uptime: clock::elapsed(),
            ready: !registry.is_draining(),
            max_streams: registry.max_streams(),
            options,
        }
    }

    /// What concerns all streams together.
    fn totals(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let vitals = || self.streams.iter().map(|(_, vitals)| vitals);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        one(to, "build", "What runs.", &build)?;
        one(to, "uptime_seconds", "Since the process began.", &ConstGauge::new(self.uptime.as_secs_f64()))?;
        one(to, "ready", "1, or 0 while the gateway drains.", &ConstGauge::new(u64::from(self.ready)))?;
        let by_state = State::ALL.map(|state| {
            let count = vitals().filter(|vitals| vitals.state == state).count();
            ([("state", state.name())], ConstGauge::new(count))
        });
        many(to, "streams", "Streams that run, by the state of their camera.", by_state)?;
        let limit = ConstGauge::new(self.max_streams);
        one(to, "streams_limit", "Streams that may run (MAX_STREAMS).", &limit)?;
        let left_out = ConstGauge::new(self.streams.len().saturating_sub(self.options.streams));
        one(to, "streams_left_out", "Streams without series of their own (METRICS_STREAMS).", &left_out)?;
        let viewers = ConstGauge::new(vitals().map(|vitals| vitals.viewers).sum::<usize>());
        one(to, "viewers", "Viewers of all streams in the last 15 seconds, estimated.", &viewers)?;
        let held = ConstGauge::new(vitals().map(|vitals| vitals.held_bytes).sum::<usize>());
        one(to, "held_bytes", "Media held by all streams.", &held)?;
        let limit = ConstGauge::new(self.options.max_total_bytes);
        one(to, "held_bytes_limit", "Media that may be held (MAX_TOTAL_BYTES).", &limit)?;
        let rendered = ConstCounter::new(self.playlists);
        one(
            to,
            "playlists_rendered",
            "Playlists made; each serves all viewers until the next part.",
            &rendered,
        )
    }

    /// What concerns one stream each.
    fn each(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let told = &self.streams[..self.streams.len().min(self.options.streams)];
        let gauges: [Told<f64>; 3] = [
            ("stream_live", "1 while pictures arrive, else 0.", |vitals| {
                if vitals.state == State::Live { 1.0 } else { 0.0 }
            }),
            (
                "stream_bitrate_bytes_per_second",
                "Of the segments in the playlist: video, audio and container.",
                |vitals| vitals.bit_rate / 8.0,
            ),
            (
                "stream_last_frame_age_seconds",
                "Since the latest picture; before the first one, since the start.",
                |vitals| vitals.picture_age.as_secs_f64(),
            ),
        ];
        for (name, help, value) in gauges {
            many(to, name, help, told.iter().map(|(id, now)| (stream(id), ConstGauge::new(value(now)))))?;
        }
        let viewers = told.iter().map(|(id, now)| (stream(id), ConstGauge::new(now.viewers)));
        many(to, "stream_viewers", "Viewers in the last 15 seconds, estimated.", viewers)?;
        let held = told.iter().map(|(id, now)| (stream(id), ConstGauge::new(now.held_bytes)));
        many(to, "stream_held_bytes", "Media held.", held)?;
        let counters: [Told<u64>; 4] = [
            ("stream_frames", "Pictures that its camera has sent.", |vitals| vitals.pictures),
            ("stream_received_bytes", "Pictures and audio that its camera has sent.", |vitals| {
                vitals.received_bytes
            }),
            ("stream_packets_lost", "RTP packets that did not arrive, or made no sense.", |vitals| {
                vitals.packets_lost
            }),
            ("stream_reconnects", "How often its camera came back.", |vitals| vitals.reconnects),
        ];
        for (name, help, value) in counters {
            many(to, name, help, told.iter().map(|(id, now)| (stream(id), ConstCounter::new(value(now)))))?;
        }
        Ok(())
    }

    fn requests(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let series = |of: fn(u64, u64) -> u64| {
            self.requests.iter().map(move |(series, answers, bytes)| {
                let status = series.status.to_string();
                let labels = [
                    ("method", series.method.to_owned()),
                    ("route", series.route.clone()),
                    ("status", status),
                ];
                (labels, ConstCounter::new(of(*answers, *bytes)))
            })
        };
        many(to, "http_requests", "Requests that were answered.", series(|answers, _| answers))?;
        many(to, "http_response_bytes", "Bytes in the bodies of the answers.", series(|_, bytes| bytes))
    }
}

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.totals(&mut encoder)?;
        self.each(&mut encoder)?;
        self.requests(&mut encoder)
    }
}

fn stream(id: &StreamId) -> [(&'static str, &str); 1] {
    [("stream", id.as_str())]
}

/// A metric without labels.
pub(super) fn one(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(to.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// A metric with labels.
fn many<L: EncodeLabelSet, M: EncodeMetric + TypedMetric>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (L, M)>,
) -> fmt::Result {
    let kind: MetricType = M::TYPE;
    let mut family = to.encode_descriptor(name, help, None, kind)?;
    for (labels, metric) in series {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
