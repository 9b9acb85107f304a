//! Answers that refuse, make no sense or never end: at a start they are told, behind a broken connection they are
//! waited for.

use camgate::testcam::{Access, Credentials, Oddity, Options};
use futures::FutureExt as _;

use super::{Case, all, fails_to_start, quick, script};
use crate::common::gateway::{TestGateway, camera_with};

fn with_digest() -> Options {
    let access = Access::Digest(Credentials { username: "admin".into(), password: "secret".into() });
    Options { access, ..quick() }
}

#[tokio::test]
async fn what_a_camera_answers_for_a_while_is_told_and_waited_for() {
    all([
        Case { faults: &["2:close", "2+3:status=404"], lasts: 3.0, told: "404", ..Case::default() },
        Case { faults: &["2:close", "2+3:status=503"], lasts: 3.0, told: "busy", ..Case::default() },
        Case {
            faults: &["2:close", "2+3:setup-status=453"],
            lasts: 3.0,
            told: "too many viewers",
            ..Case::default()
        },
        Case { faults: &["2:close", "2+3:sdp-garbage"], lasts: 3.0, told: "protocol", ..Case::default() },
        Case {
            faults: &["2:close", "2+3:endless-head"],
            lasts: 3.0,
            told: "answer to DESCRIBE does not end",
            ..Case::default()
        },
        Case {
            faults: &["2:close", "2+3:huge-body=100000000000"],
            lasts: 3.0,
            told: "answer to DESCRIBE does not end",
            ..Case::default()
        },
        // Who insists on a password is locked out by some: the waits double, so the fault may cost twice its length.
        Case {
            faults: &["2:close", "2+3:status=401"],
            lasts: 3.0,
            extra: 3.0,
            told: "refused the user name or password",
            ..Case::default()
        },
        Case {
            faults: &["2:close", "2+3:new-nonce"],
            lasts: 3.0,
            extra: 3.0,
            told: "refused the user name or password",
            options: with_digest(),
            ..Case::default()
        },
    ]
    .map(Case::boxed))
    .await;
}

#[tokio::test]
async fn a_camera_that_never_answers_well_is_told_by_the_start_and_leaves_nothing_behind() {
    let one_time = || Options { oddities: vec![Oddity::OneTimeNonces], ..with_digest() };
    let cases = [
        ("0:refuse", quick(), "camera_unreachable", "refused"),
        ("0:partition", quick(), "camera_timeout", "DESCRIBE within 5 s"),
        ("0:stop-reading", quick(), "camera_timeout", "DESCRIBE within 5 s"),
        ("0:status=404", quick(), "camera_rejected", "check the path"),
        ("0:setup-status=453", quick(), "camera_rejected", "too many viewers"),
        ("0:sdp-garbage", quick(), "camera_rejected", "SDP"),
        ("0:endless-head", quick(), "camera_rejected", "answer to DESCRIBE does not end"),
        ("0:huge-body=100000000000", quick(), "camera_rejected", "answer to DESCRIBE does not end"),
        // retina answers one challenge a session, and does not tell a stale nonce from a wrong password.
        ("0:new-nonce", with_digest(), "camera_auth_failed", "refused the user name or password"),
        ("9:close", one_time(), "camera_rejected", "a new nonce for each request"),
    ];
    all(cases.map(|(fault, options, code, words)| {
        let case = async move {
            let options = Options { faults: script(&[fault]), ..options };
            let (camera, problem) = fails_to_start(options, &[]).await;
            assert_eq!(problem["code"], code, "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(words), "{words:?} is not in {problem}");
            assert_eq!(camera.sessions(), 0);
            None
        };
        (fault.to_owned(), case.boxed())
    }))
    .await;
}

#[tokio::test]
async fn a_camera_that_is_well_some_seconds_later_is_started_then() {
    // Counted from when it listens: the first start has to come before it is well.
    let camera = camera_with(Options { faults: script(&["0+5:status=503"]), ..quick() }).await;
    let gateway = TestGateway::start().await;
    let problem = gateway.start("1", &camera.url("/demo")).await.problem(502, "camera_rejected");
    assert_eq!(problem["rtsp_status"], 503);
    let started = crate::common::wait::answer(async || {
        let answer = gateway.start("1", &camera.url("/demo")).await;
        (answer.status == 200).then_some(())
    });
    crate::common::wait::soon("a start", started).await;
}
