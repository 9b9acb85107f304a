//! One line in the log at each change of a stream's state, with the stream's name: text and JSON.

use serde_json::Value;

use crate::common::gateway::{camera, counters};
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon};

/// What is told of stream `id`, in order.
fn told(log: &str, id: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of =
        |line: &Value| line["stream"].as_str().is_some_and(|names| names.split(',').any(|name| name == id));
    lines.filter(of).map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn each_change_of_a_streams_state_is_one_line_with_its_name() {
    let camera = camera().await;
    let settings =
        [("LOG_FORMAT", "json"), ("CLEANUP_DELAY_SECONDS", "9"), ("CLEANUP_INTERVAL_SECONDS", "1")];
    let (process, client) = Camgate::serve(&settings).await;
    let live = async |id: &str| {
        let live = async || (client.status(id).await["state"] == "live").then_some(());
        soon("live", answer(live)).await;
    };
    client.started("a", &camera.url("/demo")).await;
    live("a").await;
    client.started("b", &camera.url("/demo")).await;
    // Away for some attempts, which are no change.
    camera.pause().await.unwrap();
    camera.drop_all();
    let lost =
        async || client.status("a").await["last_error"].as_str().filter(|e| e.contains("refused")).map(drop);
    soon("attempts that fail", answer(lost)).await;
    camera.resume().await.unwrap();
    counters(&camera, "the camera is connected to again", |now| now.sessions == 1).await;
    live("a").await;
    client.stop("a").await.ok();
    let let_go = async || (client.stream_count().await == 0).then_some(());
    soon("the other one is let go", answer(let_go)).await;
    client.started("c", &camera.url("/demo")).await;
    live("c").await;
    let (_, _, log) = process.ended_by_sigterm().await;

    let lost = "stream reconnecting: its camera was lost";
    let both = |lines: Vec<String>| {
        // The loss itself, and that the camera then refuses.
        let losses = lines.iter().filter(|line| *line == lost).count();
        assert!((1..=2).contains(&losses), "{log}");
        lines.into_iter().filter(|line| line != lost).collect::<Vec<_>>()
    };
    assert_eq!(
        both(told(&log, "a")),
        ["stream starts", "stream live", "stream live again", "stream stopped"],
        "{log}"
    );
    assert_eq!(
        both(told(&log, "b")),
        ["stream starts", "stream live again", "stream let go: nobody watched it"],
        "{log}"
    );
    assert_eq!(
        told(&log, "c"),
        ["stream starts", "stream live", "stream ended: the gateway shuts down"],
        "{log}"
    );
}

#[tokio::test]
async fn a_log_for_people_names_the_stream_too() {
    let camera = camera().await;
    let (process, client) = Camgate::serve(&[]).await;
    client.started("gate-2", &camera.url("/demo")).await;
    let log = process.stderr_after("stream live stream=").await;
    assert_eq!(log.trim_matches('"'), "gate-2");
    process.ended_by_sigterm().await;
}
