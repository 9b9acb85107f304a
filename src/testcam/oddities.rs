//! What single makes of cameras do otherwise than the standards or than other cameras, each by a name.
//!
//! Here is all that an oddity changes in what is sent: session descriptions, heads, packets. The connection asks where
//! it has to decide (sessions, nonces) and hands what it sends through here. Faults that come and go are `fault.rs`.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;

use super::ParameterSetPlacement;
use super::clip::Clip;
use super::message::Response;
use super::packet::{PAYLOAD_TYPE, PacketizedClip};
use super::rtcp::{self, SenderInfo};

/// One thing that a make of camera does otherwise; the names in brackets are those of cameras that do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Content-Base has no `rtsp://` before it (Anjvision).
    ContentBaseWithoutScheme,
    /// Between the packets of the video are others, of a payload type that the SDP never named (Geovision).
    UnnamedPayloadType,
    /// A space at the end of `a=rtpmap` (H264DVR, generic IPCAM).
    SpaceAfterRtpmap,
    /// A space instead of the leading zero in the `ssrc` of the Transport header (Hikvision).
    SpaceInSsrc,
    /// The first sequence number is 0 (Hikvision).
    FirstSequenceZero,
    /// TEARDOWN is answered with 500 (Hikvision).
    TeardownFails,
    /// A space at the end of each line of a head (Longse).
    SpaceAfterHeaders,
    /// All NAL units of a picture are sent as one, with Annex B start codes between them (MacroVideo, V380).
    StartCodesInRtp,
    /// The session description has no `o=` (MacroVideo, V380).
    NoOrigin,
    /// Two bytes of junk behind the SPS, in the SDP and in-band (Reolink).
    JunkAfterSps,
    /// If the last session was not torn down, packets of it come before the answers to SETUP and PLAY and behind that
    /// to PLAY; the Transport header never tells an SSRC (Reolink).
    StalePackets,
    /// A second media line that does not parse, of `application/TP-LINK` (TP-Link Tapo).
    TpLinkTrack,
    /// RTP timestamps start at 0 in every session (TP-Link Tapo).
    TimestampsFromZero,
    /// `a=fmtp` names the payload type and nothing else (Ubiquiti).
    EmptyFmtp,
    /// The SDP offers audio twice, AAC and Opus under another payload type; none is sent (Ubiquiti).
    SecondAudio,
    /// `sprop-parameter-sets` is not Base64 (VStarcam).
    InvalidSprop,
    /// The NAL unit type changes on the way through a fragmented unit (Tiandy).
    FuTypeChanges,
    /// An SEI before each picture, with the RTP marker bit set on it (Ivel).
    MarkerOnSei,
    /// No RTP marker bit on audio: AAC without it is a fragment that never ends (RFC 3640 §3.1).
    AudioWithoutMarker,
    /// RTP-Info says `rtptime=-1` (OMNY).
    RtptimeMinusOne,
    /// PLAY is answered without RTP-Info (many).
    NoRtpInfo,
    /// Once it plays, the Digest nonce of before is stale (many).
    NonceExpires,
    /// Each Digest nonce is good for one request (some).
    OneTimeNonces,
    /// So many sessions at most, more are answered with 453 (nearly all, 1 to 4).
    AtMostSessions(u16),
    /// A session that was not torn down keeps its place for so many seconds (Reolink).
    SessionsLinger(u16),
}

/// Why a text names no [`Oddity`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no oddity; there are {names}", names = Oddity::names())]
pub struct OddityError(String);

