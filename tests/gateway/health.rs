//! `/livez`, `/readyz`, and the time between SIGTERM and the end in which others may take over.

use std::time::Duration;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::open_metrics::Scrape;
use crate::common::player::Player;
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon, within};

#[tokio::test]
async fn a_gateway_that_runs_is_alive_and_ready() {
    let gateway = TestGateway::start().await;
    for path in ["/livez", "/readyz"] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.text()), (200, "ok\n"), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(gateway.get("/api/health").await.ok()["status"], "healthy");
}

#[tokio::test]
async fn while_it_drains_it_is_not_ready_starts_nothing_and_streams_go_on() {
    let camera = camera().await;
    let (process, client) = Camgate::serve(&[("DRAIN_SECONDS", "6")]).await;
    client.started("1", &camera.url("/demo")).await;
    let mut player = Player::open(&client, "1").await;
    player.play(2).await;
    process.terminate().await;
    let drains = async || {
        let answer = client.get("/readyz").await;
        (answer.status != 200).then_some(answer)
    };
    let answer = soon("not ready", answer(drains)).await;
    answer.problem(503, "shutting_down");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(client.get("/livez").await.status, 200);
    assert_eq!(Scrape::of(&client).await.value("camgate_ready", &[]), 0.0);

    client.start("2", &camera.url("/demo")).await.problem(503, "shutting_down");
    client.start("1", &camera.url("/other")).await.problem(503, "shutting_down");
    assert_eq!(client.started("1", &camera.url("/demo")).await, "active");
    player.play(2).await;
    player.assert_good().await;

    let (status, _, stderr) = within("the end", Duration::from_secs(20), process.ended()).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    counters(&camera, "the camera was told", |now| now.teardowns == 1 && now.sessions == 0).await;
}
