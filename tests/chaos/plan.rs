//! What goes wrong in a run, with which camera and when: all of it from one seed, before anything starts.
//!
//! A fault is a line as `camgate camera --fault` takes it, so what a failure prints can be tried by hand.
//!
//! **What is left out**, because no stream can recover from it in the time: faults without an end; those that meet the
//! first DESCRIBE (the start fails, and says so); `one-time-nonces` (retina answers one challenge a session, so that
//! no start succeeds); places for sessions that are kept for longer than a few seconds. Refused credentials are asked
//! for every 60 s at worst: they happen only in runs that are long enough, and early in them. Packets of a lost session
//! cost a second session: cameras that send them have a longer calm at the end.

use std::fmt;
use std::time::Duration;

use camgate::testcam::{
    Access, Audio, Clip, Credentials, Fault, Oddity, Options, ParameterSetPlacement, Start,
};
use fastrand::Rng;

/// Before this nothing goes wrong, in seconds: every stream has begun.
const CALM_AT_FIRST: f64 = 3.0;

/// At most for so long nothing goes wrong at the end, in seconds: the longest wait before an attempt to connect is
/// 15 s, and then a silence is to be noticed, a connection made and a keyframe waited for.
const CALM_AT_LAST: f64 = 30.0;

/// What a camera needs more that sends packets of a lost session into the next one.
const CALM_AFTER_STALE: f64 = 25.0;

/// What refused credentials need: two waits of a minute.
const CALM_AFTER_REFUSAL: f64 = 120.0;

/// What the password of every camera is; the marks differ in a link.
pub(crate) const PASSWORD: &str = "Zq7-hunter2/#x";
/// The same in a link.
pub(crate) const ENCODED: &str = "Zq7-hunter2%2F%23x";

/// What happens once.
const EVENTS: &[&str] = &[
    "close",
    "close",
    "reset",
    "reset",
    "other-clip",
    "jump=-3600",
    "jump=7200",
    "jump=0.7",
    "jump=-1.3",
    "clock-reset",
    "outlier=7200",
    "outlier=-50",
];

/// What holds for a while, and for how long at most, in seconds.
const STATES: &[(&str, f64)] = &[
    ("silent", 6.0),
    ("stop-reading", 6.0),
    ("partition", 5.0),
    ("lose=50", 5.0),
    ("lose=7", 3.0),
    ("duplicate=5", 5.0),
    ("reorder=20", 5.0),
    ("corrupt=40", 4.0),
    ("other-timing", 6.0),
    ("alternate-pps", 6.0),
    ("no-keyframes", 5.0),
    ("keyframe-every=5", 8.0),
    ("pace=0.5", 4.0),
    ("huge-units=500000", 0.3),
    ("huge-units=9000000", 0.05),
    ("endless-unit", 2.0),
    ("clock-stops", 3.0),
    ("clock-rate=0.03", 6.0),
    ("clock-rate=-0.17", 6.0),
    ("slow=2", 5.0),
    ("slow=0.5", 5.0),
    ("no-audio", 6.0),
    ("audio-clock-rate=0.001", 10.0),
];

/// The same, of what is seen only by who connects: a broken connection comes before it.
const ANSWERS: &[(&str, f64)] = &[
    ("refuse", 6.0),
    ("status=404", 4.0),
    ("status=503", 4.0),
    ("setup-status=453", 4.0),
    ("sdp-garbage", 4.0),
    ("endless-head", 2.0),
    ("huge-body=100000000000", 2.0),
];

/// A stall of the network, and how fast the burst behind it is: no camera sends pictures before it has taken them.
const BURST: f64 = 5.0;

/// The same, of what is taken for a wrong password.
const REFUSALS: &[(&str, f64)] = &[("status=401", 3.0), ("new-nonce", 3.0)];

/// A run.
pub(crate) struct Plan {
    pub(crate) cameras: Vec<Planned>,
}

