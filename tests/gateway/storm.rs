//! Three hundred cameras behind a switch that reboots: they are connected to again without a storm, and every stream goes
//! on.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use camgate::testcam::{Clip, Control, Options};
use futures::future::join_all;
use http_body_util::Full;
use hyper::Request;

use crate::common::gateway::{TestGateway, camera_with};
use crate::common::http::form;
use crate::common::playlist::{MediaPlaylist, assert_good};
use crate::common::wait::{answer, within};

const HOSTS: usize = 6;
const CAMERAS_EACH: usize = 50;

/// Connections that are set up at once with one host, when all are being connected to again.
const AT_ONE_HOST: usize = 3;

/// What the whole takes on an idle machine, several times.
const GENEROUS: Duration = Duration::from_secs(120);

/// The demo's first pictures at 2.5 a second, a keyframe every 1.2 s: what is tested here is connecting.
fn light_clip() -> Clip {
    let mut clip = include_bytes!("../../fixtures/demo.h264").to_vec();
    // num_units_in_tick 1 and time_scale 50, as they lie in the SPS: ten units in a tick.
    let timing = [0, 0, 3, 0, 0x04, 0, 0, 3, 0, 0xc8];
    let places: Vec<usize> = (0..clip.len()).filter(|at| clip[*at..].starts_with(&timing)).collect();
    places.iter().for_each(|at| clip[at + 4] = 0x28);
    Clip::from_annex_b(&Bytes::from(clip)).unwrap().first(3)
}

/// A host of many cameras, and the most connections that it has seen being set up at once.
async fn host(n: usize, clip: &Clip, gateway: &TestGateway) -> (Control, Arc<AtomicUsize>) {
    let address = Ipv4Addr::new(127, 0, 0, u8::try_from(n + 2).unwrap());
    let options = Options { listen: (address, 0).into(), clip: clip.clone(), ..Options::default() };
    let mut control = camera_with(options.clone()).await;
    // At another address the port of the gateway is free, and on loopback it is the gateway's own.
    while control.local_addr().port() == gateway.address.port() {
        control = camera_with(options.clone()).await;
    }
    let most = Arc::new(AtomicUsize::new(0));
    let (watched, seen) = (control.clone(), most.clone());
    tokio::spawn(async move {
        let watch = watched.wait_until(|now| {
            seen.fetch_max(now.connections - now.sessions, Ordering::Relaxed);
            false
        });
        watch.await;
    });
    (control, most)
}

async fn playlist(gateway: &TestGateway, id: &str) -> MediaPlaylist {
    let answer = gateway.get(&format!("/streams/{id}/media.m3u8")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_good(answer.text())
}

/// What the newest segment is: its run, its number, and how many discontinuities the stream has had.
fn newest(playlist: &MediaPlaylist) -> (String, u64, u64) {
    let newest = playlist.segments.last().unwrap();
    let run = newest.uri.split('/').next().unwrap();
    (run.to_owned(), newest.media_sequence, newest.discontinuity_number)
}

fn ids() -> impl Iterator<Item = String> {
    (0..HOSTS).flat_map(|n| (0..CAMERAS_EACH).map(move |channel| format!("{n}.{channel}")))
}

/// Waits until every stream is live and has come back so many times.
async fn all_live(gateway: &TestGateway, reconnects: u64) {
    let look = async || {
        let streams = gateway.get("/api/streams").await.ok()["streams"].as_array().unwrap().clone();
        let live = |stream: &&serde_json::Value| {
            stream["state"] == "live" && stream["reconnects"] == reconnects && stream["segments"] != 0
        };
        (streams.iter().filter(live).count() == HOSTS * CAMERAS_EACH).then_some(())
    };
    within("all live", GENEROUS, answer(look)).await;
}

#[tokio::test]
async fn three_hundred_cameras_come_back_together_and_every_stream_goes_on() {
    let clip = light_clip();
    // Fifty cameras wait for the places of one host: on a slow machine longer than the ten seconds of the default.
    let settings = [("CLEANUP_DELAY_SECONDS", "600"), ("START_TIMEOUT_SECONDS", "60")];
    let gateway = TestGateway::with(&settings).await;
    let hosts = join_all((0..HOSTS).map(|n| host(n, &clip, &gateway))).await;
    let start = async |id: String| {
        let (n, channel) = id.split_once('.').unwrap();
        let (camera, _) = &hosts[n.parse::<usize>().unwrap()];
        let link = camera.url(&format!("/{channel}"));
        let query = form(&[("indicator_id", &id), ("rtsp_link", &link)]);
        let request = Request::get(format!("/api/stream/start?{query}")).body(Full::default()).unwrap();
        let started = gateway.send_within(GENEROUS, request).await.ok();
        assert_eq!(started["status"], "started", "{started}");
    };
    join_all(ids().map(start)).await;
    all_live(&gateway, 0).await;
    let mut before = Vec::new();
    for id in ids() {
        before.push(newest(&playlist(&gateway, &id).await));
    }

    join_all(hosts.iter().map(|(camera, _)| camera.pause())).await;
    for (camera, most) in &hosts {
        camera.drop_all();
        assert_eq!(camera.wait_until(|now| now.connections == 0).await.sessions, 0);
        assert!(most.swap(0, Ordering::Relaxed) <= AT_ONE_HOST + 1, "at the start, places of all");
    }
    // The switch is away for so long.
    tokio::time::sleep(Duration::from_secs(3)).await;
    join_all(hosts.iter().map(|(camera, _)| camera.resume())).await;
    let returning = hosts.iter().map(|(camera, _)| camera.wait_until(|now| now.sessions == CAMERAS_EACH));
    within("every camera plays again", GENEROUS, join_all(returning)).await;
    all_live(&gateway, 1).await;

    for (camera, most) in &hosts {
        let most = most.load(Ordering::Relaxed);
        assert!((1..=AT_ONE_HOST).contains(&most), "{most} connections were being set up at once");
        assert_eq!(camera.total_sessions(), 2 * CAMERAS_EACH as u64, "one session after the other");
    }
    for (id, before) in ids().zip(before) {
        let goes_on = async || {
            let after = newest(&playlist(&gateway, &id).await);
            assert_eq!(after.0, before.0, "the stream is another one");
            assert!(after.1 >= before.1, "{id} went back from {before:?} to {after:?}");
            // Those that it listed last may be all that there is as yet.
            (after.2 != before.2).then_some(after)
        };
        let after = within(&id, GENEROUS, answer(goes_on)).await;
        assert!(after.1 > before.1 && after.2 == before.2 + 1, "{id}: {before:?} {after:?}");
    }
    gateway.shut_down().await;
}
