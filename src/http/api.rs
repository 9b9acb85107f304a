//! The control API: start, stop, status, health.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::routing::{get, post};
use axum::{Form, Json};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::AppState;
use super::error::ApiError;
use crate::clock;
use crate::ingest::SourceUrl;
use crate::stream::{Started, Status, StreamId, Wishes};

/// The routes below `/api`.
pub fn router() -> Router<AppState> {
    Router::new()
        // GET starts a stream because the contract has it so; HEAD, which the router would take for a GET, does not.
        .route("/api/stream/start", get(start).head(super::method_not_allowed).post(start))
        .route("/api/stream/stop", post(stop))
        .route("/api/stream/status", get(status))
        .route("/api/streams", get(streams))
        .route("/api/health", get(health))
        .layer(axum::extract::DefaultBodyLimit::max(64 << 10))
}

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

#[derive(Deserialize)]
#[serde(expecting = "an object with indicator_id and rtsp_link")]
struct StartFields {
    #[serde(default, deserialize_with = "text_or_number")]
    indicator_id: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    rtsp_link: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    username: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    password: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    audio: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    warm: Option<String>,
    #[serde(flatten)]
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

#[derive(Deserialize)]
#[serde(expecting = "an object with indicator_id")]
struct IdField {
    #[serde(default, deserialize_with = "text_or_number")]
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

#[derive(Serialize)]
struct StartAnswer {
    stream_path: String,
    status: &'static str,
}

async fn start(
    State(state): State<AppState>,
    Fields { fields, url_encoded }: Fields<StartFields>,
) -> Result<Json<StartAnswer>, ApiError> {
    let id = stream_id(fields.indicator_id.as_ref())?;
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
    let stream_path = format!("/streams/{id}/stream.m3u8");
    let status = match state.registry.start_with(id, source, wishes).await? {
        Started::New => "started",
        Started::Active => "active",
        Started::Moved => "restarted",
    };
    Ok(Json(StartAnswer { stream_path, status }))
}

#[derive(Serialize)]
struct StopAnswer {
    indicator_id: String,
    status: &'static str,
}

async fn stop(
    State(state): State<AppState>,
    Fields { fields, .. }: Fields<IdField>,
) -> Result<Json<StopAnswer>, ApiError> {
    let id = stream_id(fields.indicator_id.as_ref())?;
    if !state.registry.stop(&id) {
        return Err(ApiError::no_stream(&state.registry, &id));
    }
    Ok(Json(StopAnswer { indicator_id: id.to_string(), status: "stopped" }))
}

async fn status(
    State(state): State<AppState>,
    Fields { fields, .. }: Fields<IdField>,
) -> Result<Json<Status>, ApiError> {
    let id = stream_id(fields.indicator_id.as_ref())?;
    let stream = state.registry.get(&id).ok_or_else(|| ApiError::no_stream(&state.registry, &id))?;
    Ok(Json(stream.status()))
}

#[derive(Serialize)]
struct Streams {
    streams: Vec<Status>,
}

async fn streams(State(state): State<AppState>) -> Json<Streams> {
    Json(Streams { streams: state.registry.list().iter().map(|stream| stream.status()).collect() })
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    active_streams: usize,
    version: &'static str,
    uptime_seconds: u64,
}

async fn health(State(state): State<AppState>) -> Json<Health> {
    Json(Health {
        status: "healthy",
        active_streams: state.registry.count(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: clock::elapsed().as_secs(),
    })
}
