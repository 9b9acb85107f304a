//! Faults of pictures, packets and clocks.

use super::*;

/// Access units of the video: when each left, by how much its stamp is above the one before, and its NAL units as types.
fn units(fault: &str, pictures: usize, end: f64) -> Vec<(f64, f64, Vec<u8>)> {
    let mut units: Vec<(f64, u32, Vec<u8>)> = Vec::new();
    for (at, packet) in sent(&[fault], pictures, SILENT, end).0 {
        if units.last().is_none_or(|last| last.0 != at) {
            units.push((at, packet.timestamp, Vec::new()));
        }
        let kind = match packet.payload[0] & 0x1f {
            28 if packet.payload[1] & 0x80 != 0 => packet.payload[1] & 0x1f,
            28 => continue,
            kind => kind,
        };
        units.last_mut().unwrap().2.push(kind);
    }
    let mut last = VIDEO.timestamp.wrapping_sub(3600);
    let seconds = |ticks: u32| f64::from(ticks.cast_signed()) / 90_000.0;
    units
        .into_iter()
        .map(|(at, stamp, kinds)| {
            (at, seconds(stamp.wrapping_sub(std::mem::replace(&mut last, stamp))), kinds)
        })
        .collect()
}

/// By how much the stamps rise, in milliseconds, rounded.
fn steps(fault: &str, end: f64) -> Vec<f64> {
    units(fault, 50, end).iter().map(|unit| (unit.1 * 1000.0).round()).collect()
}

/// When access units leave, in milliseconds.
fn times(fault: &str, end: f64) -> Vec<f64> {
    units(fault, 50, end).iter().map(|unit| (unit.0 * 1000.0).round()).collect()
}

const EVEN: [f64; 5] = [40.0; 5];

#[test]
fn stamps_jump_once() {
    assert_eq!(steps("0.08:jump=5", 0.2), [40.0, 40.0, 5040.0, 40.0, 40.0]);
    assert_eq!(steps("0.08:jump=-5", 0.2), [40.0, 40.0, -4960.0, 40.0, 40.0]);
    assert_eq!(times("0.08:jump=5", 0.2), times("0.08:close", 0.2));
}

#[test]
fn stamps_start_again_from_zero() {
    let (packets, _) = sent(&["0.08:clock-reset"], 50, SILENT, 0.16);
    let mut stamps: Vec<_> = packets.iter().map(|(_, packet)| packet.timestamp).collect();
    stamps.dedup();
    assert_eq!(stamps, [VIDEO.timestamp, VIDEO.timestamp + 3600, 0, 3600]);
}

#[test]
fn one_unit_is_stamped_hours_away() {
    assert_eq!(steps("0.08:outlier=7200", 0.2), [40.0, 40.0, 7_200_040.0, -7_199_960.0, 40.0]);
}

#[test]
fn stamps_stand_still_and_go_on() {
    assert_eq!(steps("0.04+0.08:clock-stops", 0.2), [40.0, 40.0, 0.0, 0.0, 40.0]);
    assert_eq!(times("0:clock-stops", 0.2), [0.0, 40.0, 80.0, 120.0, 160.0]);
}

#[test]
fn a_clock_that_is_too_fast_gains_by_its_rate() {
    let gained: f64 = units("0:clock-rate=0.001", 50, 10.0).iter().skip(1).map(|unit| unit.1).sum();
    assert!((gained - 9.96 * 1.001).abs() < 1e-4, "{gained} s in 9.96 s");
}

#[test]
fn pictures_that_last_longer_do_so_in_stamps_and_in_pace() {
    assert_eq!(steps("0.04+0.04:slow=2.5", 0.3), [40.0, 40.0, 100.0, 40.0, 40.0, 40.0]);
    assert_eq!(times("0.04+0.04:slow=2.5", 0.3), [0.0, 40.0, 140.0, 180.0, 220.0, 260.0]);
}

#[test]
fn the_pace_is_not_in_the_stamps() {
    assert_eq!(times("0.04+0.1:pace=0.5", 0.25), [0.0, 40.0, 120.0, 170.0, 210.0]);
    assert_eq!(times("0:pace=10", 0.02), [0.0, 4.0, 8.0, 12.0, 16.0]);
    assert_eq!(steps("0:pace=10", 0.02), EVEN);
}

#[test]
fn the_other_clip_comes_with_its_parameter_sets_and_stays() {
    let (packets, _) = sent(&["0.08:other-clip"], 250, SILENT, 3.0);
    let sps: Vec<_> = packets.iter().filter(|(_, packet)| packet.payload[0] & 0x1f == 7).collect();
    let at: Vec<_> = sps.iter().map(|(at, _)| (at * 1000.0).round()).collect();
    assert_eq!(at, [0.0, 80.0, 2080.0]);
    assert_ne!(sps[0].1.payload, sps[1].1.payload);
    assert_eq!(sps[1].1.payload, sps[2].1.payload);
}

