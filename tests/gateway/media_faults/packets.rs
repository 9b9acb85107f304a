//! Packets that come late, twice, in another order, damaged or not at all.

use super::{Case, small, watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn packets_that_come_late_or_otherwise_cost_no_more_than_themselves() {
    let cases = [
        Case::unseen(&["2+4:duplicate=5"], 6.0),
        Case::lost(&["2+4:reorder=97"], 6.0, 4.0),
        Case::lost(&["2+4:lose=97"], 6.0, 4.0),
        // A damaged parameter set is another parameter set, and then another.
        Case { damaged: true, discontinuities: 2, ..Case::lost(&["2+4:corrupt=97"], 6.0, 4.0) },
        // A stall of the network, and the burst behind it.
        Case { stall: 2.0, ..Case::unseen(&["5+2:pace=0.01", "7+0.5:pace=5"], 7.5) },
        // A link that is too slow for its camera, and then catches up.
        Case { stall: 1.0, ..Case::unseen(&["3+4:pace=0.8", "7+1:pace=1.8"], 8.0) },
    ];
    watch(&small(), &[], &cases).await;
}
