//! The table of settings: the one place where a name, a unit, a default and a range are written.
//!
//! The flags of the command line, `.env.example` and the README's table are made from it. How a value is
//! looked for belongs to [`crate::config`]; what it does, to the module that takes it.

use std::fmt::Write;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, Command};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// One thing that a person can set.
#[derive(Debug)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The flag, without its dashes; also the id of its [`Arg`].
    pub flag: Option<&'static str>,
    /// What the value counts, or is.
    pub unit: &'static str,
    /// The value if none is given.
    pub default: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    range: Range,
}

#[derive(Debug)]
enum Range {
    Whole(u64, u64),
    Decimal(f64, f64),
    AtLeastBytes(u64),
    OneOf(&'static [&'static str]),
    Address,
    File,
    Streams,
    Networks,
    Origins,
    /// What they are to be.
    Secrets(&'static str),
    Sources,
    Toml,
    Filter,
    Anything,
}

const MIB: u64 = 1024 * 1024;

/// Every setting, in the order in which people read about them.
pub const SETTINGS: &[&Setting] = &[
    &HOST,
    &PORT,
    &TLS_CERT,
    &TLS_KEY,
    &API_TOKENS,
    &STREAM_SECRET,
    &STREAM_TOKEN_SECONDS,
    &TRUSTED_PROXIES,
    &CORS_ORIGINS,
    &CLEANUP_DELAY_SECONDS,
    &CLEANUP_INTERVAL_SECONDS,
    &KEEP_WARM,
    &HLS_SEGMENT_TIME,
    &HLS_LIST_SIZE,
    &HLS_SEGMENT_TYPE,
    &HLS_LOW_LATENCY,
    &HLS_PART_TIME,
    &AUDIO,
    &START_TIMEOUT_SECONDS,
    &VIDEO_TIMEOUT_SECONDS,
    &CAMERA_GUARD,
    &SOURCE_ALLOW,
    &SOURCE_DENY,
    &RTSPS_CA,
    &CAMERAS_FILE,
    &MAX_STREAMS,
    &MAX_VIEWERS,
    &MAX_STREAM_VIEWERS,
    &STARTS_PER_MINUTE,
    &MAX_CONNECTIONS,
    &MAX_ADDRESS_CONNECTIONS,
    &MAX_REQUEST_BYTES,
    &REQUEST_SECONDS,
    &IDLE_SECONDS,
    &MAX_STREAM_BYTES,
    &MAX_TOTAL_BYTES,
    &LOG_LEVEL,
    &LOG_FORMAT,
    &METRICS_STREAMS,
    &DRAIN_SECONDS,
    &ENV_FILE,
    &STREAM_DIR,
];

/// Those that take effect when SIGHUP has them read again; the others wait for the next start.
pub(super) const RELOADED: &[&Setting] = &[
    &API_TOKENS,
    &STREAM_SECRET,
    &STREAM_TOKEN_SECONDS,
    &TRUSTED_PROXIES,
    &MAX_STREAMS,
    &SOURCE_ALLOW,
    &SOURCE_DENY,
    &CAMERAS_FILE,
    &MAX_VIEWERS,
    &MAX_STREAM_VIEWERS,
    &STARTS_PER_MINUTE,
    &MAX_CONNECTIONS,
    &MAX_ADDRESS_CONNECTIONS,
];

pub(super) const HOST: Setting = Setting {
    name: "HOST",
    flag: Some("host"),
    unit: "address",
    default: "0.0.0.0",
    doc: "Address to listen on; 0.0.0.0 is every IPv4 interface, :: every one",
    range: Range::Address,
};

pub(super) const PORT: Setting = Setting {
    name: "PORT",
    flag: Some("port"),
    unit: "port",
    default: "8088",
    doc: "Port to listen on; 0 takes any free one",
    range: Range::Whole(0, 65535),
};

pub(super) const TLS_CERT: Setting = Setting {
    name: "TLS_CERT",
    flag: Some("tls-cert"),
    unit: "path",
    default: "",
    doc: "Certificate, with those of its issuers after it: PORT then speaks TLS alone; taken anew when it changes",
    range: Range::File,
};

pub(super) const TLS_KEY: Setting = Setting {
    name: "TLS_KEY",
    flag: Some("tls-key"),
    unit: "path",
    default: "",
    doc: "Private key of the certificate, without a password",
    range: Range::File,
};

