//! Where log lines go, and in what shape. What they say is the business of whoever writes them.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::LogFormat;

/// Sends log lines to standard error; those of libraries that use `log` as well.
///
/// retina logs what cameras do wrong at length, once a packet at worst: below `error` only if `level` names it.
///
/// # Errors
/// When this process has a logger already.
pub fn init(level: &str, format: LogFormat) -> Result<(), TryInitError> {
    let filter = if level.contains("retina") { level.to_owned() } else { format!("retina=error,{level}") };
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => registry.with(layer.with_ansi(io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    }
}
