//! Links to cameras: credentials apart, and never in what is printed.

use std::fmt;

use percent_encoding::percent_decode_str;

/// A camera's link: `rtsp://[user[:password]@]host[:port]/path`, or `rtsps://` for RTSP over TLS.
///
/// `Display` and `Debug` print it without credentials, and with what looks like one in path or query blotted out.
/// Two links are the same source if address, path and credentials are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceUrl {
    /// With the scheme `rtsp`, whatever that of the link is.
    url: url::Url,
    is_tls: bool,
    credentials: Option<Credentials>,
}

/// A user name and a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// User name, decoded.
    pub username: String,
    /// Password, decoded.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// Why a link can't be used. The text repeats none of it but the scheme, which holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceUrlError {
    /// Neither `rtsp` nor `rtsps`.
    #[error("it must begin with rtsp:// or rtsps://{}", begins_with(.0))]
    Scheme(String),
    /// No host.
    #[error("it names no host")]
    NoHost,
    /// Something else.
    #[error("it is not a valid link: {0}")]
    Invalid(&'static str),
    /// Where the password ends and the host begins is anyone's guess: a wrong one would print part of it.
    #[error(
        "it is not clear which @ comes before the host: write the others as %40, or give user and password apart"
    )]
    Ambiguous,
    /// Longer than any real link.
    #[error("it is longer than {MAX_LENGTH} characters")]
    TooLong,
}

const MAX_LENGTH: usize = 2048;
const SCHEME: &str = "rtsp://";
const TLS_SCHEME: &str = "rtsps://";

impl SourceUrl {
    /// Reads a link as people write it: passwords may hold `# @ ^ : /` as they are, or percent-encoded.
    pub fn parse(link: &str) -> Result<Self, SourceUrlError> {
        let link = link.trim();
        if link.len() > MAX_LENGTH {
            return Err(SourceUrlError::TooLong);
        }
        if link.chars().any(char::is_control) {
            return Err(SourceUrlError::Invalid("control character"));
        }
        let behind = |scheme: &str| {
            let begin = link.get(..scheme.len())?;
            begin.eq_ignore_ascii_case(scheme).then(|| &link[scheme.len()..])
        };
        let (is_tls, rest) = match (behind(SCHEME), behind(TLS_SCHEME)) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => {
                let scheme: String =
                    link.chars().take_while(|c| c.is_ascii_alphanumeric()).take(16).collect();
                return Err(SourceUrlError::Scheme(scheme));
            }
        };
        let (userinfo, address) = split_userinfo(rest);
        if is_in_doubt(address) && (userinfo.is_some() || may_be_user_and_password(address)) {
            return Err(SourceUrlError::Ambiguous);
        }
        let mut url = url::Url::parse(&format!("{SCHEME}{address}")).map_err(|error| match error {
            url::ParseError::EmptyHost => SourceUrlError::NoHost,
            url::ParseError::InvalidPort => SourceUrlError::Invalid("invalid port number"),
            _ => SourceUrlError::Invalid("invalid host name or address"),
        })?;
        // RTSP knows no fragments (RFC 2326 §3.2).
        url.set_fragment(None);
        if url.host_str().is_none_or(str::is_empty) {
            return Err(SourceUrlError::NoHost);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SourceUrlError::Invalid("more than one @ before the host"));
        }
        let credentials = userinfo.filter(|text| !text.is_empty()).map(|text| {
            let (username, password) = text.split_once(':').unwrap_or((text, ""));
            Credentials { username: decode(username), password: decode(password) }
        });
        Ok(Self { url, is_tls, credentials })
    }

    /// The same link with these credentials in place of its own.
    pub fn with_credentials(self, username: &str, password: &str) -> Self {
        let credentials = Credentials { username: username.into(), password: password.into() };
        Self { credentials: Some(credentials), ..self }
    }

    /// What to send to the camera: the link without credentials.
    pub fn request_url(&self) -> &url::Url {
        &self.url
    }

    /// Credentials, if the link has any.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Host name or address as the link has it, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The same without brackets, as the operating system takes it.
    pub fn bare_host(&self) -> &str {
        self.host().trim_matches(['[', ']'])
    }

    /// TCP port; where the link has none 554 (RFC 2326 §3.2), or 322 over TLS (RFC 7826 §4.2).
    pub fn port(&self) -> u16 {
        self.url.port().unwrap_or(if self.is_tls { 322 } else { 554 })
    }

    /// Whether the camera is to be spoken to over TLS alone.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Host and port, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }
}

fn begins_with(scheme: &str) -> String {
    match scheme {
        "" => String::new(),
        other => format!(" (it begins with {other:?})"),
    }
}