pub(super) const API_TOKENS: Setting = Setting {
    name: "API_TOKENS",
    flag: None,
    unit: "tokens",
    default: "",
    doc: "Who may call the API: bearer tokens with commas between, of 16 characters or more. Without any, loopback and private addresses may",
    range: Range::Secrets("tokens of 16 or more visible ASCII characters, with commas between"),
};

pub(super) const STREAM_SECRET: Setting = Setting {
    name: "STREAM_SECRET",
    flag: None,
    unit: "secret",
    default: "",
    doc: "Viewers need a token signed with this, of 32 characters or more; several with commas between: the first signs, all are believed. Without any, whoever knows a stream's name may watch",
    range: Range::Secrets("secrets of 32 or more characters, with commas between"),
};

pub(super) const STREAM_TOKEN_SECONDS: Setting = Setting {
    name: "STREAM_TOKEN_SECONDS",
    flag: Some("stream-token-seconds"),
    unit: "seconds",
    default: "21600",
    doc: "How long a viewer's token lasts that a start hands out",
    range: Range::Whole(10, 604_800),
};

pub(super) const TRUSTED_PROXIES: Setting = Setting {
    name: "TRUSTED_PROXIES",
    flag: Some("trusted-proxies"),
    unit: "networks",
    default: "127.0.0.0/8,::1",
    doc: "Proxies whose X-Forwarded-For is believed, with commas between",
    range: Range::Networks,
};

pub(super) const CORS_ORIGINS: Setting = Setting {
    name: "CORS_ORIGINS",
    flag: Some("cors-origins"),
    unit: "origins",
    default: "*",
    doc: "Sites whose pages may play streams and have the player in a frame: * is all, else origins with commas between",
    range: Range::Origins,
};

pub(super) const MAX_VIEWERS: Setting = Setting {
    name: "MAX_VIEWERS",
    flag: Some("max-viewers"),
    unit: "viewers",
    default: "10000",
    doc: "Most viewers of all streams together; one more is refused with 503",
    range: Range::Whole(1, 1_000_000),
};

pub(super) const MAX_STREAM_VIEWERS: Setting = Setting {
    name: "MAX_STREAM_VIEWERS",
    flag: Some("max-stream-viewers"),
    unit: "viewers",
    default: "2000",
    doc: "Most viewers of one stream",
    range: Range::Whole(1, 1_000_000),
};

pub(super) const STARTS_PER_MINUTE: Setting = Setting {
    name: "STARTS_PER_MINUTE",
    flag: Some("starts-per-minute"),
    unit: "starts",
    default: "1200",
    doc: "Starts a minute of one caller, all of them at once if need be; more are refused with 429",
    range: Range::Whole(1, 1_000_000),
};

pub(super) const MAX_CONNECTIONS: Setting = Setting {
    name: "MAX_CONNECTIONS",
    flag: Some("max-connections"),
    unit: "connections",
    default: "20000",
    doc: "Most connections of clients. Above a quarter of it, those that wait longest with their first request give way",
    range: Range::Whole(16, 1_000_000),
};

pub(super) const MAX_ADDRESS_CONNECTIONS: Setting = Setting {
    name: "MAX_ADDRESS_CONNECTIONS",
    flag: Some("max-address-connections"),
    unit: "connections",
    default: "1000",
    doc: "Most connections from one address that is no trusted proxy",
    range: Range::Whole(1, 1_000_000),
};

pub(super) const MAX_REQUEST_BYTES: Setting = Setting {
    name: "MAX_REQUEST_BYTES",
    flag: Some("max-request-bytes"),
    unit: "bytes",
    default: "65536",
    doc: "Longest body of a request; a head has 400 KiB and 100 fields at most",
    range: Range::Whole(1024, 1_048_576),
};

pub(super) const REQUEST_SECONDS: Setting = Setting {
    name: "REQUEST_SECONDS",
    flag: Some("request-seconds"),
    unit: "seconds",
    default: "10",
    doc: "How long a client may take for its TLS handshake and its first request",
    range: Range::Whole(1, 300),
};

pub(super) const IDLE_SECONDS: Setting = Setting {
    name: "IDLE_SECONDS",
    flag: Some("idle-seconds"),
    unit: "seconds",
    default: "75",
    doc: "How long a connection is kept without a new request; a client that reads slowly has twice that",
    range: Range::Whole(15, 3600),
};

pub(super) const ENV_FILE: Setting = Setting {
    name: "ENV_FILE",
    flag: Some("env-file"),
    unit: "path",
    default: ".env",
    doc: "File with settings, read again at SIGHUP",
    range: Range::Anything,
};

