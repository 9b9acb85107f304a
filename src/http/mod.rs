//! What clients see. The grammar of its routes:
//!
//! ```text
//! GET      /api/stream/start?indicator_id=…&rtsp_link=…   start a stream, or move it to another link
//! POST     /api/stream/start                              the same fields as JSON or form
//! POST     /api/stream/stop                               {"indicator_id": …}
//! GET      /api/stream/status?indicator_id=…              one stream
//! GET      /api/streams                                   all of them
//! GET      /api/health                                    is the gateway well
//! GET      /api/openapi.json                              all of this for programs
//!
//! GET      /livez  /readyz                                does the process answer; may it be sent more
//! GET      /metrics                                       for Prometheus
//!
//! GET HEAD /streams/{id}/stream.m3u8                      multivariant playlist
//! GET HEAD /streams/{id}/media.m3u8                       media playlist; ?_HLS_msn=…&_HLS_part=… waits for that part,
//!                                                         _HLS_skip=YES leaves out what is known
//! GET HEAD /streams/{id}/{run}/init-{n}.mp4               initialisation section      ┐
//! GET HEAD /streams/{id}/{run}/seg-{msn}.{m4s|ts}         segment                     ├ immutable
//! GET HEAD /streams/{id}/{run}/part-{msn}.{k}.{m4s|ts}    part k of segment msn       ┘
//!
//! GET HEAD /  /player/{id}  /assets/{file}                the page
//! ```
//!
//! Errors are RFC 9457 problems, made in [`error`] and nowhere else.

pub mod api;
pub mod assets;
pub mod body;
pub mod directives;
pub mod error;
mod front;
mod gate;
pub mod health;
pub mod media;
pub mod metrics;
mod negotiate;
mod observe;
pub mod openapi;
pub mod player;
mod request_id;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

pub use self::directives::LowLatency;
pub use self::front::{Answering, Front};
use crate::access::Access;
use crate::access::pace::Pace;
use crate::catalog::Catalog;
use crate::live::Live;
use crate::stream::Registry;

/// What handlers need. They share it: a request costs one more count of references, however much is in it.
pub struct AppState {
    /// All streams.
    pub registry: Arc<Registry>,
    /// Who gets playlists of low latency.
    pub low_latency: LowLatency,
    /// Who may do what.
    pub access: Arc<Live<Access>>,
    /// How often each caller has started streams lately.
    pub starts: Arc<Mutex<Pace>>,
    /// Whose pages may play, besides the gateway's own.
    pub origins: Origins,
    /// Longest body of a request.
    pub request_bytes: usize,
    /// What `/metrics` has to know of the settings.
    pub metrics: metrics::Options,
    /// Cameras that are started by their names alone.
    pub catalog: Arc<Live<Catalog>>,
}

/// Whose pages may play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Everyone's.
    Any,
    /// Those of these origins (RFC 6454), `https://example.org`.
    These(Vec<HeaderValue>),
}

/// All routes.
fn router(state: &Arc<AppState>) -> Router {
    let may_call = axum::middleware::from_fn_with_state(state.clone(), gate::api);
    let cors = cors(&state.origins);
    Router::new()
        .merge(api::router(state.request_bytes).route_layer(may_call.clone()))
        .merge(metrics::router().route_layer(may_call))
        .merge(api::health_router())
        .merge(health::router())
        .merge(openapi::router())
        .layer(axum::middleware::from_fn(gate::headers))
        .merge(media::router().method_not_allowed_fallback(method_not_allowed).layer(cors))
        .merge(player::router(&state.origins))
        .fallback(async || error::ApiError::NoSuchRoute)
        .method_not_allowed_fallback(method_not_allowed)
        // The outermost layer: what the others refuse is counted too. `front` counts what it answers itself.
        .layer(axum::middleware::from_fn_with_state(state.registry.metrics().clone(), observe::observe))
        .with_state(state.clone())
}

async fn method_not_allowed() -> error::ApiError {
    error::ApiError::MethodNotAllowed
}

/// Pages may play without cookies: no credentials are allowed, so the wildcard is safe. Only the gateway's own
/// page may read what the API says: backends call it, not other people's pages.
fn cors(origins: &Origins) -> CorsLayer {
    let origins = match origins {
        Origins::Any => AllowOrigin::any(),
        Origins::These(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::AUTHORIZATION, header::RANGE])
        .expose_headers([
            header::ACCEPT_RANGES,
            header::CONTENT_LENGTH,
            header::CONTENT_RANGE,
            header::DATE,
            HeaderName::from_static("retry-after"),
        ])
        .max_age(std::time::Duration::from_secs(86_400))
}
