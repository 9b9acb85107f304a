//! What an orchestrator asks: is the process alive, and may it be sent more.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::AppState;
use super::error::ApiError;
use crate::stream::StartError;

/// `/livez` and `/readyz`.
pub fn router() -> Router<Arc<AppState>> {
    Router::new().route("/livez", get(async || ok())).route("/readyz", get(ready))
}

/// Not while the gateway drains: those who are there are served on, others had better be sent elsewhere. Cameras that
/// are away are no reason: another gateway would not reach them either.
async fn ready(State(state): State<Arc<AppState>>) -> Result<Response, ApiError> {
    if state.registry.is_draining() { Err(StartError::ShuttingDown.into()) } else { Ok(ok()) }
}

fn ok() -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], "ok\n").into_response()
}
