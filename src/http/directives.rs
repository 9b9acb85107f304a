//! What a client of low latency asks of a playlist (bis §6.2.5): wait until there is news, leave out what is known.
//!
//! And who is such a client: that is decided here too.

use axum::http::{HeaderMap, Version, header};

use super::error::ApiError;
use crate::hls::Snapshot;
use crate::hls::segment::MediaSequence;

/// Who gets playlists of low latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowLatency {
    /// All but Apple's player where it would not use them: it wants HTTP/2 for low latency.
    #[default]
    Auto,
    /// All.
    On,
    /// None.
    Off,
}

impl LowLatency {
    /// Whether a request of HTTP `version` with these headers gets one.
    pub(super) fn serves(self, version: Version, request: &HeaderMap) -> bool {
        let text = |name| request.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Auto => {
                let apples = text(header::USER_AGENT).is_some_and(|agent| agent.contains("AppleCoreMedia"));
                // A proxy in front that speaks TLS speaks HTTP/2 as well, nearly always.
                let behind_tls = request.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
                !apples || version == Version::HTTP_2 || behind_tls
            }
        }
    }
}

/// The query of a request for a media playlist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// `_HLS_msn` and `_HLS_part`: what the playlist is to contain.
    pub(super) wanted: Option<(MediaSequence, Option<usize>)>,
    /// `_HLS_skip`: a delta update will do.
    pub(super) skip: bool,
}

impl Directives {
    /// Reads a query; what is none of them is none of ours.
    pub(super) fn read(query: &str) -> Result<Self, ApiError> {
        let (mut number, mut part, mut skip) = (None, None, false);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "_HLS_msn" => number = Some(whole("_HLS_msn", value)?),
                "_HLS_part" => part = Some(usize::try_from(whole("_HLS_part", value)?).unwrap_or(usize::MAX)),
                "_HLS_skip" => skip = matches!(value, "YES" | "v2"),
                _ => {}
            }
        }
        if part.is_some() && number.is_none() {
            return Err(ApiError::invalid("_HLS_part", "needs _HLS_msn beside it"));
        }
        Ok(Self { wanted: number.map(|number| (number, part)), skip })
    }

    /// Refuses what lies too far ahead to be waited for (bis §6.2.5.2).
    pub(super) fn check(&self, snapshot: &Snapshot) -> Result<(), ApiError> {
        let Some((number, part)) = self.wanted else { return Ok(()) };
        let open = &snapshot.open;
        // Two beyond the last whole segment, which is the one before the open one.
        if number > open.media_sequence + 1 {
            return Err(ApiError::invalid("_HLS_msn", "is too far ahead of the playlist"));
        }
        let seconds = snapshot.part_target.map_or(1.0, |target| target.as_secs_f64());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most some thousands")]
        let advance = if seconds < 1.0 { (3.0 / seconds).ceil() as usize } else { 3 };
        if number == open.media_sequence && part.is_some_and(|part| part > open.parts.len() + advance) {
            return Err(ApiError::invalid("_HLS_part", "is too far ahead of the playlist"));
        }
        Ok(())
    }
}

fn whole(name: &'static str, value: &str) -> Result<u64, ApiError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| value.parse().ok()).flatten();
    number.ok_or_else(|| ApiError::invalid(name, "must be a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(query: &str) -> Option<Directives> {
        Directives::read(query).ok()
    }

    #[test]
    fn directives_are_read_and_other_fields_left_alone() {
        let wanted = |number, part| Some(Directives { wanted: Some((number, part)), skip: false });
        assert_eq!(read(""), Some(Directives::default()));
        assert_eq!(read("token=x&_HLS_msn=7"), wanted(7, None));
        assert_eq!(read("_HLS_msn=7&_HLS_part=0&a"), wanted(7, Some(0)));
        for skip in ["_HLS_skip=YES", "_HLS_skip=v2"] {
            assert_eq!(read(skip), Some(Directives { wanted: None, skip: true }));
        }
        assert_eq!(read("_HLS_skip=no"), Some(Directives::default()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "_HLS_part=1",
            "_HLS_msn=",
            "_HLS_msn=-1",
            "_HLS_msn=+1",
            "_HLS_msn=a",
            "_HLS_msn=1&_HLS_part=x",
            "_HLS_msn=99999999999999999999999",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn apples_player_gets_low_latency_where_it_would_use_it() {
        let apple = HeaderMap::from_iter([(
            header::USER_AGENT,
            HeaderValue::from_static(
                "AppleCoreMedia/1.0.0.21F90 (iPhone; U; CPU OS 17_5_1 like Mac OS X; en_us)",
            ),
        )]);
        let mut behind_tls = apple.clone();
        behind_tls.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let other = HeaderMap::new();
        let (one, two) = (Version::HTTP_11, Version::HTTP_2);
        assert!(!LowLatency::Auto.serves(one, &apple) && LowLatency::Auto.serves(two, &apple));
        assert!(LowLatency::Auto.serves(one, &other) && LowLatency::Auto.serves(one, &behind_tls));
        assert!(LowLatency::On.serves(one, &apple) && !LowLatency::Off.serves(two, &other));
    }
}