pub(super) const CLEANUP_DELAY_SECONDS: Setting = Setting {
    name: "CLEANUP_DELAY_SECONDS",
    flag: Some("cleanup-delay-seconds"),
    unit: "seconds",
    default: "30",
    doc: "How long a stream goes on with nobody watching before its camera is let go",
    range: Range::Whole(1, 86400),
};

pub(super) const CLEANUP_INTERVAL_SECONDS: Setting = Setting {
    name: "CLEANUP_INTERVAL_SECONDS",
    flag: Some("cleanup-interval-seconds"),
    unit: "seconds",
    default: "10",
    doc: "How often streams that nobody watches are looked for",
    range: Range::Whole(1, 3600),
};

pub(super) const KEEP_WARM: Setting = Setting {
    name: "KEEP_WARM",
    flag: Some("keep-warm"),
    unit: "streams",
    default: "off",
    doc: "Streams that go on with nobody watching once they are started, where the start does not say: their picture is there at once",
    range: Range::Streams,
};

pub(super) const HLS_SEGMENT_TIME: Setting = Setting {
    name: "HLS_SEGMENT_TIME",
    flag: Some("hls-segment-time"),
    unit: "seconds",
    default: "2",
    doc: "Shortest segment: it ends at the camera's first keyframe after this",
    range: Range::Decimal(0.5, 10.0),
};

pub(super) const HLS_LIST_SIZE: Setting = Setting {
    name: "HLS_LIST_SIZE",
    flag: Some("hls-list-size"),
    unit: "segments",
    default: "5",
    doc: "Segments in a playlist",
    range: Range::Whole(3, 60),
};

pub(super) const HLS_SEGMENT_TYPE: Setting = Setting {
    name: "HLS_SEGMENT_TYPE",
    flag: Some("hls-segment-type"),
    unit: "format",
    default: "fmp4",
    doc: "How segments are packed: fragmented MP4 or MPEG-2 transport stream",
    range: Range::OneOf(&["fmp4", "mpegts"]),
};

pub(super) const HLS_LOW_LATENCY: Setting = Setting {
    name: "HLS_LOW_LATENCY",
    flag: Some("hls-low-latency"),
    unit: "choice",
    default: "auto",
    doc: "Low-latency playlists: for all but Apple's player on plain HTTP, which would not use them; for all; for none",
    range: Range::OneOf(&["auto", "on", "off"]),
};

pub(super) const HLS_PART_TIME: Setting = Setting {
    name: "HLS_PART_TIME",
    flag: Some("hls-part-time"),
    unit: "seconds",
    default: "0.2",
    doc: "Length that parts aim at: the whole number of pictures closest to it",
    range: Range::Decimal(0.1, 1.0),
};

pub(super) const AUDIO: Setting = Setting {
    name: "AUDIO",
    flag: Some("audio"),
    unit: "choice",
    default: "auto",
    doc: "The cameras' audio: carried where browsers can play it, or never asked for",
    range: Range::OneOf(&["auto", "off"]),
};

pub(super) const START_TIMEOUT_SECONDS: Setting = Setting {
    name: "START_TIMEOUT_SECONDS",
    flag: Some("start-timeout-seconds"),
    unit: "seconds",
    default: "10",
    doc: "Longest that a start waits for the camera",
    range: Range::Whole(1, 60),
};

pub(super) const VIDEO_TIMEOUT_SECONDS: Setting = Setting {
    name: "VIDEO_TIMEOUT_SECONDS",
    flag: Some("video-timeout-seconds"),
    unit: "seconds",
    default: "10",
    doc: "Time without video after which the camera is connected anew",
    range: Range::Whole(2, 300),
};

pub(super) const CAMERA_GUARD: Setting = Setting {
    name: "CAMERA_GUARD",
    flag: Some("camera-guard"),
    unit: "choice",
    default: "auto",
    doc: "Which cameras get a guard, which bounds what they can make camgate hold: on is all, auto those not at a private address",
    range: Range::OneOf(&["auto", "on", "off"]),
};

pub(super) const SOURCE_ALLOW: Setting = Setting {
    name: "SOURCE_ALLOW",
    flag: Some("source-allow"),
    unit: "hosts",
    default: "",
    doc: "What alone may be pulled; with nothing here, all but what SOURCE_DENY has and what never is a camera's",
    range: Range::Sources,
};

