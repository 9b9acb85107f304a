//! Where media lies: in blocks of one size, so that memory does not fragment.

use bytes::{Bytes, BytesMut};

use super::Chunks;

/// Size of a block in bytes.
const BLOCK: usize = 64 << 10;

/// The block that is being filled.
#[derive(Debug, Default)]
pub struct Blocks(BytesMut);

impl Blocks {
    /// The bytes of `chunks` in their resting place.
    pub fn store(&mut self, chunks: &[Bytes]) -> Chunks {
        let mut stored = Chunks::new();
        for chunk in chunks {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                if self.0.len() == self.0.capacity() {
                    if !self.0.is_empty() {
                        stored.push(self.0.split().freeze());
                    }
                    self.0 = BytesMut::with_capacity(BLOCK);
                }
                let (now, later) = rest.split_at(rest.len().min(self.0.capacity() - self.0.len()));
                self.0.extend_from_slice(now);
                rest = later;
            }
        }
        if !self.0.is_empty() {
            stored.push(self.0.split().freeze());
        }
        stored
    }
}