impl Oddity {
    /// All that take no number, by their names.
    pub const NAMED: [(&str, Self); 23] = [
        ("content-base-without-scheme", Self::ContentBaseWithoutScheme),
        ("unnamed-payload-type", Self::UnnamedPayloadType),
        ("space-after-rtpmap", Self::SpaceAfterRtpmap),
        ("space-in-ssrc", Self::SpaceInSsrc),
        ("first-sequence-zero", Self::FirstSequenceZero),
        ("teardown-fails", Self::TeardownFails),
        ("space-after-headers", Self::SpaceAfterHeaders),
        ("start-codes-in-rtp", Self::StartCodesInRtp),
        ("no-origin", Self::NoOrigin),
        ("junk-after-sps", Self::JunkAfterSps),
        ("stale-packets", Self::StalePackets),
        ("tp-link-track", Self::TpLinkTrack),
        ("timestamps-from-zero", Self::TimestampsFromZero),
        ("empty-fmtp", Self::EmptyFmtp),
        ("second-audio", Self::SecondAudio),
        ("invalid-sprop", Self::InvalidSprop),
        ("fu-type-changes", Self::FuTypeChanges),
        ("marker-on-sei", Self::MarkerOnSei),
        ("audio-without-marker", Self::AudioWithoutMarker),
        ("rtptime-minus-one", Self::RtptimeMinusOne),
        ("no-rtp-info", Self::NoRtpInfo),
        ("nonce-expires", Self::NonceExpires),
        ("one-time-nonces", Self::OneTimeNonces),
    ];

    /// All names, for a person.
    pub fn names() -> String {
        let names = Self::NAMED.map(|(name, _)| name).join(", ");
        format!("{names}, at-most-sessions=N, sessions-linger=SECONDS")
    }
}

impl FromStr for Oddity {
    type Err = OddityError;

    fn from_str(text: &str) -> Result<Self, OddityError> {
        let (name, argument) = text.split_once('=').unwrap_or((text, ""));
        let number = || argument.parse().ok();
        let named = || Self::NAMED.iter().find(|(known, _)| *known == text).map(|(_, oddity)| *oddity);
        let found = match name {
            "at-most-sessions" => number().map(Self::AtMostSessions),
            "sessions-linger" => number().map(Self::SessionsLinger),
            _ => named(),
        };
        found.ok_or_else(|| OddityError(text.to_owned()))
    }
}

/// SSRC of what is not of the session's media.
const STRANGER: u32 = 0x0057_a1e5;

/// Geovision's.
const UNNAMED_PAYLOAD_TYPE: u8 = 50;

/// `user_data_unregistered` (ISO/IEC 14496-10 §D.1.7): a UUID and nothing behind it.
const SEI: [u8; 20] = [6, 5, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x80];

/// The oddities that a client meets.
#[derive(Clone, Debug, Default)]
pub(super) struct Oddities {
    all: Vec<Oddity>,
    /// Of the next packet of a payload type that the SDP does not name.
    sequence: u16,
}

impl Oddities {
    pub(super) fn of(all: &[Oddity]) -> Self {
        Self { all: all.to_vec(), sequence: 0 }
    }

    /// With one more, where a path names it.
    pub(super) fn and(mut self, more: Option<Oddity>) -> Self {
        self.all.extend(more);
        self
    }

    pub(super) fn has(&self, oddity: Oddity) -> bool {
        self.all.contains(&oddity)
    }

    /// How many sessions there may be at once.
    pub(super) fn most_sessions(&self) -> usize {
        let most = |oddity: &Oddity| match oddity {
            Oddity::AtMostSessions(most) => Some(usize::from(*most)),
            _ => None,
        };
        self.all.iter().find_map(most).unwrap_or(usize::MAX)
    }

    /// For how long a session keeps its place that was not torn down.
    pub(super) fn kept_for(&self) -> Duration {
        let kept = |oddity: &Oddity| match oddity {
            Oddity::SessionsLinger(seconds) => Some(Duration::from_secs((*seconds).into())),
            _ => None,
        };
        self.all.iter().find_map(kept).unwrap_or_default()
    }

    /// The clip as this camera films it.
    pub(super) fn clip(&self, clip: &Clip) -> Clip {
        let mut clip = clip.clone();
        if let (true, Some(sps)) = (self.has(Oddity::JunkAfterSps), clip.parameter_sets.first_mut()) {
            *sps = [&sps[..], &[0x9d, 0x80]].concat().into();
        }
        if self.has(Oddity::MarkerOnSei) {
            for picture in &mut clip.pictures {
                picture.units.insert(0, Bytes::from_static(&SEI));
            }
        }
        clip
    }

