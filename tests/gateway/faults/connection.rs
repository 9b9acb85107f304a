//! Connections that break, stall, fall silent or are refused.

use std::time::Duration;

use camgate::testcam::{Clip, Oddity, Options};

use super::{Case, RECONNECT, all, quick};

const SILENT_FOR_TWO: &[(&str, &str)] = &[("VIDEO_TIMEOUT_SECONDS", "2")];

/// Keepalives go out every two seconds.
fn short_sessions() -> Options {
    Options { session_timeout: Duration::from_secs(4), ..quick() }
}

fn odd(oddities: &[Oddity]) -> Options {
    Options { oddities: oddities.to_vec(), ..quick() }
}

#[tokio::test]
async fn a_fault_of_the_connection_costs_its_length_and_the_next_attempt() {
    let closed = "closed the connection";
    all([
        Case { faults: &["2:close"], told: closed, ..Case::default() },
        Case { faults: &["2:reset"], told: closed, ..Case::default() },
        Case { faults: &["2:close", "2+4:refuse"], lasts: 4.0, told: "cannot connect", ..Case::default() },
        // Five attempts fall into it.
        Case { faults: &["2:reset", "2+7:refuse"], lasts: 7.0, told: "refused", ..Case::default() },
        // A half-open network: what is asked of the camera meanwhile is answered when it is over.
        Case {
            faults: &["2+5:partition"],
            lasts: 5.0,
            told: "the camera has sent no video for",
            settings: SILENT_FOR_TWO,
            ..Case::default()
        },
        // Shorter than VIDEO_TIMEOUT_SECONDS: the session goes on.
        Case {
            faults: &["2+1:silent"],
            lasts: 1.0,
            reconnects: 0..=0,
            settings: &[("VIDEO_TIMEOUT_SECONDS", "4")],
            ..Case::default()
        },
        // Longer: the camera accepts each new session, and sends nothing there either.
        Case {
            faults: &["2+6:silent"],
            lasts: 6.0,
            reconnects: 1..=3,
            told: "the camera has sent no video for",
            settings: SILENT_FOR_TWO,
            ..Case::default()
        },
        // One keepalive is read late, and none is missed.
        Case {
            faults: &["1+2:stop-reading"],
            lasts: 1.0,
            reconnects: 0..=0,
            options: short_sessions(),
            ..Case::default()
        },
        // One is never answered: the camera is left, and does not hear who comes again either.
        Case {
            faults: &["1+6:stop-reading"],
            lasts: 5.0,
            told: "stopped answering",
            options: short_sessions(),
            ..Case::default()
        },
        // Reolink: it has one place, and keeps it for the session that it has lost.
        Case {
            faults: &["2:reset"],
            lasts: 3.0,
            told: "453",
            options: odd(&[Oddity::AtMostSessions(1), Oddity::SessionsLinger(3)]),
            ..Case::default()
        },
        // Reolink again: what is left of the lost session is taken for the new one, for two hundred packets.
        Case {
            faults: &["2:reset"],
            extra: 1.0 + RECONNECT,
            reconnects: 2..=2,
            told: "packets of another session",
            options: Options {
                clip: Clip::switch().first(12).padded(4_000_000),
                ..odd(&[Oddity::StalePackets])
            },
            ..Case::default()
        },
        // Tapo.
        Case {
            faults: &["2:close"],
            told: closed,
            options: odd(&[Oddity::TimestampsFromZero]),
            ..Case::default()
        },
    ]
    .map(Case::boxed))
    .await;
}
