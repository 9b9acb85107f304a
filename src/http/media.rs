//! Playlists and media: what players fetch.
//!
//! One function for each class of response owns its headers: `playlist_response` and `media_response`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use bytes::Buf as _;
use serde::de::DeserializeOwned;

use super::AppState;
use super::body::{Chunked, Content};
use super::directives::{Directives, LowLatency};
use super::error::ApiError;
use super::gate::{self, Admission};
use super::negotiate::accepts_gzip;
use crate::access::{Claims, Limits};
use crate::hls::Form;
use crate::hls::segment::{InitId, MediaSequence};
use crate::hls::window::{Playlist, Snapshot};
use crate::net::site;
use crate::stream::{Stream, StreamId};

/// A request waits no longer for what is not there yet: players give up after ten seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(9);

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

const PLAYLIST_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.apple.mpegurl");

/// What a path below `/streams/{id}` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    MultivariantPlaylist,
    MediaPlaylist,
    /// Of a run of the stream.
    File {
        run: &'a str,
        file: &'a str,
    },
}

/// What is before and after the first `mark`, an ASCII character. Paths are short: `str`'s own search takes longer to begin.
fn cut(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == mark)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The routes of the targets.
const MULTIVARIANT_PLAYLIST: &str = "/streams/{id}/stream.m3u8";
const MEDIA_PLAYLIST: &str = "/streams/{id}/media.m3u8";
const FILE: &str = "/streams/{id}/{run}/{file}";

impl<'a> Target<'a> {
    /// The stream and what of it a path names, if it is written as playlists write it: with nothing encoded.
    pub(super) fn read(path: &'a str) -> Option<(&'a str, Self)> {
        let (id, rest) = cut(path.strip_prefix("/streams/")?, b'/')?;
        let target = match cut(rest, b'/') {
            None if rest == "stream.m3u8" => Self::MultivariantPlaylist,
            None if rest == "media.m3u8" => Self::MediaPlaylist,
            Some((run, file)) if !run.is_empty() && !file.is_empty() && cut(file, b'/').is_none() => {
                Self::File { run, file }
            }
            _ => return None,
        };
        let whole = !id.is_empty() && !path.bytes().any(|byte| byte == b'%');
        whole.then_some((id, target))
    }

    /// The route that it has in the router.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::MultivariantPlaylist => MULTIVARIANT_PLAYLIST,
            Self::MediaPlaylist => MEDIA_PLAYLIST,
            Self::File { .. } => FILE,
        }
    }
}

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

/// All of a request that its answer depends on: nothing else of it is kept while it waits.
enum Asked {
    MultivariantPlaylist { gzip: bool },
    MediaPlaylist { gzip: bool, form: Form, directives: Directives },
    File { file: File, extension: &'static str, range: Option<HeaderValue> },
}

enum Look {
    Found(Response<Content>),
    /// Never what the snapshot has that was looked at: whoever waits for it would look again at once, without end.
    Missing(Wanted),
}

impl Asked {
    fn of(
        target: Target<'_>,
        stream: &Stream,
        low_latency: LowLatency,
        request: &Parts,
    ) -> Result<Self, ApiError> {
        let headers = &request.headers;
        Ok(match target {
            Target::MultivariantPlaylist => Self::MultivariantPlaylist { gzip: accepts_gzip(headers) },
            Target::MediaPlaylist => {
                let serves = low_latency.serves(request.version, headers);
                let query = request.uri.query().filter(|_| serves).unwrap_or_default();
                let directives = Directives::read(query)?;
                let form = match (serves, directives.skip) {
                    (false, _) => Form::Plain,
                    (true, false) => Form::LowLatency,
                    (true, true) => Form::Delta,
                };
                Self::MediaPlaylist { gzip: accepts_gzip(headers), form, directives }
            }
            Target::File { run, file } => {
                let read = File::read(file).filter(|_| stream.run().is(run));
                let (file, extension) = read.ok_or(ApiError::MediaNotFound)?;
                Self::File { file, extension, range: headers.get(header::RANGE).cloned() }
            }
        })
    }

    /// Looks for it in what there is now.
    fn look(&self, now: Option<&Snapshot>, watched: &Watched) -> Result<Look, ApiError> {
        let playable = now.filter(|snapshot| What::Picture.is_in(snapshot));
        let token = watched.token.as_deref();
        match *self {
            Self::MultivariantPlaylist { gzip } => {
                let Some(snapshot) = playable else { return Ok(Look::Missing(Wanted::A_PICTURE)) };
                Ok(Look::Found(playlist_response(snapshot.multivariant_playlist(), token, gzip)))
            }
            Self::MediaPlaylist { gzip, form, directives } => {
                let Some(snapshot) = playable else { return Ok(Look::Missing(Wanted::A_PICTURE)) };
                directives.check(snapshot)?;
                if let Some(what) = directives.wanted.map(|(number, part)| What::Position(number, part))
                    && !what.is_in(snapshot)
                {
                    return Ok(Look::Missing(Wanted { what, limit: hold_limit(snapshot) }));
                }
                Ok(Look::Found(playlist_response(snapshot.media_playlist(form), token, gzip)))
            }
            Self::File { file, extension, ref range } => {
                let snapshot = now.ok_or(ApiError::MediaNotFound)?;
                let what = What::After(snapshot.open.media_sequence, snapshot.next_part());
                // A part that is too long to be told of is there, and hinted all the same.
                if is_hinted(snapshot, file) && !what.is_in(snapshot) {
                    return Ok(Look::Missing(Wanted { what, limit: hold_limit(snapshot) }));
                }
                let (media_type, content) = find(snapshot, file, extension).ok_or(ApiError::MediaNotFound)?;
                media_response(media_type, watched.keep.clone(), content, range.as_ref()).map(Look::Found)
            }
        }
    }
}

/// What a request waits for, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    what: What,
    limit: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Something to play.
    Picture,
    /// That the playlist has this segment, or this part of it.
    Position(MediaSequence, Option<usize>),
    /// That this segment has more parts than so many, or is over.
    After(MediaSequence, usize),
}

