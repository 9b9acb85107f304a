//! What is wanted of streams, in general and by a start, and how a start ends. Values alone.

use std::collections::BTreeSet;
use std::time::Duration;

use super::StreamId;
use crate::hls;
use crate::ingest::IngestError;

/// What all streams have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How each is cut.
    pub hls: hls::Settings,
    /// How many may run.
    pub max_streams: usize,
    /// A start takes no longer.
    pub start_timeout: Duration,
    /// Without video for so long a camera is connected to again.
    pub video_timeout: Duration,
    /// Which are kept with nobody watching.
    pub keep_warm: KeepWarm,
}

/// Which streams are kept with nobody watching, where their start does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeepWarm {
    /// None.
    #[default]
    Off,
    /// All.
    All,
    /// Those of these names, once someone has started them.
    These(BTreeSet<StreamId>),
}

impl KeepWarm {
    /// Whether `id` is one of them.
    pub fn includes(&self, id: &StreamId) -> bool {
        match self {
            Self::Off => false,
            Self::All => true,
            Self::These(ids) => ids.contains(id),
        }
    }
}

/// What a start asks for. What is `None` is not said: a new stream is as the settings have it, one that runs stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// With the camera's audio, or without.
    pub audio: Option<bool>,
    /// Kept with nobody watching, or let go then.
    pub warm: Option<bool>,
}

/// How a start went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// There was no such stream before.
    New,
    /// It ran already.
    Active,
    /// It ran with another link.
    Moved,
}

/// Why a stream was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// As many run as may.
    #[error("{0} streams run already, which is the limit (MAX_STREAMS)")]
    TooManyStreams(usize),
    /// The gateway is ending.
    #[error("the gateway is shutting down")]
    ShuttingDown,
    /// It was stopped while it was being started.
    #[error("the stream was stopped before its camera answered")]
    Stopped,
    /// The camera.
    #[error(transparent)]
    Camera(#[from] IngestError),
}

impl StartError {
    /// What kind of failure it is, for a program: stable, and one of few.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyStreams(_) => "too_many_streams",
            Self::ShuttingDown => "shutting_down",
            Self::Stopped => "stream_stopped",
            Self::Camera(error) => error.code(),
        }
    }
}
