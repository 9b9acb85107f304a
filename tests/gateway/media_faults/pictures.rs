//! Pictures and parameter sets that are otherwise than the ones before.

use camgate::testcam::{Clip, Options};

use super::{Case, judge_all, small, watch, watch_all};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn parameter_sets_that_mean_the_same_and_keyframes_that_stay_away_stop_nobody() {
    let cases = [
        Case::unseen(&["3+4:other-timing"], 7.0),
        // Some decoders take picture parameter sets from the initialisation section alone: one that was never seen
        // needs another section, once.
        Case { discontinuities: 1, ..Case::unseen(&["3+4:alternate-pps"], 7.0) },
        Case { discontinuities: 1, ..Case::unseen(&["0+6:alternate-pps"], 6.0) },
        Case::unseen(&["3+5:no-keyframes"], 8.0),
        Case::unseen(&["0:keyframe-every=5"], 8.0),
    ];
    watch(&small(), &[], &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pictures_of_another_size_or_without_measure_cost_no_more_than_themselves() {
    let cases = [
        Case::lost(&["3+0.02:huge-units=9000000"], 3.0, 0.04),
        Case::unseen(&["3+0.5:huge-units=500000"], 3.5),
        // What ends it is no packet that can follow: the session is made anew.
        Case { discontinuities: 1, reconnects: 1, ..Case::lost(&["3+3:endless-unit"], 6.0, 3.0) },
    ];
    let switches = [Case { discontinuities: 1, ..Case::unseen(&["3:other-clip"], 3.0) }];
    let large = Options { clip: Clip::demo().first(13), ..Options::default() };
    let small = small();
    let (small, large) =
        futures::future::join(watch_all(&small, &[], &cases), watch_all(&large, &[], &switches)).await;
    judge_all([small, large].into_iter().flatten().collect()).await;
}
