//! Boxes that the `mp4` crate lacks or writes wrong, in its own traits.
//!
//! Here is how a box is laid out; what is said in it belongs to `init` and `fragment`.
//! See `docs/decisions/0002-mp4-crate.md`.

use std::io::Write;

use mp4::{BoxHeader, BoxType, HEADER_SIZE, Mp4Box, WriteBox};

/// A box of fields and, after them, child boxes (ISO/IEC 14496-12 §4.2).
///
/// Children are kept as written: the tree is known only to whoever builds it.
#[derive(Debug)]
pub(super) struct Parent {
    name: BoxType,
    body: Vec<u8>,
}

impl Parent {
    /// An empty box.
    pub(super) fn new(name: BoxType) -> Self {
        Self { name, body: Vec::new() }
    }

    /// Appends fields as they stand.
    pub(super) fn fields(mut self, fields: impl AsRef<[u8]>) -> Self {
        self.body.extend_from_slice(fields.as_ref());
        self
    }

    /// Appends a child box.
    pub(super) fn with<B>(mut self, child: &B) -> Self
    where
        B: for<'w> WriteBox<&'w mut Vec<u8>>,
    {
        write(child, &mut self.body);
        self
    }
}

impl Mp4Box for Parent {
    fn box_type(&self) -> BoxType {
        self.name
    }

    fn box_size(&self) -> u64 {
        HEADER_SIZE + self.body.len() as u64
    }

    fn to_json(&self) -> mp4::Result<String> {
        self.summary()
    }

    fn summary(&self) -> mp4::Result<String> {
        Ok(format!("{}: {} bytes", self.name, self.body.len()))
    }
}

impl<W: Write> WriteBox<&mut W> for Parent {
    fn write_box(&self, writer: &mut W) -> mp4::Result<u64> {
        BoxHeader::new(self.name, self.box_size()).write(writer)?;
        writer.write_all(&self.body)?;
        Ok(self.box_size())
    }
}

/// A type of box that the crate has no name for.
pub(super) fn box_type(name: &[u8; 4]) -> BoxType {
    BoxType::from(u32::from_be_bytes(*name))
}

/// Appends a box to `out`.
#[expect(clippy::expect_used, reason = "invariant in the message")]
pub(super) fn write<B>(child: &B, out: &mut Vec<u8>)
where
    B: for<'w> WriteBox<&'w mut Vec<u8>>,
{
    child.write_box(out).expect("a Vec takes every byte, and no box here has a version its writer refuses");
}

/// Appends the header of a box whose body of `body` bytes follows (§4.2.2).
#[expect(clippy::expect_used, reason = "invariant in the message")]
pub(super) fn write_header(name: BoxType, body: u64, out: &mut Vec<u8>) {
    // A body of 4 GiB would take the long form, which nobody here counts on: a window is far smaller.
    let size = (HEADER_SIZE + body).min(u64::from(u32::MAX));
    BoxHeader::new(name, size).write(out).expect("a Vec takes every byte");
}
