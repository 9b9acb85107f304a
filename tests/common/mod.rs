//! Helpers that several test programs share; each takes what it needs.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "no test program uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a test's failure"
)]

pub mod ffmpeg;
pub mod fmp4;
pub mod gateway;
pub mod hostile;
pub mod http;
pub mod low_latency_player;
pub mod open_metrics;
pub mod player;
pub mod playlist;
pub mod probe;
pub mod process;
pub mod wait;
