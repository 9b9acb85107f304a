//! retina's errors, in words that an operator can act on.

use std::fmt::Write as _;

use crate::ingest::{IngestError, Step};

/// What retina says of an error of opening a session. It tells a status code; the rest is in its words.
pub(super) fn classify(
    error: &retina::Error,
    step: Step,
    address: &str,
    has_credentials: bool,
) -> IngestError {
    match error.status_code() {
        // The credentials were good a moment ago: the nonce is not. retina answers one challenge a session.
        Some(401) if step != Step::Describe => return IngestError::Rejected { step, status: 401 },
        Some(401) if has_credentials => return IngestError::WrongCredentials,
        Some(401) => return IngestError::MissingCredentials,
        Some(status) if !(200..300).contains(&status) => return IngestError::Rejected { step, status },
        _ => {}
    }
    let text = first_line(error);
    match text.strip_prefix("Unable to connect to RTSP server: ") {
        Some(reason) => IngestError::Unreachable { address: address.to_owned(), reason: reason.to_owned() },
        None => session_error(error),
    }
}

pub(super) fn session_error(error: &retina::Error) -> IngestError {
    let text = first_line(error);
    if text.contains("keepalive") {
        return IngestError::Unanswered;
    }
    if text.starts_with("Error reading from RTSP peer") || text.starts_with("Error writing to RTSP peer") {
        return IngestError::Closed;
    }
    protocol_error(error)
}

pub(super) fn protocol_error(error: &retina::Error) -> IngestError {
    IngestError::Protocol(first_line(error))
}

/// Whether `error` is about one packet, so that the session may go on: retina names the packet's SSRC then.
pub(super) fn is_bad_packet(error: &retina::Error) -> bool {
    error.to_string().contains("\nssrc: ")
}

/// Whether the packet has another SSRC than the session.
pub(super) fn is_foreign(error: &retina::Error) -> bool {
    first_line(error).starts_with("wrong ssrc")
}

/// The gist of retina's message, without its context of several lines; at most 200 characters, on one line.
pub(super) fn first_line(error: &retina::Error) -> String {
    let text = error.to_string();
    let mut line = String::new();
    for c in text.lines().next().unwrap_or_default().chars().take(200) {
        if c.is_control() {
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}
