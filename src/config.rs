//! Environment, `.env` and flags → one validated [`Config`].
//!
//! Here belongs where a setting is looked for, and which type its value has.
//! Which settings there are stands in [`settings`]; what they do belongs to the modules that take them.
//!
//! A flag wins over the environment, the environment over the `.env` file, and that over the default.
//! An empty value counts as not given. Names that camgate does not know are ignored: `.env` is shared.

mod dotenv;
mod setting;
pub mod settings;
mod told;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use sha2::{Digest as _, Sha256};

use crate::access::{Access, ApiTokens, Limits, Proxies, StreamSecrets};
use crate::ingest::reach::{Entry, EntryError};
use crate::stream::{KeepWarm, StreamId};

pub use dotenv::read_dotenv;
pub use setting::Setting;
pub use told::{env_example, serve_args, settings_markdown};

/// Everything that a person can set, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// TCP port to listen on; 0 takes any free one.
    pub port: u16,
    /// Certificate and key, where clients are to be served over TLS alone.
    pub tls: Option<TlsFiles>,
    /// Who may do what, and how much of it.
    pub access: Access,
    /// Whose pages may play; none is everyone's.
    pub origins: Option<Vec<String>>,
    /// How much clients may ask of the server of HTTP.
    pub clients: Clients,
    /// How long a stream goes on with nobody watching.
    pub cleanup_delay: Duration,
    /// How often streams that nobody watches are looked for.
    pub cleanup_interval: Duration,
    /// Which streams go on with nobody watching.
    pub keep_warm: KeepWarm,
    /// Shortest segment: it is cut at the first keyframe after this.
    pub segment_time: Duration,
    /// Length that parts of a segment aim at.
    pub part_time: Duration,
    /// Who gets playlists of low latency.
    pub low_latency: LowLatency,
    /// Segments in a playlist.
    pub list_size: usize,
    /// How segments are packed.
    pub segment_type: SegmentType,
    /// Whether cameras are asked for their audio.
    pub audio: bool,
    /// Longest that a start waits for the camera.
    pub start_timeout: Duration,
    /// Most streams at a time.
    pub max_streams: usize,
    /// Most media that one stream holds, in bytes; never above [`Config::max_total_bytes`].
    pub max_stream_bytes: u64,
    /// Most media that all streams hold together, in bytes.
    pub max_total_bytes: u64,
    /// Time without video after which the camera is connected anew.
    pub video_timeout: Duration,
    /// Which cameras are connected to through a guard.
    pub camera_guard: CameraGuard,
    /// What alone may be pulled; all that is not refused, if it is empty.
    pub source_allow: Vec<Entry>,
    /// What may not be pulled.
    pub source_deny: Vec<Entry>,
    /// Authorities of cameras' certificates, in place of the system's.
    pub rtsps_ca: Option<PathBuf>,
    /// A file of cameras by name.
    pub cameras_file: Option<PathBuf>,
    /// What is logged: a filter that `tracing_subscriber::EnvFilter` takes.
    pub log_level: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Most streams of which each has metrics of its own.
    pub metrics_streams: usize,
    /// How long the gateway goes on once it is to end, without taking anything new.
    pub drain: Duration,
    /// What the person should hear about their settings, one line each.
    pub warnings: Vec<String>,
    /// What each setting was given, so that it can be told what a reload changes.
    pub given: Vec<(&'static str, Digest)>,
}

/// SHA-256 of a value, which may be a secret.
pub type Digest = [u8; 32];

/// How much clients may ask of the server of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Longest body of a request, in bytes.
    pub request_bytes: usize,
    /// From a connection to its first request.
    pub first_request: Duration,
    /// Without a new request.
    pub idle: Duration,
}

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate first, then those of its issuers.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// How often it is looked whether they have changed; no setting.
    pub look_every: Duration,
}

/// A certificate is renewed days before it has to be: nobody waits for this look.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How segments are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentType {
    /// Fragmented MP4.
    Fmp4,
    /// MPEG-2 transport stream.
    MpegTs,
}

/// Which cameras are connected to through a guard, which bounds what they can make camgate hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraGuard {
    /// All but those at a private address.
    Auto,
    /// All.
    On,
    /// None.
    Off,
}

