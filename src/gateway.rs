//! The gateway as a whole: a [`Config`] in, a server that drains out.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::catalog::{self, Catalog, CatalogError};
use crate::config::{self, CameraGuard, Config, SegmentType};
use crate::hls;
use crate::http::{self, AppState};
use crate::ingest::guard::Policy;
use crate::ingest::reach::{Reach, Rules};
use crate::ingest::rtsp::{Road, RtspConnector};
use crate::ingest::tls::{Trust, TrustError};
use crate::live::Live;
use crate::mux::Container;
use crate::serve::tls::{Certificates, TlsError};
use crate::serve::{Limits, Server};
use crate::stream::Settings;
use crate::stream::{Registry, keeper, reaper};

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
    /// The file of cameras is of no use.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The authorities of cameras' certificates are of no use.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A gateway that has its port. It serves while [`run`](Self::run) is polled.
pub struct Gateway {
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    registry: Arc<Registry>,
    access: Arc<Live<Access>>,
    /// What may be pulled. A reload sets it, to [`Rules::with_entries`] of what it is.
    source_rules: Arc<Live<Rules>>,
    /// Cameras by name. A reload calls [`crate::catalog::reload`] with it and `config.cameras_file`.
    catalog: Arc<Live<Catalog>>,
    config: Config,
}

/// Puts other settings into a gateway that runs.
#[derive(Clone)]
pub struct Reloader {
    registry: Arc<Registry>,
    access: Arc<Live<Access>>,
    source_rules: Arc<Live<Rules>>,
    catalog: Arc<Live<Catalog>>,
    /// The settings as they are now.
    config: Arc<Mutex<Config>>,
}

impl Reloader {
    /// Takes over what can change without touching a stream, and says in the log what has changed and what waits for the
    /// next start.
    pub async fn apply(&self, mut next: Config) {
        for warning in &next.warnings {
            tracing::warn!("{warning}");
        }
        self.access.set(next.access.clone());
        self.registry.set_max_streams(next.max_streams);
        let rules = self.source_rules.get();
        self.source_rules.set(rules.with_entries(next.source_allow.clone(), next.source_deny.clone()));
        match &next.cameras_file {
            Some(file) => catalog::reload(&self.catalog, file).await,
            None => self.catalog.set(Catalog::default()),
        }
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, waiting) = config.changes(&next);
        if !taken.is_empty() {
            tracing::info!(changed = taken.join(","), "settings read again");
        } else if waiting.is_empty() {
            tracing::info!("settings read again: nothing has changed");
        }
        if !waiting.is_empty() {
            tracing::warn!(
                settings = waiting.join(","),
                "these are others than the gateway runs with, and wait for the next start"
            );
        }
        // What waits is compared with what runs, the next time as well.
        for (runs, read) in config.given.iter().zip(&mut next.given) {
            if waiting.contains(&runs.0) {
                *read = *runs;
            }
        }
        *config = next;
    }
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
        let catalog = match &config.cameras_file {
            Some(path) => Catalog::load(path).await?,
            None => Catalog::default(),
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
        let trust = Trust::load(config.rtsps_ca.as_deref())?;
        let policy = match config.camera_guard {
            CameraGuard::Auto => Policy::Auto,
            CameraGuard::On => Policy::On,
            CameraGuard::Off => Policy::Off,
        };
        let port = listener.local_addr().map_or(address.port(), |local| local.port());
        let rules = Rules::new(config.source_allow.clone(), config.source_deny.clone()).listening_on(port);
        let source_rules = Arc::new(Live::new(rules));
        let reach = Reach::new(source_rules.clone());
        let connector = RtspConnector::new(config.start_timeout, reach, Road { policy, trust }, config.audio);
        let registry = Registry::with_threads(settings, Arc::new(connector));
        let (access, catalog) = (Arc::new(Live::new(config.access.clone())), Arc::new(Live::new(catalog)));
        Ok(Self { listener, certificates, registry, access, source_rules, catalog, config })
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

    /// What changes its settings while it runs.
    pub fn reloader(&self) -> Reloader {
        let Self { registry, access, source_rules, catalog, config, .. } = self;
        Reloader {
            registry: registry.clone(),
            access: access.clone(),
            source_rules: source_rules.clone(),
            catalog: catalog.clone(),
            config: Arc::new(Mutex::new(config.clone())),
        }
    }

    /// Serves until `shutdown`, goes on for as long as `DRAIN_SECONDS` says without taking anything new, then lets go of
    /// all cameras and all clients.
    ///
    /// # Errors
    /// When a task of the server fails.
    pub async fn run(self, shutdown: CancellationToken) -> io::Result<()> {
        let Self { listener, certificates, registry, access, catalog, config, .. } = self;
        let rules = access.get();
        if rules.api_tokens.is_empty() {
            tracing::warn!(
                "API_TOKENS is not set: the API answers loopback and private addresses alone, and whoever is there may start streams"
            );
        } else if rules.stream_secrets.is_empty() {
            tracing::warn!("STREAM_SECRET is not set: whoever knows a stream's name may watch it");
        }
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
        let cameras = catalog.clone();
        let keeping = keeper::run(registry.clone(), move || cameras.get().warm());
        tokio::spawn(close.clone().run_until_cancelled_owned(keeping));
        if let Some(certificates) = certificates.clone() {
            let looking = async move { certificates.keep_fresh().await };
            tokio::spawn(close.clone().run_until_cancelled_owned(looking));
        }

        let metrics = http::metrics::Options {
            streams: config.metrics_streams,
            max_total_bytes: config.max_total_bytes,
        };
        let origins = match &config.origins {
            None => http::Origins::Any,
            Some(origins) => http::Origins::These(
                origins
                    .iter()
                    .map(HeaderValue::try_from)
                    .collect::<Result<_, _>>()
                    .map_err(io::Error::other)?,
            ),
        };
        let front = http::Front::new(AppState {
            registry: registry.clone(),
            low_latency,
            access: access.clone(),
            starts: Arc::default(),
            origins,
            request_bytes: config.clients.request_bytes,
            metrics,
            catalog,
        });
        let end = CancellationToken::new();
        let limits = Limits { first_request: config.clients.first_request, idle: config.clients.idle };
        let app = move |request, peer| front.clone().answer(request, peer);
        let server = Server::new(app, certificates, limits, access, close.clone(), end.clone());
        let mut serving = tokio::spawn(server.run(listener));

        tokio::select! {
            () = shutdown.cancelled() => {}
            // It does not end before `close`, unless it fails: a gateway that nobody can reach is none.
            ended = &mut serving => return ended.map_err(io::Error::other),
        }
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
