//! The one place where an error becomes a status: RFC 9457 problems.
//!
//! A client gets a stable `code` to branch on, and a `detail` that a person can act on. Neither holds a secret.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::request_id::{self, RequestId};
use crate::access::TokenError;
use crate::ingest::IngestError;
use crate::stream::{Ended, Registry, StartError, StreamId, TooManyViewers, Why};

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
    /// The API wants a token.
    #[error("The API wants one of API_TOKENS as \"Authorization: Bearer …\".")]
    Unauthorized,
    /// The API answers strangers by token alone.
    #[error(
        "Without API_TOKENS the API answers loopback and private addresses alone, and this request comes from elsewhere or \
         through a proxy for someone elsewhere. Set API_TOKENS."
    )]
    NotPublic,
    /// A page of someone else's had a browser ask.
    #[error("A page of another site may not call the API through a browser. Set API_TOKENS, and send one.")]
    CrossSite,
    /// A viewer without a token, where one is wanted.
    #[error(
        "This stream wants a token: as ?token=…, as \"Authorization: Bearer …\" or as a cookie. /api/stream/start hands them out."
    )]
    TokenMissing,
    /// A viewer whose token is of no use.
    #[error("The token does not open this stream: {0}.")]
    Token(#[from] TokenError),
    /// One caller starts too much.
    #[error("Too many starts from this address: STARTS_PER_MINUTE allows no more for {0} s.")]
    TooManyStarts(u64),
    /// As many watch as may.
    #[error("{0}")]
    TooManyViewers(TooManyViewers),
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
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "Not authorised"),
            Self::NotPublic => (StatusCode::FORBIDDEN, "api_not_public", "The API is not public"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross_site", "Asked by another site"),
            Self::TokenMissing => (StatusCode::UNAUTHORIZED, "token_missing", "A token is wanted"),
            Self::Token(TokenError::Invalid) => {
                (StatusCode::UNAUTHORIZED, "token_invalid", "The token is not valid")
            }
            Self::Token(TokenError::Expired(_)) => {
                (StatusCode::FORBIDDEN, "token_expired", "The token has ended")
            }
            Self::Token(_) => (StatusCode::FORBIDDEN, "token_refused", "The token is for something else"),
            Self::TooManyStarts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_starts", "Too many starts"),
            Self::TooManyViewers(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "too_many_viewers", "Too many viewers")
            }
            Self::RangeNotSatisfiable(_) => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", "Range not satisfiable")
            }
            Self::Start(error) => {
                let (status, title) = start_kind(error);
                (status, error.code(), title)
            }
        }
    }
}

/// Status and title of a start that failed; its code is its own, as metrics have it.
fn start_kind(error: &StartError) -> (StatusCode, &'static str) {
    use IngestError as I;
    let error = match error {
        StartError::TooManyStreams(_) => return (StatusCode::SERVICE_UNAVAILABLE, "Too many streams"),
        StartError::ShuttingDown => return (StatusCode::SERVICE_UNAVAILABLE, "The gateway is shutting down"),
        StartError::Stopped => return (StatusCode::CONFLICT, "The stream was stopped meanwhile"),
        StartError::Camera(error) => error,
    };
    match error {
        I::Refused(_) => (StatusCode::FORBIDDEN, "This source may not be pulled"),
        I::UnsupportedCodec { .. } | I::Interlaced | I::NoVideo => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Unsupported codec")
        }
        I::Unreachable { .. } | I::Closed => (StatusCode::BAD_GATEWAY, "Camera unreachable"),
        I::WrongCredentials | I::MissingCredentials => {
            (StatusCode::BAD_GATEWAY, "Camera refused the credentials")
        }
        I::Rejected { .. } | I::Protocol(_) | I::TooMuch(_) | I::BrokenAudio(_) => {
            (StatusCode::BAD_GATEWAY, "Camera refused the request")
        }
        I::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "Too many starts at once"),
        I::Timeout { .. } | I::Silent(_) | I::Unanswered => {
            (StatusCode::GATEWAY_TIMEOUT, "Camera did not answer in time")
        }
    }
}

/// The code of a problem, for whoever sees the answer on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code(pub(super) &'static str);

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(super) struct Problem {
    /// `urn:camgate:problem:` and the code.
    r#type: String,
    /// The same for all problems of one code.
    title: &'static str,
    /// Of the answer.
    status: u16,
    /// To branch on.
    code: &'static str,
    /// For a person who can act on it.
    detail: String,
    /// The field that is wrong, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    /// What the camera answered, where it did (RFC 2326 §7.1.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    rtsp_status: Option<u16>,
    /// Why the stream ended, where it ran lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'static str>,
    /// Of the request, as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    request_id: Option<RequestId>,
}

/// What the API may answer whoever calls it.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "told in the OpenAPI document; the answers are made from ApiError")]
pub(super) enum CallerProblems {
    /// No token, or none that is known.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Not allowed: `code` says why.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
}

/// What may be wrong with a request, whatever it is about.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "told in the OpenAPI document; the answers are made from ApiError")]
pub(super) enum FieldProblems {
    /// A field is missing or wrong.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
}

/// What may be wrong with the stream that is asked about.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "told in the OpenAPI document; the answers are made from ApiError")]
pub(super) enum StreamProblems {
    /// It does not run.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// What may be in the way of a start.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "told in the OpenAPI document; the answers are made from ApiError")]
pub(super) enum StartProblems {
    /// Stopped meanwhile.
    #[response(status = 409, content_type = "application/problem+json")]
    Stopped(Problem),
    /// The camera sends nothing that camgate plays.
    #[response(status = 422, content_type = "application/problem+json")]
    Unsupported(Problem),
    /// Too many starts: see Retry-After.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// The camera cannot be reached, or refuses.
    #[response(status = 502, content_type = "application/problem+json")]
    Camera(Problem),
    /// Not now: see Retry-After.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(Problem),
    /// The camera does not answer in time.
    #[response(status = 504, content_type = "application/problem+json")]
    Timeout(Problem),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, title) = self.kind();
        let field = if let Self::InvalidRequest { field, .. } = &self { Some(*field) } else { None };
        let rtsp_status = match &self {
            Self::Start(StartError::Camera(IngestError::Rejected { status, .. })) => Some(*status),
            _ => None,
        };
        let ended = if let Self::StreamEnded(_, ended) = &self { Some(ended.why.name()) } else { None };
        let problem = Problem {
            r#type: format!("urn:camgate:problem:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: self.to_string(),
            field,
            rtsp_status,
            ended,
            request_id: request_id::current(),
        };
        let mut response = (status, Json(problem)).into_response();
        response.extensions_mut().insert(Code(code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        match self {
            Self::TooManyStarts(seconds) => {
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            // A viewer has to leave first: it is looked for those who are gone after 15 s.
            Self::TooManyViewers(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
            }
            _ if status == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            // RFC 6750 §3.
            _ if status == StatusCode::UNAUTHORIZED => {
                headers
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"camgate\""));
            }
            _ => {}
        }
        if let Self::RangeNotSatisfiable(length) = self {
            let range = HeaderValue::try_from(format!("bytes */{length}"));
            headers.extend(range.ok().map(|range| (header::CONTENT_RANGE, range)));
        }
        response
    }
}

/// Why a stream ended, for a person.
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
