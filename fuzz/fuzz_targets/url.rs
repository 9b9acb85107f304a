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

/// Short ones are found anywhere; those of the printed words, too.
fn is_telling(password: &str) -> bool {
    password.len() >= 4
        && !password.contains('*')
        && !"SourceUrl(rtsp://) None Some(Credentials(***))".contains(password)
}

/// Whether `text` is in what is printed of a link, but for what stands in place of secrets.
fn prints(url: &SourceUrl, text: &str) -> bool {
    [url.to_string(), format!("{url:?}"), format!("{:?}", url.credentials())]
        .iter()
        .any(|printed| printed.replace("***@", "").contains(text))
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

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Text(text) => {
            check(text);
        }
        Input::Link { user, password, host, path } => {
            // A user's name is a word, and none that looks like a host; a password is whatever it likes.
            if !user.chars().all(|c| c.is_ascii_alphanumeric()) || user == "localhost" {
                return;
            }
            let host = host.text();
            let Some(url) = check(&format!("rtsp://{user}:{password}@{host}/{path}")) else { return };
            // It may stand in the rest as well.
            let rest = SourceUrl::parse(&format!("rtsp://{host}/{path}"));
            let elsewhere = rest.map_or(true, |rest| prints(&rest, password));
            if is_telling(password) && !elsewhere {
                assert!(!prints(&url, password), "{url:?}");
            }
        }
        Input::Relay { before, user, password, after, encoded } => {
            let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
            if !(is_plain(user) && is_plain(password) && is_telling(password)) {
                return;
            }
            let marks = if encoded { ["%3A%2F%2F", "%3A", "%40"] } else { ["://", ":", "@"] };
            let inner = format!("rtsp{}{user}{}{password}{}cam", marks[0], marks[1], marks[2]);
            if let Some(url) = check(&format!("rtsp://relay.example/{before}{inner}{after}")) {
                let elsewhere = [before, user, after, "relay.example", "rtsp", "cam"].concat();
                assert!(elsewhere.contains(password) || !prints(&url, password), "{url:?}");
            }
        }
        Input::Parameter { before, name, password, after } => {
            if !password.chars().all(|c| c.is_ascii_alphanumeric()) || !is_telling(password) {
                return;
            }
            let name = name.text();
            let link = format!("rtsp://cam.example/live?{before}&{name}={password}&{after}");
            if let Some(url) = check(&link) {
                let elsewhere = [before, name, after, "cam.example", "live"].join(" ");
                assert!(elsewhere.contains(password) || !prints(&url, password), "{url:?}");
            }
        }
        Input::Beside { link, password } => {
            let Some(url) = check(link) else { return };
            let url = url.with_credentials("admin", password);
            if is_telling(password)
                && !link.contains(password)
                && !url.request_url().as_str().contains(password)
            {
                assert!(!prints(&url, password), "{url:?}");
            }
        }
    }
});
