//! The session description (RFC 4566, RFC 2326 §C, RFC 6184 §8.2.1).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ParameterSetPlacement;
use super::clip::Clip;
use super::packet::PAYLOAD_TYPE;
use super::script::Script;

/// The control attribute of the video.
pub(super) const TRACK: &str = "trackID=0";
/// The control attribute of the audio, which describes itself.
pub(super) const AUDIO_TRACK: &str = "trackID=1";

/// Describes what a path with this script offers.
pub(super) fn describe(clip: &Clip, placement: ParameterSetPlacement, script: &Script) -> String {
    let mut sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=camgate camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
        a=control:*\r\n"
        .to_owned();
    let frame_rate = 90_000.0 / f64::from(clip.picture_ticks);
    let codec = match script {
        Script::Codec(name) => name,
        _ => "H264",
    };
    // JPEG has a static payload type (RFC 3551 §6).
    let payload_type = if codec == "JPEG" { 26 } else { PAYLOAD_TYPE };
    let _ = write!(
        sdp,
        "m=video 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {codec}/90000\r\n\
         a=framerate:{frame_rate}\r\na=control:{TRACK}\r\n"
    );
    if codec == "H264" {
        let _ = write!(sdp, "a=fmtp:{PAYLOAD_TYPE} packetization-mode=1");
        if placement != ParameterSetPlacement::InBand {
            let sets: Vec<_> = clip.parameter_sets.iter().map(|set| STANDARD.encode(set)).collect();
            let profile: String = clip.parameter_sets[0][1..4].iter().map(|b| format!("{b:02X}")).collect();
            let _ = write!(sdp, ";profile-level-id={profile};sprop-parameter-sets={}", sets.join(","));
        }
        sdp.push_str("\r\n");
    }
    sdp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_the_demo_clip() {
        let sdp = describe(&Clip::demo(), ParameterSetPlacement::Both, &Script::Loop);
        let fmtp = sdp.lines().find(|line| line.starts_with("a=fmtp")).unwrap();
        assert!(
            fmtp.starts_with(
                "a=fmtp:96 packetization-mode=1;profile-level-id=64001F;sprop-parameter-sets=Z2Q"
            )
        );
        assert!(sdp.contains("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=framerate:25\r\n"));
        assert!(sdp.lines().all(|line| line.as_bytes()[1] == b'='));
    }

    #[test]
    fn parameter_sets_that_come_in_band_are_not_described() {
        let sdp = describe(&Clip::demo(), ParameterSetPlacement::InBand, &Script::Loop);
        assert!(sdp.ends_with("a=fmtp:96 packetization-mode=1\r\n"));
    }

    #[test]
    fn another_codec_goes_by_its_name() {
        let sdp = describe(&Clip::demo(), ParameterSetPlacement::Both, &Script::Codec("JPEG".into()));
        assert!(sdp.contains("m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n"));
        assert!(!sdp.contains("a=fmtp"));
    }
}
