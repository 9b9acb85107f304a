//! `/metrics`: what an operator watches, what it is called, and that to look changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hyper::Method;
use serde_json::Value;

use crate::common::gateway::{TestGateway, camera, counters};
use crate::common::http::Client;
use crate::common::open_metrics::{ACCEPT, Family, Scrape};
use crate::common::player::Player;
use crate::common::wait::{answer, soon};

/// A gateway at which every kind of thing has happened that is counted.
async fn eventful() -> (TestGateway, Scrape) {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    gateway.started("2", &camera.url("/other")).await;
    gateway.start("3", &camera.url("/status/404")).await.problem(502, "camera_rejected");
    let mut player = Player::open(&gateway, "1").await;
    player.play(2).await;
    player.watcher.camera_goes_away();
    camera.drop_all();
    player.play_until("the discontinuity", |player| !player.discontinuities().is_empty()).await;
    player.play(2).await;
    gateway.stop("2").await.ok();
    let scrape = Scrape::of(&gateway).await;
    (gateway, scrape)
}

#[tokio::test]
async fn a_scrape_is_open_metrics_and_tells_what_happened() {
    let (_gateway, scrape) = eventful().await;
    let one = [("stream", "1")];
    for (name, labels, expected) in [
        ("camgate_build_info", &[("version", env!("CARGO_PKG_VERSION"))][..], 1.0),
        ("camgate_ready", &[], 1.0),
        ("camgate_streams", &[("state", "live")], 1.0),
        ("camgate_streams", &[("state", "connecting")], 0.0),
        ("camgate_streams_limit", &[], 1000.0),
        ("camgate_streams_left_out", &[], 0.0),
        ("camgate_streams_ended_total", &[("reason", "stopped")], 1.0),
        ("camgate_streams_ended_total", &[("reason", "memory")], 0.0),
        ("camgate_viewers", &[], 1.0),
        ("camgate_held_bytes_limit", &[], 2_147_483_648.0),
        ("camgate_start_duration_seconds_count", &[("outcome", "ok")], 2.0),
        ("camgate_start_duration_seconds_count", &[("outcome", "camera_rejected")], 1.0),
        ("camgate_camera_failures_total", &[("code", "camera_unreachable")], 2.0),
        ("camgate_stream_live", &one, 1.0),
        ("camgate_stream_viewers", &one, 1.0),
        ("camgate_stream_reconnects_total", &one, 1.0),
        ("camgate_stream_packets_lost_total", &one, 0.0),
        (
            "camgate_http_requests_total",
            &[("route", "/api/stream/start"), ("method", "GET"), ("status", "502")],
            1.0,
        ),
        (
            "camgate_http_requests_total",
            &[("route", "/api/stream/stop"), ("method", "POST"), ("status", "200")],
            1.0,
        ),
    ] {
        assert!((scrape.value(name, labels) - expected).abs() < 0.1, "{name} {labels:?} is not {expected}");
    }
    let within = |name: &str, labels: &[(&str, &str)], least: f64, most: f64| {
        let value = scrape.value(name, labels);
        assert!((least..=most).contains(&value), "{name} {labels:?}: {value}");
    };
    within("camgate_first_segment_seconds_count", &[], 1.0, 2.0);
    within("camgate_first_segment_seconds_sum", &[], 0.01, 20.0);
    within("camgate_stream_last_frame_age_seconds", &one, 0.0, 2.0);
    // The clip is 25 pictures a second; some 2 s were played.
    within("camgate_stream_frames_total", &one, 30.0, 5000.0);
    within("camgate_stream_bitrate_bytes_per_second", &one, 12_000.0, 600_000.0);
    within("camgate_stream_received_bytes_total", &one, 30_000.0, 1e9);
    within("camgate_stream_held_bytes", &one, 10_000.0, 1e8);
    within("camgate_playlists_rendered_total", &[], 2.0, 1e9);
    let media = [("route", "/streams/{id}/{run}/{file}"), ("method", "GET"), ("status", "200")];
    within("camgate_http_requests_total", &media, 4.0, 1000.0);
    within("camgate_http_response_bytes_total", &media, 20_000.0, 1e9);
    within("process_resident_memory_bytes", &[], 1e6, 1e11);
}

