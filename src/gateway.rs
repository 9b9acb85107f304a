//! The gateway as a whole: a [`Config`] in, a server that drains out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{self, CameraGuard, Config, SegmentType};
use crate::hls;
use crate::http::{self, AppState};
use crate::ingest::guard::Policy;
use crate::ingest::rtsp::RtspConnector;
use crate::mux::Container;
use crate::serve::tls::{Certificates, TlsError};
use crate::serve::{Limits, Server};
use crate::stream::registry::Settings;
use crate::stream::{Registry, reaper};

/// How long cameras may take to be told of the end, and clients to get their last bytes.
const DRAIN: Duration = Duration::from_secs(2);

/// Why a gateway cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}; choose another port with --port or PORT")]
    Port {
        /// Where it was to listen.
        address: SocketAddr,
        /// Why it cannot.
        source: io::Error,
    },
    /// Certificate or key are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A gateway that has its port. It serves while [`run`](Self::run) is polled.
pub struct Gateway {
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    registry: Arc<Registry>,
    config: Config,
}

impl Gateway {
    /// Reads certificate and key, where there are to be some, and takes the port.
    ///
    /// # Errors
    /// When the port cannot be had, or certificate and key are of no use.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        let certificates = match &config.tls {
            Some(files) => Some(Arc::new(Certificates::load(files.clone()).await?)),
            None => None,
        };
        let address = config.listen();
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| BindError::Port { address, source })?;
        let hls = hls::Settings {
            container: match config.segment_type {
                SegmentType::Fmp4 => Container::Fmp4,
                SegmentType::MpegTs => Container::MpegTs,
            },
            segment_time: config.segment_time,
            part_time: config.part_time,
            list_size: config.list_size,
            max_bytes: usize::try_from(config.max_stream_bytes).unwrap_or(usize::MAX),
        };
        let settings = Settings {
            hls,
            max_streams: config.max_streams,
            start_timeout: config.start_timeout,
            video_timeout: config.video_timeout,
            keep_warm: config.keep_warm.clone(),
        };
        let guard = match config.camera_guard {
            CameraGuard::Auto => Policy::Auto,
            CameraGuard::On => Policy::On,
            CameraGuard::Off => Policy::Off,
        };
        let connector = Arc::new(RtspConnector::new(config.start_timeout, guard, config.audio));
        Ok(Self { listener, certificates, registry: Registry::with_threads(settings, connector), config })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether clients are served over TLS alone.
    pub fn speaks_tls(&self) -> bool {
        self.certificates.is_some()
    }

    /// The streams, for those who run a gateway within their own process.
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.clone()
    }

    /// Serves until `shutdown`, goes on for as long as `DRAIN_SECONDS` says without taking anything new, then lets go of
    /// all cameras and all clients.
    ///
    /// # Errors
    /// When a task of the server fails.
    pub async fn run(self, shutdown: CancellationToken) -> io::Result<()> {
        let Self { listener, certificates, registry, config } = self;
        let low_latency = match config.low_latency {
            config::LowLatency::Auto => http::LowLatency::Auto,
            config::LowLatency::On => http::LowLatency::On,
            config::LowLatency::Off => http::LowLatency::Off,
        };
        let max_bytes = usize::try_from(config.max_total_bytes).unwrap_or(usize::MAX);
        let close = CancellationToken::new();
        // However this ends, so do they.
        let _closes = close.clone().drop_guard();
        let reaping = reaper::run(registry.clone(), config.cleanup_delay, config.cleanup_interval, max_bytes);
        tokio::spawn(close.clone().run_until_cancelled_owned(reaping));
        if let Some(certificates) = certificates.clone() {
            let looking = async move { certificates.keep_fresh().await };
            tokio::spawn(close.clone().run_until_cancelled_owned(looking));
        }

        let metrics = http::metrics::Options {
            streams: config.metrics_streams,
            max_streams: config.max_streams,
            max_total_bytes: config.max_total_bytes,
        };
        let app = http::router(AppState { registry: registry.clone(), low_latency, metrics });
        let end = CancellationToken::new();
        let server = Server::new(app, certificates, Limits::default(), close.clone(), end.clone());
        let serving = tokio::spawn(server.run(listener));

        shutdown.cancelled().await;
        registry.drain();
        if !config.drain.is_zero() {
            tracing::info!(seconds = config.drain.as_secs(), "draining: streams go on, none is started");
            tokio::time::sleep(config.drain).await;
        }
        close.cancel();
        // Streams end first: requests that wait for one are answered then.
        if tokio::time::timeout(DRAIN, registry.shutdown()).await.is_err() {
            tracing::warn!("some cameras did not answer the end of their session");
        }
        let deadline = tokio::spawn(async move {
            tokio::time::sleep(DRAIN).await;
            end.cancel();
        });
        let served = serving.await;
        deadline.abort();
        served.map_err(io::Error::other)
    }
}
