//! What a bad network makes of packets: some are lost, come twice, change places or are damaged.

use std::time::Duration;

use crate::testcam::fault::{Fault, FaultKind, holding};
use crate::testcam::packet::HEADERS;

/// The network that one track's packets pass.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Packets since one of its faults began.
    count: u32,
    /// A packet that waits for the next to go first.
    held: Option<Vec<u8>>,
}

/// What holds now, each as "of so many packets".
#[derive(Clone, Copy, Default)]
struct Ills {
    lose: Option<u32>,
    duplicate: Option<u32>,
    reorder: Option<u32>,
    corrupt: Option<u32>,
}

impl Network {
    /// Does to the interleaved packets of `out` from `start` on what the script says for `now`.
    pub(super) fn carry(&mut self, faults: &[Fault], now: Duration, start: usize, out: &mut Vec<u8>) {
        let mut ills = Ills::default();
        let mut ill = false;
        for kind in holding(faults, now) {
            let (place, nth) = match kind {
                FaultKind::Lose(nth) => (&mut ills.lose, nth),
                FaultKind::Duplicate(nth) => (&mut ills.duplicate, nth),
                FaultKind::Reorder(nth) => (&mut ills.reorder, nth),
                FaultKind::Corrupt(nth) => (&mut ills.corrupt, nth),
                _ => continue,
            };
            *place = Some(*nth);
            ill = true;
        }
        if !ill && self.held.is_none() {
            self.count = 0;
            return;
        }
        let sent = out.split_off(start);
        let mut rest = &sent[..];
        while let [_, _, high, low, ..] = rest {
            let (packet, tail) = rest.split_at(4 + usize::from(u16::from_be_bytes([*high, *low])));
            self.carry_one(ills, packet.to_vec(), out);
            rest = tail;
        }
    }

    fn carry_one(&mut self, ills: Ills, mut packet: Vec<u8>, out: &mut Vec<u8>) {
        self.count = self.count.wrapping_add(1);
        let strikes = |nth: Option<u32>| nth.is_some_and(|nth| self.count.is_multiple_of(nth));
        if strikes(ills.lose) {
            return;
        }
        if strikes(ills.corrupt) {
            let middle = HEADERS + (packet.len() - HEADERS) / 2;
            packet[middle] ^= 0xff;
        }
        if strikes(ills.reorder) && self.held.is_none() {
            self.held = Some(packet);
            return;
        }
        out.extend(&packet);
        if strikes(ills.duplicate) {
            out.extend(&packet);
        }
        out.extend(self.held.take().into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of packets 1, 2, …, four of them a unit of 40 ms, as (number, whether it is damaged).
    fn carried(fault: &str, packets: u8) -> Vec<(u8, bool)> {
        let faults = [fault.parse().unwrap()];
        let mut network = Network::default();
        let mut out = b"before".to_vec();
        for (unit, numbers) in (1..=packets).collect::<Vec<_>>().chunks(4).enumerate() {
            let start = out.len();
            for number in numbers {
                out.extend([b'$', 0, 0, 12 + 2].into_iter().chain([*number; 12]).chain([7, 7]));
            }
            network.carry(&faults, Duration::from_millis(40) * u32::try_from(unit).unwrap(), start, &mut out);
        }
        let (before, packets) = out.split_at(6);
        assert_eq!(before, b"before");
        packets.chunks(HEADERS + 2).map(|packet| (packet[HEADERS - 1], packet[HEADERS + 1] != 7)).collect()
    }

    fn numbers(fault: &str, packets: u8) -> Vec<u8> {
        carried(fault, packets).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn every_third_packet_is_lost() {
        assert_eq!(numbers("0:lose=3", 8), [1, 2, 4, 5, 7, 8]);
    }

    #[test]
    fn every_third_packet_comes_twice() {
        assert_eq!(numbers("0:duplicate=3", 7), [1, 2, 3, 3, 4, 5, 6, 6, 7]);
    }

    #[test]
    fn packets_change_places_across_units_too() {
        assert_eq!(numbers("0:reorder=4", 9), [1, 2, 3, 5, 4, 6, 7, 9, 8]);
    }

    #[test]
    fn one_byte_of_a_payload_is_damaged() {
        let damaged: Vec<_> = carried("0:corrupt=2", 5).into_iter().map(|(_, damaged)| damaged).collect();
        assert_eq!(damaged, [false, true, false, true, false]);
    }

    #[test]
    fn what_was_held_back_comes_when_the_fault_is_over() {
        assert_eq!(numbers("0+0.04:reorder=4", 8), [1, 2, 3, 5, 4, 6, 7, 8]);
    }
}
