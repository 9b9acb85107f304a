//! G.711 as an encoder has it (ITU-T G.711 tables 1a and 2a).

/// A linear sample as µ-law, whose bits are sent inverted.
pub(super) fn ulaw(sample: i16) -> u8 {
    // 14 bits, of which the largest are clipped so that the bias does not overflow.
    let magnitude = (sample.unsigned_abs() >> 2).min(8158) + 33;
    let exponent = (u16::BITS - 1 - magnitude.leading_zeros()).saturating_sub(5);
    !(sign(sample < 0) | segment(exponent, magnitude >> (exponent + 1)))
}

/// A linear sample as A-law, whose even bits are sent inverted.
pub(super) fn alaw(sample: i16) -> u8 {
    // 13 bits; a negative sample of size n lies in the step of n - 1.
    let magnitude = (if sample < 0 { !sample } else { sample }).unsigned_abs() >> 4;
    let exponent = (u16::BITS - magnitude.leading_zeros()).saturating_sub(4);
    let mantissa = magnitude >> exponent.saturating_sub(1);
    (sign(sample >= 0) | segment(exponent, mantissa)) ^ 0x55
}

fn sign(set: bool) -> u8 {
    if set { 0x80 } else { 0 }
}

/// Three bits of exponent, four of mantissa.
fn segment(exponent: u32, mantissa: u16) -> u8 {
    let [.., exponent] = exponent.to_be_bytes();
    let [_, mantissa] = mantissa.to_be_bytes();
    exponent << 4 | mantissa & 0x0f
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code words and the values of their decision levels' upper steps, out of the tables of G.711.
    #[test]
    fn code_words_of_the_tables() {
        for (sample, code) in
            [(0, 0xff), (8, 0xfe), (-8, 0x7e), (32_767, 0x80), (-32_768, 0x00), (4 * 31, 0xef)]
        {
            assert_eq!(ulaw(sample), code, "µ-law of {sample}");
        }
        for (sample, code) in
            [(0, 0xd5), (16, 0xd4), (-1, 0x55), (32_767, 0xaa), (-32_768, 0x2a), (512, 0xf5)]
        {
            assert_eq!(alaw(sample), code, "A-law of {sample}");
        }
    }

    /// The decoders of the tables, to see that the error is that of a step and no more.
    #[test]
    fn what_is_decoded_again_is_near() {
        let from_ulaw = |code: u8| {
            let code = !code;
            let (exponent, mantissa) = (code >> 4 & 7, i32::from(code & 15));
            let magnitude = ((mantissa * 2 + 33) << exponent) - 33;
            4 * if code & 0x80 == 0 { magnitude } else { -magnitude }
        };
        let from_alaw = |code: u8| {
            let code = code ^ 0x55;
            let (exponent, mantissa) = (code >> 4 & 7, i32::from(code & 15));
            let magnitude =
                if exponent == 0 { mantissa * 2 + 1 } else { (mantissa * 2 + 33) << (exponent - 1) };
            8 * if code & 0x80 == 0 { -magnitude } else { magnitude }
        };
        for sample in (i16::MIN..=i16::MAX).step_by(7) {
            let step = (i32::from(sample).abs() / 16).max(16);
            for decoded in [from_ulaw(ulaw(sample)), from_alaw(alaw(sample))] {
                assert!((decoded - i32::from(sample)).abs() <= step, "{sample} comes back as {decoded}");
            }
        }
    }
}
