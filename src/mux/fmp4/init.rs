//! The init section: what a decoder must know before the first part.

use bytes::Bytes;
use mp4::{BoxType, FixedPointU8, FixedPointU16, FtypBox, MoovBox};

use super::audio_entry;
use super::boxes::{Parent, box_type, write};
use super::{AUDIO_TRACK_ID, VIDEO_TRACK_ID};
use crate::media::{AudioTrack, Timescale, Tracks, VideoCodec, VideoTrack};

/// `ftyp` and `moov` of `tracks` (ISO/IEC 14496-12 §4.3, §8.2.1; ISO/IEC 23000-19 §7.3.1).
pub fn init_section(tracks: &Tracks) -> Bytes {
    // `iso6` is the oldest brand with all that the fragments use: `tfdt`, signed composition offsets,
    // offsets from the `moof`. `cmfc` says CMAF; `mp41` is for readers that ask for MP4 by its old name.
    let ftyp = FtypBox {
        major_brand: u32::from_be_bytes(*b"iso6").into(),
        minor_version: 0,
        compatible_brands: [*b"iso6", *b"cmfc", *b"mp41"].map(|b| u32::from_be_bytes(b).into()).into(),
    };
    let mut out = Vec::with_capacity(1024);
    write(&ftyp, &mut out);
    write(&moov(tracks), &mut out);
    out.into()
}

fn moov(tracks: &Tracks) -> Parent {
    // Durations stay zero throughout: they would tell of samples in the `moov`, and there are none.
    let mut mvhd = MoovBox::default().mvhd;
    mvhd.timescale = tracks.video.timescale.hz();
    mvhd.next_track_id = 1 + if tracks.audio.is_some() { AUDIO_TRACK_ID } else { VIDEO_TRACK_ID };

    let moov = Parent::new(BoxType::MoovBox).with(&mvhd).with(&video_trak(&tracks.video));
    let mvex = Parent::new(BoxType::MvexBox);
    match &tracks.audio {
        None => moov.with(&extends(mvex, VIDEO_TRACK_ID)),
        Some(audio) => {
            moov.with(&audio_trak(audio)).with(&extends(extends(mvex, VIDEO_TRACK_ID), AUDIO_TRACK_ID))
        }
    }
}

/// `mvex` with one more `trex` (§8.8.3): the samples of that track come in fragments.
fn extends(mvex: Parent, track_id: u32) -> Parent {
    let mut trex =
        MoovBox { mvex: Some(Default::default()), ..Default::default() }.mvex.unwrap_or_default().trex;
    trex.track_id = track_id;
    trex.default_sample_description_index = 1;
    mvex.with(&trex)
}

fn video_trak(track: &VideoTrack) -> Parent {
    let size = (display_width(track), FixedPointU16::new(track.height));
    // "if track_is_audio 0x0100 else 0" (§8.3.2.2)
    trak(VIDEO_TRACK_ID, track.timescale, b"vide", size, FixedPointU8::new(0), &sample_entry(track))
}

fn audio_trak(track: &AudioTrack) -> Parent {
    let size = (FixedPointU16::new(0), FixedPointU16::new(0));
    let entry = audio_entry::sample_entry(track);
    trak(AUDIO_TRACK_ID, track.timescale, b"soun", size, FixedPointU8::new(1), &entry)
}

/// A track without samples: they come in fragments.
fn trak(
    track_id: u32,
    timescale: Timescale,
    handler: &[u8; 4],
    (width, height): (FixedPointU16, FixedPointU16),
    volume: FixedPointU8,
    sample_entry: &Parent,
) -> Parent {
    // The crate has no public names for its leaf boxes: they are reached as fields of what it does name.
    let mut leaves = MoovBox { traks: vec![Default::default()], ..Default::default() };
    let trak = &mut leaves.traks[0];

    const ENABLED_AND_IN_MOVIE: u32 = 0x3;
    let tkhd = &mut trak.tkhd;
    tkhd.flags = ENABLED_AND_IN_MOVIE;
    tkhd.track_id = track_id;
    tkhd.volume = volume;
    tkhd.width = width;
    tkhd.height = height;

    let mdhd = &mut trak.mdia.mdhd;
    mdhd.timescale = timescale.hz();

    let hdlr = &mut trak.mdia.hdlr;
    hdlr.handler_type = u32::from_be_bytes(*handler).into();
    hdlr.name = "camgate".into();

    let minf = &mut trak.mdia.minf;
    let stsd = Parent::new(BoxType::StsdBox)
        .fields([0; 4]) // version, flags
        .fields(1_u32.to_be_bytes()) // entry_count
        .with(sample_entry);
    let stbl = Parent::new(BoxType::StblBox)
        .with(&stsd)
        .with(&minf.stbl.stts)
        .with(&minf.stbl.stsc)
        .with(&minf.stbl.stsz)
        .with(minf.stbl.stco.get_or_insert_default());
    let media_header = if handler == b"vide" {
        let vmhd = minf.vmhd.get_or_insert_default();
        vmhd.flags = 1; // as §12.1.2.1 fixes it
        Parent::new(BoxType::MinfBox).with(vmhd)
    } else {
        Parent::new(BoxType::MinfBox).with(minf.smhd.get_or_insert_default())
    };
    let minf = media_header.with(&minf.dinf).with(&stbl);
    let mdia = Parent::new(BoxType::MdiaBox).with(mdhd).with(hdlr).with(&minf);
    Parent::new(BoxType::TrakBox).with(tkhd).with(&mdia)
}

/// Width in pixels as wide as they are high, 16.16 (ISO/IEC 14496-12 §8.3.2.3).
fn display_width(track: &VideoTrack) -> FixedPointU16 {
    let (h, v) = track.pixel_aspect.unwrap_or((1, 1));
    let width = (u64::from(track.width) << 16) * u64::from(h) / u64::from(v.max(1));
    FixedPointU16::new_raw(u32::try_from(width).unwrap_or(u32::MAX))
}

/// `VisualSampleEntry` with its decoder configuration (ISO/IEC 14496-12 §12.1.3, ISO/IEC 14496-15 §5.4.2.1, §8.4.1.1).
fn sample_entry(track: &VideoTrack) -> Parent {
    let (entry, config) = match track.codec {
        VideoCodec::H264 => (BoxType::Avc1Box, BoxType::AvcCBox),
        // Not `hev1`, which would let parameter sets come in-band alone: Apple's players stay black at it.
        VideoCodec::H265 => (box_type(b"hvc1"), BoxType::HvcCBox),
    };
    const DPI_72: [u8; 4] = 0x0048_0000_u32.to_be_bytes();
    let entry = Parent::new(entry)
        .fields([0; 6]) // reserved
        .fields(1_u16.to_be_bytes()) // data_reference_index
        .fields([0; 16]) // pre_defined, reserved
        .fields(track.width.to_be_bytes())
        .fields(track.height.to_be_bytes())
        .fields(DPI_72) // horizresolution
        .fields(DPI_72) // vertresolution
        .fields([0; 4]) // reserved
        .fields(1_u16.to_be_bytes()) // frame_count
        .fields([0; 32]) // compressorname
        .fields(0x0018_u16.to_be_bytes()) // depth: colour without alpha
        .fields((-1_i16).to_be_bytes()) // pre_defined
        .with(&Parent::new(config).fields(&track.decoder_config));
    match track.pixel_aspect {
        Some((h, v)) => entry.with(
            &Parent::new(box_type(b"pasp"))
                .fields(u32::from(h).to_be_bytes())
                .fields(u32::from(v).to_be_bytes()),
        ),
        None => entry,
    }
}
