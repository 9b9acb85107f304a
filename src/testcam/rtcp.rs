//! RTCP sender reports (RFC 3550 §6.4.1).

use std::time::Duration;

/// The seconds between the NTP epoch, 1900, and the Unix epoch.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// RTCP packet types (RFC 3550 §12.1).
const SENDER_REPORT: u8 = 200;
const SOURCE_DESCRIPTION: u8 = 202;

/// What a sender report says.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderInfo {
    pub(super) ssrc: u32,
    /// The wall clock, since the Unix epoch, at the RTP time `timestamp`.
    pub(super) wall: Duration,
    pub(super) timestamp: u32,
    /// Sent so far.
    pub(super) packets: u32,
    /// Sent so far, in payload bytes.
    pub(super) payload_bytes: u32,
}

/// Appends an interleaved compound packet: the report, and the CNAME that RFC 3550 §6.1 asks for beside it.
pub(super) fn write_sender_report(channel: u8, info: SenderInfo, out: &mut Vec<u8>) {
    out.extend([b'$', channel, 0, 28 + 20, 0x80, SENDER_REPORT, 0, 6]);
    out.extend(info.ssrc.to_be_bytes());
    out.extend(ntp(info.wall).to_be_bytes());
    out.extend(info.timestamp.to_be_bytes());
    out.extend(info.packets.to_be_bytes());
    out.extend(info.payload_bytes.to_be_bytes());

    // One chunk: SSRC, CNAME item, and zeros up to the next word, at least one (RFC 3550 §6.5).
    out.extend([0x81, SOURCE_DESCRIPTION, 0, 4]);
    out.extend(info.ssrc.to_be_bytes());
    out.extend(b"\x01\x07camgate\0\0\0");
}

/// The NTP timestamp format: seconds since 1900 in 32.32 fixed point (RFC 3550 §4).
fn ntp(wall: Duration) -> u64 {
    let fraction = (u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000;
    (wall.as_secs().wrapping_add(NTP_TO_UNIX) << 32) | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_its_lengths_and_its_times() {
        let wall = Duration::from_millis(1_700_000_000_500);
        let info = SenderInfo { ssrc: 7, wall, timestamp: 9, packets: 10, payload_bytes: 11 };
        let mut out = Vec::new();
        write_sender_report(1, info, &mut out);
        assert_eq!(out[..4], [b'$', 1, 0, 48]);
        assert_eq!(out.len(), 4 + 48);
        // The length field of each packet counts words less one.
        assert_eq!((out[7], out[4 + 28 + 3]), (28 / 4 - 1, 20 / 4 - 1));
        assert_eq!(out[12..20], [0xe8, 0xfe, 0x6f, 0x80, 0x80, 0, 0, 0]);
    }
}
