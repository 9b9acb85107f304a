//! The control API: start, stop, status, health.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, FromRequest, Query, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::routing::{get, post};
use axum::{Form, Json};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::error::{ApiError, CallerProblems, FieldProblems, StartProblems, StreamProblems};
use super::{AppState, gate};
use crate::access::{Access, Claims};
use crate::clock;
use crate::ingest::SourceUrl;
use crate::stream::{Started, Status, Stream, StreamId, Wishes};

/// The routes below `/api`, for those who may call it; bodies have at most `request_bytes`.
pub fn router(request_bytes: usize) -> Router<Arc<AppState>> {
    Router::new()
        // GET starts a stream because the contract has it so; HEAD, which the router would take for a GET, does not.
        .route("/api/stream/start", get(start_by_query).head(super::method_not_allowed).post(start_by_body))
        .route("/api/stream/stop", post(stop))
        .route("/api/stream/status", get(status))
        .route("/api/streams", get(streams))
        .layer(axum::extract::DefaultBodyLimit::max(request_bytes))
}

/// The one route below `/api` that is everyone's.
pub fn health_router() -> Router<Arc<AppState>> {
    Router::new().route("/api/health", get(health))
}

/// The operations below `/api`, for [`openapi`](super::openapi).
#[derive(OpenApi)]
#[openapi(
    paths(start_by_query, start_by_body, stop, status, streams, health),
    components(schemas(super::error::Problem))
)]
pub(super) struct Operations;

/// Fields from the query, or from a body as JSON or form.
struct Fields<T> {
    fields: T,
    /// Not JSON: text between `&` and `=`.
    url_encoded: bool,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Fields<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            let query = Query::from_request(request, state).await;
            let Query(fields) = query.map_err(|error| ApiError::invalid("query", error.body_text()))?;
            return Ok(Self { fields, url_encoded: true });
        }
        if is_form(request.headers()) {
            let form = Form::from_request(request, state).await;
            let Form(fields) = form.map_err(|error| ApiError::invalid("body", error.body_text()))?;
            return Ok(Self { fields, url_encoded: true });
        }
        let json = Json::from_request(request, state).await;
        let Json(fields) = json.map_err(|error| ApiError::invalid("body", error.body_text()))?;
        Ok(Self { fields, url_encoded: false })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // Media types know no case (RFC 9110 §8.3.1).
    let essence = content_type.and_then(|text| text.split(';').next());
    essence.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// What a start asks for. Numbers and booleans may be sent as such, or as text.
#[derive(Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(expecting = "an object with indicator_id and rtsp_link")]
pub(super) struct StartFields {
    /// The stream's name, in URLs as well: letters, digits, '-', '_' and '.', and not dots alone.
    #[serde(default, deserialize_with = "text_or_number")]
    #[param(
        required = true,
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"
    )]
    #[schema(
        required = true,
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"
    )]
    indicator_id: Option<String>,
    /// The camera: `rtsp://[user[:password]@]host[:port]/path`.
    #[serde(default, deserialize_with = "text_or_number")]
    #[param(example = "rtsp://10.0.0.7/stream1")]
    #[schema(example = "rtsp://10.0.0.7/stream1")]
    rtsp_link: Option<String>,
    /// In place of the link's user, as it is.
    #[serde(default, deserialize_with = "text_or_number")]
    username: Option<String>,
    /// In place of the link's password, as it is.
    #[serde(default, deserialize_with = "text_or_number")]
    password: Option<String>,
    /// 0 leaves the camera's audio out.
    #[serde(default, deserialize_with = "text_or_number")]
    audio: Option<String>,
    /// 1 keeps the stream with nobody watching.
    #[serde(default, deserialize_with = "text_or_number")]
    warm: Option<String>,
    /// Who the token in the answer is for; viewers are counted by it.
    #[serde(default, deserialize_with = "text_or_number")]
    viewer: Option<String>,
    /// The only IP address that may use the token in the answer.
    #[serde(default, deserialize_with = "text_or_number")]
    address: Option<String>,
    /// How long the token in the answer lasts, in seconds, in place of STREAM_TOKEN_SECONDS.
    #[serde(default, deserialize_with = "text_or_number")]
    expires_in: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    #[schema(ignore)]
    others: HashMap<String, IgnoredAny>,
}

impl StartFields {
    /// The link with its credentials; none, if there is no link.
    fn source(&self) -> Result<Option<SourceUrl>, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (username, password) = (given(&self.username), given(&self.password));
        let Some(link) = given(&self.rtsp_link) else {
            if username.is_some() || password.is_some() {
                return Err(ApiError::invalid("rtsp_link", "is missing beside the credentials"));
            }
            return Ok(None);
        };
        let source =
            SourceUrl::parse(&link).map_err(|error| ApiError::invalid("rtsp_link", error.to_string()))?;
        match (username, password) {
            (Some(username), password) => {
                Ok(Some(source.with_credentials(&username, &password.unwrap_or_default())))
            }
            (None, Some(_)) => Err(ApiError::invalid("username", "is missing beside the password")),
            (None, None) => Ok(Some(source)),
        }
    }

    /// `…&rtsp_link=rtsp://cam/live?channel=1&subtype=1`: the link ends at its `&`, and another stream than the one that
    /// was meant would play.
    fn link_is_cut(&self) -> bool {
        self.rtsp_link.as_ref().is_some_and(|link| link.contains('?')) && !self.others.is_empty()
    }
}

