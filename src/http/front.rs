//! The way in, for every request.
//!
//! Viewers ask several times a second, and the answer lies there: what is in front of it is most of what we add to its cost. So what
//! is asked for as playlists write it goes straight to its answer. Everything else goes through the router, which has the same routes, with
//! the middlewares, the copies and the boxes that make it convenient (docs/decisions/0017). Both ways end in
//! [`media::answer`]; `tests/gateway/http.rs` holds them to the same answers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use tower_service::Service as _;

use super::body::AnswerBody;
use super::media::{self, Target};
use super::{AppState, Origins, observe, request_id};

/// Answers every request.
pub struct Front {
    state: Arc<AppState>,
    router: Router,
}

impl Front {
    /// With all routes.
    pub fn new(state: AppState) -> Arc<Self> {
        let state = Arc::new(state);
        Arc::new(Self { router: super::router(&state), state })
    }

    /// Answers a request that comes from `peer`.
    pub async fn answer(self: Arc<Self>, request: Request, peer: SocketAddr) -> Response<AnswerBody> {
        let (parts, body) = request.into_parts();
        match self.plain_target(&parts) {
            Some((id, target)) => {
                // Whatever else comes is not kept while this waits for a picture.
                drop(body);
                self.media(peer, id, target, &parts).await
            }
            None => {
                let mut request = Request::from_parts(parts, body);
                request.extensions_mut().insert(ConnectInfo(peer));
                // On the heap: it is large, and what comes the short way is not to be moved about with room for it.
                let Ok(response) = Box::pin(self.router.clone().call(request)).await;
                response.map(AnswerBody::Routed)
            }
        }
    }

    /// What is asked for, if nothing about it is unusual.
    fn plain_target<'a>(&self, request: &'a Parts) -> Option<(&'a str, Target<'a>)> {
        let usual = request.method == Method::GET
            && self.state.origins == Origins::Any
            && !request.headers.contains_key(request_id::HEADER);
        usual.then(|| Target::read(request.uri.path())).flatten()
    }

    async fn media(
        &self,
        peer: SocketAddr,
        id: &str,
        target: Target<'_>,
        request: &Parts,
    ) -> Response<AnswerBody> {
        let mut response = match media::answer(&self.state, peer.ip(), id, target, request).await {
            Ok(response) => response.map(AnswerBody::Whole),
            Err(error) => error.into_response().map(AnswerBody::Routed),
        };
        allow_all(response.headers_mut());
        observe::count(self.state.registry.metrics(), "GET", target.route(), &response);
        response
    }
}

/// What `CorsLayer` says of [`Origins::Any`].
fn allow_all(headers: &mut HeaderMap) {
    const ANY: HeaderValue = HeaderValue::from_static("*");
    const EXPOSED: HeaderValue =
        HeaderValue::from_static("accept-ranges,content-length,content-range,date,retry-after");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
