//! What is seen of every request, whatever answers it: a count, its name, and of API requests a line in the log.
//!
//! Media requests are many and cheap, and stay so: they get a name only where the client gave them one, and no line. Those that
//! [`front`](super::front) answers are only counted.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::error::Code;
use super::request_id::{self, RequestId};
use crate::clock;
use crate::metrics::{Metrics, Series};

/// Answers `request` by `next`, and sees to it.
pub(super) async fn observe(
    State(metrics): State<Arc<Metrics>>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = method_name(request.method());
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let is_api = request.uri().path().starts_with("/api/");
    let given = RequestId::given(request.headers());
    let id = if is_api { given.or_else(RequestId::random) } else { given };
    let response = match id {
        None => next.run(request).await,
        Some(id) => named(id, is_api.then_some((method, route)), request, next).await,
    };
    count(&metrics, method, route, &response);
    response
}

/// Counts an answer.
pub(super) fn count<B: HttpBody>(metrics: &Metrics, method: &'static str, route: &str, answer: &Response<B>) {
    let series = Series { method, route, status: answer.status().as_u16() };
    // All our bodies know how long they are: none has to be wrapped. That of a HEAD is taken off on its way out.
    let sent = answer.body().size_hint().exact().filter(|_| method != "HEAD");
    metrics.requests.count(series, sent.unwrap_or_default());
}

/// A request with a name; `told` are its method and its route if there is to be a line in the log.
async fn named(id: RequestId, told: Option<(&str, &str)>, request: Request, next: Next) -> Response {
    let header = id.header();
    let mut response = match told {
        None => id.scope(next.run(request)).await,
        Some((method, route)) => {
            // Whatever is logged: a line of any level names the request that it belongs to.
            let span = tracing::error_span!("request", request_id = %id.as_str());
            let answer = async {
                let began = clock::elapsed();
                let response = next.run(request).await;
                tell(method, route, &response, began);
                response
            };
            id.scope(answer.instrument(span)).await
        }
    };
    response.headers_mut().insert(request_id::HEADER, header);
    response
}

/// A start or a stop that failed is told; the rest is for who looks closely, as pages ask for a status every few seconds.
fn tell(method: &str, route: &str, response: &Response, began: std::time::Duration) {
    let took = clock::elapsed().saturating_sub(began);
    let status = response.status().as_u16();
    if status >= 400 && matches!(route, "/api/stream/start" | "/api/stream/stop") {
        let code = response.extensions().get::<Code>().map(|code| code.0);
        tracing::info!(method, route, status, code, ?took, "request failed");
    } else {
        tracing::debug!(method, route, status, ?took, "request answered");
    }
}

/// As a label: a client can make up any number of methods.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
