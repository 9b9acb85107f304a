//! The camera's side: from a link to access units.
//!
//! Here belong protocols that cameras speak, and the words in which their
//! failures are told. When to connect again, and what becomes of the pictures,
//! is decided by [`stream`](crate::stream).

pub mod backoff;
mod budget;
pub mod guard;
pub mod reach;
pub mod rtsp;
pub mod url;

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;

use crate::media::{AccessUnit, AudioSource, AudioUnit, SenderReport, VideoCodec, VideoTrack};

pub use url::SourceUrl;

/// Opens sessions with cameras.
pub trait Connector: Send + Sync + 'static {
    /// Opens a session: when it resolves, the camera has agreed to send video of a codec that camgate carries. Where
    /// `broken_audio` says what is wrong with the camera's audio, it is not asked for.
    fn connect(
        &self,
        source: &SourceUrl,
        broken_audio: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<dyn Session>, IngestError>>;

    /// Says at once what can be said of a link without asking anyone: whether it may be connected to at all.
    ///
    /// # Errors
    /// [`IngestError::Refused`].
    fn judge(&self, _source: &SourceUrl) -> Result<(), IngestError> {
        Ok(())
    }

    /// Resolves when every session that was dropped has taken leave of its camera.
    fn drain(&self) -> BoxFuture<'static, ()>;
}

/// A camera that sends. To drop a session is to end it.
pub trait Session: Send {
    /// The codec of its video.
    fn codec(&self) -> VideoCodec;

    /// The audio that comes with it.
    fn audio(&self) -> &AudioOffer;

    /// What it sends next. An error ends the session.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, IngestError>>;
}

/// The audio of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum AudioOffer {
    /// The camera offers none.
    #[default]
    None,
    /// The camera sends this.
    Carried(AudioSource),
    /// The camera has some, and it is left out: why, in words for a person.
    LeftOut(String),
}

impl AudioOffer {
    /// What the camera sends.
    pub fn source(&self) -> Option<&AudioSource> {
        match self {
            Self::Carried(source) => Some(source),
            Self::None | Self::LeftOut(_) => None,
        }
    }
}

/// What a camera sent.
#[derive(Debug)]
pub enum Event {
    /// A picture.
    Video {
        /// The track, with the first access unit and wherever the camera's parameter sets may have changed.
        track: Option<Box<VideoTrack>>,
        /// The picture.
        unit: AccessUnit,
    },
    /// Audio, of a session whose [offer](AudioOffer) is carried.
    Audio(AudioUnit),
    /// What the camera says of the video's clock.
    VideoReport(SenderReport),
    /// What the camera says of the audio's clock.
    AudioReport(SenderReport),
}

/// The step of opening a session in which something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// TCP connection and `DESCRIBE`.
    Describe,
    /// `SETUP`.
    Setup,
    /// `PLAY`.
    Play,
}

impl IngestError {
    /// What kind of failure it is, for a program: stable, and one of few.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedCodec { .. } | Self::Interlaced | Self::NoVideo => "unsupported_codec",
            Self::Unreachable { .. } | Self::Closed => "camera_unreachable",
            Self::WrongCredentials | Self::MissingCredentials => "camera_auth_failed",
            Self::Rejected { .. } | Self::Protocol(_) | Self::TooMuch(_) | Self::BrokenAudio(_) => {
                "camera_rejected"
            }
            Self::Refused(_) => "source_refused",
            Self::Busy(_) => "busy",
            Self::Timeout { .. } | Self::Silent(_) | Self::Unanswered => "camera_timeout",
        }
    }

    /// Whether the camera refused who asks: those who go on asking are locked out by some.
    pub fn is_about_credentials(&self) -> bool {
        matches!(
            self,
            Self::WrongCredentials | Self::MissingCredentials | Self::Rejected { status: 401 | 403, .. }
        )
    }
}

impl Step {
    /// As the RTSP method is called.
    pub fn method(self) -> &'static str {
        match self {
            Self::Describe => "DESCRIBE",
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
        }
    }
}

/// Why a camera does not deliver. Its text is for a person who can act on it, and holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// It may not be connected to.
    #[error(transparent)]
    Refused(reach::Refusal),
    /// No TCP connection.
    #[error("cannot connect to {address}: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the operating system says.
        reason: String,
    },
    /// The camera wants other credentials.
    #[error("the camera refused the user name or password")]
    WrongCredentials,
    /// The camera wants credentials and there are none.
    #[error("the camera asks for a user name and a password, and the link has none")]
    MissingCredentials,
    /// The camera answered with an RTSP error.
    #[error("the camera answered {} with RTSP status {status}{}", .step.method(), hint(*.status))]
    Rejected {
        /// The request.
        step: Step,
        /// RTSP status code (RFC 2326 §7.1.1).
        status: u16,
    },
    /// No answer in time.
    #[error("the camera did not answer {} within {} s", .step.method(), .after.as_secs_f32())]
    Timeout {
        /// The request.
        step: Step,
        /// How long was waited.
        after: Duration,
    },
    /// Too many cameras are being connected to at once.
    #[error("too many other cameras were being connected to for {} s: try again", .0.as_secs_f32())]
    Busy(Duration),
    /// Only codecs that camgate doesn't carry.
    #[error(
        "the camera sends {codecs}; camgate plays H.264 and H.265: choose one in the camera's video settings"
    )]
    UnsupportedCodec {
        /// The codecs that the camera offers.
        codecs: String,
    },
    /// H.264, but coded as fields.
    #[error("the camera sends interlaced H.264, which browsers do not play: set it to progressive")]
    Interlaced,
    /// No video at all.
    #[error("the camera offers no video at this link")]
    NoVideo,
    /// What the camera says is not RTSP, SDP or RTP as camgate knows it.
    #[error("the camera does not keep to the protocol: {0}")]
    Protocol(String),
    /// The camera sent more than is taken in, and was cut off.
    #[error("the camera sent {0}, which is more than camgate takes in")]
    TooMuch(guard::Excess),
    /// The connection ended.
    #[error("the camera closed the connection")]
    Closed,
    /// A packet of audio behind which nothing can be read any more, the video neither.
    #[error("the camera's audio makes no sense: {0}")]
    BrokenAudio(String),
    /// Pictures came, and requests that keep the session alive were not answered.
    #[error("the camera has stopped answering")]
    Unanswered,
    /// Connected, but no pictures.
    #[error("the camera has sent no video for {} s", .0.as_secs())]
    Silent(Duration),
}

fn hint(status: u16) -> &'static str {
    match status {
        401 => {
            " (unauthorized, though DESCRIBE was not: it wants a new nonce for each request, which camgate can't give)"
        }
        404 => " (not found: check the path of the link)",
        403 => " (forbidden: check what the user may do)",
        453 => " (not enough bandwidth: the camera serves too many viewers already)",
        454 => " (session not found)",
        461 => " (it does not send over TCP)",
        503 => " (service unavailable: the camera is busy)",
        _ => "",
    }
}
