//! Playlists and media: what players fetch.

mod asked;
mod response;
mod target;
mod viewer;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use serde::de::DeserializeOwned;

use self::asked::{Asked, Look, Wanted};
pub(super) use self::target::Target;
use self::target::{FILE, MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST};
use self::viewer::{Watched, watched};
use super::AppState;
use super::body::{Chunked, Content};
use super::error::ApiError;

/// The routes below `/streams`.
pub fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route(MULTIVARIANT_PLAYLIST, get(multivariant_playlist_at))
        .route(MEDIA_PLAYLIST, get(media_playlist_at))
        .route(FILE, get(file_at))
}

/// What the path names. A name that is not UTF-8 is none of a stream, and is refused as any other.
struct Names<T>(T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Names<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(names)| Self(names)).map_err(|error| ApiError::invalid("path", error.body_text()))
    }
}

type Peer = ConnectInfo<SocketAddr>;

async fn multivariant_playlist_at(
    State(state): State<Arc<AppState>>,
    Names(id): Names<String>,
    ConnectInfo(peer): Peer,
    request: Request,
) -> Result<Response, ApiError> {
    Ok(answer(&state, peer.ip(), &id, Target::MultivariantPlaylist, &head(request)).await?.map(chunked))
}

async fn media_playlist_at(
    State(state): State<Arc<AppState>>,
    Names(id): Names<String>,
    ConnectInfo(peer): Peer,
    request: Request,
) -> Result<Response, ApiError> {
    Ok(answer(&state, peer.ip(), &id, Target::MediaPlaylist, &head(request)).await?.map(chunked))
}

async fn file_at(
    State(state): State<Arc<AppState>>,
    Names((id, run, file)): Names<(String, String, String)>,
    ConnectInfo(peer): Peer,
    request: Request,
) -> Result<Response, ApiError> {
    let target = Target::File { run: &run, file: &file };
    Ok(answer(&state, peer.ip(), &id, target, &head(request)).await?.map(chunked))
}

/// A request without its body, which is not kept while the answer waits for a picture.
fn head(request: Request) -> Parts {
    request.into_parts().0
}

fn chunked(content: Content) -> Body {
    Body::new(Chunked(content))
}

/// Answers who asks from `peer` for `target` of stream `id`.
async fn answer(
    state: &AppState,
    peer: IpAddr,
    id: &str,
    target: Target<'_>,
    request: &Parts,
) -> Result<Response<Content>, ApiError> {
    match begin(state, peer, id, target, request)? {
        Begun::Answered(response) => Ok(response),
        Begun::Waits(waiting) => waiting.answer(state).await,
    }
}

/// What becomes of a request.
pub(super) enum Begun {
    Answered(Response<Content>),
    Waits(Waiting),
}

/// Answers at once if what is asked for is there, as it is most of the time: without the future of one that waits.
pub(super) fn begin(
    state: &AppState,
    peer: IpAddr,
    id: &str,
    target: Target<'_>,
    request: &Parts,
) -> Result<Begun, ApiError> {
    let watched = watched(state, peer, id, request)?;
    let asked = Asked::of(target, &watched.stream, state.low_latency, request)?;
    let snapshot = watched.stream.snapshot();
    Ok(match asked.look(snapshot.as_deref(), &watched)? {
        Look::Found(response) => Begun::Answered(response),
        Look::Missing(wanted) => Begun::Waits(Waiting { watched, asked, wanted }),
    })
}

/// A request that is held until there is what it asks for.
pub(super) struct Waiting {
    watched: Watched,
    asked: Asked,
    wanted: Wanted,
}

impl Waiting {
    pub(super) async fn answer(self, state: &AppState) -> Result<Response<Content>, ApiError> {
        let Self { watched, asked, mut wanted } = self;
        loop {
            let snapshot = wanted.held(state, &watched.stream).await?;
            match asked.look(Some(&snapshot), &watched)? {
                Look::Found(response) => return Ok(response),
                Look::Missing(next) => wanted = next,
            }
        }
    }
}
