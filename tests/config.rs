//! Settings: where they are looked for, what they accept, and what a person reads when one is wrong.
//!
//! `.env.example` and the README's table are made from the table of settings:
//! `make settings` (UPDATE_SETTINGS=1) writes them, and these tests hold them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use camgate::access::{Access, ApiTokens, Limits, Proxies, StreamSecrets};
use camgate::config::settings::SETTINGS;
use camgate::config::{
    CameraGuard, Clients, Config, ConfigError, LogFormat, LowLatency, SegmentType, TlsFiles, env_example,
    read_dotenv, serve_args, settings_markdown,
};

use camgate::stream::{KeepWarm, StreamId};

/// A configuration from the command line, the environment and the content of `.env`.
fn config(args: &[&str], env: &[(&str, &str)], dotenv: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let command = serve_args(clap::Command::new("serve").no_binary_name(true));
    let flags = command.try_get_matches_from(args).expect("flags are known");
    let owned = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (env, dotenv) = (owned(env), owned(dotenv));
    Config::from_sources(&flags, |name| env.get(name).cloned(), &dotenv)
}

fn error_of(args: &[&str], env: &[(&str, &str)], dotenv: &[(&str, &str)]) -> String {
    config(args, env, dotenv).expect_err("the value is refused").to_string()
}