/// Which stream.
#[derive(Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(expecting = "an object with indicator_id")]
pub(super) struct IdField {
    /// The stream's name.
    #[serde(default, deserialize_with = "text_or_number")]
    #[param(
        required = true,
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"
    )]
    #[schema(
        required = true,
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"
    )]
    indicator_id: Option<String>,
}

/// Ids are numbers in many a database, passwords in many a form, and JSON tells them from text. What is neither is
/// refused without being repeated: it may hold a secret.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be text or a whole number")]
    enum Either {
        Text(String),
        Number(u64),
        Bool(bool),
    }
    Ok(Option::<Either>::deserialize(deserializer)?.map(|value| match value {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
        Either::Bool(value) => value.to_string(),
    }))
}

fn stream_id(text: Option<&String>) -> Result<StreamId, ApiError> {
    let text = text.ok_or_else(|| ApiError::invalid("indicator_id", "is missing"))?;
    StreamId::parse(text).map_err(|error| ApiError::invalid("indicator_id", error.to_string()))
}

fn yes_or_no(field: &'static str, value: Option<&str>) -> Result<Option<bool>, ApiError> {
    match value {
        None | Some("") => Ok(None),
        Some("1" | "true") => Ok(Some(true)),
        Some("0" | "false") => Ok(Some(false)),
        Some(_) => Err(ApiError::invalid(field, "must be 0 or 1")),
    }
}

/// A stream that can be played.
#[derive(Serialize, ToSchema)]
pub(super) struct StartAnswer {
    /// Where players find it, on this host.
    stream_path: String,
    /// `started`, `active` if it ran already, `restarted` if it ran with another link.
    status: &'static str,
    /// When the token in the path ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

/// For whom, and for how long, a token is to be.
#[derive(Default)]
struct TokenWishes {
    viewer: Option<String>,
    address: Option<IpAddr>,
    life: Option<Duration>,
}

/// A viewer's token lasts no longer.
const LONGEST_TOKEN: u64 = 7 * 86_400;

impl TokenWishes {
    fn read(fields: &StartFields) -> Result<Self, ApiError> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let viewer = given(&fields.viewer);
        if viewer.as_ref().is_some_and(|viewer| viewer.len() > 128) {
            return Err(ApiError::invalid("viewer", "is longer than 128 bytes"));
        }
        let address = given(&fields.address).map(|text| text.parse()).transpose();
        let life = given(&fields.expires_in).map(|text| match text.parse() {
            Ok(seconds @ 1..=LONGEST_TOKEN) => Ok(Duration::from_secs(seconds)),
            _ => Err(ApiError::invalid("expires_in", format!("must be 1 to {LONGEST_TOKEN} seconds"))),
        });
        Ok(Self {
            viewer,
            address: address.map_err(|_| ApiError::invalid("address", "must be an IP address"))?,
            life: life.transpose()?,
        })
    }
}

/// Where players find the stream, and until when: with a token where they need one.
fn signed(access: &Access, path: String, id: &StreamId, wishes: TokenWishes) -> (String, Option<u64>) {
    let now = u64::try_from(clock::wall_time().0 / 1000).unwrap_or_default();
    let exp = now + wishes.life.unwrap_or(access.stream_token_life).as_secs();
    let TokenWishes { viewer, address, .. } = wishes;
    let claims = Claims { stream: id.to_string(), exp, nbf: None, viewer, address };
    match access.stream_secrets.sign(&claims) {
        Some(token) => (format!("{path}?token={token}"), Some(exp)),
        None => (path, None),
    }
}

/// The status of `stream`, with a path that can be played as it is.
fn status_of(access: &Access, stream: &Stream) -> Status {
    let mut status = stream.status();
    (status.stream_path, _) = signed(access, status.stream_path, stream.id(), TokenWishes::default());
    status
}

/// Start a stream, or move it to another link. Answers when the camera has agreed to send.
#[utoipa::path(
    get, path = "/api/stream/start", operation_id = "start_by_query", tag = "streams", security(("token" = []), ()),
    params(StartFields), responses((status = 200, body = StartAnswer, description = "It plays"), CallerProblems, FieldProblems, StartProblems)
)]
async fn start_by_query(
    state: State<Arc<AppState>>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    fields: Fields<StartFields>,
) -> Result<Json<StartAnswer>, ApiError> {
    start(state, peer, headers, fields).await
}

/// Start a stream, or move it to another link: the same without a link in the access logs of proxies.
#[utoipa::path(
    post, path = "/api/stream/start", operation_id = "start", tag = "streams", security(("token" = []), ()),
    request_body(content(
        (StartFields = "application/json"),
        (StartFields = "application/x-www-form-urlencoded"),
    )),
    responses((status = 200, body = StartAnswer, description = "It plays"), CallerProblems, FieldProblems, StartProblems)
)]
async fn start_by_body(
    state: State<Arc<AppState>>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    fields: Fields<StartFields>,
) -> Result<Json<StartAnswer>, ApiError> {
    start(state, peer, headers, fields).await
}