/// Where the user's part ends: at the first `@` behind which an address follows, unless the link begins with one.
/// So passwords may hold `@ # ^ / :` as they are (`admin:a@b#c/d@host`), and paths may hold `@`.
fn split_userinfo(rest: &str) -> (Option<&str>, &str) {
    if begins_with_address(rest) {
        return (None, rest);
    }
    let ends = || rest.match_indices('@').map(|(at, _)| at);
    let end = ends().find(|at| begins_with_address(&rest[at + 1..])).or_else(|| ends().next_back());
    end.map_or((None, rest), |at| (Some(&rest[..at]), &rest[at + 1..]))
}

/// Whether `address` may still begin with the end of a password (`ss/word@host`): its host is a bare word, and another
/// address follows behind an `@`.
fn is_in_doubt(address: &str) -> bool {
    let host = address.split(['/', '?', ':']).next().unwrap_or_default();
    let evident = host.contains('.') || host.starts_with('[') || host == "localhost";
    !evident && address.match_indices('@').any(|(at, _)| begins_with_address(&address[at + 1..]))
}

/// Whether what looks like host and port may be a user and the begin of a password (`admin:80/word@cam`). Not where
/// another link follows within, as relays take it.
fn may_be_user_and_password(address: &str) -> bool {
    let authority = address.split(['/', '?']).next().unwrap_or_default();
    let before_user = address.split('@').next().unwrap_or_default();
    authority.contains(':') && inner_link(before_user).is_none()
}

/// Whether what stands before the path or query is a host, with or without a port.
fn begins_with_address(text: &str) -> bool {
    let authority = text.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        // An IPv6 address (RFC 3986 §3.2.2).
        Some(literal) => literal.split_once(']').unwrap_or_default(),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let in_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let in_range = |port: &str| port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
    !host.is_empty() && host.chars().all(in_host) && (port.is_empty() || in_range(port))
}

/// Percent-decoding; text that does not decode to UTF-8 is meant as it stands.
fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.credentials.is_some() { "***@" } else { "" };
        let tail = &self.url[url::Position::BeforePath..];
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let scheme = if self.is_tls { TLS_SCHEME } else { SCHEME };
        write!(f, "{scheme}{user}{host}{}", blot_out(&without_inner_userinfo(tail)))
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceUrl({self})")
    }
}

/// `/relay?src=rtsp://user:x@cam/` → `/relay?src=rtsp://***@cam/`: relays take the camera's link within their own,
/// as it stands or percent-encoded. Up to the last `@`, for a password may hold one.
fn without_inner_userinfo(tail: &str) -> String {
    let lower = tail.to_ascii_lowercase();
    let end = ["@", "%40"].iter().filter_map(|mark| lower.rfind(mark)).max();
    match (inner_link(tail), end) {
        (Some(begin), Some(end)) if begin <= end => format!("{}***{}", &tail[..begin], &tail[end..]),
        _ => tail.to_owned(),
    }
}

/// Where the authority of a link within `text` begins, if there is one.
fn inner_link(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    ["//", "%2f%2f"].iter().filter_map(|mark| Some(lower.find(mark)? + mark.len())).min()
}

/// Parameters that carry secrets in links of known cameras, in lower case.
const SECRET_KEYS: [&str; 9] = ["user", "usr", "pass", "pwd", "psw", "token", "auth", "secret", "key"];

