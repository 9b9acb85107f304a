//! What the path of a request names: a playlist, or a file of a stream's run.

use std::str::FromStr;

use crate::hls::segment::{InitId, MediaSequence};

/// What a path below `/streams/{id}` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Target<'a> {
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
pub(super) const MULTIVARIANT_PLAYLIST: &str = "/streams/{id}/stream.m3u8";
pub(super) const MEDIA_PLAYLIST: &str = "/streams/{id}/media.m3u8";
pub(super) const FILE: &str = "/streams/{id}/{run}/{file}";

impl<'a> Target<'a> {
    /// The stream and what of it a path names, if it is written as playlists write it: with nothing encoded.
    pub(in crate::http) fn read(path: &'a str) -> Option<(&'a str, Self)> {
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
    pub(in crate::http) fn route(self) -> &'static str {
        match self {
            Self::MultivariantPlaylist => MULTIVARIANT_PLAYLIST,
            Self::MediaPlaylist => MEDIA_PLAYLIST,
            Self::File { .. } => FILE,
        }
    }
}

/// Of initialisation sections, and of media as it is packed.
const EXTENSIONS: [&str; 3] = ["mp4", "m4s", "ts"];

/// What the last piece of a media path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Init(InitId),
    Segment(MediaSequence),
    /// A part by its segment's number and its own.
    Part(MediaSequence, usize),
}

impl File {
    /// Reads `init-{n}.mp4`, `seg-{msn}.{ext}` or `part-{msn}.{k}.{ext}`: the file, and its extension. A file has one name: under
    /// any number of others caches would keep it as often.
    pub(super) fn read(file: &str) -> Option<(Self, &'static str)> {
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
}