async fn start(
    State(state): State<Arc<AppState>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Fields { fields, url_encoded }: Fields<StartFields>,
) -> Result<Json<StartAnswer>, ApiError> {
    let access = state.access.get();
    let caller = gate::caller(&access, peer.ip(), &headers);
    let per_minute = access.limits.starts_per_minute;
    let taken = state.starts.lock().unwrap_or_else(PoisonError::into_inner).take(
        caller,
        per_minute,
        clock::elapsed(),
    );
    taken.map_err(|wait| ApiError::TooManyStarts(wait.as_secs() + 1))?;
    let id = stream_id(fields.indicator_id.as_ref())?;
    let token_wishes = TokenWishes::read(&fields)?;
    if url_encoded && fields.link_is_cut() {
        let reason = "is followed by fields that are none of this request's: if they belong to the link, write its & as %26";
        return Err(ApiError::invalid("rtsp_link", reason));
    }
    let said = Wishes {
        audio: yes_or_no("audio", fields.audio.as_deref())?,
        warm: yes_or_no("warm", fields.warm.as_deref())?,
    };
    let (source, wishes) = match fields.source()? {
        Some(source) => (source, said),
        None => {
            let catalog = state.catalog.get();
            let camera = catalog.get(&id).ok_or_else(|| {
                ApiError::invalid("rtsp_link", "is missing, and no camera of CAMERAS_FILE has this name")
            })?;
            let wishes =
                Wishes { audio: said.audio.or(camera.wishes.audio), warm: said.warm.or(camera.wishes.warm) };
            (camera.source.clone(), wishes)
        }
    };
    let path = format!("/streams/{id}/stream.m3u8");
    let status = match state.registry.start_with(id.clone(), source, wishes).await? {
        Started::New => "started",
        Started::Active => "active",
        Started::Moved => "restarted",
    };
    let (stream_path, expires_at) = signed(&state.access.get(), path, &id, token_wishes);
    Ok(Json(StartAnswer { stream_path, status, expires_at }))
}

/// A stream that has ended.
#[derive(Serialize, ToSchema)]
pub(super) struct StopAnswer {
    /// Its name.
    indicator_id: String,
    /// `stopped`.
    status: &'static str,
}

/// Stop a stream, whoever watches it.
#[utoipa::path(
    post, path = "/api/stream/stop", tag = "streams", security(("token" = []), ()),
    request_body(content((IdField = "application/json"), (IdField = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = StopAnswer, description = "It has ended"), CallerProblems, FieldProblems, StreamProblems)
)]
async fn stop(
    State(state): State<Arc<AppState>>,
    Fields { fields, .. }: Fields<IdField>,
) -> Result<Json<StopAnswer>, ApiError> {
    let id = stream_id(fields.indicator_id.as_ref())?;
    if !state.registry.stop(&id) {
        return Err(ApiError::no_stream(&state.registry, &id));
    }
    Ok(Json(StopAnswer { indicator_id: id.to_string(), status: "stopped" }))
}

/// One stream, in full.
#[utoipa::path(
    get, path = "/api/stream/status", tag = "streams", security(("token" = []), ()),
    params(IdField), responses((status = 200, body = Status, description = "The stream now"), CallerProblems, FieldProblems, StreamProblems)
)]
async fn status(
    State(state): State<Arc<AppState>>,
    Fields { fields, .. }: Fields<IdField>,
) -> Result<Json<Status>, ApiError> {
    let id = stream_id(fields.indicator_id.as_ref())?;
    let stream = state.registry.get(&id).ok_or_else(|| ApiError::no_stream(&state.registry, &id))?;
    Ok(Json(status_of(&state.access.get(), &stream)))
}

/// All streams.
#[derive(Serialize, ToSchema)]
pub(super) struct Streams {
    /// By name.
    streams: Vec<Status>,
}

/// All streams, in full.
#[utoipa::path(
    get, path = "/api/streams", tag = "streams", security(("token" = []), ()),
    responses((status = 200, body = Streams, description = "Those that run"), CallerProblems)
)]
async fn streams(State(state): State<Arc<AppState>>) -> Json<Streams> {
    let access = state.access.get();
    Json(Streams { streams: state.registry.list().iter().map(|stream| status_of(&access, stream)).collect() })
}

/// The gateway itself.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `healthy`.
    status: &'static str,
    /// How many streams run.
    active_streams: usize,
    /// Of camgate.
    version: &'static str,
    /// Since its start.
    uptime_seconds: u64,
}

/// Is the gateway well. Open to all.
#[utoipa::path(get, path = "/api/health", tag = "gateway", responses((status = 200, body = Health, description = "It is")))]
async fn health(State(state): State<Arc<AppState>>) -> Json<Health> {
    Json(Health {
        status: "healthy",
        active_streams: state.registry.count(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: clock::elapsed().as_secs(),
    })
}
