//! Fragmented MP4 as mp4-atom reads it.

use mp4_atom::{Decode as _, Ftyp, Mdat, Moof, Moov, TrunEntry};

/// What a track has in a part.
#[derive(Debug)]
pub struct Run<'a> {
    pub track_id: u32,
    pub decode_time: u64,
    pub samples: Vec<Sample<'a>>,
}

/// What a player knows of a sample.
#[derive(Debug, PartialEq)]
pub struct Sample<'a> {
    pub duration: u32,
    pub composition_offset: i64,
    pub flags: u32,
    pub data: &'a [u8],
}

/// The `moov` of an init section that holds it and `ftyp` and nothing else.
pub fn init(mut bytes: &[u8]) -> Moov {
    Ftyp::decode(&mut bytes).unwrap();
    let moov = Moov::decode(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "something follows moov");
    moov
}

/// The parts of a segment, each with its tracks. The samples of a part are all that is in its `mdat`.
pub fn parts(segment: &[u8]) -> Vec<Vec<Run<'_>>> {
    let mut rest = segment;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let start = segment.len() - rest.len();
        let moof = Moof::decode(&mut rest).unwrap();
        let body = segment.len() - rest.len() + 8;
        Mdat::decode(&mut rest).unwrap();
        let mut at = body;
        let run = |traf: &mp4_atom::Traf| {
            let [trun] = &traf.trun[..] else { panic!("{} runs", traf.trun.len()) };
            assert!(traf.tfhd.default_base_is_moof);
            let offset = start + usize::try_from(trun.data_offset.unwrap()).unwrap();
            assert_eq!(offset, at, "samples lie one behind the other");
            let sample = |entry: TrunEntry| {
                let data = &segment[at..at + entry.size.unwrap() as usize];
                at += data.len();
                Sample {
                    duration: entry.duration.or(traf.tfhd.default_sample_duration).unwrap(),
                    composition_offset: entry.cts.unwrap_or(0),
                    flags: entry.flags.or(traf.tfhd.default_sample_flags).unwrap(),
                    data,
                }
            };
            Run {
                track_id: traf.tfhd.track_id,
                decode_time: traf.tfdt.as_ref().unwrap().base_media_decode_time,
                samples: trun.samples.iter().map(sample).collect(),
            }
        };
        parts.push(moof.traf.iter().map(run).collect());
        assert_eq!(at, segment.len() - rest.len(), "the samples fill their mdat");
    }
    parts
}
