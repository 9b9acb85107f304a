//! RTSP/1.0 messages (RFC 2326 §4 to §7): requests from bytes, responses to bytes. No sockets, no sessions.

use std::fmt::Write as _;

use bytes::{Buf, BytesMut};

/// The longest request head, and the longest body, in bytes.
pub(super) const MAX_LENGTH: usize = 64 * 1024;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Request(Request),
    /// An interleaved packet, as RTCP receiver reports come (RFC 2326 §10.12).
    Interleaved,
}

/// What is not RTSP: answered with 400, and the connection closed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RTSP request")]
pub(super) struct BadRequest;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) version: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The value of a header, whatever the case of its name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value)
    }

    /// The path of the URL without its query; empty for `*`.
    pub(super) fn path(&self) -> &str {
        let (_, path) = self.url_parts();
        path
    }

    /// The URL without its query and with a slash behind: what control URLs are relative to (RFC 2326 §C.1.1).
    pub(super) fn base(&self) -> String {
        let (authority, path) = self.url_parts();
        format!("{authority}{}/", path.trim_end_matches('/'))
    }

    fn url_parts(&self) -> (&str, &str) {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let authority = url.find("://").map_or(0, |at| at + 3);
        let path = url[authority..].find('/').map_or(url.len(), |at| authority + at);
        url.split_at(path)
    }
}

/// Takes the next message off `input`; `None` when more bytes are needed.
pub(super) fn parse(input: &mut BytesMut) -> Result<Option<Incoming>, BadRequest> {
    // Clients may send empty lines between messages (RFC 2068 §4.1).
    let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    input.advance(blank);
    if let [b'$', rest @ ..] = &input[..] {
        let [_, high, low, ..] = rest else { return Ok(None) };
        let length = 4 + usize::from(u16::from_be_bytes([*high, *low]));
        if input.len() < length {
            return Ok(None);
        }
        input.advance(length);
        return Ok(Some(Incoming::Interleaved));
    }
    let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else {
        // The request line is checked early: what is not RTSP may never send an empty line.
        if let Some(line) = input.windows(2).position(|window| window == b"\r\n") {
            request_line(text(&input[..line])?)?;
        }
        return if input.len() > MAX_LENGTH { Err(BadRequest) } else { Ok(None) };
    };
    if end > MAX_LENGTH {
        return Err(BadRequest);
    }
    let request = head(text(&input[..end])?)?;
    let body = match request.header("Content-Length") {
        Some(length) => length.parse().ok().filter(|length| *length <= MAX_LENGTH).ok_or(BadRequest)?,
        None => 0,
    };
    if input.len() < end + 4 + body {
        return Ok(None);
    }
    input.advance(end + 4 + body);
    Ok(Some(Incoming::Request(request)))
}

fn text(bytes: &[u8]) -> Result<&str, BadRequest> {
    std::str::from_utf8(bytes).map_err(|_| BadRequest)
}

fn request_line(line: &str) -> Result<Request, BadRequest> {
    let mut words = line.split(' ');
    let (Some(method), Some(url), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BadRequest);
    };
    let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    if !is_method || url.is_empty() || !version.starts_with("RTSP/") {
        return Err(BadRequest);
    }
    Ok(Request { method: method.into(), url: url.into(), version: version.into(), headers: Vec::new() })
}

fn head(text: &str) -> Result<Request, BadRequest> {
    // What is echoed must not break a line.
    if text.replace("\r\n", "").contains(|c: char| c.is_ascii_control() && c != '\t') {
        return Err(BadRequest);
    }
    let mut lines = text.split("\r\n");
    let mut request = request_line(lines.next().unwrap_or_default())?;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(BadRequest)?;
        request.headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(request)
}

/// A response under construction.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    headers: String,
    body: String,
}

impl Response {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: String::new(), body: String::new() }
    }

    pub(super) fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    pub(super) fn body(mut self, media_type: &str, body: String) -> Self {
        self = self.header("Content-Type", media_type).header("Content-Length", body.len());
        self.body = body;
        self
    }

    pub(super) fn write(&self, cseq: Option<&str>, out: &mut Vec<u8>) {
        let mut head = format!("RTSP/1.0 {} {}\r\n", self.status, reason(self.status));
        if let Some(cseq) = cseq {
            let _ = write!(head, "CSeq: {cseq}\r\n");
        }
        let _ = write!(head, "Server: camgate camera\r\n{}\r\n{}", self.headers, self.body);
        out.extend(head.into_bytes());
    }
}

/// The reason phrases of RFC 2326 §7.1.1, of the statuses that are in use.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        453 => "Not Enough Bandwidth",
        454 => "Session Not Found",
        455 => "Method Not Valid in This State",
        461 => "Unsupported Transport",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "RTSP Version Not Supported",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Result<Option<Incoming>, BadRequest> {
        parse(&mut BytesMut::from(bytes))
    }

    fn url(url: &str) -> Request {
        Request { url: url.into(), ..Request::default() }
    }

    #[test]
    fn messages_come_off_one_by_one_at_any_split() {
        let stream = b"\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x01\x00\x02\r\nSET_PARAMETER rtsp://h/a RTSP/1.0\r\n\
            cseq:2 \r\nContent-Length: 3\r\n\r\nx:1TEARDOWN rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\n\r\n";
        for step in [1, 3, 7, stream.len()] {
            let mut input = BytesMut::new();
            let mut seen = Vec::new();
            for chunk in stream.chunks(step) {
                input.extend_from_slice(chunk);
                while let Some(incoming) = parse(&mut input).unwrap() {
                    seen.push(match incoming {
                        Incoming::Request(r) => format!("{} {}", r.method, r.header("CSeq").unwrap()),
                        Incoming::Interleaved => "$".into(),
                    });
                }
            }
            assert_eq!(seen, ["OPTIONS 1", "$", "SET_PARAMETER 2", "TEARDOWN 3"], "{step} bytes at a time");
            assert!(input.is_empty());
        }
    }

    #[test]
    fn garbage_is_refused_as_soon_as_it_shows() {
        for garbage in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x02\x00\r\n",
            b"OPTIONS *\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n",
            b"OPTIONS rtsp://h/\nX:y RTSP/1.0\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nContent-Length: 65537\r\n\r\n",
        ] {
            assert_eq!(parsed(garbage), Err(BadRequest), "{}", garbage.escape_ascii());
        }
    }

    #[test]
    fn a_head_without_end_is_refused_at_the_limit() {
        let mut input = b"OPTIONS * RTSP/1.0\r\nX: ".to_vec();
        input.resize(MAX_LENGTH, b'x');
        assert_eq!(parsed(&input), Ok(None));
        input.push(b'x');
        assert_eq!(parsed(&input), Err(BadRequest));
    }

    #[test]
    fn urls_give_their_path_and_base() {
        for (text, path, base) in [
            ("rtsp://h:8554/demo", "/demo", "rtsp://h:8554/demo/"),
            ("rtsp://h/a/b/?x=/1", "/a/b/", "rtsp://h/a/b/"),
            ("rtsp://h", "", "rtsp://h/"),
            ("rtsp://h?x", "", "rtsp://h/"),
        ] {
            assert_eq!((url(text).path(), &*url(text).base()), (path, base), "{text}");
        }
    }
}