#[tokio::test]
async fn the_bytes_that_went_out_are_counted_and_a_head_has_none() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let path = "/streams/1/stream.m3u8";
    let first = gateway.get(path).await.body.len() + gateway.get(path).await.body.len();
    gateway.request(Method::HEAD, path, &[]).await;
    let scrape = Scrape::of(&gateway).await;
    let bytes = |method| {
        let labels = [("route", "/streams/{id}/stream.m3u8"), ("method", method), ("status", "200")];
        scrape.value("camgate_http_response_bytes_total", &labels)
    };
    assert_eq!((bytes("GET"), bytes("HEAD")), (first as f64, 0.0));
}

#[tokio::test]
async fn whatever_clients_make_up_no_label_comes_of_it() {
    let gateway = TestGateway::start().await;
    let mut counts = Vec::new();
    for round in 0..3 {
        for path in ["/nothing", "/streams/none", "/streams/x/stream.m3u8", "/streams/x/0123/seg-1.m4s"] {
            let path = path.replace("none", &format!("n{round}")).replace("/x/", &format!("/x{round}/"));
            let made_up = Method::from_bytes(format!("MADE{round}").as_bytes()).unwrap();
            for method in [Method::GET, Method::DELETE, made_up] {
                gateway.request(method, &path, &[]).await;
            }
        }
        let scrape = Scrape::of(&gateway).await;
        counts.push(scrape.samples().filter(|sample| sample.name == "camgate_http_requests_total").count());
    }
    // The first scrape does not see itself.
    assert_eq!(counts[1], counts[0] + 1, "{counts:?}");
    assert_eq!(counts[2], counts[1], "{counts:?}");
}

#[tokio::test]
async fn streams_beyond_the_bound_are_in_the_totals_alone() {
    let camera = camera().await;
    let gateway = TestGateway::with(&[("METRICS_STREAMS", "2")]).await;
    for id in ["a", "b", "c"] {
        gateway.started(id, &camera.url("/demo")).await;
    }
    let live = async || {
        let scrape = Scrape::of(&gateway).await;
        (scrape.find("camgate_streams", &[("state", "live")]) == Some(3.0)).then_some(scrape)
    };
    let scrape = soon("three live streams", answer(live)).await;
    let told: BTreeSet<&str> =
        scrape.samples().filter_map(|sample| sample.labels.get("stream").map(String::as_str)).collect();
    assert_eq!(told, BTreeSet::from(["a", "b"]));
    assert_eq!(scrape.value("camgate_streams_left_out", &[]), 1.0);
}

#[tokio::test]
async fn the_limit_of_streams_is_told_as_a_reload_has_it() {
    let gateway = TestGateway::with(&[("MAX_STREAMS", "2")]).await;
    assert_eq!(Scrape::of(&gateway).await.value("camgate_streams_limit", &[]), 2.0);
    gateway.reload(&[("MAX_STREAMS", "7")]).await;
    assert_eq!(Scrape::of(&gateway).await.value("camgate_streams_limit", &[]), 7.0);
}

#[tokio::test]
async fn a_stream_that_is_only_scraped_is_let_go() {
    let camera = camera().await;
    let settings = [("CLEANUP_DELAY_SECONDS", "1"), ("CLEANUP_INTERVAL_SECONDS", "1")];
    let gateway = TestGateway::with(&settings).await;
    gateway.started("1", &camera.url("/demo")).await;
    let idle = [("reason", "idle")];
    let gone = async || {
        let scrape = Scrape::of(&gateway).await;
        (scrape.value("camgate_streams_ended_total", &idle) == 1.0).then_some(scrape)
    };
    let scrape = soon("the end of the stream", answer(gone)).await;
    assert_eq!(scrape.find("camgate_stream_live", &[("stream", "1")]), None);
    counters(&camera, "TEARDOWN", |now| now.teardowns == 1).await;
}

