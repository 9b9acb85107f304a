//! Who is let in: what a request brought, read for [`access`](crate::access) to judge.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::ApiError;
use crate::access::caller::is_near;
use crate::access::{Access, Claims};
use crate::clock;
use crate::stream::StreamId;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A cookie of this name may hold a viewer's token, beside others: scope it to the stream's path.
const COOKIE: &str = "camgate_token";

/// Lets those through who may call the API.
pub(super) async fn api(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let host = request.uri().authority().map(|authority| authority.as_str());
    let host = host.or_else(|| text(request.headers(), &header::HOST));
    match may_call(&state.access.get(), peer, host, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn may_call(
    access: &Access,
    peer: Option<IpAddr>,
    host: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    if !access.api_tokens.is_empty() {
        let has = bearer(headers).is_some_and(|token| access.api_tokens.has(token));
        return if has { Ok(()) } else { Err(ApiError::Unauthorized) };
    }
    if !peer.is_some_and(|peer| is_near(peer, all_forwarded(headers))) {
        return Err(ApiError::NotPublic);
    }
    // A browser on the operator's network is near, and so is a link in a stranger's page that it follows.
    if is_cross_site(host, headers) { Err(ApiError::CrossSite) } else { Ok(()) }
}

/// Whether a browser asks for a page of another site. Browsers say so themselves over TLS and on loopback (Fetch Metadata §2); else
/// they mostly tell where the page is from.
fn is_cross_site(host: Option<&str>, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "cross-site";
    }
    let pages = [header::ORIGIN, header::REFERER];
    let mut pages = pages.iter().filter_map(|name| text(headers, name));
    pages.any(|page| {
        let authority = page.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        authority.is_none() || authority != host
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The address of whoever asks.
pub(super) fn caller(access: &Access, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    access.proxies.caller(peer, forwarded(headers))
}

fn forwarded(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    // What is no text names no address.
    headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default())
}

/// Whom anyone claims to ask for, in whatever way proxies tell it. Nobody reads `Forwarded` (RFC 7239) here, so it tells of someone
/// unknown.
fn all_forwarded(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let real = headers.get_all(REAL_IP).iter().map(|value| value.to_str().unwrap_or_default());
    forwarded(headers).chain(real).chain(headers.get(header::FORWARDED).map(|_| ""))
}

/// A viewer who was let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Admission {
    /// What the viewer's token says, where one was wanted.
    pub(super) claims: Option<Claims>,
    /// The token, where it came with the query: what a playlist lists is to be asked for with it as well, for not every
    /// player sends more than an address.
    pub(super) carried: Option<String>,
}

/// Lets a viewer at `address` watch `id`.
pub(super) fn viewer(
    access: &Access,
    id: &StreamId,
    address: IpAddr,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Admission, ApiError> {
    if access.stream_secrets.is_empty() {
        return Ok(Admission::default());
    }
    let in_query = query.and_then(token_of_query);
    let token =
        in_query.or_else(|| bearer(headers)).or_else(|| cookie(headers)).ok_or(ApiError::TokenMissing)?;
    // Whoever may start any stream, and have a token for it, may as well watch.
    if in_query.is_none() && access.api_tokens.has(token) {
        return Ok(Admission::default());
    }
    let now = u64::try_from(clock::wall_time().0 / 1000).unwrap_or_default();
    let claims = access.stream_secrets.verify(token, id.as_str(), address, now)?;
    Ok(Admission { claims: Some(claims), carried: in_query.map(ToOwned::to_owned) })
}

/// `token=…`; base64url and dots need no encoding, so there is none to undo.
fn token_of_query(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("token=")).filter(|token| !token.is_empty())
}

/// RFC 6750 §2.1; the name of the scheme knows no case (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// What every answer says to browsers: take it for what it says it is, and tell nobody the address, which may hold a token.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn tokens_are_found_where_players_put_them() {
        assert_eq!(token_of_query("_HLS_msn=1&token=a.b.c"), Some("a.b.c"));
        assert_eq!(token_of_query("xtoken=a&token="), None);
        assert_eq!(bearer(&with(header::AUTHORIZATION, "bearer a.b.c")), Some("a.b.c"));
        assert_eq!(bearer(&with(header::AUTHORIZATION, "Basic a.b.c")), None);
        assert_eq!(cookie(&with(header::COOKIE, "a=b; camgate_token=x.y.z")), Some("x.y.z"));
        assert_eq!(cookie(&with(header::COOKIE, "not_camgate_token=x.y.z")), None);
    }
}
