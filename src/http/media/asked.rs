//! What a request asks for, whether a snapshot has it, and what it waits for otherwise.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::response::{media_response, playlist_response};
use super::target::{File, Target};
use super::viewer::Watched;
use crate::hls::Form;
use crate::hls::segment::MediaSequence;
use crate::hls::window::Snapshot;
use crate::http::AppState;
use crate::http::body::Content;
use crate::http::directives::{Directives, LowLatency};
use crate::http::error::ApiError;
use crate::http::negotiate::accepts_gzip;
use crate::stream::Stream;

/// A request waits no longer for what is not there yet: players give up after ten seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(9);

/// All of a request that its answer depends on: nothing else of it is kept while it waits.
pub(super) enum Asked {
    MultivariantPlaylist { gzip: bool },
    MediaPlaylist { gzip: bool, form: Form, directives: Directives },
    File { file: File, extension: &'static str, range: Option<HeaderValue> },
}

pub(super) enum Look {
    Found(Response<Content>),
    /// Never what the snapshot has that was looked at: whoever waits for it would look again at once, without end.
    Missing(Wanted),
}

impl Asked {
    pub(super) fn of(
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
    pub(super) fn look(&self, now: Option<&Snapshot>, watched: &Watched) -> Result<Look, ApiError> {
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
pub(super) struct Wanted {
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
    pub(super) async fn held(self, state: &AppState, stream: &Stream) -> Result<Arc<Snapshot>, ApiError> {
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

/// Whether `file` is the part that the preload hint names (bis §4.4.5.3): it is waited for.
fn is_hinted(snapshot: &Snapshot, file: File) -> bool {
    matches!(file, File::Part(number, index)
        if number == snapshot.open.media_sequence && index == snapshot.next_part())
}

/// A request is held no longer than three target durations (bis §6.2.5.2), nor than players wait.
fn hold_limit(snapshot: &Snapshot) -> Duration {
    LONGEST_WAIT.min(3 * snapshot.settings.longest_segment())
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