pub(super) const SOURCE_DENY: Setting = Setting {
    name: "SOURCE_DENY",
    flag: Some("source-deny"),
    unit: "hosts",
    default: "",
    doc: "What may not be pulled, whatever SOURCE_ALLOW has",
    range: Range::Sources,
};

pub(super) const RTSPS_CA: Setting = Setting {
    name: "RTSPS_CA",
    flag: Some("rtsps-ca"),
    unit: "path",
    default: "",
    doc: "Authorities whose certificates are trusted of cameras at rtsps://, in place of those that the system trusts",
    range: Range::File,
};

pub(super) const CAMERAS_FILE: Setting = Setting {
    name: "CAMERAS_FILE",
    flag: Some("cameras-file"),
    unit: "path",
    default: "",
    doc: "Cameras by name, so that a start needs no link and no password",
    range: Range::Toml,
};

pub(super) const MAX_STREAMS: Setting = Setting {
    name: "MAX_STREAMS",
    flag: Some("max-streams"),
    unit: "streams",
    default: "1000",
    doc: "Most streams at a time; a start above it is refused",
    range: Range::Whole(1, 100_000),
};

pub(super) const MAX_STREAM_BYTES: Setting = Setting {
    name: "MAX_STREAM_BYTES",
    flag: Some("max-stream-bytes"),
    unit: "bytes",
    default: "64MiB",
    doc: "Most media that one stream holds in memory; never above MAX_TOTAL_BYTES",
    range: Range::AtLeastBytes(4 * MIB),
};

pub(super) const MAX_TOTAL_BYTES: Setting = Setting {
    name: "MAX_TOTAL_BYTES",
    flag: Some("max-total-bytes"),
    unit: "bytes",
    default: "2GiB",
    doc: "Most media that all streams hold together; above it the least recently watched are let go",
    range: Range::AtLeastBytes(4 * MIB),
};

pub(super) const LOG_LEVEL: Setting = Setting {
    name: "LOG_LEVEL",
    flag: Some("log-level"),
    unit: "filter",
    default: "info",
    doc: "What is logged: one level for all, or a level for each part",
    range: Range::Filter,
};

pub(super) const LOG_FORMAT: Setting = Setting {
    name: "LOG_FORMAT",
    flag: Some("log-format"),
    unit: "format",
    default: "text",
    doc: "How it is logged: text for a person, json for a machine",
    range: Range::OneOf(&["text", "json"]),
};

pub(super) const METRICS_STREAMS: Setting = Setting {
    name: "METRICS_STREAMS",
    flag: Some("metrics-streams"),
    unit: "streams",
    default: "1000",
    doc: "Most streams of which each has series of its own in /metrics; 0 has totals alone",
    range: Range::Whole(0, 100_000),
};

pub(super) const DRAIN_SECONDS: Setting = Setting {
    name: "DRAIN_SECONDS",
    flag: Some("drain-seconds"),
    unit: "seconds",
    default: "0",
    doc: "After SIGTERM, time in which /readyz says no and no stream is started, while those that run go on",
    range: Range::Whole(0, 30),
};

pub(super) const STREAM_DIR: Setting = Setting {
    name: "STREAM_DIR",
    flag: None,
    unit: "path",
    default: "",
    doc: "Ignored, with a warning: older deployments set it, and media is now held in memory",
    range: Range::Anything,
};

impl Setting {
    /// What a value may be, as the end of the sentence "this is not …".
    pub fn accepts(&self) -> String {
        match &self.range {
            Range::Whole(min, max) => format!("a number from {min} to {max}"),
            Range::Decimal(min, max) => format!("a number from {min} to {max}, fractions allowed"),
            Range::AtLeastBytes(min) => {
                format!("a size of {}MiB or more, such as 67108864, 64M or 1GiB", min / MIB)
            }
            Range::OneOf(words) => words.join(" or "),
            Range::Address => "an IP address".to_owned(),
            Range::Networks => "addresses or networks such as 10.0.0.0/8, with commas between".to_owned(),
            Range::Origins => "* or origins such as https://example.org, with commas between".to_owned(),
            Range::Secrets(what) => (*what).to_owned(),
            Range::Streams => "off, all or names of streams with commas between".to_owned(),
            Range::Sources => {
                "addresses, networks (10.0.0.0/8), names (*.cams.example) or *, each with :port or :port-port or without, with commas between"
                    .to_owned()
            }
            Range::Toml => "a file such as docs/cameras.example.toml".to_owned(),
            Range::File => "a PEM file".to_owned(),
            Range::Filter => {
                "off, error, warn, info, debug, trace or a filter such as camgate=debug,retina=info"
                    .to_owned()
            }
            Range::Anything => "any value".to_owned(),
        }
    }