#[tokio::test]
async fn who_does_not_ask_for_open_metrics_gets_the_older_format() {
    let gateway = TestGateway::start().await;
    let older = gateway.get("/metrics").await;
    assert_eq!(older.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = older.text();
    assert!(text.contains("\n# TYPE camgate_streams_ended_total counter\n"), "{text}");
    assert!(text.contains("\n# TYPE camgate_build_info gauge\ncamgate_build_info{"), "{text}");
    assert!(!text.contains("# EOF"), "{text}");
    let newer = gateway.get_with("/metrics", &[("accept", ACCEPT)]).await;
    let samples = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    // The second sees that there was a first: requests, and bytes.
    assert_eq!(samples(newer.text()), samples(text) + 2);
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every name of a metric in `text`.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !word(c));
    let is_metric = |name: &&str| name.starts_with("camgate_") || name.starts_with("process_");
    words.filter(is_metric).map(str::to_owned).collect()
}

/// The queries of a dashboard: of its panels, its variables and its annotations.
fn queries(dashboard: &Value, found: &mut Vec<String>) {
    match dashboard {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if matches!(name.as_str(), "expr" | "query" | "definition") => {
                        found.push(text.clone());
                    }
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn dashboards_and_alerts_ask_for_what_there_is() {
    let (_gateway, scrape) = eventful().await;
    let there: BTreeSet<&str> = scrape.samples().map(|sample| sample.name.as_str()).collect();
    let dashboard: Value = serde_json::from_str(&text_of("docker/grafana/dashboards/camgate.json")).unwrap();
    let mut asked = Vec::new();
    queries(&dashboard, &mut asked);
    assert!(asked.len() > 15, "{asked:?}");
    for (place, text) in
        [("the dashboard", asked.join("\n")), ("alerts.yml", text_of("docker/prometheus/alerts.yml"))]
    {
        let names = names(&text);
        assert!(names.len() > 5, "{place}: {names:?}");
        for name in names {
            assert!(there.contains(name.as_str()), "{place} asks for {name}, which is not among {there:#?}");
        }
    }
}

/// Name, type and labels of each metric in the tables of `docs/metrics.md`.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = text_of("docs/metrics.md");
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
        names(cells[0]).first()?;
        let labels = cells[2].split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        Some((cells[0].trim_matches('`').to_owned(), (cells[1].to_owned(), labels)))
    });
    rows.collect()
}

/// The same of a scrape.
fn as_documented(family: &Family) -> (String, (String, BTreeSet<String>)) {
    let name = match family.kind.as_str() {
        "histogram" => family.name.clone(),
        _ => family.sample_names().remove(0),
    };
    let labels = family.samples.iter().flat_map(|sample| sample.labels.keys().cloned());
    (name, (family.kind.clone(), labels.filter(|label| label != "le").collect()))
}

#[tokio::test]
async fn every_metric_is_documented_and_no_other() {
    let (_gateway, scrape) = eventful().await;
    let there: BTreeMap<_, _> = scrape.families.iter().map(as_documented).collect();
    assert_eq!(there, documented(), "left: a scrape; right: docs/metrics.md");
}

/// Where Prometheus is installed, its own tool judges.
#[tokio::test]
async fn promtool_finds_nothing_wrong() {
    let (gateway, _) = eventful().await;
    let client: Client = *gateway;
    let text = client.get("/metrics").await.text().to_owned();
    let judge = move || {
        if std::process::Command::new("promtool").arg("--version").output().is_err() {
            println!("promtool is not installed: not judged");
            return;
        }
        let run = |arguments: &[&str], input: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), input).unwrap();
            let output = std::process::Command::new("promtool")
                .args(arguments)
                .current_dir(repository("docker/prometheus"))
                .stdin(std::fs::File::open(file.path()).unwrap())
                .output()
                .unwrap();
            let said = [output.stdout, output.stderr].concat();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
        };
        run(&["check", "metrics"], &text);
        run(&["check", "rules", "alerts.yml"], "");
        run(&["test", "rules", "alerts.test.yml"], "");
    };
    tokio::task::spawn_blocking(judge).await.unwrap();
}
