//! Linear samples of 16 bits out of what cameras send (ITU-T G.711, RFC 3551 §4.5).

/// µ-law: eight bits a sample, each the complement of sign, segment and step (G.711 table 2).
pub(super) fn from_mu_law(data: &[u8]) -> Vec<i32> {
    data.iter().map(|byte| mu_law(*byte)).collect()
}

/// A-law: eight bits a sample, every second bit inverted (G.711 table 1).
pub(super) fn from_a_law(data: &[u8]) -> Vec<i32> {
    data.iter().map(|byte| a_law(*byte)).collect()
}

/// 16 bits a sample, big-endian; half a sample at the end is dropped.
pub(super) fn from_l16(data: &[u8]) -> Vec<i32> {
    data.chunks_exact(2).map(|sample| i32::from(i16::from_be_bytes([sample[0], sample[1]]))).collect()
}

fn mu_law(code: u8) -> i32 {
    /// What the coder adds before it looks for the segment.
    const BIAS: i32 = 33;
    let code = !code;
    let (segment, step) = (code >> 4 & 0x07, i32::from(code & 0x0f));
    let magnitude = ((2 * step + BIAS) << segment) - BIAS;
    // 14 bits, to the top of 16.
    signed(code & 0x80 != 0, magnitude << 2)
}

fn a_law(code: u8) -> i32 {
    let code = code ^ 0x55;
    let (segment, step) = (code >> 4 & 0x07, i32::from(code & 0x0f));
    let magnitude = match segment {
        0 => 2 * step + 1,
        _ => (2 * step + 33) << (segment - 1),
    };
    // 13 bits, to the top of 16. The sign bit is set for positive values.
    signed(code & 0x80 == 0, magnitude << 3)
}

fn signed(negative: bool, magnitude: i32) -> i32 {
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mu_law_decodes_as_the_recommendation_lists_it() {
        // G.711 table 2a and 2b: the code with all bits set is 0, with none −8031.
        for (code, value) in
            [(0xff, 0), (0x7f, 0), (0x80, 8031), (0x00, -8031), (0xfe, 2), (0xef, 33), (0x8f, 4191)]
        {
            assert_eq!(mu_law(code), value << 2, "{code:#x}");
        }
    }

    #[test]
    fn a_law_decodes_as_the_recommendation_lists_it() {
        // G.711 table 1a and 1b: 1 is the smallest value, 4032 the largest.
        for (code, value) in
            [(0xd5, 1), (0x55, -1), (0xaa, 4032), (0x2a, -4032), (0xd4, 3), (0xc5, 33), (0xf5, 66)]
        {
            assert_eq!(a_law(code), value << 3, "{code:#x}");
        }
    }

    #[test]
    fn codes_rise_with_their_values() {
        let mu: Vec<_> = (0x80..=0xff).rev().map(mu_law).collect();
        assert!(mu.is_sorted());
        let a: Vec<_> = (0x80..=0xff).map(|code: u8| a_law(code ^ 0x55)).collect();
        assert!(a.is_sorted() && a.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn l16_is_big_endian() {
        assert_eq!(from_l16(&[0x7f, 0xff, 0x80, 0x00, 0x01]), [32767, -32768]);
    }
}