impl What {
    fn is_in(self, snapshot: &Snapshot) -> bool {
        match self {
            Self::Picture => !snapshot.listed.is_empty(),
            Self::Position(number, part) => snapshot.has(number, part),
            Self::After(open, parts) => {
                snapshot.open.media_sequence > open || snapshot.open.parts.len() > parts
            }
        }
    }
}

impl Wanted {
    const A_PICTURE: Self = Self { what: What::Picture, limit: LONGEST_WAIT };

    /// The first snapshot that has it.
    async fn held(self, state: &AppState, stream: &Stream) -> Result<Arc<Snapshot>, ApiError> {
        let mut snapshots = stream.snapshots();
        let waiting = snapshots.wait_for(|now| now.as_deref().is_some_and(|now| self.what.is_in(now)));
        match tokio::time::timeout(self.limit, waiting).await {
            Ok(Ok(snapshot)) => snapshot.clone().ok_or(ApiError::MediaNotFound),
            Ok(Err(_stopped)) => Err(ApiError::no_stream(&state.registry, stream.id())),
            Err(_elapsed) => Err(self.in_vain(stream)),
        }
    }

    /// It did not come in time.
    fn in_vain(self, stream: &Stream) -> ApiError {
        match self.what {
            What::Picture => {
                let why = stream.status().last_error;
                let why =
                    why.unwrap_or_else(|| "the camera is connected and has sent no keyframe yet".into());
                ApiError::NotReady(why)
            }
            What::Position(..) => ApiError::NoNews,
            What::After(..) => ApiError::MediaNotFound,
        }
    }
}

/// Media never changes: its URL holds the run and the number.
const FOR_ALL: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A cache in between would go on handing it out when the viewer's token has ended.
const FOR_THIS_VIEWER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// Whether `file` is the part that the preload hint names (bis §4.4.5.3): it is waited for.
fn is_hinted(snapshot: &Snapshot, file: File) -> bool {
    matches!(file, File::Part(number, index)
        if number == snapshot.open.media_sequence && index == snapshot.next_part())
}

/// A request is held no longer than three target durations (bis §6.2.5.2), nor than players wait.
fn hold_limit(snapshot: &Snapshot) -> Duration {
    LONGEST_WAIT.min(3 * snapshot.settings.longest_segment())
}

/// A stream that someone watches now.
struct Watched {
    stream: Arc<Stream>,
    /// The viewer's token, where playlists are to carry it on.
    token: Option<String>,
    /// Who may keep its media.
    keep: HeaderValue,
}

/// Lets a viewer in.
fn watched(state: &AppState, peer: IpAddr, id: &str, request: &Parts) -> Result<Watched, ApiError> {
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

/// Of initialisation sections, and of media as it is packed.
const EXTENSIONS: [&str; 3] = ["mp4", "m4s", "ts"];

/// What the last piece of a media path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Init(InitId),
    Segment(MediaSequence),
    /// A part by its segment's number and its own.
    Part(MediaSequence, usize),
}

impl File {
    /// Reads `init-{n}.mp4`, `seg-{msn}.{ext}` or `part-{msn}.{k}.{ext}`: the file, and its extension. A file has one name: under
    /// any number of others caches would keep it as often.
    fn read(file: &str) -> Option<(Self, &'static str)> {
        let at = file.bytes().rposition(|byte| byte == b'.')?;
        let name = &file[..at];
        let extension = EXTENSIONS.into_iter().find(|extension| *extension == &file[at + 1..])?;
        let file = if let Some(id) = name.strip_prefix("init-") {
            Self::Init(InitId(read_number(id)?))
        } else if let Some(number) = name.strip_prefix("seg-") {
            Self::Segment(read_number(number)?)
        } else {
            let (number, index) = cut(name.strip_prefix("part-")?, b'.')?;
            Self::Part(read_number(number)?, read_number(index)?)
        };
        Some((file, extension))
    }
}

/// Decimal, as playlists have it: with no sign, and no zeros before it.
fn read_number<T: FromStr>(digits: &str) -> Option<T> {
    let is_usual = digits == "0" || digits.starts_with(|first| matches!(first, '1'..='9'));
    is_usual.then(|| digits.parse().ok()).flatten()
}

