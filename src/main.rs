//! The `camgate` command: parse, bind, serve, drain.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use camgate::config::{self, Config};
use camgate::gateway::Gateway;
use camgate::ingest::SourceUrl;
use camgate::ingest::tls::Trust;
use camgate::stream::StreamId;
use camgate::{healthcheck, logging, probe, testcam};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio_util::sync::CancellationToken;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let outcome = runtime.block_on(async {
        match matches.subcommand() {
            Some(("camera", matches)) => camera(matches).await,
            Some(("probe", matches)) => run_probe(matches).await,
            Some(("demo", matches)) => demo(matches).await,
            Some(("healthcheck", matches)) => ask_health(matches).await,
            Some((_, matches)) => serve(matches).await,
            None => serve(&matches).await,
        }
    });
    // Whatever is still busy (a name being resolved, say) is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

fn fail(error: &Error) -> ExitCode {
    // If standard error is gone, there is no one to tell.
    let _ = writeln!(std::io::stderr(), "camgate: {error}");
    ExitCode::FAILURE
}

fn command() -> Command {
    let serve = config::serve_args(Command::new("serve").about("Run the gateway (the default)"));
    let demo = Command::new("demo").about(
        "Run the gateway with a simulated camera, and print the URL to open; idle streams stay for a day",
    );
    let camera = Command::new("camera")
        .about("Run a simulated RTSP camera")
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("address:port")
                .default_value("127.0.0.1:8554")
                .value_parser(value_parser!(SocketAddr)),
        )
        .arg(
            Arg::new("file").long("file").value_name("path").value_parser(value_parser!(PathBuf)).help(
                "H.264 to loop, as an Annex B elementary stream (ffmpeg -i … -c:v libx264 -bf 0 -f h264)",
            ),
        )
        .arg(
            Arg::new("audio")
                .long("audio")
                .value_name("encoding")
                .value_parser(["pcmu", "pcma", "l16", "aac", "g726", "opus"])
                .help("Let hear a tone of 440 Hz"),
        )
        .arg(Arg::new("user").long("user").value_name("name").requires("password").help("Ask for this user"))
        .arg(
            Arg::new("password")
                .long("password")
                .value_name("password")
                .requires("user")
                .help("With this password"),
        )
        .arg(
            Arg::new("auth")
                .long("auth")
                .default_value("digest")
                .value_parser(["digest", "basic"])
                .help("How to ask"),
        )
        .arg(
            Arg::new("fault")
                .long("fault")
                .value_name("start[+length]:name[=argument]")
                .action(ArgAction::Append)
                .value_parser(|text: &str| text.parse::<testcam::Fault>())
                .help("What goes wrong, in seconds since the first PLAY: 5:close, 8+10:refuse; may be repeated")
                .long_help(format!(
                    "What goes wrong, in seconds since the first PLAY: 5:close, 8+10:refuse. May be repeated. \
                     Names: {}",
                    testcam::FaultKind::NAMES
                )),
        )
        .arg(
            Arg::new("odd")
                .long("odd")
                .value_name("name")
                .action(ArgAction::Append)
                .value_parser(|text: &str| text.parse::<testcam::Oddity>())
                .help("What it does otherwise than other cameras; may be repeated")
                .long_help(format!(
                    "What it does otherwise than other cameras. May be repeated. Names: {}",
                    testcam::Oddity::names()
                )),
        );
    let probe = Command::new("probe")
        .about("Connect to a camera and print what it sends")
        .arg(Arg::new("url").required(true).value_name("rtsp://…"))
        .arg(
            Arg::new("user")
                .long("user")
                .value_name("name")
                .requires("password")
                .help("In place of the link's"),
        )
        .arg(
            Arg::new("password")
                .long("password")
                .value_name("password")
                .env("CAMERA_PASSWORD")
                .hide_env_values(true)
                .help("As it is, with no mark encoded"),
        )
        .arg(
            Arg::new("ca")
                .long("ca")
                .value_name("path")
                .env("RTSPS_CA")
                .help("Authorities of the camera's certificate, in place of the system's"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .default_value("8")
                .value_parser(value_parser!(u64).range(1..=300))
                .help("How long to watch"),
        );
    let healthcheck = config::serve_args(Command::new("healthcheck").about(
        "Ask the gateway that runs with these settings whether it is well: ends with 0 if it is, within 3 s",
    ));
    config::serve_args(Command::new("camgate"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("RTSP cameras to browsers as HLS: no ffmpeg, no transcoding, one binary")
        .args_conflicts_with_subcommands(true)
        .subcommands([serve, config::serve_args(demo), camera, probe, healthcheck])
}

async fn serve(matches: &ArgMatches) -> Result<(), Error> {
    let gateway = start_gateway(matches).await?;
    let (address, tls) = (gateway.local_addr()?, gateway.speaks_tls());
    // Before it is told that all is well: until then a signal ends the process without a word.
    let shutdown = until_signal()?;
    reload_at_hangup(&gateway, matches)?;
    tracing::info!(%address, tls, version = env!("CARGO_PKG_VERSION"), "camgate listens");
    gateway.run(shutdown).await?;
    tracing::info!("camgate has ended");
    Ok(())
}

async fn start_gateway(matches: &ArgMatches) -> Result<Gateway, Error> {
    bind(Config::load(matches)?).await
}

async fn bind(config: Config) -> Result<Gateway, Error> {
    logging::init(&config.log_level, config.log_format)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(Gateway::bind(config).await?)
}

async fn demo(matches: &ArgMatches) -> Result<(), Error> {
    let mut config = Config::load(matches)?;
    if config.cleanup_delay == Config::default().cleanup_delay {
        // Whoever opens the printed address after lunch still finds the stream.
        config.cleanup_delay = Duration::from_secs(86_400);
    }
    let everywhere = config.host.is_unspecified();
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let gateway = bind(config).await?;
    let port = gateway.local_addr()?.port();
    let camera = testcam::Camera::bind(testcam::Options::default()).await?;
    let link = camera.control().url("/demo");
    tokio::spawn(camera.run());

    let shutdown = until_signal()?;
    let registry = gateway.registry();
    let running = tokio::spawn(gateway.run(shutdown));
    registry.start(StreamId::parse("demo")?, SourceUrl::parse(&link)?).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n  A simulated camera plays at {link}")?;
    writeln!(
        out,
        "  Open {scheme}://localhost:{port}/player/demo — all streams: {scheme}://localhost:{port}/"
    )?;
    writeln!(out, "  Or: curl {scheme}://localhost:{port}/streams/demo/stream.m3u8")?;
    if everywhere {
        writeln!(out, "  Whoever reaches this machine may watch: HOST=127.0.0.1 keeps it to itself.")?;
    }
    writeln!(out, "  Ctrl-C ends it.\n")?;
    drop(out);
    running.await??;
    Ok(())
}

async fn camera(matches: &ArgMatches) -> Result<(), Error> {
    let mut options = testcam::Options::default();
    if let Some(listen) = matches.get_one::<SocketAddr>("listen") {
        options.listen = *listen;
    }
    if let Some(path) = matches.get_one::<PathBuf>("file") {
        let data = tokio::fs::read(path).await.map_err(|error| format!("{}: {error}", path.display()))?;
        let clip = testcam::Clip::from_annex_b(&data.into());
        options.clip = clip.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    options.audio = text("audio").and_then(|name| testcam::Audio::named(&name));
    if let (Some(username), Some(password)) = (text("user"), text("password")) {
        let credentials = testcam::Credentials { username, password };
        options.access = match text("auth").as_deref() {
            Some("basic") => testcam::Access::Basic(credentials),
            _ => testcam::Access::Digest(credentials),
        };
    }
    options.faults = matches.get_many("fault").unwrap_or_default().cloned().collect();
    options.oddities = matches.get_many("odd").unwrap_or_default().copied().collect();
    let listen = options.listen;
    let camera = testcam::Camera::bind(options).await.map_err(|error| {
        Error::from(format!("cannot listen on {listen}: {error}; choose another address with --listen"))
    })?;
    writeln!(std::io::stdout(), "A simulated camera plays at {}", camera.control().url("/demo"))?;
    let stop = until_signal()?;
    stop.run_until_cancelled(camera.run()).await.unwrap_or(Ok(()))?;
    Ok(())
}

async fn run_probe(matches: &ArgMatches) -> Result<(), Error> {
    let link = matches.get_one::<String>("url").map(String::as_str).unwrap_or_default();
    let source = SourceUrl::parse(link).map_err(|error| format!("this link can't be used: {error}"))?;
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let source = match (text("user"), text("password")) {
        (Some(user), Some(password)) => source.with_credentials(user, password),
        _ => source,
    };
    let seconds = Duration::from_secs(matches.get_one::<u64>("seconds").copied().unwrap_or(8));
    // An empty variable is none.
    let trust = Trust::load(text("ca").filter(|path| !path.is_empty()).map(Path::new))?;
    let probing = Box::pin(probe::probe(&source, trust, seconds));
    let report = until_signal()?.run_until_cancelled_owned(probing).await;
    let Some(report) = report else { return Ok(()) };
    let report = report?;
    let mut out = std::io::stdout().lock();
    if matches.get_flag("json") {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(())
}

async fn ask_health(matches: &ArgMatches) -> Result<(), Error> {
    let found = healthcheck::ask(&Config::load(matches)?).await?;
    writeln!(std::io::stdout(), "{found}")?;
    Ok(())
}

/// SIGHUP has the settings read again. What can't be read changes nothing.
fn reload_at_hangup(gateway: &Gateway, matches: &ArgMatches) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (reloader, matches) = (gateway.reloader(), Arc::new(matches.clone()));
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // Beside the clients, who are not to wait for a drive that does not answer.
            let matches = matches.clone();
            match tokio::task::spawn_blocking(move || Config::load(&matches)).await {
                Ok(Ok(config)) => reloader.apply(config).await,
                Ok(Err(error)) => tracing::error!(%error, "settings stay as they were"),
                Err(error) => tracing::error!(%error, "settings stay as they were"),
            }
        }
    });
    Ok(())
}

/// Cancelled at SIGTERM or Ctrl-C.
fn until_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(token)
}