    /// The clip as packets.
    pub(super) fn packetized(&self, clip: &Clip, placement: ParameterSetPlacement) -> PacketizedClip {
        let mut clip = self.clip(clip);
        if !self.has(Oddity::StartCodesInRtp) {
            return PacketizedClip::new(&clip, placement);
        }
        for picture in &mut clip.pictures {
            let in_band = picture.keyframe && placement != ParameterSetPlacement::Sdp;
            let sets = if in_band { &clip.parameter_sets[..] } else { &[] };
            let units: Vec<&[u8]> = sets.iter().chain(&picture.units).map(|unit| &unit[..]).collect();
            picture.units = vec![units.join(&[0, 0, 0, 1][..]).into()];
        }
        // The sets are in the pictures already.
        PacketizedClip::new(&clip, ParameterSetPlacement::Sdp)
    }

    /// A session description as this camera has it.
    pub(super) fn sdp(&self, sdp: &str) -> String {
        let mut out = String::new();
        for line in sdp.split_inclusive("\r\n") {
            let line = line.trim_end();
            let odd = match line.split_once([':', '=']).map_or(line, |(name, _)| name) {
                "o" if self.has(Oddity::NoOrigin) => continue,
                "a" if line.starts_with("a=rtpmap:") && self.has(Oddity::SpaceAfterRtpmap) => {
                    format!("{line} ")
                }
                "a" if line.starts_with("a=fmtp:") && self.has(Oddity::EmptyFmtp) => {
                    format!("a=fmtp:{PAYLOAD_TYPE}")
                }
                "a" if line.starts_with("a=fmtp:") && self.has(Oddity::InvalidSprop) => {
                    format!("a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets=Z2QAH?==,,aO+P*")
                }
                _ => line.to_owned(),
            };
            out.push_str(&odd);
            out.push_str("\r\n");
        }
        if self.has(Oddity::SecondAudio) {
            out.push_str(
                "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/16000/1\r\n\
                 a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;\
                 indexdeltalength=3;config=1408\r\na=control:trackID=8\r\n\
                 m=audio 0 RTP/AVP 99\r\na=rtpmap:99 opus/48000/2\r\na=control:trackID=9\r\n",
            );
        }
        if self.has(Oddity::TpLinkTrack) {
            out.push_str(
                "m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 TP-LINK/90000\r\n\
                 a=control:trackID=10\r\n",
            );
        }
        out
    }

    /// Appends a response as this camera writes it.
    pub(super) fn write(&self, response: &Response, cseq: Option<&str>, out: &mut Vec<u8>) {
        let start = out.len();
        response.write(cseq, out);
        if self.has(Oddity::SpaceAfterHeaders) {
            let plain = out.split_off(start);
            let end = plain.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(plain.len());
            let (head, rest) = plain.split_at(end);
            for line in head.split(|byte| *byte == b'\n') {
                out.extend(line.trim_ascii_end());
                out.extend(b" \r\n");
            }
            out.extend(rest.get(2..).unwrap_or_default());
        }
    }

