//! A response body that is a list of buffers: the pictures go to the socket from where they lie.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Sends `chunks` one after the other.
#[derive(Debug)]
pub struct ChunkBody {
    chunks: std::vec::IntoIter<Bytes>,
    remaining: u64,
}

impl ChunkBody {
    /// All of `chunks`.
    pub fn new(chunks: Vec<Bytes>) -> Self {
        let remaining = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: chunks.into_iter(), remaining }
    }

    /// Bytes `start..end` of `chunks`.
    pub fn range(chunks: impl IntoIterator<Item = Bytes>, start: u64, end: u64) -> Self {
        let mut offset = 0u64;
        let mut cut = Vec::new();
        for chunk in chunks {
            let length = chunk.len() as u64;
            let within = |position: u64| {
                // At most `length`, which was a usize.
                usize::try_from(position.saturating_sub(offset).min(length)).unwrap_or(usize::MAX)
            };
            let (from, to) = (within(start), within(end));
            if from < to {
                cut.push(chunk.slice(from..to));
            }
            offset += length;
        }
        Self::new(cut)
    }
}

impl Body for ChunkBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.chunks.next();
        self.remaining -= next.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(body: ChunkBody) -> Vec<u8> {
        body.chunks.flatten().collect()
    }

    #[test]
    fn a_range_is_the_same_bytes_however_they_are_chunked() {
        let chunks = [&b"abc"[..], b"", b"defg", b"h"].map(Bytes::from_static);
        for start in 0..=8u64 {
            for end in start..=8u64 {
                let body = ChunkBody::range(chunks.clone(), start, end);
                assert_eq!(body.remaining, end - start);
                let expected = &b"abcdefgh"[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
                assert_eq!(collect(body), expected);
            }
        }
    }
}
