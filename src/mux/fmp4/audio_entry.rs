//! How an audio track describes itself: `AudioSampleEntry` and the configuration in it (ISO/IEC 14496-12 §12.2.3).

use mp4::BoxType;

use super::AUDIO_TRACK_ID;
use super::boxes::{Parent, box_type};
use crate::media::{AudioCodec, AudioTrack};

/// `mp4a` with `esds` (ISO/IEC 14496-14 §5.6), or `fLaC` with `dfLa` (Encapsulation of FLAC in ISO Base Media File Format
/// §3.3).
pub(super) fn sample_entry(track: &AudioTrack) -> Parent {
    let (entry, config) = match track.codec {
        AudioCodec::Aac => (BoxType::Mp4aBox, esds(track)),
        AudioCodec::Flac => (box_type(b"fLaC"), dfla(track)),
    };
    // 16.16; a rate that does not fit is told by the configuration alone.
    let rate = u16::try_from(track.timescale.hz()).map_or(0, |hz| u32::from(hz) << 16);
    Parent::new(entry)
        .fields([0; 6]) // reserved
        .fields(1_u16.to_be_bytes()) // data_reference_index
        .fields([0; 8]) // reserved
        .fields(track.channels.to_be_bytes())
        .fields(16_u16.to_be_bytes()) // samplesize
        .fields([0; 4]) // pre_defined, reserved
        .fields(rate.to_be_bytes())
        .with(&config)
}

/// The stream's `ES_Descriptor` (ISO/IEC 14496-1 §7.2.6.5).
fn esds(track: &AudioTrack) -> Parent {
    const ES_DESCRIPTOR: u8 = 3;
    const DECODER_CONFIG: u8 = 4;
    const DECODER_SPECIFIC_INFO: u8 = 5;
    const SL_CONFIG: u8 = 6;
    const AUDIO_ISO_14496_3: u8 = 0x40;
    const AUDIO_STREAM: u8 = 5;

    let specific = descriptor(DECODER_SPECIFIC_INFO, &track.decoder_config);
    let mut config = vec![AUDIO_ISO_14496_3, AUDIO_STREAM << 2 | 1];
    config.extend([0; 3 + 4 + 4]); // bufferSizeDB, maxBitrate and avgBitrate are not known
    config.extend(specific);
    let mut stream = u16::try_from(AUDIO_TRACK_ID).unwrap_or(0).to_be_bytes().to_vec();
    stream.push(0); // no flags, no priority
    stream.extend(descriptor(DECODER_CONFIG, &config));
    stream.extend(descriptor(SL_CONFIG, &[2])); // predefined: as MP4 files have it
    Parent::new(box_type(b"esds")).fields([0; 4]).fields(descriptor(ES_DESCRIPTOR, &stream))
}

/// Tag, length and body; bodies here are shorter than 128 bytes, which a length of one byte can tell (§8.3.3).
fn descriptor(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap_or(0x7f).min(0x7f);
    [&[tag, length], body].concat()
}

/// `STREAMINFO` as the only, and so the last, metadata block (RFC 9639 §8.1).
fn dfla(track: &AudioTrack) -> Parent {
    const LAST_BLOCK: u8 = 0x80;
    let length = u32::try_from(track.decoder_config.len()).unwrap_or(0).to_be_bytes();
    Parent::new(box_type(b"dfLa"))
        .fields([0; 4]) // version, flags
        .fields([LAST_BLOCK, length[1], length[2], length[3]])
        .fields(&track.decoder_config)
}
