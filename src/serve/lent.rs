//! Parts that many fetch are sent from files in memory, which the system need not copy for each viewer (docs/decisions/0018).
//!
//! HTTP knows nothing of it: it hands over buffers to be sent, and [`Sender`] sees by their addresses that they are of the part that
//! is asked for, and of which there is a file. Whatever it does not know it sends as it is.

use std::io::{self, IoSlice};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::pages::Pages;
use crate::hls::segment::Part;

/// Parts that are worth a file, in bytes: a smaller one is as cheap to copy, and a larger one, which is none of low latency, would
/// hold up others on its thread while its file is written.
const WORTH: RangeInclusive<usize> = 32 << 10..=4 << 20;

/// Asked for so often, a part has its file: until then the file would have cost more than it saves.
const OFTEN: usize = 6;

/// What is kept beside a part.
#[derive(Debug, Default)]
struct Shelf {
    asked: AtomicUsize,
    pages: OnceLock<Pages>,
}

impl Shelf {
    fn of(part: &Part) -> Option<&Self> {
        part.beside.get_or_init(Self::default)
    }

    /// One more asks for the part: whether it has a file.
    fn is_asked(part: &Part) -> bool {
        let worth = WORTH.contains(&part.byte_length);
        let Some(shelf) = worth.then(|| Self::of(part)).flatten() else { return false };
        if shelf.asked.fetch_add(1, Ordering::Relaxed) + 1 == OFTEN
            && let Some(pages) = Pages::of(part)
        {
            // It is the only one that sets it.
            let _ = shelf.pages.set(pages);
        }
        shelf.pages.get().is_some()
    }
}

/// The part that a connection's answer is of, if it has a file. It is held by the buffers that wait to be sent, and not by this: a
/// client may take its time before it asks for the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Lent(Arc<Mutex<Option<Weak<Part>>>>);

impl Lent {
    /// An answer begins, that is of `part` if of any.
    pub(super) fn begin(&self, part: Option<&Arc<Part>>) {
        let lent = part.filter(|part| Shelf::is_asked(part)).map(Arc::downgrade);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lent;
    }

    /// What of it `slices` are, from the first or after a head.
    fn next(&self, slices: &[IoSlice<'_>]) -> Option<Next> {
        let part = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()?;
        let from = |head| Some((head, Stretch::of(&part.chunks, slices.get(head..)?)?));
        let (head, stretch) = (0..=1).find_map(from)?;
        Some(Next { part, head, stretch })
    }
}

struct Next {
    part: Arc<Part>,
    /// Slices that come before.
    head: usize,
    stretch: Stretch,
}

/// A stretch of a part, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    offset: usize,
    length: usize,
}

