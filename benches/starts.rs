//! How long a start takes: from the request to `start` until the first part, with its keyframe, has been fetched.
//! `cargo run --release --example starts`
//!
//! Fifty starts, one after the other, of a simulated camera that begins with a keyframe, and fifty of one that is joined
//! a second before its next keyframe. Prints a table: what is beyond the camera's own time and one part is the gateway's.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a program of the benches")]

#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "shared with tests/, which use all of it"
)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "../tests/common"]
mod common {
    pub mod gateway;
    pub mod http;
    pub mod playlist;
    pub mod wait;
}

use std::time::{Duration, Instant};

use camgate::testcam::{Options, Start};

use common::gateway::{TestGateway, camera_with};
use common::playlist::assert_good;

const STARTS: usize = 50;

/// So many pictures of the clip's fifty are over when the session begins.
const MID_GOP: usize = 25;

/// 25 pictures a second.
const PICTURE: Duration = Duration::from_millis(40);

/// What a start may take beyond the camera's own time and one part.
const ALLOWED: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() {
    println!(
        "| the camera … | its first keyframe | a part | to the first part: median | p95 | beyond: median | p95 |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let mid_gop = PICTURE * u32::try_from(50 - MID_GOP).unwrap();
    for (what, start, own) in [
        ("begins with a keyframe", Start::Keyframe, Duration::ZERO),
        ("is joined in mid-GOP", Start::MidGop(MID_GOP), mid_gop),
    ] {
        let (part, mut took) = measure(start).await;
        took.sort_unstable();
        let at = |share: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
            let index = (took.len() as f64 * share).ceil() as usize;
            took[index.max(1) - 1]
        };
        let beyond = |time: Duration| time.saturating_sub(own + part).as_millis();
        let (median, p95) = (at(0.5), at(0.95));
        println!(
            "| {what} | {} ms | {} ms | {} ms | {} ms | {} ms | {} ms, {} |",
            own.as_millis(),
            part.as_millis(),
            median.as_millis(),
            p95.as_millis(),
            beyond(median),
            beyond(p95),
            if p95 <= own + part + ALLOWED { "met" } else { "MISSED" },
        );
    }
}

/// How long the first part is, and how long each start took to it.
async fn measure(start: Start) -> (Duration, Vec<Duration>) {
    let camera = camera_with(Options { start, ..Options::default() }).await;
    let gateway = TestGateway::with(&[("HLS_SEGMENT_TIME", "2")]).await;
    let (mut length, mut took) = (Duration::ZERO, Vec::new());
    for n in 0..STARTS {
        let (id, link) = (format!("gate-{n}"), camera.url(&format!("/gate-{n}")));
        let begun = Instant::now();
        gateway.started(&id, &link).await;
        let playlist = assert_good(gateway.get(&format!("/streams/{id}/media.m3u8")).await.text());
        let first = &playlist.segments[0].parts[0];
        assert!(first.independent);
        let part = gateway.get(&format!("/streams/{id}/{}", first.uri)).await;
        took.push(begun.elapsed());
        assert_eq!(part.status, 200);
        length = Duration::from_secs_f64(first.duration);
        assert_eq!(gateway.stop(&id).await.status, 200);
    }
    (length, took)
}
