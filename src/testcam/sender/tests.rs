//! What the packets of a session look like, fault by fault.

use super::super::ParameterSetPlacement;
use super::super::clip::Clip;
use super::*;

mod faults;
mod sound;

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

const SILENT: Tracks = Tracks { video: Some(VIDEO), audio: None };

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

/// One RTP packet.
#[derive(Clone, Debug, PartialEq)]
struct Packet {
    channel: u8,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

/// A sender report, of the RTCP channel that it came on.
#[derive(Clone, Debug, PartialEq)]
struct Report {
    channel: u8,
    /// Since the session's start, by its NTP time.
    captured: Duration,
    timestamp: u32,
}

/// Sends with `faults` until `end` of the session: each packet and report with the time at which it left.
fn sent(faults: &[&str], pictures: usize, tracks: Tracks, end: f64) -> (Vec<(f64, Packet)>, Vec<Report>) {
    let mut sender = Sender::new(&media(pictures, faults), &Script::Loop, tracks, SETTING);
    let (mut packets, mut reports) = (Vec::new(), Vec::new());
    while let Some(due) = sender.due().filter(|due| due.as_secs_f64() < end - 1e-9) {
        let mut out = Vec::new();
        sender.write_next(&mut out);
        let mut rest = &out[..];
        while let [b'$', channel, high, low, tail @ ..] = rest {
            let (packet, tail) = tail.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            rest = tail;
            let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
            if channel % 2 == 0 {
                let packet = Packet {
                    channel: *channel,
                    payload_type: packet[1] & 0x7f,
                    sequence: u16::from_be_bytes([packet[2], packet[3]]),
                    timestamp: word(4),
                    payload: packet[12..].to_vec(),
                };
                packets.push((due.as_secs_f64(), packet));
            } else {
                let seconds = u64::from(word(8)) - 2_208_988_800 - SETTING.wall.as_secs();
                let fraction = Duration::from_nanos((u64::from(word(12)) * 1_000_000_000).div_ceil(1 << 32));
                let captured = Duration::from_secs(seconds) + fraction;
                reports.push(Report { channel: *channel, captured, timestamp: word(16) });
            }
        }
    }
    (packets, reports)
}
