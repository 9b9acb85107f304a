//! What the camera hears: a tone, in the encodings that cameras send.
//!
//! Made here, sample by sample, so that a test knows how loud it has to be; but AAC, which is a fixture. Nothing is
//! shared with what decodes it: a witness, not an echo.

mod g711;

use std::f64::consts::TAU;
use std::sync::OnceLock;
use std::time::Duration;

use super::packet::PAYLOAD_TYPE;

/// Of the sine, in Hz; that of the AAC fixture is 437.5 Hz.
const TONE: u32 = 440;

/// The sine's peak: -12 dBFS.
const PEAK: f64 = 0.251_189 * 32_768.0;

/// The longest payload that is made, in bytes: its length fits the interleaved header.
const MAX_PAYLOAD: u32 = 60_000;

/// Samples of an AAC frame, a channel (ISO/IEC 14496-3 §4.5.2.1.1).
const AAC_FRAME: u32 = 1024;

/// How sound is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    /// G.711 µ-law, 8 kHz, mono (RFC 3551 §4.5.14).
    Pcmu,
    /// G.711 A-law, 8 kHz, mono (RFC 3551 §4.5.14).
    Pcma,
    /// 16-bit samples (RFC 3551 §4.5.11).
    L16 {
        /// In Hz.
        clock_rate: u32,
        /// The same sound in each.
        channels: u8,
    },
    /// AAC-LC, 16 kHz, mono, one frame a packet (RFC 3640 §3.3.6).
    Aac,
    /// 32 kbit/s (RFC 3551 §4.5.4), by name: what is sent is noise.
    G726,
    /// RFC 7587, by name: what is sent is noise.
    Opus,
}

/// The audio track of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audio {
    /// How it is encoded.
    pub codec: AudioCodec,
    /// How much sound a packet holds; of AAC always a frame. Default 20 ms.
    pub packet_time: Duration,
    /// How long after its capture sound is sent, where pictures are sent at once. Default 0.
    pub offset: Duration,
    /// Whether there are sender reports for it. Default yes.
    pub reports: bool,
}

impl Audio {
    /// Sound as most cameras send it.
    pub const fn new(codec: AudioCodec) -> Self {
        Self { codec, packet_time: Duration::from_millis(20), offset: Duration::ZERO, reports: true }
    }

    /// By the name of its encoding: `pcmu`, `pcma`, `l16` (16 kHz, mono), `aac`, `g726` or `opus`.
    pub fn named(name: &str) -> Option<Self> {
        Some(Self::new(match name {
            "pcmu" => AudioCodec::Pcmu,
            "pcma" => AudioCodec::Pcma,
            "l16" => AudioCodec::L16 { clock_rate: 16_000, channels: 1 },
            "aac" => AudioCodec::Aac,
            "g726" => AudioCodec::G726,
            "opus" => AudioCodec::Opus,
            _ => return None,
        }))
    }

    /// Of RTP, in Hz, at least 1.
    pub(super) fn clock_rate(&self) -> u32 {
        match self.codec {
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::G726 => 8000,
            AudioCodec::L16 { clock_rate, .. } => clock_rate.max(1),
            AudioCodec::Aac => 16_000,
            AudioCodec::Opus => 48_000,
        }
    }

    fn channels(&self) -> u8 {
        match self.codec {
            AudioCodec::L16 { channels, .. } => channels.max(1),
            AudioCodec::Opus => 2,
            _ => 1,
        }
    }

    /// Those of G.711 are static (RFC 3551 §6).
    pub(super) fn payload_type(&self) -> u8 {
        match self.codec {
            AudioCodec::Pcmu => 0,
            AudioCodec::Pcma => 8,
            _ => PAYLOAD_TYPE + 1,
        }
    }

    /// What the RTP clock counts in a packet, at least 1.
    pub(super) fn samples_per_packet(&self) -> u32 {
        if self.codec == AudioCodec::Aac {
            return AAC_FRAME;
        }
        let millis = u32::try_from(self.packet_time.as_millis()).unwrap_or(u32::MAX);
        let most = MAX_PAYLOAD / (2 * u32::from(self.channels()));
        let samples = u64::from(self.clock_rate()) * u64::from(millis) / 1000;
        u32::try_from(samples).unwrap_or(u32::MAX).clamp(1, most)
    }

    /// The `m=` section of the session description, with `control` as its URL.
    pub(super) fn describe(&self, control: &str) -> String {
        let (payload_type, rate) = (self.payload_type(), self.clock_rate());
        let name = match self.codec {
            AudioCodec::Pcmu => "PCMU",
            AudioCodec::Pcma => "PCMA",
            AudioCodec::L16 { .. } => "L16",
            AudioCodec::Aac => "mpeg4-generic",
            AudioCodec::G726 => "G726-32",
            AudioCodec::Opus => "opus",
        };
        let channels = match self.channels() {
            1 => String::new(),
            more => format!("/{more}"),
        };
        let fmtp = match self.codec {
            // AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): AAC-LC, 16 kHz, one channel.
            AudioCodec::Aac => format!(
                "a=fmtp:{payload_type} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;\
                 indexdeltalength=3;config=1408\r\n"
            ),
            _ => String::new(),
        };
        format!(
            "m=audio 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {name}/{rate}{channels}\r\n{fmtp}\
             a=control:{control}\r\n"
        )
    }

