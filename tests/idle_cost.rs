//! What cameras cost that nobody watches, whatever the machine: playlists, calls of the allocator, memory beside the media.
//!
//! The gateway runs within the test's process and is all that runs there, so that what is counted is its own; the cameras are
//! another process. `IDLE_CAMERAS` says how many (20).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "common/pictures.rs"]
#[allow(dead_code, unreachable_pub)]
mod pictures;

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

use camgate::hls::window::playlists_rendered;
use camgate::ingest::SourceUrl;
use camgate::stream::{Registry, Stream, StreamId};
use common::gateway::TestGateway;
use common::open_metrics::Scrape;
use common::process::Camgate;
use common::wait::within;
use pictures::{BYTES_PER_PICTURE, Camera};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A picture a camera, all told: what retina takes to put it together, and its share of parts, segments and snapshots.
const MOST_CALLS: f64 = 6.0;

/// Beside a camera's media: its session, its tasks, and the buffer that it is read into.
const MOST_BESIDE: usize = 96 << 10;

fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// The clip of [`Camera`] as a byte stream, for `camgate camera --file`.
fn byte_stream() -> Vec<u8> {
    let camera = Camera::new(BYTES_PER_PICTURE);
    let sets = &camera.track.parameter_sets;
    let mut out = Vec::new();
    for picture in &camera.pictures {
        let sets = [&sets.sps].into_iter().chain(&sets.pps).filter(|_| picture.random_access);
        for set in sets {
            out.extend([&[0, 0, 0, 1], &set[..]].concat());
        }
        let mut rest = &picture.framed[..];
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let (unit, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            out.extend([&[0, 0, 0, 1], unit].concat());
            rest = tail;
        }
    }
    out
}

/// Waits until every stream has so many segments, or its newest one that number.
async fn all(streams: &[Arc<Stream>], what: &str, have: impl Fn(usize, u64) -> bool) {
    for stream in streams {
        let mut snapshots = stream.snapshots();
        let has = snapshots.wait_for(|snapshot| {
            let listed = snapshot.as_ref().map_or(&[][..], |snapshot| &snapshot.listed);
            listed.last().is_some_and(|newest| have(listed.len(), newest.media_sequence))
        });
        within(what, Duration::from_secs(60), has).await.unwrap();
    }
}

async fn started(registry: &Arc<Registry>, url: &str, count: usize) -> Vec<Arc<Stream>> {
    for number in 0..count {
        let (id, link) = (format!("c{number}"), format!("{url}{number}"));
        let source = SourceUrl::parse(&link).unwrap();
        registry.start(StreamId::parse(&id).unwrap(), source).await.unwrap();
    }
    registry.list()
}

#[tokio::test]
async fn cameras_that_nobody_watches_render_nothing_allocate_little_and_hold_their_media_and_not_much_else() {
    let count: usize = std::env::var("IDLE_CAMERAS").map_or(20, |count| count.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let clip = directory.path().join("clip.h264");
    std::fs::write(&clip, byte_stream()).unwrap();
    let arguments = ["camera", "--listen", "127.0.0.1:0", "--file", clip.to_str().unwrap()];
    let camera = Camgate::run(&arguments, &[]);
    let url = camera.stdout_after("plays at ").await;

    let settings = [("HLS_SEGMENT_TIME", "2"), ("MAX_STREAMS", "1000"), ("LOG_LEVEL", "error")];
    let gateway = TestGateway::with(&settings).await;
    let registry = gateway.registry();
    let before = in_use();
    let streams = started(registry, &url, count).await;
    all(&streams, "full windows", |segments, _| segments >= 5).await;

    // Counted and not told by the clock: a busy machine may have some seconds of them still to read.
    let pictures = || streams.iter().map(|stream| stream.vitals().pictures).sum::<u64>();
    let (seen, calls) = (pictures(), ALLOCATOR.stats());
    let newest = streams[0].snapshots().borrow().as_ref().unwrap().listed.last().unwrap().media_sequence;
    all(&streams, "two segments more", |_, number| number >= newest + 2).await;
    let calls = ALLOCATOR.stats() - calls;
    let a_picture = (calls.allocations + calls.reallocations) as f64 / (pictures() - seen) as f64;
    assert!(a_picture < MOST_CALLS, "{a_picture:.1} calls of the allocator a picture");

    let (held, media) = (in_use() - before, registry.byte_length());
    let beside = held.saturating_sub(media) / count;
    assert!(
        beside < media / count * 15 / 100 + MOST_BESIDE,
        "{beside} bytes a camera beside {media} of media"
    );
    println!("{a_picture:.2} calls of the allocator a picture; {beside} bytes a camera beside its media");

    let scraped = async || Scrape::of(&gateway).await.value("camgate_playlists_rendered_total", &[]);
    scraped().await;
    assert_eq!((scraped().await, playlists_rendered()), (0.0, 0), "nobody has asked but for metrics");
    assert_eq!(gateway.get("/streams/c0/media.m3u8").await.status, 200);
    assert_eq!((scraped().await, playlists_rendered()), (1.0, 1), "one has");
    gateway.shut_down().await;
}
