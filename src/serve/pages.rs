//! A part once more, in a file in memory of its own: the system sends the pages of a file as they are.
//!
//! They are written once and change no more: a page that is on its way to a slow viewer is the kernel's to keep, whatever has become of
//! its file.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::net::{SendFlags, send};
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;

use crate::hls::segment::Part;

/// Files that are open now, and how many may be: connections and cameras want most of what the process may have.
static OPEN: AtomicU64 = AtomicU64::new(0);
static MOST: LazyLock<u64> =
    LazyLock::new(|| getrlimit(Resource::Nofile).current.map_or(1 << 16, |most| most / 4));

/// The file.
#[derive(Debug)]
pub(super) struct Pages(File);

impl Pages {
    /// With the bytes of `part`; `None` if there are too many files, or the system has none of this kind.
    pub(super) fn of(part: &Part) -> Option<Self> {
        let count = |open: u64| (open < *MOST).then_some(open + 1);
        OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).ok()?;
        let written = || -> io::Result<File> {
            let mut file = File::from(memfd_create(c"camgate-part", MemfdFlags::CLOEXEC)?);
            part.chunks.iter().try_for_each(|chunk| file.write_all(chunk))?;
            Ok(file)
        };
        match written() {
            Ok(file) => Some(Self(file)),
            Err(error) => {
                OPEN.fetch_sub(1, Ordering::Relaxed);
                tracing::debug!(%error, "no file in memory");
                None
            }
        }
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
        match sendfile(socket, &self.0, Some(&mut { offset }), length) {
            Ok(of_file) => Ok(sent + of_file),
            Err(_) if sent > 0 => Ok(sent),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}
