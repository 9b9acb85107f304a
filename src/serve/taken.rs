//! Whether a client takes the answers that it asked for: each says until its last byte has gone since when it is there.
//!
//! One HTTP/2 connection can ask on and leave its answers where they are (RFC 9113 §10.5): each keeps its media in memory, long
//! after the window of its stream has let go of it. So it is the bytes that are watched and not the body alone, which is done with
//! as soon as its last piece waits to be sent. Over HTTP/1.1 there is one answer at a time, and one more at most that waits for it.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::http::Version;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

/// The answers of one connection, by the look before which they began.
#[derive(Debug, Default)]
pub(super) struct Answers {
    ages: Mutex<Ages>,
}

#[derive(Debug, Default)]
struct Ages {
    /// Held by each answer since the last look.
    new: Arc<()>,
    /// Held by those from between the last two looks.
    old: Weak<()>,
}

impl Answers {
    /// An answer that begins now, in that version of HTTP.
    pub(super) fn begin<B>(&self, body: B, version: Version) -> Answer<B> {
        let new = || self.ages.lock().unwrap_or_else(PoisonError::into_inner).new.clone();
        Answer { body, age: (version == Version::HTTP_2).then(new) }
    }

    /// Looks: whether there is an answer that was there at the last look already.
    pub(super) fn are_left(&self) -> bool {
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        if ages.old.strong_count() > 0 {
            return true;
        }
        let new = std::mem::take(&mut ages.new);
        ages.old = Arc::downgrade(&new);
        false
    }
}

/// The body of an answer, and that it is not taken yet.
#[derive(Debug)]
pub(super) struct Answer<B> {
    body: B,
    age: Option<Arc<()>>,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = Piece<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let piece = |bytes| Piece { bytes, _age: self.age.clone() };
        polled.map(|next| next.map(|frame| frame.map(|frame| frame.map_data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes of an answer, wherever they wait to be sent.
#[derive(Debug)]
pub(super) struct Piece<D> {
    bytes: D,
    _age: Option<Arc<()>>,
}

impl<D: Buf> Buf for Piece<D> {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn copy_to_bytes(&mut self, length: usize) -> bytes::Bytes {
        self.bytes.copy_to_bytes(length)
    }
}