/// Who gets playlists of low latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowLatency {
    /// All but Apple's player on plain HTTP.
    Auto,
    /// All.
    On,
    /// None.
    Off,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// A setting that camgate cannot start with. Its text is one line that a person can act on.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value outside of what its setting accepts.
    #[error("{name}: {value:?} is not {accepts}")]
    Value {
        /// The variable or flag, as the person wrote it.
        name: String,
        /// What they gave it.
        value: String,
        /// What would have been accepted.
        accepts: String,
    },
    /// A secret that is of no use. It is not shown.
    #[error("{name}: its value is not {accepts}")]
    Secret {
        /// The variable, as the person wrote it.
        name: String,
        /// What would have been accepted.
        accepts: String,
    },
    /// One of a pair of settings without the other.
    #[error("{name}: is set, and {missing} is not: TLS needs both")]
    Alone {
        /// The variable or flag, as the person wrote it.
        name: String,
        /// The variable that is wanted beside it.
        missing: &'static str,
    },
    /// A line of the `.env` file that is no assignment. The line itself may hold a secret and is not shown.
    #[error("{}: line {line} is not NAME=value (quote a value that contains spaces)", path.display())]
    DotEnvLine {
        /// The file.
        path: PathBuf,
        /// The line at fault, from 1.
        line: usize,
    },
    /// A `.env` file that is there and cannot be read.
    #[error("{}: {source} (the file of settings: ENV_FILE or --env-file)", path.display())]
    DotEnvFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Default for Config {
    /// Every setting at its default.
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "the defaults are constants, and a test reads each of them")]
        Self::from_sources(&ArgMatches::default(), |_| None, &HashMap::new()).expect("defaults are valid")
    }
}

impl Config {
    /// Reads the settings from `flags`, this process's environment and `.env` in the working directory.
    ///
    /// # Errors
    /// The first setting or `.env` line that is not valid.
    pub fn load(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let env = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let nothing = HashMap::new();
        let named = Sources { flags, env: &env, dotenv: &nothing, file: "" }.find(&settings::ENV_FILE);
        let Some(Given { value: file, .. }) = named else {
            let file = settings::ENV_FILE.default;
            let dotenv = read_dotenv(Path::new(file))?;
            return Self::from_all(&Sources { flags, env: &env, dotenv: &dotenv, file });
        };
        // Whoever names a file means one that is there, and camgate's alone: a `.env` is shared with other programs.
        let dotenv = dotenv::read_named(Path::new(&file))?;
        let mut config = Self::from_all(&Sources { flags, env: &env, dotenv: &dotenv, file: &file })?;
        config.warnings.extend(strangers(&dotenv, &file));
        Ok(config)
    }

    /// The same from given sources: `flags` matched by a command of [`serve_args`], a look-up in the
    /// environment, and the content of the `.env` file.
    ///
    /// # Errors
    /// The first setting that is not valid.
    pub fn from_sources(
        flags: &ArgMatches,
        env: impl Fn(&str) -> Option<String>,
        dotenv: &HashMap<String, String>,
    ) -> Result<Self, ConfigError> {
        Self::from_all(&Sources { flags, env: &env, dotenv, file: settings::ENV_FILE.default })
    }