    /// Whether its value is nobody's business.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.range, Range::Secrets(_))
    }

    pub(super) fn whole<T: TryFrom<u64>>(&self, text: &str) -> Option<T> {
        let Range::Whole(min, max) = self.range else { return None };
        let value = u64::from_str(text).ok().filter(|value| (min..=max).contains(value))?;
        T::try_from(value).ok()
    }

    pub(super) fn seconds(&self, text: &str) -> Option<Duration> {
        let Range::Decimal(min, max) = self.range else {
            return self.whole(text).map(Duration::from_secs);
        };
        let value = f64::from_str(text).ok().filter(|value| (min..=max).contains(value))?;
        Duration::try_from_secs_f64(value).ok()
    }

    /// Plain bytes, or a number with K, M, G or KiB, MiB, GiB: both mean powers of 1024.
    pub(super) fn bytes(&self, text: &str) -> Option<u64> {
        let Range::AtLeastBytes(min) = self.range else { return None };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, suffix) = text.split_at(digits);
        let unit = match suffix.trim_start().to_ascii_lowercase().as_str() {
            "" => 1,
            "k" | "kib" => 1024,
            "m" | "mib" => MIB,
            "g" | "gib" => 1024 * MIB,
            _ => return None,
        };
        u64::from_str(number).ok()?.checked_mul(unit).filter(|&bytes| bytes >= min)
    }

    /// `EnvFilter` takes any bare word for the name of a module: a misspelt level would log nothing.
    pub(super) fn filter(&self, text: &str) -> Option<String> {
        let directive = |part: &str| {
            !part.is_empty() && (part.contains(['=', '[']) || LevelFilter::from_str(part.trim()).is_ok())
        };
        let valid = text.split(',').all(directive) && EnvFilter::builder().parse(text).is_ok();
        valid.then(|| text.to_owned())
    }

    /// The same for a table cell: short.
    fn accepts_short(&self) -> String {
        match &self.range {
            Range::Whole(min, max) => format!("{min} to {max}"),
            Range::Decimal(min, max) => format!("{min} to {max}, fractions allowed"),
            Range::AtLeastBytes(min) => format!("{}MiB or more; K, M, G, KiB, MiB, GiB", min / MIB),
            _ => self.accepts(),
        }
    }
}

/// Adds a flag for each setting to `cmd`; [`crate::config::Config::load`] reads them.
pub fn serve_args(cmd: Command) -> Command {
    let args = SETTINGS.iter().filter_map(|setting| {
        let id = setting.flag?;
        let help = format!(
            "{} [env: {}] [default: {}] [{}]",
            setting.doc,
            setting.name,
            setting.default,
            setting.accepts_short()
        );
        // The value is judged with those of the other sources, and so is a negative number.
        let arg = Arg::new(id).long(id).value_name(setting.unit).help(help);
        Some(arg.allow_negative_numbers(true))
    });
    cmd.args(args)
}

/// The text of `.env.example`: every setting at its default, with what it means.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Settings of camgate: copy to .env in the working directory. A flag wins over the environment,\n\
         # the environment over this file. An empty value means the default; of two lines with one name the first counts.\n\
         # Made from src/config/settings.rs by `make settings`.\n",
    );
    for setting in SETTINGS {
        let flag = setting.flag.map(|flag| format!(" Flag: --{flag}.")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(text, "\n# {}.\n# Unit: {}.", setting.doc, setting.unit);
        if !setting.default.is_empty() {
            let _ = write!(text, " Default: {}.", setting.default);
        }
        let _ = writeln!(
            text,
            " Accepts: {}.{flag}\n{}={}",
            setting.accepts_short(),
            setting.name,
            setting.default
        );
    }
    text
}

/// The README's table of settings, in Markdown.
pub fn settings_markdown() -> String {
    let mut text = String::from(
        "| Variable | Flag | What it does | Unit | Default | Accepts |\n|---|---|---|---|---|---|\n",
    );
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    for setting in SETTINGS {
        let flag = setting.flag.map(|flag| format!("`--{flag}`")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {flag} | {} | {} | {} | {} |",
            setting.name,
            setting.doc,
            setting.unit,
            code(setting.default),
            setting.accepts_short()
        );
    }
    text
}
