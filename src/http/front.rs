//! The way in, for every request.
//!
//! Viewers ask several times a second, and the answer lies there: what is in front of it is most of what we add to its cost. So what
//! is asked for as playlists write it goes straight to its answer. Everything else goes through the router, which has the same routes, with
//! the middlewares, the copies and the boxes that make it convenient (docs/decisions/0017). Both ways end in
//! [`media::begin`]; `tests/gateway/http.rs` holds them to the same answers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::http::{Request, Version};
use axum::response::{IntoResponse as _, Response};
use axum::{BoxError, Router};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, Ready, ready};
use tower_service::Service as _;

use super::body::{AnswerBody, Content};
use super::error::ApiError;
use super::media::{self, Begun, Target, Waiting};
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

    /// Answers a request that comes from `peer`: at once, if what it asks for lies there.
    pub fn answer<B>(self: Arc<Self>, request: Request<B>, peer: SocketAddr) -> Answering
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        // Over HTTP/2 many ask at once, each in a task of its own: they are answered there, and not where they are read.
        if request.version() == Version::HTTP_2 {
            return Either::Right(Box::pin(async move { self.begin(request, peer).await }));
        }
        self.begin(request, peer)
    }

    fn begin<B>(self: Arc<Self>, request: Request<B>, peer: SocketAddr) -> Answering
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let (parts, body) = request.into_parts();
        let Some((id, target)) = self.plain_target(&parts) else {
            let mut request = Request::from_parts(parts, Body::new(body));
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = self.router.clone().call(request);
            return Either::Right(Box::pin(answer.map(|Ok(response)| response.map(AnswerBody::Routed))));
        };
        // Whatever else comes is not kept while this waits for a picture.
        drop(body);
        match media::begin(&self.state, peer.ip(), id, target, &parts) {
            Ok(Begun::Waits(waiting)) => Either::Right(Box::pin(self.wait(waiting, target.route()))),
            Ok(Begun::Answered(response)) => Either::Left(ready(self.done(target.route(), Ok(response)))),
            Err(error) => Either::Left(ready(self.done(target.route(), Err(error)))),
        }
    }

    /// What is asked for, if nothing about it is unusual.
    fn plain_target<'a>(&self, request: &'a Parts) -> Option<(&'a str, Target<'a>)> {
        let usual = request.method == Method::GET
            && self.state.origins == Origins::Any
            && !request.headers.contains_key(request_id::HEADER);
        usual.then(|| Target::read(request.uri.path())).flatten()
    }

    async fn wait(self: Arc<Self>, waiting: Waiting, route: &'static str) -> Response<AnswerBody> {
        let answer = waiting.answer(&self.state).await;
        self.done(route, answer)
    }

    fn done(&self, route: &str, answer: Result<Response<Content>, ApiError>) -> Response<AnswerBody> {
        let mut response = match answer {
            Ok(response) => response.map(AnswerBody::Whole),
            Err(error) => error.into_response().map(AnswerBody::Routed),
        };
        allow_all(response.headers_mut());
        observe::count(self.state.registry.metrics(), "GET", route, &response);
        response
    }
}

/// An answer that is there, or will be. Small, since it is moved about: what a request that waits needs lies on the heap.
pub type Answering = Either<Ready<Response<AnswerBody>>, BoxFuture<'static, Response<AnswerBody>>>;

/// What `CorsLayer` says of [`Origins::Any`].
fn allow_all(headers: &mut HeaderMap) {
    const ANY: HeaderValue = HeaderValue::from_static("*");
    const EXPOSED: HeaderValue =
        HeaderValue::from_static("accept-ranges,content-length,content-range,date,retry-after");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
