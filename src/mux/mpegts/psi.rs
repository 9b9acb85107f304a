//! Program specific information: the two tables that say where video and audio are.
//!
//! They are the same for every stream, with audio or without, so they are written at compile time.

/// PID of the program association table (ISO/IEC 13818-1 §2.4.4.4).
pub(super) const PAT_PID: u16 = 0;
/// PID of the program map table.
pub(super) const PMT_PID: u16 = 0x1000;
/// PID of the video, and of the clock.
pub(super) const VIDEO_PID: u16 = 0x100;
/// PID of the audio.
pub(super) const AUDIO_PID: u16 = VIDEO_PID + 1;

/// The one program of a stream.
const PROGRAM_NUMBER: u16 = 1;
/// AVC video stream (Table 2-34).
const STREAM_TYPE_H264: u8 = 0x1b;
/// AAC in ADTS.
const STREAM_TYPE_AAC: u8 = 0x0f;

/// Program association section (§2.4.4.3), behind its `pointer_field`.
#[rustfmt::skip]
pub(super) const PAT: [u8; 17] = section([
    0, // pointer_field: the section starts at once
    0x00, // table_id
    0xb0, 13, // section_syntax_indicator, section_length
    0, 1, // transport_stream_id
    0xc1, 0, 0, // version 0, current; section 0 of 0
    hi(PROGRAM_NUMBER), lo(PROGRAM_NUMBER),
    0xe0 | hi(PMT_PID), lo(PMT_PID),
    0, 0, 0, 0, // CRC_32
]);

/// Program map section (§2.4.4.8), behind its `pointer_field`.
#[rustfmt::skip]
pub(super) const PMT: [u8; 22] = section([
    0, // pointer_field: the section starts at once
    0x02, // table_id
    0xb0, 18, // section_syntax_indicator, section_length
    hi(PROGRAM_NUMBER), lo(PROGRAM_NUMBER),
    0xc1, 0, 0, // version 0, current; section 0 of 0
    0xe0 | hi(VIDEO_PID), lo(VIDEO_PID), // PCR_PID
    0xf0, 0, // program_info_length
    STREAM_TYPE_H264,
    0xe0 | hi(VIDEO_PID), lo(VIDEO_PID), // elementary_PID
    0xf0, 0, // ES_info_length
    0, 0, 0, 0, // CRC_32
]);

/// The same for a stream with audio.
#[rustfmt::skip]
pub(super) const PMT_WITH_AUDIO: [u8; 27] = section([
    0, // pointer_field: the section starts at once
    0x02, // table_id
    0xb0, 23, // section_syntax_indicator, section_length
    hi(PROGRAM_NUMBER), lo(PROGRAM_NUMBER),
    0xc3, 0, 0, // version 1, current; section 0 of 0
    0xe0 | hi(VIDEO_PID), lo(VIDEO_PID), // PCR_PID
    0xf0, 0, // program_info_length
    STREAM_TYPE_H264,
    0xe0 | hi(VIDEO_PID), lo(VIDEO_PID), // elementary_PID
    0xf0, 0, // ES_info_length
    STREAM_TYPE_AAC,
    0xe0 | hi(AUDIO_PID), lo(AUDIO_PID), // elementary_PID
    0xf0, 0, // ES_info_length
    0, 0, 0, 0, // CRC_32
]);

/// Fills in the last four bytes: the CRC of all between them and the `pointer_field`.
const fn section<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    let crc = crc32(&bytes, 1, N - 4).to_be_bytes();
    let mut i = 0;
    while i < 4 {
        bytes[N - 4 + i] = crc[i];
        i += 1;
    }
    bytes
}

/// `CRC_32` of `bytes[from..to]` (Annex A).
const fn crc32(bytes: &[u8], from: usize, to: usize) -> u32 {
    let mut crc = u32::MAX;
    let mut i = from;
    while i < to {
        crc ^= (bytes[i] as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
            bit += 1;
        }
        i += 1;
    }
    crc
}

const fn hi(value: u16) -> u8 {
    value.to_be_bytes()[0]
}

const fn lo(value: u16) -> u8 {
    value.to_be_bytes()[1]
}
