//! What the packets of a session look like, fault by fault.

use super::super::ParameterSetPlacement;
use super::super::clip::Clip;
use super::*;

const SETTING: Setting = Setting {
    started: Duration::ZERO,
    wall: Duration::from_secs(1_700_000_000),
    report_interval: Duration::from_secs(5),
    picture: 0,
};

const VIDEO: Origin = Origin { channels: (0, 1), ssrc: 7, sequence: 65_530, timestamp: u32::MAX - 3600 };

fn media(pictures: usize, faults: &[&str]) -> Arc<Media> {
    let clip = PacketizedClip::new(&Clip::demo().first(pictures), ParameterSetPlacement::Both);
    let other = PacketizedClip::new(&Clip::switch(), ParameterSetPlacement::Both);
    Arc::new(Media { clip, other, faults: faults.iter().map(|line| line.parse().unwrap()).collect() })
}

fn sender(script: Script, pictures: usize, picture: usize) -> Sender {
    let tracks = Tracks { video: Some(VIDEO), audio: None };
    Sender::new(&media(pictures, &[]), &script, tracks, Setting { picture, ..SETTING })
}

/// RTP packets of the next access unit as (sequence number, timestamp, first payload byte).
fn next(sender: &mut Sender) -> Vec<(u16, u32, u8)> {
    let mut out = Vec::new();
    sender.write_next(&mut out);
    let mut packets = Vec::new();
    let mut rest = &out[..];
    while let [b'$', channel, high, low, tail @ ..] = rest {
        let (packet, tail) = tail.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        rest = tail;
        if *channel == 0 {
            let timestamp = u32::from_be_bytes(packet[4..8].try_into().unwrap());
            packets.push((u16::from_be_bytes([packet[2], packet[3]]), timestamp, packet[12]));
        }
    }
    assert!(rest.is_empty());
    packets
}

#[test]
fn numbers_rise_by_one_picture_across_the_loop_and_the_wrap() {
    let mut sender = sender(Script::Loop, 3, 0);
    let mut packets = Vec::new();
    for unit in 0..10_u32 {
        assert_eq!(sender.due(), Some(Duration::from_millis(40) * unit));
        let unit_packets = next(&mut sender);
        let expected = (u32::MAX - 3600).wrapping_add(3600 * unit);
        assert!(unit_packets.iter().all(|(_, timestamp, _)| *timestamp == expected));
        packets.extend(unit_packets);
    }
    for (one, two) in packets.iter().zip(&packets[1..]) {
        assert_eq!(two.0, one.0.wrapping_add(1));
    }
}

#[test]
fn a_session_may_start_in_the_middle_of_a_gop() {
    let mut sender = sender(Script::Loop, 4, 3);
    assert_eq!(next(&mut sender)[0].2 & 0x1f, 1, "a P slice");
    assert_eq!(next(&mut sender)[0].2 & 0x1f, 7, "the SPS of the next loop");
}

#[test]
fn the_switch_comes_with_new_parameter_sets_and_unbroken_numbers() {
    let mut sender = sender(Script::SwitchAfter(Duration::from_secs(1)), 250, 0);
    let before: Vec<_> = (0..25).flat_map(|_| next(&mut sender)).collect();
    let after = next(&mut sender);
    assert_eq!(before.iter().filter(|packet| packet.2 & 0x1f == 7).count(), 1);
    assert_eq!((after[0].2 & 0x1f, after[1].2 & 0x1f), (7, 8));
    assert_eq!(after[0].0, before.last().unwrap().0.wrapping_add(1));
    assert_eq!(after[0].1, before.last().unwrap().1.wrapping_add(3600));
    assert_eq!(next(&mut sender)[0].2 & 0x1f, 1, "the switch happens once");
}

#[test]
fn a_lossy_session_skips_one_sequence_number_in_each_nth_access_unit() {
    let mut sender = sender(Script::Lossy(3), 250, 0);
    let packets: Vec<_> = (0..10).flat_map(|_| next(&mut sender)).collect();
    let gaps = packets.iter().zip(&packets[1..]).filter(|(one, two)| two.0 != one.0.wrapping_add(1));
    assert_eq!(gaps.count(), 3);
}
