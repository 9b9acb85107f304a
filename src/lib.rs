//! camgate: RTSP cameras to browsers as HLS.
#![doc = ""]

pub mod media;
pub mod testcam;
