//! Viewers of low latency, as cheap as may be: one for each stream, over two connections that stay.
//! `cargo run --release --example viewers -- host:port WARM-UP SECONDS ID…`
//!
//! Each does what hls.js does: it asks for the playlist with the next part in it (`_HLS_msn`, `_HLS_part`, `_HLS_skip`), which
//! the gateway holds until it is there, and fetches that part beside it, by the hint. Prints one line of JSON: how many parts
//! came after the warm-up, and how late: from when a part was over by the playlist's dates, until the playlist that tells of it was here.
//! Whatever else than 200 it is answered ends it with an error: not a figure counts if the work was not done.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it is a program of the benches")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What all viewers have seen.
#[derive(Default)]
struct Seen {
    parts: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds by which each part was late.
    late: std::sync::Mutex<Vec<f64>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(warm_up), Some(seconds)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: viewers host:port WARM-UP SECONDS ID…".into());
    };
    let start = Instant::now() + Duration::from_secs_f64(warm_up.parse()?);
    let end = start + Duration::from_secs_f64(seconds.parse()?);
    let seen = Arc::new(Seen::default());
    let mut viewers = JoinSet::new();
    for id in arguments {
        viewers.spawn(watch(address.clone(), id, seen.clone(), start..end));
    }
    while let Some(viewer) = viewers.join_next().await {
        viewer??;
    }
    let (parts, bytes) = (seen.parts.load(Ordering::Relaxed), seen.bytes.load(Ordering::Relaxed));
    let mut late = std::mem::take(&mut *seen.late.lock().map_err(|_| "a viewer panicked")?);
    late.sort_by(f64::total_cmp);
    let at = |share: usize| late.get((late.len() * share / 1000).min(late.len().saturating_sub(1))).copied();
    println!(
        "{{\"parts\": {parts}, \"bytes\": {bytes}, \"late_ms\": {{\"p50\": {:.1}, \"p99\": {:.1}, \"max\": {:.1}}}}}",
        at(500).unwrap_or(f64::NAN),
        at(990).unwrap_or(f64::NAN),
        late.last().copied().unwrap_or(f64::NAN),
    );
    Ok(())
}

/// Watches one stream until the end of `time`, and counts from its start on.
async fn watch(address: String, id: String, seen: Arc<Seen>, time: Range<Instant>) -> Result<(), Error> {
    let base = format!("/streams/{id}/");
    let (mut playlists, mut media) = (Connection::to(&address).await?, Connection::to(&address).await?);
    let mut text = playlists.get(&format!("{base}media.m3u8")).await?.to_vec();
    loop {
        let hint = Hint::of(std::str::from_utf8(&text)?).ok_or("no hint in the playlist")?;
        let playlist =
            format!("{base}media.m3u8?_HLS_msn={}&_HLS_part={}&_HLS_skip=YES", hint.number, hint.part);
        let both = async {
            let path = format!("{base}{}", hint.path);
            tokio::try_join!(
                async {
                    let text = playlists.get(&playlist).await?;
                    let late = lateness(std::str::from_utf8(text)?, &hint);
                    Ok::<_, Error>((text.to_vec(), late))
                },
                async { media.get(&path).await.map(<[u8]>::len) },
            )
        };
        let Ok(both) = timeout_at(time.end, both).await else { return Ok(()) };
        let ((news, late), bytes) = both?;
        text = news;
        if Instant::now() < time.start {
            continue;
        }
        seen.parts.fetch_add(1, Ordering::Relaxed);
        seen.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(late) = late {
            seen.late.lock().map_err(|_| "a viewer panicked")?.push(late);
        }
    }
}

/// The part that comes next.
struct Hint {
    path: String,
    number: u64,
    part: u64,
}

impl Hint {
    fn of(playlist: &str) -> Option<Self> {
        let line = playlist.lines().rev().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT:"))?;
        let path = line.split("URI=\"").nth(1)?.strip_suffix('"')?.to_owned();
        let (number, part) = path.split("/part-").nth(1)?.split_once('.')?;
        let part = part.split('.').next()?.parse().ok()?;
        Some(Self { number: number.parse().ok()?, part, path })
    }
}

/// Milliseconds since the part was over, by the date of its segment and the durations of the parts before and with it.
fn lateness(playlist: &str, hint: &Hint) -> Option<f64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
    let mut over = None;
    for line in playlist.lines() {
        if let Some(date) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            over = Some(seconds_of_day(date)?);
        } else if let Some(part) = line.strip_prefix("#EXT-X-PART:DURATION=") {
            let (duration, rest) = part.split_once(',')?;
            let end = over? + duration.parse::<f64>().ok()?;
            over = Some(end);
            if rest.contains(&hint.path) {
                let day = 86_400.0;
                return Some(((now - end + day / 2.0).rem_euclid(day) - day / 2.0) * 1000.0);
            }
        }
    }
    None
}

/// Of a date as camgate writes it: `2026-01-02T03:04:05.678Z`.
fn seconds_of_day(date: &str) -> Option<f64> {
    let (_, time) = date.split_once('T')?;
    let mut fields = time.strip_suffix('Z')?.split(':');
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? * 3600.0 + next()? * 60.0 + next()?)
}

/// A connection that stays (RFC 9112 §9.3).
struct Connection {
    socket: TcpStream,
    host: String,
    buffer: Vec<u8>,
    /// The answer to the request before, still at the buffer's start.
    used: usize,
}

impl Connection {
    async fn to(address: &str) -> Result<Self, Error> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, host: address.to_owned(), buffer: Vec::with_capacity(64 << 10), used: 0 })
    }

    /// The body of what `path` is.
    async fn get(&mut self, path: &str) -> Result<&[u8], Error> {
        self.buffer.drain(..self.used);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.socket.write_all(request.as_bytes()).await?;
        loop {
            if let Some(head) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let fields = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
                if !fields.starts_with("http/1.1 200 ") {
                    return Err(format!("{path}: {}", fields.lines().next().unwrap_or_default()).into());
                }
                let length = fields.lines().find_map(|line| line.strip_prefix("content-length:"));
                let length: usize = length.ok_or("no length")?.trim().parse()?;
                let (start, end) = (head + 4, head + 4 + length);
                self.buffer.reserve(end.saturating_sub(self.buffer.len()));
                while self.buffer.len() < end {
                    self.more().await?;
                }
                self.used = end;
                return Ok(&self.buffer[start..end]);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Error> {
        let read = self.socket.read_buf(&mut self.buffer).await?;
        if read == 0 { Err("the gateway hung up".into()) } else { Ok(()) }
    }
}
