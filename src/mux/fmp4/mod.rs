//! Fragmented MP4: one init section, then parts of one movie fragment each.
//!
//! The boxes of ISO/IEC 14496-12 within the limits of CMAF (ISO/IEC 23000-19).
//! Which boxes there are and what they say belongs here; how a stream is cut does not.
//!
//! ```text
//! init section                          part
//! ftyp                                  moof
//! moov                                    mfhd   sequence number
//!   mvhd                                  traf   one a track that has samples in it
//!   trak   one a track                      tfhd   track, defaults of this part
//!     tkhd   size on the display            tfdt   decode time of the first sample
//!     mdia                                  trun   duration, size, flags, composition offset
//!       mdhd   timescale                mdat
//!       hdlr   vide, soun                 the samples, each in its own buffer: video, then audio
//!       minf
//!         vmhd, smhd
//!         dinf { dref { url } }
//!         stbl
//!           stsd
//!             avc1 { avcC, pasp? }, hvc1 { hvcC, pasp? }, mp4a { esds }, fLaC { dfLa }
//!           stts stsc stsz stco   (empty)
//!   mvex
//!     trex   one a track
//! ```
//!
//! Parts carry no `styp`: CMAF leaves it to the segmenter (ISO/IEC 23000-19 §7.3.3.1), and HLS takes the
//! brands from the init section (RFC 8216 §3.3).

mod audio_entry;
mod boxes;
mod fragment;
mod init;

pub use fragment::Muxer;
pub use init::init_section;

/// `track_ID` of the video track (ISO/IEC 14496-12 §8.3.2).
const VIDEO_TRACK_ID: u32 = 1;
/// `track_ID` of the audio track.
const AUDIO_TRACK_ID: u32 = 2;

#[cfg(test)]
mod tests;
