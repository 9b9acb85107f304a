//! Who watches a stream, and whether that is allowed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::access::{Claims, Limits};
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::gate::{self, Admission};
use crate::net::site;
use crate::stream::{Stream, StreamId};

/// Media never changes: its URL holds the run and the number.
const FOR_ALL: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A cache in between would go on handing it out when the viewer's token has ended.
const FOR_THIS_VIEWER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// A stream that someone watches now.
pub(super) struct Watched {
    pub(super) stream: Arc<Stream>,
    /// The viewer's token, where playlists are to carry it on.
    pub(super) token: Option<String>,
    /// Who may keep its media.
    pub(super) keep: HeaderValue,
}

/// Lets a viewer in.
pub(super) fn watched(
    state: &AppState,
    peer: IpAddr,
    id: &str,
    request: &Parts,
) -> Result<Watched, ApiError> {
    let headers = &request.headers;
    let id = StreamId::parse(id).map_err(|error| ApiError::invalid("indicator_id", error.to_string()))?;
    let access = state.access.get();
    let caller = gate::caller(&access, peer, headers);
    // Before it is looked for: who may not watch a stream is not told whether there is one.
    let Admission { claims, carried } = gate::viewer(&access, &id, caller, request.uri.query(), headers)?;
    let stream = state.registry.get(&id).ok_or_else(|| ApiError::no_stream(&state.registry, &id))?;
    let fingerprint = fingerprint(caller, claims.as_ref(), headers);
    let Limits { stream_viewers, viewers, .. } = access.limits;
    state.registry.admit(&stream, fingerprint, stream_viewers, viewers).map_err(ApiError::TooManyViewers)?;
    let keep = if access.stream_secrets.is_empty() { FOR_ALL } else { FOR_THIS_VIEWER };
    Ok(Watched { stream, token: carried, keep })
}

/// Kinds of players that are told apart at one address: whoever makes up names is as many viewers, and no more.
const PLAYERS: u64 = 256;

/// Requests of one viewer look alike. An estimate, where no token names the viewer: two players of one kind behind one
/// address count as one. With a token what the player calls itself counts for nothing, nor do the addresses of one IPv6
/// network: whoever has one token could be any number of viewers, and take the places of all others.
fn fingerprint(caller: IpAddr, claims: Option<&Claims>, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    match claims {
        Some(Claims { viewer: Some(viewer), .. }) => viewer.hash(&mut hasher),
        Some(Claims { exp, nbf, .. }) => (site(caller), exp, nbf).hash(&mut hasher),
        None => {
            let mut player = DefaultHasher::new();
            headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).hash(&mut player);
            (site(caller), player.finish() % PLAYERS).hash(&mut hasher);
        }
    }
    hasher.finish()
}