/// A camera of a run.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// That of its stream too.
    pub(crate) number: usize,
    /// Lines of its script.
    pub(crate) faults: Vec<String>,
    oddities: Vec<Oddity>,
    audio: Option<&'static str>,
    clip: &'static str,
    access: &'static str,
    parameter_sets: ParameterSetPlacement,
    starts_at: usize,
    session_timeout: u64,
    seed: u64,
}

impl Plan {
    /// Always the same for the same arguments.
    pub(crate) fn new(seed: u64, cameras: usize, seconds: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let cameras = (0..cameras).map(|number| {
            // Each camera has numbers of its own: a change of one leaves the others as they are.
            Planned::new(number, seconds as f64, Rng::with_seed(random.u64(..)))
        });
        Self { cameras: cameras.collect() }
    }
}

impl Planned {
    fn new(number: usize, seconds: f64, mut random: Rng) -> Self {
        let one_of = |random: &mut Rng, all: &[&'static str]| all[random.usize(..all.len())];
        let oddities = oddities(&mut random, seconds);
        // Where the session description tells no parameter sets of any use, the stream must.
        let sets_in_sdp = !oddities.iter().any(|odd| matches!(odd, Oddity::InvalidSprop | Oddity::EmptyFmtp));
        let mut planned = Self {
            number,
            faults: Vec::new(),
            audio: Some(one_of(&mut random, &["", "", "pcmu", "pcma", "l16", "aac", "g726", "opus"]))
                .filter(|name| !name.is_empty()),
            clip: one_of(&mut random, &["switch", "switch/12", "switch/25", "demo", "demo/30"]),
            access: one_of(&mut random, &["open", "basic", "digest", "sha256"]),
            parameter_sets: match random.u8(..3) {
                0 if sets_in_sdp => ParameterSetPlacement::Sdp,
                0 | 1 => ParameterSetPlacement::InBand,
                _ => ParameterSetPlacement::Both,
            },
            starts_at: if random.bool() { 0 } else { random.usize(1..12) },
            session_timeout: [4, 10, 30, 60][random.usize(..4)],
            seed: random.u64(..),
            oddities,
        };
        planned.faults = planned.draw_faults(seconds, &mut random);
        planned
    }

    fn draw_faults(&self, seconds: f64, random: &mut Rng) -> Vec<String> {
        let mut calm = CALM_AT_LAST.min(seconds / 3.0);
        if self.oddities.contains(&Oddity::StalePackets) {
            calm += CALM_AFTER_STALE;
        }
        let end = seconds - calm;
        // In a short run they come thick and fast.
        let pause = (seconds / 25.0).clamp(1.5, 8.0);
        let mut faults = Vec::new();
        let mut at = CALM_AT_FIRST + random.f64() * pause;
        while at < end {
            let line = |name: &str, length: Option<f64>| match length {
                None => format!("{at:.2}:{name}"),
                Some(length) => format!("{at:.2}+{length:.2}:{name}"),
            };
            let (breaks, states) = match random.u8(..10) {
                0..3 => {
                    faults.push(line(EVENTS[random.usize(..EVENTS.len())], None));
                    (false, &[][..])
                }
                3..5 => (true, ANSWERS),
                5 if at < seconds - CALM_AFTER_REFUSAL => (true, REFUSALS),
                6 => {
                    let stall = (0.5 + 2.5 * random.f64()).min((end - at) / 2.0);
                    faults.push(line("pace=0.01", Some(stall)));
                    let (from, burst) = (at + stall, stall / (BURST - 1.0));
                    faults.push(format!("{from:.2}+{burst:.2}:pace={BURST}"));
                    (false, &[][..])
                }
                _ => (false, STATES),
            };
            if breaks {
                faults.push(line(if random.bool() { "close" } else { "reset" }, None));
            }
            if !states.is_empty() {
                let (name, longest) = states[random.usize(..states.len())];
                let length = (longest * (0.1 + 0.9 * random.f64())).min(end - at);
                faults.push(line(name, Some(length)));
            }
            // The next one may come while this one lasts.
            at += pause * (0.2 + 1.8 * random.f64());
        }
        faults
    }

    /// Whether bytes of its pictures are damaged on the way: then a decoder may complain.
    pub(crate) fn is_damaged(&self) -> bool {
        self.faults.iter().any(|fault| fault.contains(":corrupt"))
    }

    /// What the simulated camera is told. It shares its address with four others, as behind a recorder.
    pub(crate) fn options(&self) -> Options {
        let credentials = || Credentials { username: "admin".into(), password: PASSWORD.into() };
        let (clip, pictures) = self.clip.split_once('/').unwrap_or((self.clip, "1000"));
        let clip = if clip == "demo" { Clip::demo() } else { Clip::switch() };
        let host = u8::try_from(2 + self.number / 5 % 200).unwrap();
        Options {
            listen: ([127, 0, 0, host], 0).into(),
            access: match self.access {
                "basic" => Access::Basic(credentials()),
                "digest" => Access::Digest(credentials()),
                "sha256" => Access::DigestSha256(credentials()),
                _ => Access::Open,
            },
            clip: clip.first(pictures.parse().unwrap()),
            audio: self.audio.and_then(Audio::named),
            parameter_sets: self.parameter_sets,
            start: if self.starts_at == 0 { Start::Keyframe } else { Start::MidGop(self.starts_at) },
            seed: Some(self.seed),
            session_timeout: Duration::from_secs(self.session_timeout),
            faults: self.faults.iter().map(|line| line.parse().unwrap()).collect(),
            oddities: self.oddities.clone(),
            ..Options::default()
        }
    }
}

/// Two at most, and with one in two cameras none.
fn oddities(random: &mut Rng, seconds: f64) -> Vec<Oddity> {
    let fits = |oddity: &Oddity| match oddity {
        Oddity::OneTimeNonces => false,
        Oddity::StalePackets => seconds > 3.0 * (CALM_AT_LAST + CALM_AFTER_STALE),
        _ => true,
    };
    let mut all: Vec<Oddity> = Oddity::NAMED.iter().map(|(_, oddity)| *oddity).filter(fits).collect();
    all.extend([Oddity::AtMostSessions(1), Oddity::AtMostSessions(2), Oddity::SessionsLinger(2)]);
    let count = random.u8(..4).saturating_sub(1);
    (0..count).map(|_| all[random.usize(..all.len())]).collect()
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number, oddities, audio, clip, access, parameter_sets, starts_at, session_timeout, ..
        } = self;
        write!(
            f,
            "{number}: {clip} from picture {starts_at}, audio {}, {access}, parameter sets {parameter_sets:?}, \
             session timeout {session_timeout} s, {oddities:?},",
            audio.unwrap_or("none")
        )?;
        self.faults.iter().try_for_each(|fault| write!(f, " --fault {fault}"))
    }
}

#[test]
fn a_seed_says_all_and_every_line_of_it_is_a_fault_that_ends_in_time() {
    for seed in 0..50 {
        for seconds in [25, 300] {
            let (one, same) = (Plan::new(seed, 12, seconds), Plan::new(seed, 12, seconds));
            for (one, same) in one.cameras.iter().zip(&same.cameras) {
                assert_eq!(one.to_string(), same.to_string());
                for line in &one.faults {
                    let fault: Fault = line.parse().unwrap();
                    let end = fault.start + fault.length.unwrap_or_default();
                    let calm = CALM_AT_LAST.min(seconds as f64 / 3.0);
                    assert!(fault.start.as_secs_f64() >= CALM_AT_FIRST, "{one}");
                    assert!(end.as_secs_f64() <= seconds as f64 - calm + 0.02, "{one}");
                }
            }
            assert!(one.cameras.iter().filter(|camera| camera.faults.is_empty()).count() < 2);
        }
    }
    assert_ne!(Plan::new(1, 1, 25).cameras[0].to_string(), Plan::new(2, 1, 25).cameras[0].to_string());
}
