//! MPEG-2 transport stream: program tables, then one PES packet an access unit (ISO/IEC 13818-1).
//!
//! ```text
//! segment   PAT  PMT  access unit  access unit  …
//! access unit, in packets of 188 bytes:
//!   adaptation field: random access?, PCR        (first packet; the last one's holds the stuffing)
//!   PES header: PTS, DTS where it differs
//!   access unit delimiter, SPS and PPS where a decoder or a segment may start, the camera's NAL units
//! behind the access units of a part: its audio, frames of AAC behind their headers
//! ```
//!
//! Everything is written in one pass into one buffer whose size is known before: see
//! `docs/decisions/0003-mpegts-own-writer.md`.

pub(super) mod audio;
mod packet;
mod pes;
mod psi;

use bytes::Bytes;

use self::packet::{PACKET, Pid};
use self::pes::Pes;
use crate::media::{AudioSample, Sample, Tracks};
use crate::mux::Chunks;

/// Writes the parts of one stream; its continuity counters run on for the life of the stream.
#[derive(Debug)]
pub struct Muxer {
    pat: Pid,
    pmt: Pid,
    video: Pid,
    audio: Pid,
    /// SPS and PPS that the latest keyframe stands behind.
    sets: Vec<Bytes>,
}

impl Default for Muxer {
    fn default() -> Self {
        Self {
            pat: Pid::new(psi::PAT_PID),
            pmt: Pid::new(psi::PMT_PID),
            video: Pid::new(psi::VIDEO_PID),
            audio: Pid::new(psi::AUDIO_PID),
            sets: Vec::new(),
        }
    }
}

impl Muxer {
    /// One buffer of whole packets; the tables stand first where a segment starts (RFC 8216 §3.2), or a part that a player may
    /// start with.
    ///
    /// `samples` follow each other in decode order, on the clock of 90 kHz that every video track here has; so do those of
    /// `audio`.
    pub fn part(
        &mut self,
        tracks: &Tracks,
        samples: &[Sample],
        audio: &[AudioSample],
        starts_segment: bool,
    ) -> Chunks {
        let audio = &audio::carried(audio)[..];
        let with_tables = starts_segment || samples.first().is_some_and(|sample| sample.random_access);
        let tables = if with_tables { 2 } else { 0 };
        // A player learns what tracks there are from the first segment that it loads. hls.js takes the audio for all there is
        // where that shows no parameter sets, and is lost at the first picture.
        let again = if starts_segment { &self.sets[..] } else { &[] };
        let unit = |(at, sample)| Pes::new(&tracks.video, sample, if at == 0 { again } else { &[] });
        let units: Vec<_> = samples.iter().enumerate().map(unit).collect();
        let packets = tables + units.iter().map(Pes::packets).sum::<usize>() + audio::packets(audio);
        let mut out = Vec::with_capacity(packets * PACKET);
        if with_tables {
            self.pat.section(&psi::PAT, &mut out);
            let pmt = if tracks.audio.is_some() { &psi::PMT_WITH_AUDIO[..] } else { &psi::PMT[..] };
            self.pmt.section(pmt, &mut out);
        }
        for unit in &units {
            unit.write(&mut self.video, &mut out);
        }
        if let Some(keyframe) = samples.iter().rev().find(|sample| sample.random_access) {
            self.sets = pes::parameter_sets(&tracks.video, keyframe);
        }
        if let Some(track) = &tracks.audio {
            audio::write(track, audio, &mut self.audio, &mut out);
        }
        vec![Bytes::from(out)]
    }
}

#[cfg(test)]
mod tests;
