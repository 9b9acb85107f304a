//! What the fuzz targets share: pictures and audio made of bytes, and fragmented MP4 read back.

pub mod fmp4;
pub mod input;
