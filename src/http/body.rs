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

use crate::hls::segment::{OfPart, Part, Segment};

/// What is sent, held as a whole until the last of it is.
#[derive(Clone, Debug)]
enum Source {
    Bytes(Bytes),
    Part(Arc<Part>),
    Segment(Arc<Segment>),
}

/// Where something lies in it.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    part: usize,
    chunk: usize,
    /// Bytes.
    offset: usize,
}

impl Source {
    fn parts(&self) -> &[Arc<Part>] {
        match self {
            Self::Bytes(_) => &[],
            Self::Part(part) => std::slice::from_ref(part),
            Self::Segment(segment) => &segment.parts,
        }
    }

    fn chunks(&self, part: usize) -> &[Bytes] {
        match self {
            Self::Bytes(bytes) if part == 0 => std::slice::from_ref(bytes),
            _ => self.parts().get(part).map_or(&[], |part| &part.chunks),
        }
    }

    /// What is left of the chunk at that position.
    fn rest(&self, at: Position) -> &[u8] {
        self.chunks(at.part).get(at.chunk).and_then(|chunk| chunk.get(at.offset..)).unwrap_or_default()
    }

    /// Where the next chunk begins.
    fn next(&self, at: Position) -> Position {
        if at.chunk + 1 < self.chunks(at.part).len() {
            Position { chunk: at.chunk + 1, offset: 0, ..at }
        } else {
            Position { part: at.part + 1, ..Position::default() }
        }
    }
}

/// Bytes, a part or a segment, or some of it: one buffer of several pieces, of which no list is made for each answer.
#[derive(Clone, Debug)]
pub struct Content {
    source: Source,
    /// What is before it is sent. While something remains, so does some of the chunk there.
    next: Position,
    remaining: usize,
}

impl Content {
    fn of(source: Source, length: usize) -> Self {
        let mut content = Self { source, next: Position::default(), remaining: length };
        content.advance(0);
        content
    }

    /// Bytes `start..end` of this, of which there are as many.
    #[must_use]
    pub fn range(mut self, start: usize, end: usize) -> Self {
        self.advance(start);
        self.remaining = end - start;
        self
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        let length = bytes.len();
        Self::of(Source::Bytes(bytes), length)
    }
}

impl From<Arc<Part>> for Content {
    fn from(part: Arc<Part>) -> Self {
        let length = part.chunks.iter().map(Bytes::len).sum();
        Self::of(Source::Part(part), length)
    }
}

impl From<Arc<Segment>> for Content {
    fn from(segment: Arc<Segment>) -> Self {
        let length = segment.chunks().map(Bytes::len).sum();
        Self::of(Source::Segment(segment), length)
    }
}

impl Buf for Content {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        let rest = self.source.rest(self.next);
        &rest[..rest.len().min(self.remaining)]
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let (mut at, mut remaining, mut filled) = (self.next, self.remaining, 0);
        while remaining > 0 && filled < slices.len() {
            let rest = self.source.rest(at);
            let rest = &rest[..rest.len().min(remaining)];
            if !rest.is_empty() {
                slices[filled] = IoSlice::new(rest);
                filled += 1;
            }
            remaining -= rest.len();
            at = self.source.next(at);
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "there are {} bytes left, not {count}", self.remaining);
        self.remaining -= count;
        while self.remaining > 0 {
            let rest = self.source.rest(self.next).len();
            if count < rest {
                self.next.offset += count;
                break;
            }
            count -= rest;
            self.next = self.source.next(self.next);
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

impl OfPart for AnswerBody {
    fn part(&self) -> Option<&Arc<Part>> {
        match self {
            Self::Whole(Content { source, .. }) => match source.parts() {
                [part] => Some(part),
                _ => None,
            },
            Self::Routed(_) => None,
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
                let nothing = Content::from(Bytes::new());
                Poll::Ready(Some(Ok(Frame::data(std::mem::replace(content, nothing)))))
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
pub struct Chunked(pub Content);

impl Body for Chunked {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let (length, at) = (self.0.chunk().len(), self.0.next);
        let chunk = self.0.source.chunks(at.part).get(at.chunk).filter(|_| length > 0);
        let next = chunk.map(|chunk| Ok(Frame::data(chunk.slice(at.offset..at.offset + length))));
        self.0.advance(length);
        Poll::Ready(next)
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
    use std::time::Duration;

    use super::*;
    use crate::hls::segment::Beside;
    use crate::media::{Arrival, WallTime};

    const WHOLE: &[u8] = b"abcdefgh";

    fn part(chunks: &[&'static [u8]]) -> Arc<Part> {
        Arc::new(Part {
            duration: Duration::ZERO,
            independent: true,
            chunks: chunks.iter().map(|chunk| Bytes::from_static(chunk)).collect(),
            byte_length: chunks.iter().map(|chunk| chunk.len()).sum(),
            beside: Beside::default(),
        })
    }

    /// All kinds of the same bytes.
    fn contents() -> [Content; 3] {
        let segment = Segment {
            media_sequence: 1,
            discontinuity_sequence: 0,
            discontinuity: false,
            container: Default::default(),
            init: None,
            program_date_time: WallTime(0),
            duration: Duration::ZERO,
            independent: true,
            parts: vec![part(&[b"", b"abc"]), part(&[]), part(&[b"de", b"", b"fg"]), part(&[b"h"])],
            byte_length: 8,
            frames: 1,
            completed: Arrival { elapsed: Duration::ZERO, wall: WallTime(0) },
        };
        let whole = Bytes::from_static(WHOLE);
        [whole.into(), part(&[b"abc", b"", b"defg", b"h"]).into(), Arc::new(segment).into()]
    }

    fn collect(mut content: Content) -> Vec<u8> {
        content.copy_to_bytes(content.remaining()).to_vec()
    }

    #[test]
    fn a_range_is_the_same_bytes_however_they_are_chunked() {
        for start in 0..=8 {
            for end in start..=8 {
                for content in contents() {
                    let range = content.range(start, end);
                    assert_eq!(range.remaining(), end - start);
                    assert_eq!(collect(range), &WHOLE[start..end]);
                }
            }
        }
    }

    #[test]
    fn what_was_sent_in_pieces_of_any_size_is_not_sent_again() {
        for (sent, mut content) in (0..=8).flat_map(|sent| contents().map(|content| (sent, content))) {
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
        for content in contents() {
            let body = RouterBody::new(Chunked(content.range(1, 7)));
            assert_eq!(body.size_hint().exact(), Some(6));
            assert_eq!(axum::body::to_bytes(body, 100).await.unwrap(), WHOLE[1..7]);
        }
    }
}
