//! What is sent, as a list of buffers: the pictures go to the socket from where they lie, and all at once.
//!
//! [`Content`] is one buffer to whoever sends it, so that a part is one call of the system and not one step for each picture.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body as RouterBody;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::hls::segment::Part;

/// Several buffers, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// None of them is empty.
    chunks: Vec<Bytes>,
    /// Those before it are sent.
    next: usize,
    remaining: usize,
    /// What it is made of, where it is media.
    parts: Vec<Arc<Part>>,
}

impl Content {
    /// Parts, one after the other.
    #[must_use]
    pub fn of(parts: Vec<Arc<Part>>) -> Self {
        let mut chunks = Vec::with_capacity(parts.iter().map(|part| part.chunks.len()).sum());
        chunks.extend(parts.iter().flat_map(|part| &part.chunks).filter(|chunk| !chunk.is_empty()).cloned());
        let remaining = parts.iter().map(|part| part.byte_length).sum();
        Self { chunks, next: 0, remaining, parts }
    }

    /// Bytes `start..end` of this, of which there are as many.
    #[must_use]
    pub fn range(self, start: usize, end: usize) -> Self {
        let mut offset = 0;
        let cut = |chunk: Bytes| {
            let within = |position: usize| position.saturating_sub(offset).min(chunk.len());
            let (from, to) = (within(start), within(end));
            offset += chunk.len();
            chunk.slice(from..to)
        };
        let chunks = self.chunks.into_iter().skip(self.next).map(cut);
        Self { parts: self.parts, ..chunks.collect() }
    }
}

impl FromIterator<Bytes> for Content {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let mut remaining = 0;
        let counted = |chunk: &Bytes| {
            remaining += chunk.len();
            !chunk.is_empty()
        };
        let chunks = chunks.into_iter().filter(counted).collect();
        Self { chunks, next: 0, remaining, parts: Vec::new() }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        std::iter::once(bytes).collect()
    }
}

impl Buf for Content {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.chunks.get(self.next).map_or(&[], |chunk| chunk)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let left = self.chunks.iter().skip(self.next);
        slices.iter_mut().zip(left).map(|(slice, chunk)| *slice = IoSlice::new(chunk)).count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "there are {} bytes left, not {count}", self.remaining);
        self.remaining -= count;
        while let Some(chunk) = self.chunks.get_mut(self.next).filter(|_| count > 0) {
            let taken = count.min(chunk.len());
            chunk.advance(taken);
            count -= taken;
            if chunk.is_empty() {
                // What is sent is held no longer.
                *chunk = Bytes::new();
                self.next += 1;
            }
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub enum AnswerBody {
    /// All of it is there.
    Whole(Content),
    /// Whatever a handler of the router answers.
    Routed(RouterBody),
}

impl AnswerBody {
    /// The parts of which some of the bytes are, if there are any: whoever sends them may know a cheaper way. Kept here, they
    /// would be held until the last byte is sent.
    pub fn take_parts(&mut self) -> Vec<Arc<Part>> {
        match self {
            Self::Whole(content) => std::mem::take(&mut content.parts),
            Self::Routed(_) => Vec::new(),
        }
    }
}

impl Body for AnswerBody {
    type Data = Content;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Content>, axum::Error>>> {
        match &mut *self {
            Self::Whole(content) if content.has_remaining() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(content)))))
            }
            Self::Whole(_) => Poll::Ready(None),
            Self::Routed(body) => {
                let polled = Pin::new(body).poll_frame(context);
                polled.map(|next| next.map(|frame| frame.map(|frame| frame.map_data(Content::from))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(content) => !content.has_remaining(),
            Self::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(content) => SizeHint::with_exact(content.remaining() as u64),
            Self::Routed(body) => body.size_hint(),
        }
    }
}

/// [`Content`] for a router, which takes nothing but [`Bytes`].
#[derive(Debug)]
pub struct Chunked(Content);

impl From<Content> for Chunked {
    fn from(content: Content) -> Self {
        Self(Content { parts: Vec::new(), ..content })
    }
}

impl Body for Chunked {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let length = self.0.chunk().len();
        let next = (length > 0).then(|| self.0.chunks[self.0.next].clone());
        self.0.advance(length);
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        !self.0.has_remaining()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.remaining() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"abcdefgh";

    fn content() -> Content {
        [&b"abc"[..], b"", b"defg", b"h"].map(Bytes::from_static).into_iter().collect()
    }

    fn collect(mut content: Content) -> Vec<u8> {
        content.copy_to_bytes(content.remaining()).to_vec()
    }

    #[test]
    fn a_range_is_the_same_bytes_however_they_are_chunked() {
        for start in 0..=8 {
            for end in start..=8 {
                let range = content().range(start, end);
                assert_eq!(range.remaining(), end - start);
                assert_eq!(collect(range), &WHOLE[start..end]);
            }
        }
    }

    #[test]
    fn what_was_sent_in_pieces_of_any_size_is_not_sent_again() {
        for sent in 0..=8 {
            let mut content = content();
            content.advance(sent);
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = content.chunks_vectored(&mut slices);
            let told: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            assert_eq!((told.as_slice(), content.remaining()), (&WHOLE[sent..], 8 - sent));
            assert!(slices[..filled].iter().all(|slice| !slice.is_empty()));
            assert_eq!(collect(content), &WHOLE[sent..]);
        }
    }

    #[tokio::test]
    async fn a_router_gets_the_same_bytes() {
        let body = RouterBody::new(Chunked::from(content()));
        assert_eq!(body.size_hint().exact(), Some(8));
        assert_eq!(axum::body::to_bytes(body, 100).await.unwrap(), WHOLE);
    }
}
