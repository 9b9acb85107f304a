//! NAL unit framing: length-prefixed (MP4) to Annex B (MPEG-TS).

/// The NAL units of an access unit whose lengths stand before them in four bytes, big-endian.
///
/// A length that reaches past the end yields what is left: the caller counts on bytes, not on trust.
pub fn length_prefixed(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (nal, rest) = rest.split_at(length.min(rest.len()));
        data = rest;
        Some(nal)
    })
}

/// The start code before each NAL unit of a byte stream (ISO/IEC 14496-10 §B.1).
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_out_in_order() {
        let data = [0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x06];
        let units: Vec<_> = length_prefixed(&data).collect();
        assert_eq!(units, [&[0x65, 1][..], &[0x06][..]]);
    }

    #[test]
    fn a_length_past_the_end_yields_what_is_there() {
        let data = [0xff, 0xff, 0xff, 0xff, 0x65, 1];
        let units: Vec<_> = length_prefixed(&data).collect();
        assert_eq!(units, [&[0x65, 1][..]]);
    }
}
