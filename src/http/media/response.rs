//! Playlists and media as responses: one function for each class owns its headers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Buf as _;

use crate::hls::window::Playlist;
use crate::http::body::Content;
use crate::http::error::ApiError;

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

const PLAYLIST_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.apple.mpegurl");

/// Playlists change: a cache must ask each time.
pub(super) fn playlist_response(playlist: &Playlist, token: Option<&str>, gzip: bool) -> Response<Content> {
    let own = token.map(|token| playlist.carrying(&format!("token={token}")));
    let playlist = own.as_ref().unwrap_or(playlist);
    let body = if gzip { playlist.gzip() } else { &playlist.plain };
    let mut response = Response::new(Content::from(body.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PLAYLIST_TYPE);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

pub(super) fn media_response(
    media_type: &'static str,
    keep: HeaderValue,
    content: Content,
    range: Option<&HeaderValue>,
) -> Result<Response<Content>, ApiError> {
    let length = content.remaining();
    let (status, content, range) = match requested_range(range, length) {
        Range::None => (StatusCode::OK, content, None),
        Range::Outside => return Err(ApiError::RangeNotSatisfiable(length as u64)),
        Range::Within(start, end) => {
            let text = format!("bytes {start}-{}/{length}", end - 1);
            (StatusCode::PARTIAL_CONTENT, content.range(start, end), HeaderValue::try_from(text).ok())
        }
    };
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.extend(range.map(|range| (header::CONTENT_RANGE, range)));
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// The whole, for want of a range that is understood.
    None,
    /// From the first byte to before the last.
    Within(usize, usize),
    Outside,
}

/// A single range of bytes (RFC 9110 §14.1.2); several at once may be answered with the whole (§14.2).
fn requested_range(range: Option<&HeaderValue>, length: usize) -> Range {
    let Some(text) = range.and_then(|value| value.to_str().ok()) else {
        return Range::None;
    };
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Range::None;
    };
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(length)),
        (Ok(start), Err(_)) if last.is_empty() => (start, length),
        (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix), length),
        _ => return Range::None,
    };
    if start < end { Range::Within(start, end) } else { Range::Outside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_has_them() {
        let range = |text| requested_range(Some(&HeaderValue::from_static(text)), 100);
        assert_eq!(range("bytes=0-0"), Range::Within(0, 1));
        assert_eq!(range("bytes=10-"), Range::Within(10, 100));
        assert_eq!(range("bytes=90-500"), Range::Within(90, 100));
        assert_eq!(range("bytes=-5"), Range::Within(95, 100));
        assert_eq!(range("bytes=-500"), Range::Within(0, 100));
        assert_eq!(range("bytes=100-"), Range::Outside);
        assert_eq!(range("bytes=-0"), Range::Outside);
        for whole in ["bytes=5-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes"] {
            assert_eq!(range(whole), Range::None, "{whole}");
        }
    }
}
