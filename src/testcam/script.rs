//! What a path makes the camera do: the one place where its faults are decided.
//!
//! Any path is a camera. A few prefixes name a behaviour instead:
//!
//! | path | behaviour |
//! |---|---|
//! | `/status/{code}` | DESCRIBE is answered with that status |
//! | `/hang` | DESCRIBE is never answered |
//! | `/silent` | PLAY succeeds and nothing is sent |
//! | `/codec/{name}` | the SDP names that codec (`h265`, `mjpeg`, …); nothing is sent |
//! | `/switch/{seconds}` | after so long another clip, with other parameter sets in-band |
//! | `/lossy/{n}` | every n-th access unit loses the packet in its middle |
//! | `/audio/{name}` | a tone beside the video: `pcmu`, `pcma`, `l16`, `aac`, `g726`, `opus` |
//! | `/odd/{name}` | one of the [oddities](super::oddities), as `--odd` has it for all paths |
//!
//! More path segments may follow. An argument that does not parse answers 404: a test must not
//! mistake a healthy camera for the one it asked for.

use std::time::Duration;

use super::Audio;
use super::oddities::Oddity;

/// How the camera behaves towards a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Loops the clip.
    Loop,
    /// Answers DESCRIBE with an RTSP status.
    Status(u16),
    /// Does not answer DESCRIBE.
    Hang,
    /// Accepts PLAY and sends nothing.
    Silent,
    /// Describes a codec that it does not have, by its RTP encoding name.
    Codec(String),
    /// Turns to the other clip once so much media has been sent.
    SwitchAfter(Duration),
    /// Drops the middle packet of each so-many-th access unit.
    Lossy(u64),
    /// Sends that audio, whatever the camera's options say.
    Audio(Audio),
    /// Does one thing otherwise than other cameras.
    Odd(Oddity),
}

impl Script {
    /// The behaviour behind the path of a URL, with or without the control of its track.
    pub(super) fn of(path: &str) -> Self {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let (name, argument) = (segments.next(), segments.next().unwrap_or_default());
        let script = match name {
            Some("status") => argument.parse().ok().filter(|c| (200..600).contains(c)).map(Self::Status),
            Some("hang") => Some(Self::Hang),
            Some("silent") => Some(Self::Silent),
            Some("codec") => encoding_name(argument).map(Self::Codec),
            Some("switch") => argument.parse().ok().map(Duration::from_secs).map(Self::SwitchAfter),
            Some("lossy") => argument.parse().ok().filter(|n| *n > 0).map(Self::Lossy),
            Some("audio") => Audio::named(argument).map(Self::Audio),
            Some("odd") => argument.parse().ok().map(Self::Odd),
            _ => Some(Self::Loop),
        };
        script.unwrap_or(Self::Status(404))
    }

    /// Whether there is anything to send.
    pub(super) fn sends_media(&self) -> bool {
        matches!(self, Self::Loop | Self::SwitchAfter(_) | Self::Lossy(_) | Self::Audio(_) | Self::Odd(_))
    }
}

/// The name that an SDP gives a codec (RFC 7798 §7.1, RFC 2435 §3); others go by their own.
fn encoding_name(codec: &str) -> Option<String> {
    let token = !codec.is_empty() && codec.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    token.then(|| match codec.to_ascii_uppercase().as_str() {
        "HEVC" => "H265".to_owned(),
        "MJPEG" => "JPEG".to_owned(),
        other => other.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_behaviour() {
        for (path, script) in [
            ("", Script::Loop),
            ("/demo", Script::Loop),
            ("/Streaming/Channels/101", Script::Loop),
            ("/status/404", Script::Status(404)),
            ("/status/503/some/camera", Script::Status(503)),
            ("/hang", Script::Hang),
            ("/silent/1", Script::Silent),
            ("/codec/h265/trackID=0", Script::Codec("H265".into())),
            ("/codec/mjpeg", Script::Codec("JPEG".into())),
            ("/codec/vp8", Script::Codec("VP8".into())),
            ("/switch/3", Script::SwitchAfter(Duration::from_secs(3))),
            ("/lossy/25/", Script::Lossy(25)),
            ("/audio/pcma/trackID=1", Script::Audio(Audio::named("pcma").unwrap())),
            ("/odd/no-rtp-info/trackID=0", Script::Odd(Oddity::NoRtpInfo)),
        ] {
            assert_eq!(Script::of(path), script, "{path}");
        }
    }

    #[test]
    fn a_bad_argument_is_not_found() {
        for path in [
            "/status/abc",
            "/status/99",
            "/status",
            "/switch/soon",
            "/lossy/0",
            "/codec",
            "/codec/a\r\nb",
            "/audio",
            "/odd",
            "/odd/even",
        ] {
            assert_eq!(Script::of(path), Script::Status(404), "{path:?}");
        }
    }
}
