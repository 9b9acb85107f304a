//! Links to cameras: the parser takes any text, and nothing that is printed of a link holds its password.
#![no_main]

use arbitrary::Arbitrary;
use camgate::ingest::SourceUrl;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// As it stands.
    Text(&'a str),
    /// `rtsp://user:password@host/path`.
    Link { user: &'a str, password: &'a str, host: Host, path: &'a str },
    /// A relay that takes the camera's link within its own.
    Relay { before: &'a str, user: &'a str, password: &'a str, after: &'a str, encoded: bool },
    /// A parameter that tells of a secret by its name.
    Parameter { before: &'a str, name: Name, password: &'a str, after: &'a str },
    /// A password of its own.
    Beside { link: &'a str, password: &'a str },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Host {
    Word,
    Name,
    Address,
    WithPort,
    V6,
}

impl Host {
    fn text(self) -> &'static str {
        match self {
            Self::Word => "cam",
            Self::Name => "cam.example.org",
            Self::Address => "10.0.0.7",
            Self::WithPort => "10.0.0.7:8554",
            Self::V6 => "[fd00::1]:8554",
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Name {
    Password,
    Pwd,
    Token,
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Pwd => "PWD",
            Self::Token => "access_token",
        }
    }
}

/// In place of a secret that was left out: what is before and what is behind it are not joined.
const BETWEEN: &str = "\u{1}";

/// Short ones are found anywhere; those of the printed words, too.
fn is_telling(password: &str) -> bool {
    password.len() >= 4
        && !password.contains('*')
        && !password.contains(BETWEEN)
        && !"rtsp://".contains(password)
}

/// Whether `text` is in what is printed of a link, but for what stands in place of secrets. The other ways to print it
/// show no more.
fn prints(url: &SourceUrl, text: &str) -> bool {
    assert_eq!(format!("{url:?}"), format!("SourceUrl({url})"));
    assert!(url.credentials().is_none_or(|credentials| format!("{credentials:?}") == "Credentials(***)"));
    url.to_string().replace("***@", BETWEEN).contains(text)
}

/// What was read can be shown, and what is shown is either read as the same camera or refused.
fn check(link: &str) -> Option<SourceUrl> {
    let url = match SourceUrl::parse(link) {
        Ok(url) => url,
        Err(error) => {
            let _ = error.to_string();
            return None;
        }
    };
    let shown = url.to_string();
    if let Ok(again) = SourceUrl::parse(&shown) {
        assert_eq!(again.address(), url.address(), "{shown}");
        assert_eq!(again.credentials().is_some(), url.credentials().is_some(), "{shown}");
    }
    let request = url.request_url();
    assert!(request.username().is_empty() && request.password().is_none());
    if let Some(credentials) = url.credentials() {
        let password = &credentials.password;
        // Unless the link repeats it elsewhere.
        if is_telling(password) && !request.as_str().contains(&**password) {
            assert!(!prints(&url, password), "{url:?}");
        }
    }
    Some(url)
}

/// What is printed of `link` holds its password only where it would hold the same text with another one.
fn check_secret(password: &str, link: impl Fn(&str) -> String) {
    let Some(url) = check(&link(password)) else { return };
    if is_telling(password) && prints(&url, password) {
        let other = SourceUrl::parse(&link("x"));
        assert!(other.is_ok_and(|other| prints(&other, password)), "{url:?}");
    }
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric())
}

fn begins_like_a_port(password: &str) -> bool {
    password.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['/', '?', '#'])
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Text(text) => {
            check(text);
        }
        // A user's name is a word, and none that looks like a host; a password is whatever it likes.
        // But for a port and a slash: that is an address (RFC 3986 §3.2).
        Input::Link { user, password, host, path }
            if is_plain(user) && user != "localhost" && !begins_like_a_port(password) =>
        {
            check_secret(password, |password| format!("rtsp://{user}:{password}@{}/{path}", host.text()));
        }
        Input::Relay { before, user, password, after, encoded } if is_plain(user) && is_plain(password) => {
            let [slashes, colon, at] = if encoded { ["%3A%2F%2F", "%3A", "%40"] } else { ["://", ":", "@"] };
            check_secret(password, |password| {
                format!("rtsp://relay.example/{before}rtsp{slashes}{user}{colon}{password}{at}cam{after}")
            });
        }
        Input::Parameter { before, name, password, after } if is_plain(password) => {
            check_secret(password, |password| {
                format!("rtsp://cam.example/live?{before}&{}={password}&{after}", name.text())
            });
        }
        Input::Beside { link, password } => {
            let Some(url) = check(link) else { return };
            let printed = prints(&url, password);
            let url = url.with_credentials("admin", password);
            assert!(printed || !is_telling(password) || !prints(&url, password), "{url:?}");
        }
        _ => {}
    }
});