    /// Turns the interleaved packets of an access unit into those that this camera sends.
    pub(super) fn bend(&mut self, rtp: u8, packets: &mut Vec<u8>) {
        let touched = [
            Oddity::UnnamedPayloadType,
            Oddity::FuTypeChanges,
            Oddity::MarkerOnSei,
            Oddity::AudioWithoutMarker,
        ];
        if !touched.iter().any(|oddity| self.has(*oddity)) {
            return;
        }
        let plain = std::mem::take(packets);
        let mut rest = &plain[..];
        while let [b'$', channel, high, low, ..] = *rest {
            let length = 4 + usize::from(u16::from_be_bytes([high, low]));
            let (packet, tail) = rest.split_at(length.min(rest.len()));
            rest = tail;
            let start = packets.len();
            packets.extend(packet);
            // RTCP goes on odd channels.
            if channel != rtp && channel.is_multiple_of(2) && self.has(Oddity::AudioWithoutMarker) {
                packets[start + 5] &= 0x7f;
            }
            if channel == rtp {
                self.bend_packet(&mut packets[start..]);
                if self.has(Oddity::UnnamedPayloadType) {
                    push_rtp(rtp, UNNAMED_PAYLOAD_TYPE, self.sequence, &[0x65, 0, 0, 1], packets);
                    self.sequence = self.sequence.wrapping_add(1);
                }
            }
        }
    }

    fn bend_packet(&self, packet: &mut [u8]) {
        let [_, _, _, _, _, second, _, _, _, _, _, _, _, _, _, _, payload @ ..] = packet else { return };
        match payload {
            // FU-A (RFC 6184 §5.8), not the first one.
            [indicator, header, ..]
                if *indicator & 0x1f == 28 && *header & 0x80 == 0 && self.has(Oddity::FuTypeChanges) =>
            {
                let other = if *header & 0x1f == 5 { 1 } else { 5 };
                *header = *header & 0xe0 | other;
            }
            [6, ..] if self.has(Oddity::MarkerOnSei) => *second |= 0x80,
            _ => {}
        }
    }
}

/// Appends what is left of the last session.
pub(super) fn write_stale((rtp, rtcp): (u8, u8), out: &mut Vec<u8>) {
    for sequence in 7..12 {
        push_rtp(rtp, PAYLOAD_TYPE, sequence, &[0x41, 0x9a, 0x24, 0x6c], out);
    }
    let wall = Duration::from_secs(1_700_000_000);
    let info = SenderInfo { ssrc: STRANGER, wall, timestamp: 7, packets: 5, payload_bytes: 20 };
    rtcp::write_sender_report(rtcp, info, out);
}

