//! camgate: RTSP cameras to browsers as HLS.
#![doc = ""]

pub mod config;
pub mod media;