/// `/user=admin_password=x_channel=1` → `/user=***_password=***_channel=1`: whatever follows a telling name and `=`.
fn blot_out(tail: &str) -> String {
    let mut out = String::with_capacity(tail.len());
    let mut rest = tail;
    while let Some(equals) = rest.find('=') {
        let (name, value) = rest.split_at(equals + 1);
        out.push_str(name);
        let key = name.rsplit(['&', '?', '/', ';', '_']).next().unwrap_or(name).to_ascii_lowercase();
        let end = value.find(['&', '/', ';', '_', '?']).unwrap_or(value.len());
        if SECRET_KEYS.iter().any(|secret| key.contains(secret)) {
            // An underscore may be part of the secret: go on to the next name, if there is one.
            let end = value.find('=').map_or_else(
                || value.find(['&', '/', ';', '?']).unwrap_or(value.len()),
                |next| value[..next].rfind(['&', '/', ';', '_', '?']).unwrap_or(next),
            );
            out.push_str("***");
            rest = &value[end..];
        } else {
            out.push_str(&value[..end]);
            rest = &value[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(link: &str) -> SourceUrl {
        SourceUrl::parse(link).unwrap()
    }

    fn credentials(link: &str) -> (String, String) {
        let url = parse(link);
        let credentials = url.credentials().unwrap();
        (credentials.username.clone(), credentials.password.clone())
    }

    #[test]
    fn passwords_may_hold_the_marks_that_people_use() {
        for password in
            ["p#ss", "p@ss", "p^ss", "p:ss", "p/ss", "p?ss", "p@ss#1", "a@b#c^d:e/f", "100%", "%zz"]
        {
            let link = format!("rtsp://admin:{password}@10.0.0.7:8554/h264?channel=1");
            assert_eq!(credentials(&link), ("admin".into(), password.into()), "{link}");
            let url = parse(&link);
            assert_eq!(url.request_url().as_str(), "rtsp://10.0.0.7:8554/h264?channel=1");
        }
    }

    #[test]
    fn encoded_passwords_are_decoded() {
        assert_eq!(credentials("rtsp://ad%40min:p%23s%2Fs@cam/1"), ("ad@min".into(), "p#s/s".into()));
    }

    #[test]
    fn an_at_sign_in_the_path_is_no_user() {
        let url = parse("rtsp://10.0.0.7:554/live@main?x=a@b");
        assert!(url.credentials().is_none());
        assert_eq!(url.address(), "10.0.0.7:554");
    }

    #[test]
    fn a_link_that_can_be_read_in_two_ways_is_not_read() {
        for link in [
            "rtsp://admin:p@ss/word@10.0.0.7/1",
            "rtsp://admin:p@ss:80/word@cam/1",
            "rtsp://a@b/c@d",
            "rtsp://admin:80/word@cam/1",
        ] {
            assert_eq!(SourceUrl::parse(link), Err(SourceUrlError::Ambiguous), "{link}");
        }
        for link in ["rtsp://nvr/live@main", "rtsp://nvr:554/relay?src=rtsp://admin:x@cam/1"] {
            assert!(parse(link).credentials().is_none(), "{link}");
        }
        assert_eq!(credentials("rtsp://admin:x@10.0.0.7/live@main"), ("admin".into(), "x".into()));
        assert_eq!(credentials("rtsp://admin:p%40ss%2Fword@cam/1"), ("admin".into(), "p@ss/word".into()));
    }

    #[test]
    fn ipv6_addresses_are_addresses() {
        assert_eq!(parse("rtsp://[::1]:8554/a@b").address(), "[::1]:8554");
    }

    #[test]
    fn nothing_printed_holds_a_secret() {
        for link in [
            "rtsp://admin:hunter2@cam/1",
            "rtsp://cam/user=admin_password=hunter2_channel=1_stream=0.sdp",
            "rtsp://cam/live?user=admin&password=hunter2",
            "rtsp://cam/live?channel=1&PWD=hunter2",
            "rtsp://cam/live?channel=1&PWD=hunter2_x",
            "rtsp://cam/cam?auth=hunter2#hunter2=1",
            "rtsp://relay/live?src=rtsp://admin:hunter2@cam/1",
            "rtsp://relay/rtsp://admin:hunter2@cam/1",
            "rtsp://relay/live?src=rtsp%3A%2F%2Fadmin%3Ahunter2%40cam%2F1",
        ] {
            let url = parse(link);
            let printed = format!("{url} {url:?} {:?}", url.credentials());
            assert!(!printed.contains("hunter2"), "{printed}");
        }
        let shown = parse("rtsp://cam/user=admin_password=x_y_channel=1.sdp").to_string();
        assert_eq!(shown, "rtsp://cam/user=***_password=***_channel=1.sdp");
        assert_eq!(parse("rtsp://u:p@cam:554/ch=1").to_string(), "rtsp://***@cam:554/ch=1");
    }

    #[test]
    fn a_link_over_tls_has_a_port_of_its_own_and_is_another_source() {
        let (secure, plain) = (parse("RTSPS://admin:x@cam/1"), parse("rtsp://admin:x@cam:322/1"));
        assert_eq!((secure.address(), secure.to_string()), ("cam:322".into(), "rtsps://***@cam/1".into()));
        assert!(secure.is_tls() && !plain.is_tls() && secure != plain);
        assert_eq!(parse("rtsps://cam:554/").port(), 554);
    }

    #[test]
    fn other_schemes_and_broken_links_are_told_apart() {
        assert_eq!(SourceUrl::parse("http://cam/"), Err(SourceUrlError::Scheme("http".into())));
        assert_eq!(SourceUrl::parse(""), Err(SourceUrlError::Scheme(String::new())));
        assert_eq!(SourceUrl::parse("rtsp://"), Err(SourceUrlError::NoHost));
        assert_eq!(SourceUrl::parse("rtsp://admin:x@"), Err(SourceUrlError::NoHost));
        assert!(matches!(SourceUrl::parse("rtsp://cam:99999/"), Err(SourceUrlError::Invalid(_))));
        assert!(matches!(SourceUrl::parse("rtsp://cam/\r\nX: y"), Err(SourceUrlError::Invalid(_))));
        assert_eq!(
            SourceUrl::parse(&format!("rtsp://cam/{}", "x".repeat(3000))),
            Err(SourceUrlError::TooLong)
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_or_print_a_password(
            link in "\\PC{0,80}", password in "[A-Z]{8,12}", path in "[a-z@/?#:=&_.]{0,30}",
        ) {
            let _ = SourceUrl::parse(&link);
            let with_password = format!("rtsp://admin:{password}@cam.example/{path}");
            if let Ok(url) = SourceUrl::parse(&with_password) {
                proptest::prop_assert!(!url.to_string().contains(&password));
            }
        }
    }
}
