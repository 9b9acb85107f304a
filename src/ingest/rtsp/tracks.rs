//! What a camera offers, from retina's words to ours: codecs by their names, parameter sets to tracks.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use retina::codec::{AudioParameters, ParametersRef, VideoParameters, VideoParametersCodec};

use crate::ingest::IngestError;
use crate::media::parameter_sets::{self, ParameterSetError};
use crate::media::{AudioEncoding, AudioSource, ParameterSets, Timescale, VideoCodec, VideoTrack};

/// Codecs as SDP names them, those first that more browsers play.
pub(super) const CARRIED: [(&str, VideoCodec); 2] = [("h264", VideoCodec::H264), ("h265", VideoCodec::H265)];

/// Audio as SDP names it.
pub(super) const CARRIED_AUDIO: [&str; 4] = ["mpeg4-generic", "pcmu", "pcma", "l16"];

/// The name an operator knows a codec by.
pub(super) fn codec_name(encoding: &str) -> String {
    match encoding {
        "jpeg" => "MJPEG".into(),
        "mp4v-es" => "MPEG-4 Part 2".into(),
        "mpeg4-generic" => "AAC".into(),
        "opus" => "Opus".into(),
        other => other.chars().filter(|c| c.is_ascii_graphic()).take(32).collect::<String>().to_uppercase(),
    }
}

/// What `stream` sends, if camgate carries it.
pub(super) fn audio_source(stream: &retina::client::Stream) -> Option<AudioSource> {
    let (mut hz, mut channels) = (stream.clock_rate_hz(), stream.channels().map_or(1, NonZeroU16::get));
    let encoding = match stream.encoding_name() {
        "pcmu" => AudioEncoding::Pcmu,
        "pcma" => AudioEncoding::Pcma,
        "l16" => AudioEncoding::L16,
        "mpeg4-generic" => {
            let Some(ParametersRef::Audio(parameters)) = stream.parameters() else { return None };
            (hz, channels) = (parameters.clock_rate(), parameters.channels().get());
            aac(parameters)?
        }
        _ => return None,
    };
    let source = AudioSource { encoding, timescale: Timescale::new(NonZeroU32::new(hz)?), channels };
    // What there is no encoder for is not worth asking for.
    crate::audio::Encoder::new(&source).is_ok().then_some(source)
}

fn aac(parameters: &AudioParameters) -> Option<AudioEncoding> {
    Some(AudioEncoding::Aac {
        config: Bytes::copy_from_slice(parameters.extra_data()),
        rfc6381: parameters.rfc6381_codec()?.to_owned(),
        frame_length: parameters.frame_length()?.get(),
    })
}

/// What the parameter sets say that `stream` has shown so far, in the SDP or in its pictures.
pub(super) fn track_of(stream: &retina::client::Stream) -> Result<Option<Box<VideoTrack>>, IngestError> {
    let Some(ParametersRef::Video(parameters)) = stream.parameters() else { return Ok(None) };
    let track = match parameters.codec_params() {
        VideoParametersCodec::H264 { sps, pps } => parameter_sets::h264_track(sps.clone(), pps.clone()),
        VideoParametersCodec::H265 { vps, sps, pps } => {
            let sets = ParameterSets { vps: Some(vps.clone()), sps: sps.clone(), pps: vec![pps.clone()] };
            h265_track(parameters, sets)
        }
        _ => return Ok(None),
    };
    match track {
        Ok(track) => Ok(Some(Box::new(VideoTrack {
            frame_rate: track
                .frame_rate
                .or(stream.framerate().map(f64::from).filter(|rate| (0.1..=240.0).contains(rate))),
            ..track
        }))),
        Err(ParameterSetError::Interlaced) => Err(IngestError::Interlaced),
        Err(error) => Err(IngestError::Protocol(error.to_string())),
    }
}

/// An H.265 track, of which retina has read the parameter sets already.
fn h265_track(parameters: &VideoParameters, sets: ParameterSets) -> Result<VideoTrack, ParameterSetError> {
    let (width, height) = parameters.pixel_dimensions();
    let narrow = |n: u32| u16::try_from(n).map_err(|_| ParameterSetError::BadSps(format!("{n} is too much")));
    let pixel_aspect = match parameters.pixel_aspect_ratio() {
        Some((h, v)) if h != v => Some((narrow(h)?, narrow(v)?)),
        _ => None,
    };
    let frame_rate = parameters.frame_rate().map(|(units, scale)| f64::from(scale) / f64::from(units));
    Ok(VideoTrack {
        codec: VideoCodec::H265,
        timescale: Timescale::VIDEO,
        rfc6381: parameters.rfc6381_codec().to_owned(),
        decoder_config: Bytes::copy_from_slice(parameters.extra_data()),
        width: narrow(width)?,
        height: narrow(height)?,
        pixel_aspect,
        frame_rate: frame_rate.filter(|rate| (0.1..=240.0).contains(rate)),
        reorder_depth: parameter_sets::h265_reorder_depth(&sets.sps),
        parameter_sets: sets,
    })
}
