//! What goes wrong with a camera, and when: the script of a test.
//!
//! A fault is written `START[+LENGTH]:NAME[=ARGUMENT]`, in seconds since the camera's first PLAY: `5:close`,
//! `8+10:refuse`, `0:keyframe-every=20`. Without a length a state lasts for ever and an event happens once.
//! What each does is done where its name's group says; here is only when.

use std::str::FromStr;
use std::time::Duration;

/// One line of the script.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Since the first PLAY that the camera ever answered.
    pub start: Duration,
    /// How long it lasts; `None` is for ever.
    pub length: Option<Duration>,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What can go wrong. An *event* happens once, at its start; a *state* holds for its length.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    // The connection: `connection.rs`.
    /// Event: every connection is closed.
    Close,
    /// Event: every connection is reset (RST).
    Reset,
    /// State: nothing is sent, the socket stays open, requests are answered.
    Silent,
    /// State: nothing is read; media goes on.
    StopReading,
    /// State: nothing is read and nothing sent on any connection, old or new, nor is any closed: a half-open network.
    Partition,
    /// State: the port is closed; sessions that play go on.
    Refuse,
    // RTSP: `connection.rs`, `message.rs`, `sdp.rs`.
    /// State: DESCRIBE is answered with this status.
    Status(u16),
    /// State: SETUP is answered with this status (453 is "not enough bandwidth").
    SetupStatus(u16),
    /// State: the nonce that a client uses is stale at once, once a connection.
    NewNonce,
    /// State: the answer to DESCRIBE has a head that never ends.
    EndlessHead,
    /// State: the answer to DESCRIBE claims a body of this many bytes, and sends zeros.
    HugeBody(u64),
    /// State: a session description of bytes that make no sense.
    SdpGarbage,
    // Media: `sender/video.rs`, `sender/network.rs`.
    /// State: of so many packets, each last one is lost.
    Lose(u32),
    /// State: each so-many-th packet comes twice.
    Duplicate(u32),
    /// State: each so-many-th packet changes places with the next.
    Reorder(u32),
    /// State: a byte in the payload of each so-many-th packet is flipped.
    Corrupt(u32),
    /// Event: from here on the other clip, whose SPS is another.
    OtherClip,
    /// State: the SPS of the clip with other timing in its VUI, which no decoder acts on.
    OtherTiming,
    /// State: each second keyframe comes with another PPS of the same meaning under another id.
    AlternatePps,
    /// State: keyframes are left out.
    NoKeyframes,
    /// State: of the keyframes only those are sent that are so many seconds apart.
    KeyframeEvery(u32),
    /// State: the pace of sending, as a multiple of the media's own: 10 bursts, 0.5 drips. Stamps go by the media.
    Pace(f64),
    /// State: each access unit is this many bytes long.
    HugeUnits(u64),
    /// State: an access unit that never ends.
    EndlessUnit,
    // The camera's clock: `sender/clock.rs`.
    /// Event: the stamps of every track jump by so many seconds, back where negative.
    Jump(f64),
    /// Event: the stamps of every track start again from 0.
    ClockReset,
    /// Event: one unit of each track is stamped so many seconds away from its neighbours.
    Outlier(f64),
    /// State: the video's stamps stand still, and go on from there.
    ClockStops,
    /// State: the clock of the video's stamps runs so much too fast (0.001 is one in a thousand), or too slow where
    /// negative.
    ClockRate(f64),
    /// State: pictures last this many times as long as the clip says, in stamps and in pace.
    Slow(f64),
    // Audio: `sender/audio.rs`.
    /// State: no audio packets are sent; video goes on.
    NoAudio,
    /// State: the camera samples sound so much too fast (0.001 is one in a thousand), or too slowly where negative.
    AudioClockRate(f64),
}

