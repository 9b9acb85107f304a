//! camgate: RTSP cameras to browsers as HLS.
#![doc = ""]

pub mod http;
pub mod media;
