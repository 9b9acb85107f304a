//! What clients see. The grammar of its routes:
//!
//! ```text
//! GET      /api/stream/start?indicator_id=…&rtsp_link=…   start a stream, or move it to another link
//! POST     /api/stream/start                              the same fields as JSON or form
//! POST     /api/stream/stop                               {"indicator_id": …}
//! GET      /api/stream/status?indicator_id=…              one stream
//! GET      /api/streams                                   all of them
//! GET      /api/health                                    is the gateway well
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
pub mod media;
mod negotiate;
pub mod player;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, Method, header};
use tower_http::cors::{Any, CorsLayer};

pub use self::directives::LowLatency;
use crate::catalog::Catalog;
use crate::live::Live;
use crate::stream::Registry;

/// What handlers need.
#[derive(Clone)]
pub struct AppState {
    /// All streams.
    pub registry: Arc<Registry>,
    /// Who gets playlists of low latency.
    pub low_latency: LowLatency,
    /// Cameras that are started by their names alone.
    pub catalog: Arc<Live<Catalog>>,
}

/// All routes.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(api::router())
        .merge(media::router().method_not_allowed_fallback(method_not_allowed).layer(cors()))
        .merge(player::router())
        .fallback(async || error::ApiError::NoSuchRoute)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

async fn method_not_allowed() -> error::ApiError {
    error::ApiError::MethodNotAllowed
}

/// Any page may play, without cookies: no credentials are allowed, so the wildcard is safe. Only the gateway's own
/// page may read what the API says: backends call it, not other people's pages.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
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
