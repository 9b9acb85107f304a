//! Who may watch: Basic (RFC 7617) and Digest (RFC 7616, and RFC 2617 for MD5) for RTSP (RFC 2326 §14).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use sha2::Sha256;

/// The realm of every challenge.
const REALM: &str = "camgate camera";

/// A user and a password; `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name; Basic cannot carry a colon in it.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What the camera asks of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    #[default]
    Open,
    /// Basic authentication.
    Basic(Credentials),
    /// Digest authentication with MD5 and `qop=auth`, as nearly every camera has it.
    Digest(Credentials),
    /// Digest authentication with SHA-256 and `qop=auth`.
    DigestSha256(Credentials),
}

impl Access {
    /// Whether it asks with a nonce.
    pub(super) fn has_nonces(&self) -> bool {
        matches!(self, Self::Digest(_) | Self::DigestSha256(_))
    }

    /// The `WWW-Authenticate` value that asks for credentials; `stale` where only the nonce of the last ones was wrong.
    pub(super) fn challenge(&self, nonce: &str, stale: bool) -> String {
        let algorithm = match self {
            Self::Open | Self::Basic(_) => return format!("Basic realm=\"{REALM}\""),
            Self::Digest(_) => "MD5",
            Self::DigestSha256(_) => "SHA-256",
        };
        let stale = if stale { ", stale=true" } else { "" };
        format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}")
    }

    /// Whether an `Authorization` value lets a request with this method in.
    pub(super) fn admits(&self, authorization: Option<&str>, method: &str, nonce: &str) -> bool {
        let (scheme, value) = authorization.and_then(|value| value.split_once(' ')).unwrap_or_default();
        match self {
            Self::Open => true,
            Self::Basic(known) => {
                let expected = format!("{}:{}", known.username, known.password);
                scheme.eq_ignore_ascii_case("basic") && STANDARD.encode(expected) == value.trim()
            }
            Self::Digest(known) | Self::DigestSha256(known) => {
                let hash: fn(&str) -> String =
                    if matches!(self, Self::Digest(_)) { hex::<Md5> } else { hex::<Sha256> };
                let response = DigestResponse::parse(value);
                scheme.eq_ignore_ascii_case("digest")
                    && response.username == known.username
                    && response.realm == REALM
                    && response.nonce == nonce
                    && response.expected(&known.password, method, hash) == response.response
            }
        }
    }
}

/// The parameters of an `Authorization: Digest` value that the check needs (RFC 2617 §3.2.2).
#[derive(Debug, Default)]
struct DigestResponse {
    username: String,
    realm: String,
    nonce: String,
    uri: String,
    qop: String,
    nc: String,
    cnonce: String,
    response: String,
}

impl DigestResponse {
    fn parse(mut value: &str) -> Self {
        let mut parsed = Self::default();
        while let Some((name, rest)) = value.split_once('=') {
            let (content, rest) = parameter_value(rest);
            let name = name.trim_matches([' ', ',']);
            match name.to_ascii_lowercase().as_str() {
                "username" => parsed.username = content,
                "realm" => parsed.realm = content,
                "nonce" => parsed.nonce = content,
                "uri" => parsed.uri = content,
                "qop" => parsed.qop = content,
                "nc" => parsed.nc = content,
                "cnonce" => parsed.cnonce = content,
                "response" => parsed.response = content,
                _ => {}
            }
            value = rest;
        }
        parsed
    }

    /// The response of someone who knows the password (RFC 2617 §3.2.2.1; without `qop`, as RFC 2069 had it).
    fn expected(&self, password: &str, method: &str, hash: fn(&str) -> String) -> String {
        let Self { username, realm, nonce, uri, qop, nc, cnonce, .. } = self;
        let secret = hash(&format!("{username}:{realm}:{password}"));
        let request = hash(&format!("{method}:{uri}"));
        if qop.is_empty() {
            return hash(&format!("{secret}:{nonce}:{request}"));
        }
        hash(&format!("{secret}:{nonce}:{nc}:{cnonce}:{qop}:{request}"))
    }
}

/// A token or a quoted string at the start of `text`, and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut content = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (content, &quoted[at + 1..]),
            '\\' => content.extend(characters.next().map(|(_, escaped)| escaped)),
            other => content.push(other),
        }
    }
    (content, "")
}

fn hex<H: Digest>(text: &str) -> String {
    use std::fmt::Write as _;
    H::digest(text).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 §3.5.
    #[test]
    fn the_example_of_the_standard_gives_its_response() {
        let response = DigestResponse::parse(
            "username=\"Mufasa\", realm=\"testrealm@host.com\",\
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, nc=00000001,\
             cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\",\
             opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        );
        assert_eq!(
            response.expected("Circle Of Life", "GET", hex::<Md5>),
            "6629fae49393a05397450978507c4ef1"
        );
        assert_eq!(response.response, "6629fae49393a05397450978507c4ef1");
    }

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_sha_256_example_gives_its_response() {
        let response = DigestResponse::parse(
            "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=SHA-256,\
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001,\
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth",
        );
        assert_eq!(
            response.expected("Circle of Life", "GET", hex::<Sha256>),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn quoted_values_may_hold_commas_and_escapes() {
        let response = DigestResponse::parse(r#"username="a\"b,c=d", uri=*, nc=1"#);
        assert_eq!((&*response.username, &*response.uri, &*response.nc), (r#"a"b,c=d"#, "*", "1"));
    }

    #[test]
    fn basic_admits_the_password_and_nothing_else() {
        let access = Access::Basic(Credentials { username: "u".into(), password: "p:#@".into() });
        let with = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(access.admits(Some(&with("u:p:#@")), "DESCRIBE", ""));
        for refused in [with("u:p"), with(""), "Basic".into(), "Digest username=\"u\"".into()] {
            assert!(!access.admits(Some(&refused), "DESCRIBE", ""), "{refused}");
        }
        assert!(!access.admits(None, "DESCRIBE", ""));
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let credentials = Credentials { username: "u".into(), password: "secret".into() };
        assert!(!format!("{:?}", Access::Digest(credentials)).contains("secret"));
    }
}