    fn from_all(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        use settings as s;
        let max_total_bytes = sources.read(&s::MAX_TOTAL_BYTES, Setting::bytes)?;
        let stream_dir = sources.find(&s::STREAM_DIR);
        let access = Access {
            api_tokens: sources.secret(&s::API_TOKENS, ApiTokens::parse)?,
            stream_secrets: sources.secret(&s::STREAM_SECRET, StreamSecrets::parse)?,
            stream_token_life: sources.read(&s::STREAM_TOKEN_SECONDS, Setting::seconds)?,
            proxies: sources.read(&s::TRUSTED_PROXIES, |_, text| Proxies::parse(text))?,
            limits: Limits {
                viewers: sources.read(&s::MAX_VIEWERS, Setting::whole)?,
                stream_viewers: sources.read(&s::MAX_STREAM_VIEWERS, Setting::whole)?,
                starts_per_minute: sources.read(&s::STARTS_PER_MINUTE, Setting::whole)?,
                connections: sources.read(&s::MAX_CONNECTIONS, Setting::whole)?,
                address_connections: sources.read(&s::MAX_ADDRESS_CONNECTIONS, Setting::whole)?,
            },
        };
        let clients = Clients {
            request_bytes: sources.read(&s::MAX_REQUEST_BYTES, Setting::whole)?,
            first_request: sources.read(&s::REQUEST_SECONDS, Setting::seconds)?,
            idle: sources.read(&s::IDLE_SECONDS, Setting::seconds)?,
        };
        let ignored = stream_dir
            .map(|given| format!("{} is ignored: media is held in memory, not on disk", given.name));
        Ok(Self {
            access,
            origins: sources.read(&s::CORS_ORIGINS, |_, text| origins(text))?,
            clients,
            given: settings::SETTINGS.iter().map(|setting| (setting.name, sources.digest(setting))).collect(),
            host: sources.read(&s::HOST, |_, text| text.parse().ok())?,
            port: sources.read(&s::PORT, Setting::whole)?,
            tls: sources.tls()?,
            cleanup_delay: sources.read(&s::CLEANUP_DELAY_SECONDS, Setting::seconds)?,
            cleanup_interval: sources.read(&s::CLEANUP_INTERVAL_SECONDS, Setting::seconds)?,
            keep_warm: sources.read(&s::KEEP_WARM, |_, text| match text {
                "off" => Some(KeepWarm::Off),
                "all" => Some(KeepWarm::All),
                names => {
                    let ids = names.split(',').map(|name| StreamId::parse(name.trim()).ok());
                    ids.collect::<Option<_>>().map(KeepWarm::These)
                }
            })?,
            segment_time: sources.read(&s::HLS_SEGMENT_TIME, Setting::seconds)?,
            part_time: sources.read(&s::HLS_PART_TIME, Setting::seconds)?,
            low_latency: sources.read(&s::HLS_LOW_LATENCY, |_, text| match text {
                "auto" => Some(LowLatency::Auto),
                "on" => Some(LowLatency::On),
                "off" => Some(LowLatency::Off),
                _ => None,
            })?,
            list_size: sources.read(&s::HLS_LIST_SIZE, Setting::whole)?,
            segment_type: sources.read(&s::HLS_SEGMENT_TYPE, |_, text| match text {
                "fmp4" => Some(SegmentType::Fmp4),
                "mpegts" => Some(SegmentType::MpegTs),
                _ => None,
            })?,
            audio: sources.read(&s::AUDIO, |_, text| match text {
                "auto" => Some(true),
                "off" => Some(false),
                _ => None,
            })?,
            start_timeout: sources.read(&s::START_TIMEOUT_SECONDS, Setting::seconds)?,
            max_streams: sources.read(&s::MAX_STREAMS, Setting::whole)?,
            max_stream_bytes: sources.max_stream_bytes(max_total_bytes)?,
            max_total_bytes,
            video_timeout: sources.read(&s::VIDEO_TIMEOUT_SECONDS, Setting::seconds)?,
            camera_guard: sources.read(&s::CAMERA_GUARD, |_, text| match text {
                "auto" => Some(CameraGuard::Auto),
                "on" => Some(CameraGuard::On),
                "off" => Some(CameraGuard::Off),
                _ => None,
            })?,
            source_allow: sources.entries(&s::SOURCE_ALLOW)?,
            source_deny: sources.entries(&s::SOURCE_DENY)?,
            rtsps_ca: sources.find(&s::RTSPS_CA).map(|given| given.value.into()),
            cameras_file: sources.find(&s::CAMERAS_FILE).map(|given| given.value.into()),
            log_level: sources.read(&s::LOG_LEVEL, Setting::filter)?,
            log_format: sources.read(&s::LOG_FORMAT, |_, text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
            metrics_streams: sources.read(&s::METRICS_STREAMS, Setting::whole)?,
            drain: sources.read(&s::DRAIN_SECONDS, Setting::seconds)?,
            warnings: ignored.into_iter().collect(),
        })
    }

    /// Settings whose values are others in `next`: those that a reload changes, and those that wait for the next start.
    pub fn changes(&self, next: &Self) -> (Vec<&'static str>, Vec<&'static str>) {
        let changed = self.given.iter().zip(&next.given).filter(|(before, after)| before != after);
        let is_reloaded = |name: &&str| settings::RELOADED.iter().any(|setting| setting.name == *name);
        changed.map(|((name, _), _)| *name).partition(is_reloaded)
    }

    /// Where to listen.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

/// A value and the name under which the person gave it.
struct Given {
    name: String,
    value: String,
}

struct Sources<'a> {
    flags: &'a ArgMatches,
    env: &'a dyn Fn(&str) -> Option<String>,
    dotenv: &'a HashMap<String, String>,
    /// Where `dotenv` was read from, for errors.
    file: &'a str,
}

impl Sources<'_> {
    fn find(&self, setting: &Setting) -> Option<Given> {
        let flag = || self.flags.try_get_one::<String>(setting.flag?).ok().flatten().cloned();
        let given = |name: String, value: Option<String>| {
            let value = value?.trim().to_owned();
            (!value.is_empty()).then_some(Given { name, value })
        };
        given(format!("--{}", setting.flag.unwrap_or_default()), flag())
            .or_else(|| given(setting.name.to_owned(), (self.env)(setting.name)))
            .or_else(|| {
                given(format!("{} in {}", setting.name, self.file), self.dotenv.get(setting.name).cloned())
            })
    }

