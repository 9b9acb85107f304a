//! The gateway over real sockets, between a simulated camera and a player: one behaviour a file.
//!
//! One program, so that the tests, which mostly wait for a camera, wait side by side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a test's failure"
)]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod broken_audio;
mod cameras;
mod command_line;
mod connections;
mod demo;
mod errors;
mod faults;
mod guard;
mod health;
mod healthcheck;
mod hostile;
mod http;
mod http2;
mod lent;
mod loss;
mod low_latency;
mod media_faults;
mod metrics;
mod mpegts;
mod parameter_sets;
mod probe;
mod reaper;
mod reconnect;
mod request_id;
mod restart;
#[cfg(feature = "tls")]
mod rtsps;
mod secrets;
mod sharing;
mod shedding;
mod shutdown;
mod silence;
mod sources;
mod start;
mod state_log;
mod status;
mod stop;
mod storm;
#[cfg(feature = "tls")]
mod tls;
mod warm;
mod window;