/// Why a line of the script makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no fault: START[+LENGTH]:NAME[=ARGUMENT], in seconds, as in 5+10:refuse or 0:keyframe-every=20"
)]
pub struct FaultError(String);

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        parse(text).ok_or_else(|| FaultError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Fault> {
    let (when, what) = text.split_once(':')?;
    let (start, length) = match when.split_once('+') {
        Some((start, length)) => (start, Some(seconds(length)?)),
        None => (when, None),
    };
    let (name, argument) = what.split_once('=').unwrap_or((what, ""));
    Some(Fault { start: seconds(start)?, length, kind: FaultKind::parse(name, argument)? })
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

impl FaultKind {
    /// All names, with an argument where one is needed, for a person.
    pub const NAMES: &str = "close, reset, silent, stop-reading, partition, refuse; status=404, setup-status=453, \
        new-nonce, endless-head, huge-body=1000000000, sdp-garbage; lose=50, duplicate=50, reorder=50, corrupt=50, \
        other-clip, other-timing, alternate-pps, no-keyframes, keyframe-every=20, pace=0.5, huge-units=1000000, \
        endless-unit; jump=-3600, clock-reset, outlier=7200, clock-stops, clock-rate=0.001, slow=2; no-audio, \
        audio-clock-rate=0.001";

    fn parse(name: &str, argument: &str) -> Option<Self> {
        let number = || argument.parse().ok();
        let nth = || argument.parse().ok().filter(|nth| *nth > 0);
        let decimal = || argument.parse().ok().filter(|value: &f64| value.is_finite());
        let status = || argument.parse().ok().filter(|code| (200..600).contains(code));
        Some(match name {
            "close" => Self::Close,
            "reset" => Self::Reset,
            "silent" => Self::Silent,
            "stop-reading" => Self::StopReading,
            "partition" => Self::Partition,
            "refuse" => Self::Refuse,
            "status" => Self::Status(status()?),
            "setup-status" => Self::SetupStatus(status()?),
            "new-nonce" => Self::NewNonce,
            "endless-head" => Self::EndlessHead,
            "huge-body" => Self::HugeBody(number()?),
            "sdp-garbage" => Self::SdpGarbage,
            "lose" => Self::Lose(nth()?),
            "duplicate" => Self::Duplicate(nth()?),
            "reorder" => Self::Reorder(nth()?),
            "corrupt" => Self::Corrupt(nth()?),
            "other-clip" => Self::OtherClip,
            "other-timing" => Self::OtherTiming,
            "alternate-pps" => Self::AlternatePps,
            "no-keyframes" => Self::NoKeyframes,
            "keyframe-every" => Self::KeyframeEvery(nth()?),
            "pace" => Self::Pace(decimal().filter(|pace| *pace > 0.0)?),
            "huge-units" => Self::HugeUnits(number()?),
            "endless-unit" => Self::EndlessUnit,
            "jump" => Self::Jump(decimal()?),
            "clock-reset" => Self::ClockReset,
            "outlier" => Self::Outlier(decimal()?),
            "clock-stops" => Self::ClockStops,
            "clock-rate" => Self::ClockRate(decimal().filter(|rate| *rate > -0.5)?),
            "slow" => Self::Slow(decimal().filter(|times| *times > 0.0)?),
            "no-audio" => Self::NoAudio,
            "audio-clock-rate" => Self::AudioClockRate(decimal().filter(|rate| *rate > -0.5)?),
            _ => return None,
        })
    }
}

impl Fault {
    /// Whether a state holds at `now`, on the clock of [`Fault::start`].
    pub fn holds(&self, now: Duration) -> bool {
        now >= self.start && self.length.is_none_or(|length| now < self.start + length)
    }

    /// Whether an event happens between `before`, excluded, and `now`; with `before` unknown, it has not happened yet.
    pub fn happens(&self, before: Option<Duration>, now: Duration) -> bool {
        now >= self.start && before.is_none_or(|before| before < self.start)
    }
}

/// The states among `faults` that hold at `now`.
pub(super) fn holding(faults: &[Fault], now: Duration) -> impl Iterator<Item = &FaultKind> {
    faults.iter().filter(move |fault| fault.holds(now)).map(|fault| &fault.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_when_and_what() {
        let fault: Fault = "8.5+10:refuse".parse().unwrap();
        assert_eq!(fault.start, Duration::from_millis(8500));
        assert_eq!((fault.length, fault.kind), (Some(Duration::from_secs(10)), FaultKind::Refuse));
        let fault: Fault = "0:keyframe-every=20".parse().unwrap();
        assert_eq!((fault.length, fault.kind), (None, FaultKind::KeyframeEvery(20)));
    }

    #[test]
    fn every_name_that_a_person_is_told_is_one() {
        for name in FaultKind::NAMES.split([',', ';']) {
            assert!(format!("0:{}", name.trim()).parse::<Fault>().is_ok(), "{name}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "",
            "close",
            "5",
            "-1:close",
            "5:nothing",
            "5:lose",
            "5:lose=0",
            "5+x:close",
            "5:pace=nan",
            "1:status=9",
        ] {
            assert_eq!(text.parse::<Fault>(), Err(FaultError(text.into())), "{text}");
        }
    }

    #[test]
    fn states_hold_for_their_length_and_events_happen_once() {
        let second = Duration::from_secs;
        let fault: Fault = "5+10:silent".parse().unwrap();
        assert_eq!([4, 5, 14, 15].map(|now| fault.holds(second(now))), [false, true, true, false]);
        let fault: Fault = "5:close".parse().unwrap();
        assert!(fault.happens(Some(second(4)), second(6)));
        assert!(!fault.happens(Some(second(5)), second(6)));
        assert!(fault.happens(None, second(6)) && !fault.happens(None, second(4)));
    }
}