/// The type and the bytes of `file`, if it is held.
fn find(snapshot: &Snapshot, file: File, extension: &str) -> Option<(&'static str, Content)> {
    let (container, content): (_, Content) = match file {
        File::Init(id) => {
            let init = snapshot.init(id).filter(|_| extension == "mp4")?;
            return Some(("video/mp4", init.bytes.clone().into()));
        }
        File::Segment(number) => {
            let segment = snapshot.segment(number)?;
            (segment.container, segment.clone().into())
        }
        File::Part(number, index) => {
            let (container, part) = snapshot.part(number, index)?;
            (container, part.clone().into())
        }
    };
    (extension == container.extension()).then_some((container.media_type(), content))
}

/// Playlists change: a cache must ask each time.
fn playlist_response(playlist: &Playlist, token: Option<&str>, gzip: bool) -> Response<Content> {
    let own = token.map(|token| playlist.carrying(&format!("token={token}")));
    let playlist = own.as_ref().unwrap_or(playlist);
    let body = if gzip { playlist.gzip() } else { &playlist.plain };
    let mut response = Response::new(Content::from(body.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PLAYLIST_TYPE);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn media_response(
    media_type: &'static str,
    keep: HeaderValue,
    content: Content,
    range: Option<&HeaderValue>,
) -> Result<Response<Content>, ApiError> {
    let length = content.remaining();
    let (status, content, range) = match requested_range(range, length) {
        Range::None => (StatusCode::OK, content, None),
        Range::Outside => return Err(ApiError::RangeNotSatisfiable(length as u64)),
        Range::Within(start, end) => {
            let text = format!("bytes {start}-{}/{length}", end - 1);
            (StatusCode::PARTIAL_CONTENT, content.range(start, end), HeaderValue::try_from(text).ok())
        }
    };
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.extend(range.map(|range| (header::CONTENT_RANGE, range)));
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// The whole, for want of a range that is understood.
    None,
    /// From the first byte to before the last.
    Within(usize, usize),
    Outside,
}

/// A single range of bytes (RFC 9110 §14.1.2); several at once may be answered with the whole (§14.2).
fn requested_range(range: Option<&HeaderValue>, length: usize) -> Range {
    let Some(text) = range.and_then(|value| value.to_str().ok()) else {
        return Range::None;
    };
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Range::None;
    };
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(length)),
        (Ok(start), Err(_)) if last.is_empty() => (start, length),
        (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix), length),
        _ => return Range::None,
    };
    if start < end { Range::Within(start, end) } else { Range::Outside }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_target_is_read_from_a_path_as_playlists_write_it_and_from_no_other() {
        let file = Target::File { run: "5", file: "seg-1.m4s" };
        for (path, target) in [
            ("/streams/a/stream.m3u8", Target::MultivariantPlaylist),
            ("/streams/a/media.m3u8", Target::MediaPlaylist),
            ("/streams/a/5/seg-1.m4s", file),
        ] {
            assert_eq!(Target::read(path), Some(("a", target)));
        }
        for path in [
            "/streams/a",
            "/streams/a/",
            "/streams//stream.m3u8",
            "/streams/%61/stream.m3u8",
            "/streams/a/stream.m3u8/",
            "/streams/a/5/",
            "/streams/a/5/seg-1.m4s/x",
            "/streams/a//seg-1.m4s",
            "/Streams/a/stream.m3u8",
            "/streams/a/other.m3u8",
        ] {
            assert_eq!(Target::read(path), None, "{path}");
        }
    }

    #[test]
    fn a_file_has_one_name() {
        assert_eq!(File::read("init-0.mp4"), Some((File::Init(InitId(0)), "mp4")));
        assert_eq!(File::read("seg-170.m4s"), Some((File::Segment(170), "m4s")));
        assert_eq!(File::read("part-170.0.ts"), Some((File::Part(170, 0), "ts")));
        for other in [
            "seg-+170.m4s",
            "seg-0170.m4s",
            "seg-00.m4s",
            "seg-.m4s",
            "part-170.00.ts",
            "part-170.ts",
            "seg-1.mkv",
        ] {
            assert_eq!(File::read(other), None, "{other}");
        }
    }

    #[test]
    fn ranges_are_read_as_rfc_9110_has_them() {
        let range = |text| requested_range(Some(&HeaderValue::from_static(text)), 100);
        assert_eq!(range("bytes=0-0"), Range::Within(0, 1));
        assert_eq!(range("bytes=10-"), Range::Within(10, 100));
        assert_eq!(range("bytes=90-500"), Range::Within(90, 100));
        assert_eq!(range("bytes=-5"), Range::Within(95, 100));
        assert_eq!(range("bytes=-500"), Range::Within(0, 100));
        assert_eq!(range("bytes=100-"), Range::Outside);
        assert_eq!(range("bytes=-0"), Range::Outside);
        for whole in ["bytes=5-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes"] {
            assert_eq!(range(whole), Range::None, "{whole}");
        }
    }
}
