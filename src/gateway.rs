//! The gateway as a whole: a [`Config`] in, a server that drains out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{self, CameraGuard, Config, SegmentType};
use crate::hls;
use crate::http;
use crate::ingest::guard::Policy;
use crate::ingest::rtsp::RtspConnector;
use crate::mux::Container;
use crate::stream::registry::Settings;
use crate::stream::{Registry, reaper};

/// How long cameras may take to be told of the end, and clients to get their last bytes.
const DRAIN: Duration = Duration::from_secs(2);

/// A gateway that has its port. It serves while [`run`](Self::run) is polled.
pub struct Gateway {
    listener: TcpListener,
    registry: Arc<Registry>,
    config: Config,
}

impl Gateway {
    /// Takes the port.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen()).await?;
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
        };
        let guard = match config.camera_guard {
            CameraGuard::Auto => Policy::Auto,
            CameraGuard::On => Policy::On,
            CameraGuard::Off => Policy::Off,
        };
        let connector = Arc::new(RtspConnector::new(config.start_timeout, guard, config.audio));
        Ok(Self { listener, registry: Registry::with_threads(settings, connector), config })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The streams, for those who run a gateway within their own process.
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.clone()
    }

    /// Serves until `shutdown`, then lets go of all cameras and all clients.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, shutdown: CancellationToken) -> io::Result<()> {
        let Self { listener, registry, config } = self;
        let low_latency = match config.low_latency {
            config::LowLatency::Auto => http::LowLatency::Auto,
            config::LowLatency::On => http::LowLatency::On,
            config::LowLatency::Off => http::LowLatency::Off,
        };
        let max_bytes = usize::try_from(config.max_total_bytes).unwrap_or(usize::MAX);
        let reaping = reaper::run(registry.clone(), config.cleanup_delay, config.cleanup_interval, max_bytes);
        let reaper = tokio::spawn(shutdown.clone().run_until_cancelled_owned(reaping));

        // Playlists and parts are small and wanted at once: they do not wait for a full packet.
        let listener = listener.tap_io(|socket| {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY refused");
            }
        });
        let app =
            http::router(registry.clone(), low_latency).into_make_service_with_connect_info::<SocketAddr>();
        let drained = CancellationToken::new();
        let server = tokio::spawn({
            let drained = drained.clone();
            let serving =
                axum::serve(listener, app).with_graceful_shutdown(shutdown.clone().cancelled_owned());
            async move { drained.run_until_cancelled(std::future::IntoFuture::into_future(serving)).await }
        });

        shutdown.cancelled().await;
        // Streams end first: requests that wait for one are answered then.
        if tokio::time::timeout(DRAIN, registry.shutdown()).await.is_err() {
            tracing::warn!("some cameras did not answer the end of their session");
        }
        let deadline = drained.clone();
        tokio::spawn(async move {
            tokio::time::sleep(DRAIN).await;
            deadline.cancel();
        });
        let served = server.await;
        reaper.abort();
        match served {
            Ok(Some(result)) => result,
            Ok(None) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
