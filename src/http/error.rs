//! The one place where an error becomes a status: RFC 9457 problems.
//!
//! A client gets a stable `code` to branch on, and a `detail` that a person can act on. Neither holds a secret.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::ingest::IngestError;
use crate::stream::{Ended, Registry, StartError, StreamId, Why};

/// Whatever can go wrong between a client and camgate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// A field is missing or wrong.
    #[error("{field}: {reason}")]
    InvalidRequest {
        /// Its name as the client wrote it.
        field: &'static str,
        /// What is wrong, and what is wanted.
        reason: String,
    },
    /// No such stream.
    #[error("No stream {0} is running. Start it with /api/stream/start.")]
    StreamNotFound(StreamId),
    /// No such stream any longer.
    #[error("{}", ended_in_words(.0, *.1))]
    StreamEnded(StreamId, Ended),
    /// The stream runs, but that piece of it is not held.
    #[error("This piece of the stream is not held: it is too old, or not there yet.")]
    MediaNotFound,
    /// The stream runs, but there is nothing to play yet.
    #[error("There is no picture yet: {0}.")]
    NotReady(String),
    /// The stream runs, but what a client of low latency waits for has not come in time.
    #[error("The camera has sent nothing new for as long as a request is held.")]
    NoNews,
    /// A start that failed.
    #[error("{}.", capitalised(&.0.to_string()))]
    Start(#[from] StartError),
    /// No such path.
    #[error("There is nothing at this path.")]
    NoSuchRoute,
    /// The path is right, the method is not.
    #[error("This path does not answer to this method.")]
    MethodNotAllowed,
    /// A range outside of what there is.
    #[error("The range lies outside of the {0} bytes that there are.")]
    RangeNotSatisfiable(u64),
}

impl ApiError {
    /// A field is missing or wrong.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::InvalidRequest { field, reason: reason.into() }
    }

    /// There is no stream of that name: whether there was one lately, and why it ended, `registry` knows.
    pub fn no_stream(registry: &Registry, id: &StreamId) -> Self {
        let id = id.clone();
        match registry.ended(&id) {
            Some(ended) => Self::StreamEnded(id, ended),
            None => Self::StreamNotFound(id),
        }
    }

    /// Status, stable code and title.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use IngestError as I;
        match self {
            Self::InvalidRequest { .. } => {
                (StatusCode::BAD_REQUEST, "invalid_request", "The request is not valid")
            }
            // One code: what a client can do is the same.
            Self::StreamNotFound(_) | Self::StreamEnded(..) => {
                (StatusCode::NOT_FOUND, "stream_not_found", "No such stream")
            }
            Self::MediaNotFound => (StatusCode::NOT_FOUND, "media_not_found", "No such media"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "stream_not_ready", "No picture yet"),
            Self::NoNews => (StatusCode::SERVICE_UNAVAILABLE, "no_news", "Nothing new"),
            Self::NoSuchRoute => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
            Self::RangeNotSatisfiable(_) => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", "Range not satisfiable")
            }
            Self::Start(StartError::TooManyStreams(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", "Too many streams")
            }
            Self::Start(StartError::ShuttingDown) => {
                (StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "The gateway is shutting down")
            }
            Self::Start(StartError::Stopped) => {
                (StatusCode::CONFLICT, "stream_stopped", "The stream was stopped meanwhile")
            }
            Self::Start(StartError::Camera(error)) => match error {
                I::Refused(_) => (StatusCode::FORBIDDEN, "source_refused", "This source may not be pulled"),
                I::UnsupportedCodec { .. } | I::Interlaced | I::NoVideo => {
                    (StatusCode::UNPROCESSABLE_ENTITY, "unsupported_codec", "Unsupported codec")
                }
                I::Unreachable { .. } | I::Closed => {
                    (StatusCode::BAD_GATEWAY, "camera_unreachable", "Camera unreachable")
                }
                I::WrongCredentials | I::MissingCredentials => {
                    (StatusCode::BAD_GATEWAY, "camera_auth_failed", "Camera refused the credentials")
                }
                I::Rejected { .. } | I::Protocol(_) | I::TooMuch(_) | I::BrokenAudio(_) => {
                    (StatusCode::BAD_GATEWAY, "camera_rejected", "Camera refused the request")
                }
                I::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many starts at once"),
                I::Timeout { .. } | I::Silent(_) | I::Unanswered => {
                    (StatusCode::GATEWAY_TIMEOUT, "camera_timeout", "Camera did not answer in time")
                }
            },
        }
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtsp_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'a str>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, title) = self.kind();
        let field = if let Self::InvalidRequest { field, .. } = &self { Some(*field) } else { None };
        let rtsp_status = match &self {
            Self::Start(StartError::Camera(IngestError::Rejected { status, .. })) => Some(*status),
            _ => None,
        };
        let ended = if let Self::StreamEnded(_, ended) = &self { Some(name(ended.why)) } else { None };
        let problem = Problem {
            r#type: format!("urn:camgate:problem:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: self.to_string(),
            field,
            rtsp_status,
            ended,
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if let Self::RangeNotSatisfiable(length) = self {
            let range = HeaderValue::try_from(format!("bytes */{length}"));
            headers.extend(range.ok().map(|range| (header::CONTENT_RANGE, range)));
        }
        response
    }
}

/// Why a stream ended, for a program.
fn name(why: Why) -> &'static str {
    match why {
        Why::Stopped => "stopped",
        Why::Idle => "idle",
        Why::Memory => "memory",
        Why::Fault => "fault",
    }
}

/// The same for a person.
fn ended_in_words(id: &StreamId, Ended { why, ago }: Ended) -> String {
    let (what, because) = match why {
        Why::Stopped => ("stopped", ""),
        Why::Idle => ("let go", ": nobody had watched it for CLEANUP_DELAY_SECONDS"),
        Why::Memory => (
            "let go",
            ": all streams together held more than MAX_TOTAL_BYTES, and it was watched least recently",
        ),
        Why::Fault => ("ended", " by a fault of camgate's own, which is in its log"),
    };
    let ago = ago.as_secs();
    format!("Stream {id} was {what} {ago} s ago{because}. Start it again with /api/stream/start.")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
