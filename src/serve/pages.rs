//! A part once more, in a file in memory of its own: the system sends the pages of a file as they are.
//!
//! They are written once and change no more: a page that is on its way to a slow viewer is the kernel's to keep, whatever has become of
//! its file.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::net::{SendFlags, send};
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;

use crate::hls::segment::Part;

/// What all files together may take: they are beside the media that is held.
const MOST_BYTES: u64 = 256 << 20;

/// Files that are open now, and their bytes.
static OPEN: Mutex<Open> = Mutex::new(Open { files: 0, bytes: 0 });

#[derive(Debug)]
struct Open {
    files: u64,
    bytes: u64,
}

/// How many may be open: connections and cameras want most of what the process may have.
static MOST_FILES: LazyLock<u64> =
    LazyLock::new(|| getrlimit(Resource::Nofile).current.map_or(1 << 16, |most| most / 4));

/// A file's place among them.
#[derive(Debug)]
struct Place {
    bytes: u64,
}

impl Place {
    fn take(bytes: u64) -> Option<Self> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if open.files >= *MOST_FILES || open.bytes + bytes > MOST_BYTES {
            return None;
        }
        open.files += 1;
        open.bytes += bytes;
        Some(Self { bytes })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.files -= 1;
        open.bytes -= self.bytes;
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct Pages {
    file: File,
    _place: Place,
}

impl Pages {
    /// With the bytes of `part`; `None` if there is no room for it, or the system has no files of this kind.
    pub(super) fn of(part: &Part) -> Option<Self> {
        let place = Place::take(part.byte_length as u64)?;
        let written = || -> io::Result<File> {
            let mut file = File::from(memfd_create(c"camgate-part", MemfdFlags::CLOEXEC)?);
            part.chunks.iter().try_for_each(|chunk| file.write_all(chunk))?;
            Ok(file)
        };
        let told = |error: &io::Error| tracing::debug!(%error, "no file in memory");
        Some(Self { file: written().inspect_err(told).ok()?, _place: place })
    }

    /// Sends `head`, and then what lies at `offset`, as much of `length` as the socket takes; says how much it took of both.
    ///
    /// # Errors
    /// What the system says, if nothing was sent.
    pub(super) fn send(
        &self,
        socket: &TcpStream,
        head: &[u8],
        offset: u64,
        length: usize,
    ) -> io::Result<usize> {
        let sent =
            if head.is_empty() { 0 } else { send(socket, head, SendFlags::MORE | SendFlags::NOSIGNAL)? };
        if sent < head.len() {
            return Ok(sent);
        }
        match sendfile(socket, &self.file, Some(&mut { offset }), length) {
            Ok(of_file) => Ok(sent + of_file),
            Err(_) if sent > 0 => Ok(sent),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_room_for_so_many_bytes_and_give_it_back() {
        let half = || Place::take(MOST_BYTES / 2 - (1 << 20));
        let (one, two) = (half(), half());
        assert!(one.is_some() && two.is_some() && half().is_none());
        drop(one);
        assert!(half().is_some());
    }
}
