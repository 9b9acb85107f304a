//! `/metrics`: what Prometheus reads.
//!
//! What is counted as it happens comes from [`crate::metrics`]; the rest is read from the streams when someone asks,
//! and costs nothing in between. `docs/metrics.md` says what each of them means. To look is not to watch: a stream stays
//! idle however often it is scraped.

mod process;
mod seen;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use self::process::Process;
use self::seen::Seen;
use super::AppState;

const OPEN_METRICS: &str = "application/openmetrics-text";

/// What `/metrics` has to know of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Most streams of which each has series of its own.
    pub streams: usize,
    /// Bytes of media that all streams may hold together.
    pub max_total_bytes: u64,
}

/// `/metrics` alone: who may ask is decided by whoever merges it.
pub fn router() -> Router<Arc<AppState>> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    let text = scrape(&state);
    let (text, content_type) = if takes_open_metrics(&headers) {
        (text, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    } else {
        (text::for_prometheus(&text), "text/plain; version=0.0.4; charset=utf-8")
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("accept")),
    ];
    (headers, text).into_response()
}

/// All metrics in OpenMetrics text.
fn scrape(state: &AppState) -> String {
    let mut all = Registry::default();
    let own = all.sub_registry_with_prefix("camgate");
    state.registry.metrics().register(own);
    own.register_collector(Box::new(Seen::now(&state.registry, state.metrics)));
    // These have the names that all programs have.
    all.sub_registry_with_prefix("process").register_collector(Box::new(Process::now()));
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = encode(&mut text, &all);
    text
}

/// Prometheus asks for it; those who do not name it get the older format, which everyone reads.
fn takes_open_metrics(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut types = accepts.flat_map(|value| value.split(','));
    types.any(|kind| {
        let mut parameters = kind.split(';').map(str::trim);
        let named = parameters.next().is_some_and(|kind| kind.eq_ignore_ascii_case(OPEN_METRICS));
        let refused = |parameter: &str| {
            let weight = parameter.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            weight == Some(0.0)
        };
        named && !parameters.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_goes_to_those_who_name_it() {
        let takes = |accept: &'static str| {
            takes_open_metrics(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        assert!(takes(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
        ));
        assert!(takes("Application/OpenMetrics-Text"));
        for other in ["text/plain", "*/*", "application/openmetrics-text;q=0", ""] {
            assert!(!takes(other), "{other}");
        }
        assert!(!takes_open_metrics(&HeaderMap::new()));
    }
}