#[test]
fn other_timing_is_in_the_sps_while_it_holds() {
    let (packets, _) = sent(&["0.4+0.4:other-timing"], 10, SILENT, 1.2);
    let sps: Vec<_> = packets.iter().filter(|p| p.1.payload[0] & 0x1f == 7).map(|p| &p.1.payload).collect();
    assert_eq!((sps.len(), sps[0] == sps[2], sps[0] == sps[1]), (3, true, false));
    let pps = packets.iter().filter(|p| p.1.payload[0] & 0x1f == 8).map(|p| &p.1.payload);
    assert!(pps.into_iter().all(|pps| *pps == Clip::demo().parameter_sets[1]));
}

#[test]
fn each_second_keyframe_has_the_other_pps() {
    let (packets, _) = sent(&["0:alternate-pps"], 10, SILENT, 1.6);
    let pps: Vec<_> = packets.iter().filter(|p| p.1.payload[0] & 0x1f == 8).map(|p| &p.1.payload).collect();
    assert_eq!((pps.len(), pps[0] == pps[2], pps[1] == pps[3], pps[0] == pps[1]), (4, true, true, false));
}

#[test]
fn the_other_pps_comes_in_band_where_the_sdp_alone_has_the_clips_own() {
    let clip = PacketizedClip::new(&Clip::demo().first(10), ParameterSetPlacement::Sdp);
    let media = Media { clip, ..Arc::into_inner(media(10, &["0:alternate-pps"])).unwrap() };
    let mut sender = Sender::new(&Arc::new(media), &Script::Loop, SILENT, SETTING);
    let first_units: Vec<u8> = (0..40).map(|_| next(&mut sender)[0].2 & 0x1f).collect();
    let with_pps: Vec<usize> = (0..40).filter(|unit| first_units[*unit] == 8).collect();
    assert_eq!(with_pps, [10, 30]);
}

#[test]
fn keyframes_are_left_out_without_a_gap_in_the_numbers() {
    let units_of = |fault| -> Vec<f64> {
        let units = units(fault, 10, 2.0);
        units.iter().filter(|unit| unit.2.contains(&5)).map(|unit| (unit.0 * 25.0).round()).collect()
    };
    assert_eq!(units_of("0.1+1:no-keyframes"), [0.0, 30.0, 40.0]);
    assert_eq!(units_of("0:keyframe-every=1"), [0.0, 30.0]);
    let (packets, _) = sent(&["0:no-keyframes"], 10, SILENT, 1.0);
    assert!(packets.iter().zip(&packets[1..]).all(|(a, b)| b.1.sequence == a.1.sequence.wrapping_add(1)));
    assert!(packets.iter().all(|(_, packet)| packet.payload[0] & 0x1f != 7));
}

#[test]
fn units_are_as_huge_as_said() {
    let (packets, _) = sent(&["0:huge-units=100000"], 50, SILENT, 0.08);
    for at in [0.0, 0.04] {
        let packets = packets.iter().filter(|packet| packet.0 == at);
        // Fragments repeat the header of their unit in two bytes.
        let bytes: usize =
            packets.map(|p| p.1.payload.len() - 2 * usize::from(p.1.payload[0] & 0x1f == 28)).sum();
        assert!((99_990..=100_000).contains(&bytes), "{bytes}");
    }
}

#[test]
fn a_unit_that_never_ends_has_one_start_no_end_and_one_stamp() {
    let (packets, _) = sent(&["0.04+0.08:endless-unit"], 50, SILENT, 0.16);
    let endless: Vec<_> = packets.iter().filter(|p| (0.03..0.11).contains(&p.0)).map(|p| &p.1).collect();
    let starts = endless.iter().filter(|packet| packet.payload[1] & 0x80 != 0).count();
    let ends = endless.iter().filter(|packet| packet.payload[1] & 0x40 != 0).count();
    assert_eq!((endless.len(), starts, ends), (128, 1, 0));
    assert!(endless.iter().all(|packet| packet.timestamp == VIDEO.timestamp + 3600));
    assert_eq!(packets.last().unwrap().1.timestamp, VIDEO.timestamp.wrapping_add(3 * 3600));
}

#[test]
fn a_network_keeps_what_it_does_to_a_track_within_its_time() {
    let gaps = |fault| {
        let (packets, _) = sent(&[fault], 50, SILENT, 2.0);
        packets
            .iter()
            .zip(&packets[1..])
            .filter(|(a, b)| b.1.sequence != a.1.sequence.wrapping_add(1))
            .count()
    };
    let whole = sent(&[], 50, SILENT, 2.0).0.len();
    assert_eq!(gaps("0:lose=10"), whole / 10);
    assert_eq!(gaps("1+0.0001:lose=1"), 1);
    assert_eq!(gaps("5:lose=1"), 0);
}