    fn read<T>(
        &self,
        setting: &Setting,
        parse: impl Fn(&Setting, &str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let Given { name, value } = self
            .find(setting)
            .unwrap_or_else(|| Given { name: setting.name.to_owned(), value: setting.default.to_owned() });
        parse(setting, &value).ok_or_else(|| ConfigError::Value { name, value, accepts: setting.accepts() })
    }

    /// The same of a setting whose value is shown to nobody; none without one.
    fn secret<T: Default>(
        &self,
        setting: &Setting,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let Some(Given { name, value }) = self.find(setting) else { return Ok(T::default()) };
        debug_assert!(setting.is_secret(), "{} is shown", setting.name);
        parse(&value).ok_or_else(|| ConfigError::Secret { name, accepts: setting.accepts() })
    }

    fn digest(&self, setting: &Setting) -> Digest {
        let value = self.find(setting).map_or_else(|| setting.default.to_owned(), |given| given.value);
        Sha256::digest(value.as_bytes()).into()
    }

    /// A list of what may be pulled, or may not: the error names the entry that is wrong.
    fn entries(&self, setting: &Setting) -> Result<Vec<Entry>, ConfigError> {
        let Some(Given { name, value }) = self.find(setting) else { return Ok(Vec::new()) };
        let entry = |text: &str| {
            text.parse().map_err(|error: EntryError| ConfigError::Value {
                name: name.clone(),
                value: text.trim().to_owned(),
                accepts: error.to_string(),
            })
        };
        value.split(',').map(entry).collect()
    }

    fn tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        use settings as s;
        match (self.find(&s::TLS_CERT), self.find(&s::TLS_KEY)) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles {
                certificate: certificate.value.into(),
                key: key.value.into(),
                look_every: LOOK_EVERY,
            })),
            (Some(given), None) => Err(ConfigError::Alone { name: given.name, missing: s::TLS_KEY.name }),
            (None, Some(given)) => Err(ConfigError::Alone { name: given.name, missing: s::TLS_CERT.name }),
        }
    }

    /// The default gives way to a smaller total; asking for more than the total is a mistake to hear about.
    fn max_stream_bytes(&self, total: u64) -> Result<u64, ConfigError> {
        let setting = &settings::MAX_STREAM_BYTES;
        let bytes = self.read(setting, Setting::bytes)?;
        match self.find(setting) {
            Some(Given { name, value }) if bytes > total => Err(ConfigError::Value {
                name,
                value,
                accepts: format!("at most MAX_TOTAL_BYTES ({total} bytes)"),
            }),
            _ => Ok(bytes.min(total)),
        }
    }
}

/// A line for each name in `file` that is no setting: mistyped, it would leave undone what it was to do.
fn strangers<'a>(dotenv: &'a HashMap<String, String>, file: &'a str) -> impl Iterator<Item = String> + 'a {
    let is_known = |name: &str| settings::SETTINGS.iter().any(|setting| setting.name == name);
    let mut names: Vec<_> = dotenv.keys().filter(|name| !is_known(name)).collect();
    names.sort();
    names.into_iter().map(move |name| format!("{name} in {file} is no setting of camgate, and does nothing"))
}

/// `None` within is everyone; an origin is scheme, host and port alone (RFC 6454 §6.1).
#[expect(clippy::option_option, reason = "the outer one is whether the text makes sense")]
fn origins(text: &str) -> Option<Option<Vec<String>>> {
    if text == "*" {
        return Some(None);
    }
    let origin = |text: &str| {
        let url = url::Url::parse(text.trim()).ok()?;
        let origin = url.origin().ascii_serialization();
        let is_one = matches!(url.scheme(), "http" | "https") && text.trim() == origin;
        is_one.then_some(origin)
    };
    text.split(',').map(origin).collect::<Option<_>>().map(Some)
}
