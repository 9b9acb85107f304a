//! What a camera sends as audio → frames of a codec that browsers play.
//!
//! AAC stays as it is. What browsers do not play becomes FLAC (RFC 9639): G.711 and L16, without loss. When a camera
//! falls silent a player would wait for it, picture and all: so each encoder can make frames of silence too.
//!
//! Pure: bytes in, bytes out. When a frame is due is said by [`audio_timeline`](crate::media::audio_timeline).

mod aac;
mod flac;
mod pcm;

use bytes::Bytes;

use crate::media::{AudioEncoding, AudioSource, AudioTrack, AudioUnit, Ticks};

/// A frame, with the time of its first sample on the camera's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// In the source's timescale.
    pub pts: Ticks,
    /// As the track's codec has it.
    pub data: Bytes,
}

/// Why audio of a camera is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// A description that no decoder would take.
    #[error("the camera describes its {0} in a way that no decoder takes")]
    BadDescription(&'static str),
}

/// Turns the audio of one camera into frames of one track.
#[derive(Debug)]
pub struct Encoder {
    track: AudioTrack,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    AsItIs { silence: Bytes },
    Flac { decode: fn(&[u8]) -> Vec<i32>, encoder: Box<flac::Encoder> },
}

impl Encoder {
    /// An encoder for `source`.
    pub fn new(source: &AudioSource) -> Result<Self, AudioError> {
        let flac = |decode| -> Result<Self, AudioError> {
            let name = source.encoding.name();
            let encoder = flac::Encoder::new(source.timescale, source.channels);
            let encoder = Box::new(encoder.ok_or(AudioError::BadDescription(name))?);
            Ok(Self { track: encoder.track(), kind: Kind::Flac { decode, encoder } })
        };
        match &source.encoding {
            AudioEncoding::Aac { config, rfc6381, frame_length } => {
                let track = aac::track(source, config, rfc6381, *frame_length);
                let track = track.ok_or(AudioError::BadDescription("AAC"))?;
                let silence = aac::silence(source.channels);
                Ok(Self { track, kind: Kind::AsItIs { silence } })
            }
            AudioEncoding::Pcmu => flac(pcm::from_mu_law),
            AudioEncoding::Pcma => flac(pcm::from_a_law),
            AudioEncoding::L16 => flac(pcm::from_l16),
        }
    }

    /// What it makes.
    pub fn track(&self) -> &AudioTrack {
        &self.track
    }

    /// Takes what the camera sent; hands each frame that is complete now to `take`.
    pub fn push(&mut self, unit: &AudioUnit, mut take: impl FnMut(Frame)) {
        match &mut self.kind {
            // An empty frame would have no place in a container.
            Kind::AsItIs { .. } if unit.data.is_empty() => {}
            Kind::AsItIs { .. } => take(Frame { pts: unit.pts, data: unit.data.clone() }),
            Kind::Flac { decode, encoder } => encoder.push(unit.pts, &decode(&unit.data), take),
        }
    }

    /// A frame in which nothing is heard.
    pub fn silence(&mut self) -> Bytes {
        match &mut self.kind {
            Kind::AsItIs { silence } => silence.clone(),
            Kind::Flac { encoder, .. } => encoder.silence(),
        }
    }
}

#[cfg(test)]
mod tests;