fn repository(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

#[test]
fn with_nothing_set_every_setting_has_its_default() {
    let found = config(&[], &[], &[]).unwrap();
    let expected = Config {
        access: Access {
            api_tokens: ApiTokens::default(),
            stream_secrets: StreamSecrets::default(),
            stream_token_life: Duration::from_secs(6 * 3600),
            proxies: Proxies::parse("127.0.0.0/8,::1").unwrap(),
            limits: Limits {
                viewers: 10_000,
                stream_viewers: 2000,
                starts_per_minute: 1200,
                connections: 20_000,
                address_connections: 1000,
            },
        },
        origins: None,
        clients: Clients {
            request_bytes: 64 << 10,
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(75),
        },
        given: found.given.clone(),
        host: [0, 0, 0, 0].into(),
        port: 8088,
        tls: None,
        cleanup_delay: Duration::from_secs(30),
        cleanup_interval: Duration::from_secs(10),
        keep_warm: KeepWarm::Off,
        segment_time: Duration::from_secs(2),
        part_time: Duration::from_millis(200),
        low_latency: LowLatency::Auto,
        list_size: 5,
        segment_type: SegmentType::Fmp4,
        audio: true,
        start_timeout: Duration::from_secs(10),
        max_streams: 1000,
        max_stream_bytes: 64 << 20,
        max_total_bytes: 2 << 30,
        video_timeout: Duration::from_secs(10),
        camera_guard: CameraGuard::Auto,
        source_allow: vec![],
        source_deny: vec![],
        rtsps_ca: None,
        cameras_file: None,
        log_level: "info".to_owned(),
        log_format: LogFormat::Text,
        metrics_streams: 1000,
        drain: Duration::ZERO,
        warnings: vec![],
    };
    assert_eq!(found, expected);
    assert_eq!(Config::default(), expected);
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let (flag, env, file) = (["--port", "1"], [("PORT", "2")], [("PORT", "3")]);
    assert_eq!(config(&flag, &env, &file).unwrap().port, 1);
    assert_eq!(config(&[], &env, &file).unwrap().port, 2);
    assert_eq!(config(&[], &[], &file).unwrap().port, 3);
}

#[test]
fn an_empty_value_counts_as_not_given() {
    assert_eq!(config(&["--port="], &[("PORT", " ")], &[("PORT", "3")]).unwrap().port, 3);
    assert_eq!(config(&[], &[("PORT", "")], &[]).unwrap().port, 8088);
}

#[test]
fn names_that_are_not_settings_are_ignored() {
    let found = config(&[], &[("PORTS", "x"), ("APP_KEY", "y")], &[("DB_HOST", "z")]).unwrap();
    assert_eq!(found, Config::default());
}

#[test]
fn every_setting_reaches_its_field() {
    let found = config(
        &[],
        &[
            ("HOST", "::1"),
            ("PORT", "0"),
            ("TLS_CERT", "/etc/tls/cert.pem"),
            ("TLS_KEY", "key.pem"),
            ("CLEANUP_DELAY_SECONDS", "86400"),
            ("CLEANUP_INTERVAL_SECONDS", "1"),
            ("KEEP_WARM", "gate-2, door"),
            ("HLS_SEGMENT_TIME", "0.5"),
            ("HLS_LIST_SIZE", "60"),
            ("HLS_SEGMENT_TYPE", "mpegts"),
            ("START_TIMEOUT_SECONDS", "60"),
            ("MAX_STREAMS", "7"),
            ("MAX_STREAM_BYTES", "4194304"),
            ("MAX_TOTAL_BYTES", "8M"),
            ("VIDEO_TIMEOUT_SECONDS", "300"),
            ("AUDIO", "off"),
            ("HLS_LOW_LATENCY", "on"),
            ("HLS_PART_TIME", "0.5"),
            ("CAMERA_GUARD", "on"),
            ("SOURCE_ALLOW", "*.cams.example:554, 10.0.0.0/8"),
            ("SOURCE_DENY", "[fd00::/8]:8000-9000"),
            ("RTSPS_CA", "ca.pem"),
            ("CAMERAS_FILE", "/etc/camgate/cameras.toml"),
            ("LOG_LEVEL", "camgate=debug,retina=info"),
            ("LOG_FORMAT", "json"),
            ("METRICS_STREAMS", "0"),
            ("DRAIN_SECONDS", "30"),
            ("API_TOKENS", "sixteen-or-longer"),
            ("STREAM_SECRET", "of-thirty-two-characters-or-more-"),
            ("STREAM_TOKEN_SECONDS", "60"),
            ("TRUSTED_PROXIES", "10.0.0.0/8"),
            ("CORS_ORIGINS", "https://a.example, http://b.example:81"),
            ("MAX_VIEWERS", "5"),
            ("MAX_STREAM_VIEWERS", "4"),
            ("STARTS_PER_MINUTE", "3"),
            ("MAX_CONNECTIONS", "20"),
            ("MAX_ADDRESS_CONNECTIONS", "2"),
            ("MAX_REQUEST_BYTES", "1024"),
            ("REQUEST_SECONDS", "1"),
            ("IDLE_SECONDS", "15"),
        ],
        &[],
    )
    .unwrap();
    let expected = Config {
        access: Access {
            api_tokens: ApiTokens::parse("sixteen-or-longer").unwrap(),
            stream_secrets: StreamSecrets::parse("of-thirty-two-characters-or-more-").unwrap(),
            stream_token_life: Duration::from_secs(60),
            proxies: Proxies::parse("10.0.0.0/8").unwrap(),
            limits: Limits {
                viewers: 5,
                stream_viewers: 4,
                starts_per_minute: 3,
                connections: 20,
                address_connections: 2,
            },
        },
        origins: Some(vec!["https://a.example".into(), "http://b.example:81".into()]),
        clients: Clients {
            request_bytes: 1024,
            first_request: Duration::from_secs(1),
            idle: Duration::from_secs(15),
        },
        given: found.given.clone(),
        host: "::1".parse().unwrap(),
        port: 0,
        tls: Some(TlsFiles {
            certificate: "/etc/tls/cert.pem".into(),
            key: "key.pem".into(),
            look_every: Duration::from_secs(5),
        }),
        cleanup_delay: Duration::from_secs(86400),
        cleanup_interval: Duration::from_secs(1),
        keep_warm: KeepWarm::These(["gate-2", "door"].map(|id| StreamId::parse(id).unwrap()).into()),
        segment_time: Duration::from_millis(500),
        part_time: Duration::from_millis(500),
        low_latency: LowLatency::On,
        list_size: 60,
        segment_type: SegmentType::MpegTs,
        audio: false,
        start_timeout: Duration::from_secs(60),
        max_streams: 7,
        max_stream_bytes: 4 << 20,
        max_total_bytes: 8 << 20,
        video_timeout: Duration::from_secs(300),
        camera_guard: CameraGuard::On,
        source_allow: ["*.cams.example:554", "10.0.0.0/8"].map(|text| text.parse().unwrap()).into(),
        source_deny: vec!["[fd00::/8]:8000-9000".parse().unwrap()],
        rtsps_ca: Some("ca.pem".into()),
        cameras_file: Some("/etc/camgate/cameras.toml".into()),
        log_level: "camgate=debug,retina=info".to_owned(),
        log_format: LogFormat::Json,
        metrics_streams: 0,
        drain: Duration::from_secs(30),
        warnings: vec![],
    };
    assert_eq!(found, expected);
    assert_eq!(found.listen().to_string(), "[::1]:0");
}

#[test]
fn origins_are_scheme_host_and_port_and_nothing_else() {
    for text in [
        "https://a.example/",
        "a.example",
        "https://A.example",
        "https://a.example:443",
        "ftp://a.example",
        "*,https://a.example",
        "https://u@a.example",
    ] {
        let error = error_of(&[], &[("CORS_ORIGINS", text)], &[]);
        assert!(error.starts_with("CORS_ORIGINS: ") && error.contains("https://example.org"), "{error}");
    }
}

#[test]
fn a_reload_tells_what_changes_now_and_what_with_the_next_start() {
    let before = config(&[], &[("API_TOKENS", "sixteen-or-longer"), ("PORT", "8088")], &[]).unwrap();
    let same = config(&[], &[], &[("API_TOKENS", "sixteen-or-longer")]).unwrap();
    assert_eq!(before.changes(&same), (vec![], vec![]), "another place, the same values");
    let other = [("API_TOKENS", "sixteen-or-longer-"), ("PORT", "8089"), ("MAX_STREAMS", "1")];
    let after = config(&[], &other, &[]).unwrap();
    assert_eq!(before.changes(&after), (vec!["API_TOKENS", "MAX_STREAMS"], vec!["PORT"]));
    let shown = format!("{after:?}");
    assert!(!shown.contains("sixteen"), "{shown}");
}

#[test]
fn a_secret_that_is_of_no_use_is_not_repeated() {
    assert_eq!(
        error_of(&[], &[], &[("API_TOKENS", "hunter2")]),
        "API_TOKENS in .env: its value is not tokens of 16 or more visible ASCII characters, with commas between"
    );
}

#[test]
fn a_bad_value_is_one_line_that_names_it_as_it_was_written() {
    assert_eq!(error_of(&[], &[("PORT", "abc")], &[]), r#"PORT: "abc" is not a number from 0 to 65535"#);
    assert_eq!(error_of(&["--port", "-1"], &[], &[]), r#"--port: "-1" is not a number from 0 to 65535"#);
    assert_eq!(
        error_of(&[], &[], &[("HLS_SEGMENT_TYPE", "ts")]),
        r#"HLS_SEGMENT_TYPE in .env: "ts" is not fmp4 or mpegts"#
    );
    assert_eq!(error_of(&[], &[("HOST", "a\nb")], &[]), r#"HOST: "a\nb" is not an IP address"#);
}

#[test]
fn values_just_outside_their_range_are_refused() {
    let outside = [
        ("PORT", ["-1", "65536"]),
        ("HOST", ["localhost", "0.0.0"]),
        ("CLEANUP_DELAY_SECONDS", ["0", "86401"]),
        ("CLEANUP_INTERVAL_SECONDS", ["0", "3601"]),
        ("KEEP_WARM", ["a,,b", "a/b"]),
        ("HLS_SEGMENT_TIME", ["0.49", "10.01"]),
        ("HLS_SEGMENT_TIME", ["NaN", "inf"]),
        ("HLS_LIST_SIZE", ["2", "61"]),
        ("HLS_SEGMENT_TYPE", ["ts", "FMP4"]),
        ("AUDIO", ["on", "0"]),
        ("HLS_LOW_LATENCY", ["yes", "0"]),
        ("HLS_PART_TIME", ["0.09", "1.01"]),
        ("START_TIMEOUT_SECONDS", ["0", "61"]),
        ("VIDEO_TIMEOUT_SECONDS", ["1", "301"]),
        ("CAMERA_GUARD", ["yes", "ON"]),
        ("STREAM_TOKEN_SECONDS", ["9", "604801"]),
        ("TRUSTED_PROXIES", ["10.0.0.1/8", "proxy"]),
        ("CORS_ORIGINS", ["https://a.example/", "null"]),
        ("SOURCE_ALLOW", ["10.0.0.1/8", "cam:99999"]),
        ("SOURCE_DENY", ["10.0.0", "a b"]),
        ("MAX_STREAMS", ["0", "100001"]),
        ("MAX_VIEWERS", ["0", "1000001"]),
        ("MAX_STREAM_VIEWERS", ["0", "1000001"]),
        ("STARTS_PER_MINUTE", ["0", "1000001"]),
        ("MAX_CONNECTIONS", ["15", "1000001"]),
        ("MAX_ADDRESS_CONNECTIONS", ["0", "1000001"]),
        ("MAX_REQUEST_BYTES", ["1023", "1048577"]),
        ("REQUEST_SECONDS", ["0", "301"]),
        ("IDLE_SECONDS", ["14", "3601"]),
        ("MAX_STREAM_BYTES", ["4194303", "3M"]),
        ("MAX_STREAM_BYTES", ["64MB", "MiB"]),
        ("MAX_TOTAL_BYTES", ["1", "99999999999G"]),
        ("LOG_LEVEL", ["verbose", "info,loud"]),
        ("LOG_LEVEL", ["camgate=loud", ","]),
        ("LOG_FORMAT", ["xml", "JSON"]),
        ("METRICS_STREAMS", ["-1", "100001"]),
        ("DRAIN_SECONDS", ["0.5", "31"]),
    ];
    for (name, values) in outside {
        for value in values {
            let message = error_of(&[], &[(name, value)], &[]);
            assert!(message.starts_with(&format!("{name}: \"{value}\" is not ")), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
    let tested: Vec<_> = outside.iter().map(|(name, _)| *name).collect();
    // Any text may be a path; a secret is not repeated.
    let any = [
        "STREAM_DIR",
        "TLS_CERT",
        "TLS_KEY",
        "RTSPS_CA",
        "CAMERAS_FILE",
        "ENV_FILE",
        "API_TOKENS",
        "STREAM_SECRET",
    ];
    for setting in SETTINGS.iter().filter(|setting| !any.contains(&setting.name)) {
        assert!(tested.contains(&setting.name), "{} has no bad value here", setting.name);
    }
}

#[test]
fn sizes_are_read_as_bytes_or_with_a_binary_unit() {
    for (text, bytes) in [
        ("67108864", 64 << 20),
        ("5000K", 5000 << 10),
        ("64M", 64 << 20),
        ("64mib", 64 << 20),
        ("1 GiB", 1 << 30),
    ] {
        assert_eq!(
            config(&[], &[("MAX_STREAM_BYTES", text)], &[]).unwrap().max_stream_bytes,
            bytes,
            "{text}"
        );
    }
}

#[test]
fn a_stream_may_not_hold_more_than_all_streams_together() {
    let small = ("MAX_TOTAL_BYTES", "32M");
    assert_eq!(config(&[], &[small], &[]).unwrap().max_stream_bytes, 32 << 20);
    assert_eq!(
        error_of(&["--max-stream-bytes", "33M"], &[small], &[]),
        r#"--max-stream-bytes: "33M" is not at most MAX_TOTAL_BYTES (33554432 bytes)"#
    );
}

#[test]
fn of_a_list_of_sources_the_entry_that_is_wrong_is_named() {
    assert_eq!(
        error_of(&[], &[("SOURCE_ALLOW", "*.cams.example, 10.0.0.1/8, cam")], &[]),
        r#"SOURCE_ALLOW: "10.0.0.1/8" is not a network: that would be 10.0.0.0/8"#
    );
    assert_eq!(
        error_of(&["--source-deny", "cam:554-"], &[], &[]),
        r#"--source-deny: "cam:554-" is not complete: behind its colon belongs a port, or two with - between"#
    );
    let missing = error_of(&[], &[("SOURCE_DENY", "cam,,cam-2")], &[]);
    assert!(missing.starts_with(r#"SOURCE_DENY: "" is not *, an address"#), "{missing}");
}

#[test]
fn a_certificate_without_its_key_and_a_key_without_its_certificate_are_refused() {
    assert_eq!(
        error_of(&["--tls-cert", "a.pem"], &[], &[]),
        "--tls-cert: is set, and TLS_KEY is not: TLS needs both"
    );
    assert_eq!(
        error_of(&[], &[], &[("TLS_KEY", "a.pem")]),
        "TLS_KEY in .env: is set, and TLS_CERT is not: TLS needs both"
    );
}

#[test]
fn log_filters_may_be_a_level_or_directives() {
    for text in ["off", "WARN", "info,retina=debug", "camgate=debug,retina=info", "camgate[stream{id}]=trace"]
    {
        assert_eq!(config(&[], &[("LOG_LEVEL", text)], &[]).unwrap().log_level, text);
    }
}

#[test]
fn a_stream_dir_of_older_deployments_is_answered_with_one_warning() {
    let found = config(&[], &[("STREAM_DIR", "/var/www/streams")], &[]).unwrap();
    assert_eq!(found.warnings, ["STREAM_DIR is ignored: media is held in memory, not on disk"]);
}

fn dotenv(text: impl AsRef<[u8]>) -> Result<HashMap<String, String>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".env");
    std::fs::write(&path, text).unwrap();
    read_dotenv(&path).map_err(|error| error.to_string().replace(&*path.to_string_lossy(), ".env"))
}

#[test]
fn a_dotenv_file_is_read_and_need_not_be_there() {
    let found =
        dotenv("\u{feff}# comment\r\nPORT=1\r\n\nexport HOST=\"::1\" # all\nPORT=2\nLOG_LEVEL=a=info ")
            .unwrap();
    assert_eq!(
        dotenv("PORT=\nPORT=3\nPORT=4").unwrap()["PORT"],
        "3",
        "an empty line of a template gives way"
    );
    let mut pairs: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [("HOST", "::1"), ("LOG_LEVEL", "a=info"), ("PORT", "1")]);
    assert_eq!(read_dotenv(Path::new("/no/such/.env")).unwrap(), HashMap::new());
}

#[test]
fn a_malformed_dotenv_line_is_named_by_file_and_number_and_not_shown() {
    let says =
        |line| Err(format!(".env: line {line} is not NAME=value (quote a value that contains spaces)"));
    assert_eq!(dotenv("PORT 8088"), says(1));
    assert_eq!(dotenv("# one\n\nPORT=1\nPASSWORD=se cret\nHOST=::1\n"), says(4));
    assert_eq!(dotenv("PORT=1\nHOST='::1\nLOG_LEVEL=info\n"), says(2));
    assert_eq!(dotenv("PORT=1\nKEY=\"one\ntwo\" three\n"), says(2));
    assert_eq!(dotenv(b"PORT=1\nHOST=\xff\n"), says(2));
}

#[test]
fn an_unreadable_dotenv_file_is_one_line_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let message = read_dotenv(dir.path()).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: ", dir.path().display())), "{message}");
    assert!(message.contains("ENV_FILE"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_flag_is_its_variable_in_lower_case_with_dashes() {
    for setting in SETTINGS {
        if let Some(flag) = setting.flag {
            assert_eq!(flag, setting.name.to_lowercase().replace('_', "-"));
        }
    }
}

#[test]
fn the_help_of_serve_names_variable_and_default_of_every_flag() {
    let help = serve_args(clap::Command::new("serve").term_width(0)).render_help().to_string();
    for setting in SETTINGS.iter().filter(|setting| setting.flag.is_some()) {
        let facts = format!("[env: {}] [default: {}]", setting.name, setting.default);
        assert!(help.contains(&facts), "{facts} is missing in\n{help}");
    }
}

/// Holds `file` against `expected`, or writes it when UPDATE_SETTINGS is set.
fn assert_file(file: &str, expected: &str) {
    let path = repository(file);
    if std::env::var_os("UPDATE_SETTINGS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == expected,
        "{file} differs from src/config/settings.rs: run `make settings`, look, commit"
    );
}

#[test]
fn env_example_is_what_the_table_of_settings_says() {
    assert_file(".env.example", &env_example());
}

#[test]
fn env_example_copied_to_dotenv_gives_the_defaults() {
    let found = Config::from_sources(
        &clap::ArgMatches::default(),
        |_| None,
        &read_dotenv(&repository(".env.example")).unwrap(),
    );
    assert_eq!(found.unwrap(), Config::default());
    for setting in SETTINGS {
        assert!(
            env_example().contains(&format!("\n{}={}\n", setting.name, setting.default)),
            "{}",
            setting.name
        );
    }
}

#[test]
fn the_table_in_the_readme_is_what_the_table_of_settings_says() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let (start, end) = ("<!-- settings -->\n", "<!-- /settings -->");
    let (before, rest) = readme.split_once(start).expect("README.md has the marker <!-- settings -->");
    let (_, after) = rest.split_once(end).expect("README.md has the marker <!-- /settings -->");
    assert_file("README.md", &format!("{before}{start}{}{end}{after}", settings_markdown()));
}
