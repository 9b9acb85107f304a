//! Connections that break, stall or are refused.

use std::time::Duration;

use camgate::testcam::{Oddity, Options};

use super::{Case, all};
use crate::common::gateway::quick;

#[tokio::test]
async fn a_connection_that_breaks_costs_its_length_and_the_next_attempt() {
    all([
        Case { faults: &["2:close"], told: "closed the connection", ..Case::default() },
        Case { faults: &["2:reset"], told: "closed the connection", ..Case::default() },
        Case { faults: &["2:close", "2+4:refuse"], lasts: 4.0, told: "cannot connect", ..Case::default() },
        // Five attempts fall into it.
        Case { faults: &["2:reset", "2+7:refuse"], lasts: 7.0, told: "refused", ..Case::default() },
        // A half-open network: what is asked of the camera is answered when it is over.
        Case {
            faults: &["2+5:partition"],
            lasts: 5.0,
            told: "no video for 2 s",
            settings: &[("VIDEO_TIMEOUT_SECONDS", "2")],
            ..Case::default()
        },
    ]
    .map(Case::boxed))
    .await;
}

#[tokio::test]
async fn silence_costs_its_length_whether_the_session_is_given_up_or_not() {
    all([
        // Shorter than VIDEO_TIMEOUT_SECONDS.
        Case {
            faults: &["2+1:silent"],
            lasts: 1.0,
            reconnects: 0..=0,
            settings: &[("VIDEO_TIMEOUT_SECONDS", "2")],
            ..Case::default()
        },
        // Longer: the camera accepts each new session and sends nothing there either.
        Case {
            faults: &["2+6:silent"],
            lasts: 6.0,
            reconnects: 1..=3,
            told: "no video for 2 s",
            settings: &[("VIDEO_TIMEOUT_SECONDS", "2")],
            ..Case::default()
        },
    ]
    .map(Case::boxed))
    .await;
}

#[tokio::test]
async fn a_camera_that_hears_nothing_more_is_left_when_it_does_not_answer_a_keepalive() {
    let options = || Options { session_timeout: Duration::from_secs(4), ..quick() };
    all([
        // Keepalives go out every 2 s: one is read late, none is missed.
        Case {
            faults: &["1+2:stop-reading"],
            lasts: 1.0,
            reconnects: 0..=0,
            options: options(),
            ..Case::default()
        },
        Case {
            faults: &["1+6:stop-reading"],
            lasts: 5.0,
            told: "stopped answering",
            options: options(),
            ..Case::default()
        },
    ]
    .map(Case::boxed))
    .await;
}

#[tokio::test]
async fn a_session_that_the_camera_keeps_for_one_that_is_gone_is_waited_for() {
    let oddities = vec![Oddity::AtMostSessions(1), Oddity::SessionsLinger(3)];
    let case = Case {
        faults: &["2:reset"],
        lasts: 3.0,
        told: "453",
        options: Options { oddities, ..quick() },
        ..Case::default()
    };
    all([case.boxed()]).await;
}