impl Stretch {
    /// What `slices` begin with, if that is of the buffers `chunks`: not the same bytes, but the very same memory.
    fn of(chunks: &[Bytes], slices: &[IoSlice<'_>]) -> Option<Self> {
        let first = slices.first()?;
        let mut before = 0;
        let (index, within) = chunks.iter().enumerate().find_map(|(index, chunk)| {
            let within = position(chunk, first);
            before += if within.is_some() { 0 } else { chunk.len() };
            within.map(|within| (index, within))
        })?;
        let mut length = first.len();
        let mut is_whole = within + length == chunks[index].len();
        for (chunk, slice) in chunks[index + 1..].iter().zip(&slices[1..]) {
            if !is_whole || position(chunk, slice) != Some(0) {
                break;
            }
            length += slice.len();
            is_whole = slice.len() == chunk.len();
        }
        Some(Self { offset: before + within, length })
    }
}

/// Where in `chunk` the memory of `slice` lies.
fn position(chunk: &[u8], slice: &[u8]) -> Option<usize> {
    let within = slice.as_ptr().addr().checked_sub(chunk.as_ptr().addr())?;
    (!slice.is_empty() && within + slice.len() <= chunk.len()).then_some(within)
}

/// A connection that sends from files what is [`Lent`] to it.
#[derive(Debug)]
pub(super) struct Sender {
    socket: TcpStream,
    lent: Lent,
}

impl Sender {
    pub(super) fn new(socket: TcpStream, lent: Lent) -> Self {
        Self { socket, lent }
    }
}

impl AsyncWrite for Sender {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let next = self.lent.next(slices);
        let file = next.as_ref().and_then(|next| Some((Shelf::of(&next.part)?.pages.get()?, next)));
        let Some((pages, next)) = file else {
            return Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        };
        let head: &[u8] = if next.head == 0 { &[] } else { &slices[0] };
        loop {
            ready!(self.socket.poll_write_ready(context))?;
            let send = || pages.send(&self.socket, head, next.stretch.offset as u64, next.stretch.length);
            match self.socket.try_io(Interest::WRITABLE, send) {
                Ok(sent) => return Poll::Ready(Ok(sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Where files may not be sent, memory may; and what is wrong with the socket shows again.
                Err(_) => return Pin::new(&mut self.socket).poll_write_vectored(context, slices),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl AsyncRead for Sender {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;
    use crate::hls::segment::Beside;

    fn part(chunks: Vec<Bytes>) -> Arc<Part> {
        let byte_length = chunks.iter().map(Bytes::len).sum();
        Arc::new(Part {
            duration: Duration::ZERO,
            independent: true,
            chunks,
            byte_length,
            beside: Beside::default(),
        })
    }

    fn stretch(chunks: &[Bytes], slices: &[&[u8]]) -> Option<(usize, usize)> {
        let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        Stretch::of(chunks, &slices).map(|Stretch { offset, length }| (offset, length))
    }

    #[test]
    fn memory_of_a_part_is_found_in_it_as_far_as_it_goes_on() {
        let chunks = ["abc", "defg", "hi"].map(|text| Bytes::from(text.to_owned()));
        let [a, b, c] = &chunks;
        assert_eq!(stretch(&chunks, &[a, b, c]), Some((0, 9)));
        // The rest, when some is sent.
        assert_eq!(stretch(&chunks, &[&b[2..], c]), Some((5, 4)));
        // A range ends before the end, and what follows is of another part.
        assert_eq!(stretch(&chunks, &[&a[1..], &b[..2], c]), Some((1, 4)));
        assert_eq!(stretch(&chunks, &[&a[1..2], b]), Some((1, 1)));
        assert_eq!(stretch(&chunks, &[c, a]), Some((7, 2)));
        assert_eq!(stretch(&chunks, &[a, c]), Some((0, 3)));
    }

    #[test]
    fn the_same_bytes_elsewhere_are_none_of_the_part() {
        let chunks = ["abc", "defg"].map(|text| Bytes::from(text.to_owned()));
        let elsewhere = chunks[1].to_vec();
        assert_eq!(stretch(&chunks, &[&elsewhere]), None);
        assert_eq!(stretch(&chunks, &[&chunks[0], &elsewhere]), Some((0, 3)));
        assert_eq!(stretch(&chunks, &[&elsewhere, &chunks[1]]), None);
        assert_eq!(stretch(&chunks, &[]), None);
        assert_eq!(stretch(&chunks, &[b""]), None);
    }

    /// A connection on loopback, whose ends have little room.
    async fn connect() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(8 << 10).unwrap();
        let ours = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        (ours, listener.accept().await.unwrap().0)
    }

    /// Sends `head` and then `chunks`, as HTTP would; `at` is called with how much is sent.
    async fn send(sender: &mut Sender, head: &[u8], chunks: &[Bytes], mut at: impl FnMut(usize)) {
        let whole = head.len() + chunks.iter().map(Bytes::len).sum::<usize>();
        let mut sent = 0;
        while sent < whole {
            let mut skip = sent;
            let all = std::iter::once(head).chain(chunks.iter().map(|chunk| &chunk[..]));
            let left = all.filter_map(|piece| {
                let rest = &piece[skip.min(piece.len())..];
                skip -= piece.len() - rest.len();
                (!rest.is_empty()).then(|| IoSlice::new(rest))
            });
            let slices: Vec<_> = left.take(64).collect();
            let count = poll_fn(|context| Pin::new(&mut *sender).poll_write_vectored(context, &slices)).await;
            sent += count.unwrap();
            at(sent);
        }
    }

    #[tokio::test]
    async fn the_same_is_sent_whether_there_is_a_file_or_not_and_when_it_goes_in_between() {
        for seed in 0..40 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut bytes = |most| {
                let length = random.usize(1..most);
                std::iter::repeat_with(|| random.u8(..)).take(length).collect::<Vec<u8>>()
            };
            let chunks: Vec<Bytes> = (0..100).map(|_| bytes(4000).into()).collect();
            let head: Vec<u8> = if seed % 4 == 0 { Vec::new() } else { bytes(300) };
            let asked = if seed % 3 == 0 { 1 } else { OFTEN };
            let (mut part, lent) = (Some(part(chunks[..90].to_vec())), Lent::default());
            for _ in 0..asked {
                lent.begin(part.as_ref());
            }
            assert_eq!(lent.0.lock().unwrap().is_some(), asked == OFTEN && cfg!(target_os = "linux"));
            let (ours, mut theirs) = connect().await;
            let reading = tokio::spawn(async move {
                let mut read = Vec::new();
                theirs.read_to_end(&mut read).await.unwrap();
                read
            });
            let mut sender = Sender::new(ours, lent);
            // Some begin within the part, all go on beyond it, and some lose it on the way.
            let from = if seed % 5 == 0 { 17 } else { 0 };
            let halfway = |sent| {
                if seed % 2 == 0 && sent > 60_000 {
                    part.take();
                }
            };
            send(&mut sender, &head, &chunks[from..], halfway).await;
            drop(sender);
            let expected = [&head[..], &chunks[from..].concat()].concat();
            assert!(reading.await.unwrap() == expected, "seed {seed}: other bytes");
        }
    }
}
