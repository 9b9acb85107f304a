//! The media side of one session: which access unit comes next, when, and under which numbers.
//!
//! Pure: the caller owns the clock and the socket.

use std::sync::Arc;
use std::time::Duration;

use super::packet::{PacketizedClip, Stamp};
use super::rtcp::{self, SenderInfo};
use super::script::Script;

/// What all sessions send from.
#[derive(Debug)]
pub(super) struct Media {
    /// The camera's clip.
    pub(super) clip: PacketizedClip,
    /// What `/switch` turns to.
    pub(super) other: PacketizedClip,
}

/// Where a session starts and what it counts from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The interleaved channel of RTP, and that of RTCP.
    pub(super) channels: (u8, u8),
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// The first access unit, counted from the start of the clip.
    pub(super) picture: usize,
}

/// Sends a clip for ever, in time.
#[derive(Debug)]
pub(super) struct Sender {
    media: Arc<Media>,
    script: Script,
    origin: Origin,
    /// The wall clock at the first access unit, since the Unix epoch.
    wall: Duration,
    report_interval: Duration,
    next_report: Duration,
    switched: bool,
    /// The next access unit of the current clip.
    picture: usize,
    sequence: u16,
    timestamp: u32,
    /// Media sent, in ticks of 90 kHz.
    ticks: u64,
    access_units: u64,
    packets: u32,
    payload_bytes: u32,
}

impl Sender {
    pub(super) fn new(
        media: Arc<Media>,
        script: Script,
        origin: Origin,
        wall: Duration,
        report_interval: Duration,
    ) -> Self {
        Self {
            picture: origin.picture % media.clip.access_units.len(),
            media,
            script,
            origin,
            wall,
            report_interval,
            next_report: report_interval,
            switched: false,
            sequence: origin.sequence,
            timestamp: origin.timestamp,
            ticks: 0,
            access_units: 0,
            packets: 0,
            payload_bytes: 0,
        }
    }

    /// When the next access unit is due, since the first one.
    pub(super) fn due(&self) -> Duration {
        Duration::from_nanos(self.ticks * 100_000 / 9)
    }

    /// Appends the next access unit to `out`, behind a sender report where one is due.
    pub(super) fn write_next(&mut self, out: &mut Vec<u8>) {
        let due = self.due();
        if matches!(self.script, Script::SwitchAfter(after) if !self.switched && due >= after) {
            self.switched = true;
            self.picture = 0;
        }
        if due >= self.next_report {
            self.next_report += self.report_interval;
            self.write_report(due, out);
        }

        let clip = if self.switched { &self.media.other } else { &self.media.clip };
        let unit = &clip.access_units[self.picture];
        let start = out.len();
        let stamp = Stamp {
            channel: self.origin.channels.0,
            ssrc: self.origin.ssrc,
            sequence: self.sequence,
            timestamp: self.timestamp,
        };
        unit.write(stamp, out);
        self.access_units += 1;
        if matches!(self.script, Script::Lossy(every) if self.access_units.is_multiple_of(every)) {
            let lost = unit.range(unit.count() / 2);
            out.drain(start + lost.start..start + lost.end);
        }

        self.picture = (self.picture + 1) % clip.access_units.len();
        self.timestamp = self.timestamp.wrapping_add(clip.picture_ticks);
        self.ticks += u64::from(clip.picture_ticks);
        // An access unit has far fewer packets than 2^16; the counters wrap (RFC 3550 §6.4.1).
        self.sequence = self.sequence.wrapping_add(u16::try_from(unit.count()).unwrap_or(0));
        self.packets = self.packets.wrapping_add(u32::try_from(unit.count()).unwrap_or(0));
        self.payload_bytes =
            self.payload_bytes.wrapping_add(u32::try_from(unit.payload_bytes()).unwrap_or(0));
    }

    fn write_report(&self, due: Duration, out: &mut Vec<u8>) {
        let info = SenderInfo {
            ssrc: self.origin.ssrc,
            wall: self.wall + due,
            timestamp: self.timestamp,
            packets: self.packets,
            payload_bytes: self.payload_bytes,
        };
        rtcp::write_sender_report(self.origin.channels.1, info, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ParameterSetPlacement;
    use super::super::clip::Clip;
    use super::*;

    fn sender(script: Script, pictures: usize, picture: usize) -> Sender {
        let clip = PacketizedClip::new(&Clip::demo().first(pictures), ParameterSetPlacement::Both);
        let other = PacketizedClip::new(&Clip::switch(), ParameterSetPlacement::Both);
        let origin =
            Origin { channels: (0, 1), ssrc: 7, sequence: 65_530, timestamp: u32::MAX - 3600, picture };
        let media = Arc::new(Media { clip, other });
        Sender::new(media, script, origin, Duration::from_secs(1_700_000_000), Duration::from_secs(5))
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
            assert_eq!(sender.due(), Duration::from_millis(40) * unit);
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
}