    /// The payload of the packet with that number, counted from 0.
    pub(super) fn payload(&self, number: u64) -> Vec<u8> {
        let count = self.samples_per_packet();
        let first = number * u64::from(count);
        let samples = (0..u64::from(count)).map(|at| sample(first + at, self.clock_rate()));
        match self.codec {
            AudioCodec::Pcmu => samples.map(g711::ulaw).collect(),
            AudioCodec::Pcma => samples.map(g711::alaw).collect(),
            AudioCodec::L16 { channels, .. } => samples
                .flat_map(|sample| std::iter::repeat_n(sample.to_be_bytes(), channels.max(1).into()))
                .flatten()
                .collect(),
            AudioCodec::Aac => {
                let frames = aac_frames();
                let count = u64::try_from(frames.len()).unwrap_or(u64::MAX);
                aac_payload(frames[usize::try_from(number % count).unwrap_or(0)])
            }
            AudioCodec::G726 => noise(number, count.div_ceil(2)),
            AudioCodec::Opus => noise(number, 80),
        }
    }
}

/// One sample of the tone.
fn sample(at: u64, rate: u32) -> i16 {
    // The tone has whole periods in a second.
    let phase = u32::try_from(at * u64::from(TONE) % u64::from(rate)).unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, reason = "a quarter of what fits")]
    let value = (PEAK * (TAU * f64::from(phase) / f64::from(rate)).sin()).round() as i16;
    value
}

fn noise(seed: u64, bytes: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..bytes).map(|_| random.u8(..)).collect()
}

/// The frames of the fixture, without their ADTS headers (ISO/IEC 14496-3 §1.A.3.2).
fn aac_frames() -> &'static [&'static [u8]] {
    static FRAMES: OnceLock<Vec<&'static [u8]>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        let mut rest: &'static [u8] = include_bytes!("../../../fixtures/tone.aac");
        let mut frames = Vec::new();
        while let [_, protection, _, a, b, c, _, ..] = rest {
            let length = usize::from(a & 3) << 11 | usize::from(*b) << 3 | usize::from(c >> 5);
            let header = if protection & 1 == 1 { 7 } else { 9 };
            let Some((frame, tail)) = rest.split_at_checked(length.max(header)) else { break };
            frames.push(&frame[header..]);
            rest = tail;
        }
        frames
    })
}

/// One frame behind its AU header: 13 bits of size, 3 of index (RFC 3640 §3.3.6).
fn aac_payload(frame: &[u8]) -> Vec<u8> {
    let size = u16::try_from(frame.len() << 3).unwrap_or(u16::MAX);
    [&16_u16.to_be_bytes()[..], &size.to_be_bytes(), frame].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_is_as_loud_as_said_and_has_no_seam() {
        let samples: Vec<i16> = (0..16_000).map(|at| sample(at, 8000)).collect();
        assert_eq!(samples[..8000], samples[8000..]);
        let power: f64 = samples.iter().map(|s| (f64::from(*s) / 32_768.0).powi(2)).sum::<f64>() / 16_000.0;
        // A sine's RMS is 3 dB below its peak.
        assert!((10.0 * power.log10() + 15.01).abs() < 0.02, "{} dB", 10.0 * power.log10());
    }

    #[test]
    fn a_packet_holds_as_much_as_it_says() {
        let l16 = AudioCodec::L16 { clock_rate: 48_000, channels: 2 };
        for (codec, millis, samples, bytes) in [
            (AudioCodec::Pcmu, 20, 160, 160),
            (AudioCodec::Pcma, 40, 320, 320),
            (AudioCodec::G726, 20, 160, 80),
            (l16, 20, 960, 3840),
            (l16, 5000, 15_000, 60_000),
            (AudioCodec::Pcmu, 0, 1, 1),
        ] {
            let audio = Audio { packet_time: Duration::from_millis(millis), ..Audio::new(codec) };
            assert_eq!((audio.samples_per_packet(), audio.payload(3).len()), (samples, bytes), "{codec:?}");
        }
    }

    #[test]
    fn frames_of_the_fixture_have_an_au_header() {
        assert_eq!(aac_frames().len(), 47);
        let audio = Audio::new(AudioCodec::Aac);
        let payload = audio.payload(0);
        assert_eq!(payload[..2], [0, 16]);
        assert_eq!(usize::from(u16::from_be_bytes([payload[2], payload[3]]) >> 3), payload.len() - 4);
        assert_eq!(audio.payload(47), payload, "the loop begins again");
        assert_eq!(audio.samples_per_packet(), 1024);
    }

    #[test]
    fn every_encoding_is_described_by_its_name() {
        for (name, lines) in [
            ("pcmu", "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"),
            ("pcma", "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"),
            ("l16", "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 L16/16000\r\n"),
            ("aac", "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/16000\r\na=fmtp:97 streamtype=5;"),
            ("g726", "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 G726-32/8000\r\n"),
            ("opus", "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n"),
        ] {
            let described = Audio::named(name).unwrap().describe("trackID=1");
            assert!(described.starts_with(lines), "{described}");
            assert!(described.ends_with("\r\na=control:trackID=1\r\n"), "{described}");
        }
        assert_eq!(Audio::named("mp3"), None);
    }
}