/// Appends an interleaved RTP packet of a stranger.
fn push_rtp(channel: u8, payload_type: u8, sequence: u16, payload: &[u8], out: &mut Vec<u8>) {
    // A few bytes.
    let length = u16::try_from(12 + payload.len()).unwrap_or(u16::MAX);
    out.extend([b'$', channel]);
    out.extend(length.to_be_bytes());
    out.extend([0x80, payload_type]);
    out.extend(sequence.to_be_bytes());
    out.extend(7_u32.to_be_bytes());
    out.extend(STRANGER.to_be_bytes());
    out.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oddity_goes_by_its_name() {
        for (name, oddity) in Oddity::NAMED {
            assert_eq!(name.parse(), Ok(oddity));
        }
        assert_eq!("at-most-sessions=2".parse(), Ok(Oddity::AtMostSessions(2)));
        assert_eq!("sessions-linger=30".parse(), Ok(Oddity::SessionsLinger(30)));
        for text in ["", "odd", "at-most-sessions", "at-most-sessions=x", "no-origin=1"] {
            assert_eq!(text.parse::<Oddity>(), Err(OddityError(text.into())), "{text}");
        }
    }

    #[test]
    fn a_plain_camera_is_left_as_it_is() {
        let plain = Oddities::default();
        let sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n";
        assert_eq!(plain.sdp(sdp), sdp);
        let mut packets = b"$\0\0\x01x".to_vec();
        Oddities::default().bend(0, &mut packets);
        assert_eq!(packets, b"$\0\0\x01x");
        assert_eq!(plain.most_sessions(), usize::MAX);
    }

    #[test]
    fn each_oddity_of_the_session_description_shows_in_it() {
        let sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
            a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2Q=,aO8=\r\na=control:trackID=0\r\n";
        for (oddity, shows, hides) in [
            (Oddity::NoOrigin, "v=0\r\nm=video", "o="),
            (Oddity::SpaceAfterRtpmap, "\r\na=rtpmap:96 H264/90000 \r\n", "90000\r\n"),
            (Oddity::EmptyFmtp, "\r\na=fmtp:96\r\n", "sprop"),
            (Oddity::InvalidSprop, "sprop-parameter-sets=Z2QAH?==,,aO+P*\r\n", "Z2Q="),
            (Oddity::SecondAudio, "0\r\nm=audio 0 RTP/AVP 97\r\n", "TP-LINK"),
            (Oddity::TpLinkTrack, "0\r\nm=application/TP-LINK 0 RTP/AVP smart/1/90000\r\n", "audio"),
        ] {
            let odd = Oddities::of(&[oddity]).sdp(sdp);
            assert!(odd.contains(shows) && !odd.contains(hides), "{oddity:?}: {odd}");
        }
    }

    #[test]
    fn the_units_of_a_picture_are_one_with_start_codes_between_them() {
        let clip = Clip::demo().first(1);
        let oddities = Oddities::of(&[Oddity::StartCodesInRtp, Oddity::JunkAfterSps]);
        let packets = oddities.packetized(&clip, ParameterSetPlacement::Both);
        let stamp = super::super::packet::Stamp { channel: 0, ssrc: 1, sequence: 0, timestamp: 0 };
        let mut out = Vec::new();
        packets.access_units[0].write(stamp, &mut out);
        let sps = &clip.parameter_sets[0];
        let start =
            [&[0x7c, 0x87], &sps[1..], &[0x9d, 0x80, 0, 0, 0, 1], &clip.parameter_sets[1][..]].concat();
        assert!(out[16..].starts_with(&start), "FU-A of an SPS that goes on: {:02x?}", &out[16..60]);
    }

    #[test]
    fn a_head_with_spaces_keeps_its_body() {
        let mut out = Vec::new();
        let response = Response::new(200).body("application/sdp", "v=0\r\n\r\nx".into());
        Oddities::of(&[Oddity::SpaceAfterHeaders]).write(&response, Some("3"), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("RTSP/1.0 200 OK \r\nCSeq: 3 \r\nServer: camgate camera \r\n"), "{text:?}");
        assert!(text.ends_with("Content-Length: 8 \r\n\r\nv=0\r\n\r\nx"), "{text:?}");
    }

    #[test]
    fn strange_packets_stand_behind_each_of_the_video() {
        let clip = Clip::demo().first(1);
        let mut packets = Vec::new();
        for oddity in [Oddity::UnnamedPayloadType, Oddity::FuTypeChanges, Oddity::MarkerOnSei] {
            let mut oddities = Oddities::of(&[oddity]);
            let clip = oddities.packetized(&clip, ParameterSetPlacement::Both);
            let stamp = super::super::packet::Stamp { channel: 0, ssrc: 1, sequence: 0, timestamp: 0 };
            packets.clear();
            clip.access_units[0].write(stamp, &mut packets);
            oddities.bend(0, &mut packets);
            let (mut kinds, mut rest) = (Vec::new(), &packets[..]);
            while let [b'$', 0, high, low, tail @ ..] = rest {
                let (packet, tail) = tail.split_at(usize::from(u16::from_be_bytes([*high, *low])));
                rest = tail;
                kinds.push((packet[1], packet[12], packet[13]));
            }
            assert!(rest.is_empty());
            match oddity {
                Oddity::UnnamedPayloadType => {
                    assert!(kinds.chunks(2).all(|pair| pair[0].0 & 0x7f == 96 && pair[1].0 == 50));
                }
                Oddity::FuTypeChanges => {
                    let types: Vec<_> =
                        kinds.iter().filter(|k| k.1 & 0x1f == 28).map(|k| k.2 & 0x1f).collect();
                    assert!(types[0] == 5 && types[1..].iter().all(|kind| *kind == 1), "{types:?}");
                }
                _ => assert_eq!((kinds[2].0, kinds[2].1), (0x80 | 96, 6), "behind SPS and PPS"),
            }
        }
    }
}
