//! The table of settings: the one place where a name, a unit, a default and a range are written.
//!
//! What is made of it is `told`; how a value is read, `setting`; where it is looked for belongs to
//! [`crate::config`]; what it does, to the module that takes it.

use super::setting::{MIB, Range, Setting};

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
