//! camgate: RTSP cameras to browsers as HLS.
#![doc = ""]

pub mod media;
pub mod hls; pub mod mux;
pub mod clock; pub mod ingest; pub mod stream;
