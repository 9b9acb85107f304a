//! Clocks that are wrong: viewers see none of it.
//!
//! What happens in the first seconds of a stream is another matter: a camera that starts with stored pictures looks like
//! one whose clock is ahead.

use super::{Case, small, watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_clock_that_jumps_is_not_seen() {
    let cases = [
        Case::unseen(&["6:jump=7200"], 6.0),
        Case::unseen(&["6:jump=-7200"], 6.0),
        Case::unseen(&["6:jump=2.5"], 6.0),
        Case::unseen(&["6:jump=-1"], 6.0),
        Case::unseen(&["6:clock-reset"], 6.0),
        Case::unseen(&["6:outlier=3600"], 6.0),
        Case::unseen(&["6:outlier=-3600"], 6.0),
        Case::unseen(&["6:outlier=0.5"], 6.0),
        Case::unseen(&["2:jump=7200", "3:clock-reset"], 6.0),
        // A camera that sets its clock by the network, and again.
        Case::unseen(&["5:jump=86400", "5.2:outlier=-50", "6:clock-reset", "6.5:jump=-0.3"], 6.5),
    ];
    watch(&small(), &[], &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_clock_that_does_not_run_at_its_rate_is_not_seen() {
    let cases = [
        Case::unseen(&["3+3:clock-stops"], 6.0),
        Case::unseen(&["0+7:clock-rate=0.03"], 7.0),
        Case::unseen(&["0+7:clock-rate=-0.03"], 7.0),
        Case::unseen(&["0:clock-rate=0.001"], 7.0),
        Case::unseen(&["3+4:slow=2"], 7.0),
        Case::unseen(&["3+4:slow=0.5"], 7.0),
    ];
    watch(&small(), &[], &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_clock_that_is_ahead_by_less_than_a_gap_is_not_seen() {
    let cases = [
        Case::unseen(&["6:jump=0.3"], 6.0),
        // Stamps for 30 pictures a second where 25 come, and the other way round.
        Case::unseen(&["2+5:clock-rate=-0.17"], 7.0),
        Case::unseen(&["2+5:clock-rate=0.2"], 7.0),
    ];
    watch(&small(), &[], &cases).await;
}
