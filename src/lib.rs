//! camgate pulls IP cameras over RTSP and serves them to browsers as HLS, without transcoding.
//!
//! ```text
//! camera ─RTSP/TCP─▶ ingest ─AccessUnit─▶ media::timeline ─Sample─▶ hls::segmenter ─Part, Segment─▶ hls::window ─▶ http ─▶ viewer
//!                    (retina)             decode times,             cuts; asks mux for bytes         last N segments,
//!                                         one clock                 (mux::fmp4 | mux::mpegts)        snapshot per part
//!                  └───────────────── driven by stream::camera, one task a camera ────────────────┘
//! control:  http::api ─▶ stream::registry ─▶ stream::camera      stream::reaper stops what nobody watches
//! ```
//!
//! What it promises: nothing a camera sends ends a stream; a stream's timeline never goes back; no picture is
//! copied on its way from the RTP depacketizer to the socket; everything that grows has a bound; no secret is printed.
//!
//! The modules, in the order of the data:

pub mod ingest;
pub mod media;

pub mod audio;
pub mod mux;

pub mod hls;

pub mod stream;

pub mod http;

pub mod access;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod gateway;
pub mod healthcheck;
pub mod live;
pub mod logging;
pub mod metrics;
pub mod net;
pub mod probe;
pub mod serve;
pub mod testcam;
pub mod threads;
