//! The nginx that `docker/nginx/` sets up, in front of the real program: what goes through it, what it keeps, and what it
//! refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::large_futures,
    reason = "a panic here is a test's failure, and nothing is short of memory"
)]

#[path = "../common/mod.rs"]
mod common;
mod proxy;

use std::time::Duration;

use camgate::testcam::{Control, Options};
use futures::future::join_all;
use tokio::time::Instant;

use common::gateway::{camera, camera_with};
use common::http::Client;
use common::low_latency_player::LowLatencyPlayer;
use common::playlist::check_but_dates;
use common::playlist::low_latency::newest_part;
use common::process::Camgate;
use common::wait::{answer, soon, within};
use proxy::{Nginx, get_from};

/// A camera, the real program and nginx; `1` plays. The order is that of their end.
struct Chain {
    nginx: Nginx,
    gateway: Client,
    camera: Control,
    _camgate: Camgate,
}

impl Chain {
    async fn start(
        camera: Control,
        settings: &[(&str, &str)],
        nginx: impl AsyncFnOnce(&Client) -> Nginx,
    ) -> Self {
        let (camgate, gateway) = Camgate::serve(settings).await;
        let nginx = nginx(&gateway).await;
        gateway.started("1", &camera.url("/demo")).await;
        Self { nginx, gateway, camera, _camgate: camgate }
    }

    async fn plain(camera: Control, settings: &[(&str, &str)]) -> Self {
        Self::start(camera, settings, async |gateway| Nginx::plain(gateway).await).await
    }

    /// The path of the newest whole segment.
    async fn newest_segment(&self) -> String {
        let text = self.nginx.get("/streams/1/media.m3u8").await;
        let playlist = check_but_dates(text.text()).unwrap();
        format!("/streams/1/{}", playlist.segments.last().unwrap().uri)
    }
}

#[tokio::test]
async fn low_latency_viewers_play_through_it_lose_no_part_and_have_each_in_time() {
    let settings = [("HLS_SEGMENT_TIME", "1"), ("HLS_PART_TIME", "0.2")];
    let chain = Chain::plain(camera_with(Options::default()).await, &settings).await;
    // Eight at one address: 80 requests a second, and no limit is in their way.
    let watch = async || {
        join_all((0..8).map(async |number| {
            let mut player = LowLatencyPlayer::open(&chain.nginx, "1", number % 2 == 1).await;
            player.play(30).await;
            player.assert_good();
            assert_eq!(player.waits, 0);
            player
        }))
        .await
    };
    let late = |players: &[LowLatencyPlayer]| {
        let lateness = players.iter().map(LowLatencyPlayer::lateness);
        lateness.map(|late| late[late.len() / 2].abs()).fold(0.0, f64::max)
    };
    // What takes the machine for one measurement is not there in all three.
    let mut measured = Vec::new();
    let players = loop {
        let players = watch().await;
        measured.push(late(&players));
        if measured.last() < Some(&0.1) {
            break players;
        }
        assert!(measured.len() < 3, "half of all parts were listed so late, in seconds: {measured:?}");
    };
    for player in players {
        for (path, parts) in player.whole_segments() {
            let segment = chain.nginx.get(&path).await;
            let joined = parts.iter().flat_map(|received| received.bytes.to_vec()).collect::<Vec<u8>>();
            assert!(segment.body == joined, "{path} is not what its parts are");
        }
    }
    assert_eq!(chain.nginx.error_log(), "");
}

#[tokio::test]
async fn a_segment_is_fetched_once_however_many_ask_and_playlists_are_never_kept() {
    let chain = Chain::plain(camera().await, &[]).await;
    answer(async || (chain.gateway.status("1").await["segments"].as_u64()? >= 4).then_some(())).await;
    let segment = chain.newest_segment().await;
    let direct = chain.gateway.get(&segment).await;
    // Whatever is in the query, the bytes are the same.
    let paths = (0..12).map(|number| format!("{segment}?viewer={number}"));
    let answers = join_all(paths.map(async |path| chain.nginx.get(&path).await)).await;
    let mut seen: Vec<&str> = answers.iter().map(|answer| answer.header("x-cache-status")).collect();
    seen.sort_unstable();
    assert_eq!((&seen[..11], seen[11]), (&["HIT"; 11][..], "MISS"));
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == direct.body));
    for header in ["content-type", "cache-control", "access-control-allow-origin"] {
        assert_eq!(answers[0].header(header), direct.header(header));
    }
    let range = chain.nginx.get_with(&segment, &[("range", "bytes=2-5")]).await;
    assert_eq!((range.status, &range.body[..]), (206, &direct.body[2..6]));

    let playlist = async || {
        let packed = [("accept-encoding", "gzip")];
        assert_eq!(
            chain.nginx.get_with("/streams/1/media.m3u8", &packed).await.header("content-encoding"),
            "gzip"
        );
        let answer = chain.nginx.get("/streams/1/media.m3u8").await;
        assert_eq!((answer.header("cache-control"), answer.header("x-cache-status")), ("no-cache", ""));
        check_but_dates(answer.text()).unwrap().media_sequence
    };
    let first = playlist().await;
    answer(async || (playlist().await > first).then_some(())).await;
    // The segment and the init section that nobody asked for yet: no more than that is kept.
    let kept = chain.nginx.cached();
    assert_eq!(kept.len(), 1, "{kept:?}");
    chain.nginx.get("/streams/1/missing/seg-1.m4s").await.problem(404, "media_not_found");
    assert_eq!(chain.nginx.cached().len(), 1);
}

#[tokio::test]
async fn media_that_needs_a_token_is_never_kept_and_nobody_waits_for_another() {
    let camera = camera().await;
    let (_camgate, gateway) = Camgate::serve(&[("STREAM_SECRET", "0123456789abcdef0123456789abcdef")]).await;
    let nginx = Nginx::plain(&gateway).await;
    let started = gateway.start("1", &camera.url("/demo")).await.ok();
    let token = started["stream_path"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    answer(async || (gateway.status("1").await["segments"].as_u64()? >= 2).then_some(())).await;
    let text = nginx.get(&format!("/streams/1/media.m3u8?{token}")).await;
    let line = text.text().lines().find(|line| line.contains("/seg-")).unwrap();
    let segment = format!("/streams/1/{}", line.split('?').next().unwrap());
    // Who waited for another would wait for its answer and half a second; that none does is what BYPASS says.
    let begun = Instant::now();
    let with_token = format!("{segment}?{token}");
    for answer in join_all((0..12).map(|_| nginx.get(&with_token))).await {
        assert_eq!((answer.status, answer.header("x-cache-status")), (200, "BYPASS"));
        assert!(answer.header("cache-control").contains("private"), "{answer:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    nginx.get(&segment).await.problem(401, "token_missing");
    nginx.get(&format!("{segment}?token=x")).await.problem(401, "token_invalid");
    assert_eq!(nginx.cached().len(), 0);
}

#[tokio::test]
async fn those_who_wait_for_one_part_have_it_at_the_same_time() {
    // Who waits for proxy_cache_lock is looked after every half second, and would be late by almost as much.
    let settings = [("HLS_SEGMENT_TIME", "2"), ("HLS_PART_TIME", "0.6")];
    let chain = Chain::plain(camera_with(Options::default()).await, &settings).await;
    let mut player = LowLatencyPlayer::open(&chain.nginx, "1", false).await;
    player.play(2).await;
    let mut spreads = Vec::new();
    // What takes the machine for one measurement is not there in all three.
    for _ in 0..3 {
        let hint = format!("/streams/1/{}", player.playlist.hints[0].0);
        let came = join_all((0..6).map(async |_| {
            let answer = chain.nginx.get(&hint).await;
            assert_eq!((answer.status, answer.header("x-cache-status")), (200, ""));
            Instant::now()
        }))
        .await;
        let spread = *came.iter().max().unwrap() - *came.iter().min().unwrap();
        if spread < Duration::from_millis(200) {
            return;
        }
        spreads.push(spread);
        player.play(1).await;
    }
    panic!("{spreads:?}");
}

#[tokio::test]
async fn a_request_that_waits_in_vain_is_answered_by_camgate_after_its_nine_seconds() {
    let settings = [("HLS_SEGMENT_TIME", "2"), ("START_TIMEOUT_SECONDS", "5")];
    let chain = Chain::plain(camera_with(Options::default()).await, &settings).await;
    let mut player = LowLatencyPlayer::open(&chain.nginx, "1", false).await;
    player.play(2).await;
    chain.camera.pause().await.unwrap();
    chain.camera.drop_all();
    answer(async || (chain.gateway.status("1").await["state"] == "reconnecting").then_some(())).await;
    let text = chain.nginx.get("/streams/1/media.m3u8").await;
    let playlist = check_but_dates(text.text()).unwrap();
    let (number, part) = newest_part(&playlist);
    let begun = Instant::now();
    let url = format!("/streams/1/media.m3u8?_HLS_msn={number}&_HLS_part={part}");
    let hint = format!("/streams/1/{}", playlist.hints[0].0);
    let (playlist, part) = tokio::join!(chain.nginx.get(&url), chain.nginx.get(&hint));
    playlist.problem(503, "no_news");
    part.problem(404, "media_not_found");
    assert!(begun.elapsed() >= Duration::from_millis(8_900), "held for {:?}", begun.elapsed());
}

#[tokio::test]
async fn the_api_is_for_private_networks_alone_and_the_log_keeps_no_secret() {
    let chain = Chain::plain(camera().await, &[]).await;
    let link = "rtsp://admin:hunter2@127.0.0.1:1/x";
    chain.nginx.start("2", link).await.problem(502, "camera_unreachable");
    chain.nginx.get("/streams/3/stream.m3u8?token=hunter2").await.problem(404, "stream_not_found");
    for path in [
        "/",
        "/api/streams",
        "/api/stream/start?indicator_id=4&rtsp_link=rtsp://127.0.0.1:1/hunter2",
        "/metrics",
    ] {
        assert_eq!(get_from("127.0.0.2", &chain.nginx, path).await, 403, "{path}");
    }
    for (path, status) in [
        ("/streams/1/stream.m3u8", 200),
        ("/streams/1/media.m3u8", 200),
        ("/player/1", 200),
        ("/API/streams", 404),
        ("//api/streams", 403),
        ("/streams/../api/streams", 403),
        ("/streams/%2e%2e/api/streams", 403),
        ("/anything", 404),
    ] {
        assert_eq!(get_from("127.0.0.2", &chain.nginx, path).await, status, "{path}");
    }
    assert_eq!(get_from("127.0.0.1", &chain.nginx, "/api/streams").await, 200);
    let log = chain.nginx.access_log();
    assert!(
        log.contains(" GET /api/stream/start 502 ") && log.contains(" /streams/3/stream.m3u8 404 "),
        "{log}"
    );
    // What went well of /streams/ is not logged: it is ten lines a second for each viewer.
    assert!(!log.contains("hunter2") && !log.contains("/streams/1/stream.m3u8"), "{log}");
    // Who was refused would stand there with the whole of the request.
    let errors = chain.nginx.error_log();
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[tokio::test]
async fn viewers_are_told_apart_by_the_address_that_nginx_sees() {
    let chain = Chain::plain(camera().await, &[]).await;
    for claimed in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        let answer = chain.nginx.get_with("/streams/1/media.m3u8", &[("x-forwarded-for", claimed)]).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(chain.gateway.status("1").await["viewers"], 1);
    assert_eq!(get_from("127.0.0.2", &chain.nginx, "/streams/1/media.m3u8").await, 200);
    assert_eq!(chain.gateway.status("1").await["viewers"], 2);
}

#[tokio::test]
async fn a_flood_of_the_api_is_held_back_and_viewers_are_not() {
    let chain = Chain::plain(camera().await, &[]).await;
    let begun = Instant::now();
    let statuses = join_all((0..400).map(async |_| chain.nginx.get("/api/health").await.status)).await;
    let answered = statuses.iter().filter(|status| **status == 200).count();
    // A hundred at once, and twenty a second.
    let most = 102 + usize::try_from(begun.elapsed().as_millis() / 50).unwrap();
    assert!((100..=most.min(399)).contains(&answered), "{answered}, and {most} may be");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    let mut player = LowLatencyPlayer::open(&chain.nginx, "1", false).await;
    player.play(10).await;
    player.assert_good();
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn over_tls_one_connection_of_http_2_carries_all_that_waits_and_apples_player_gets_parts() {
    let chain = Chain::start(camera().await, &[], async |gateway| Nginx::with_tls(gateway).await).await;
    let http2 = chain.nginx.http2().await;
    let agent =
        [("user-agent", "AppleCoreMedia/1.0.0.21F90 (iPhone; U; CPU OS 17_5_1 like Mac OS X; en_us)")];
    let load = async |query: &str| {
        let path = format!("/streams/1/media.m3u8{query}");
        let answer = http2.request(hyper::Method::GET, &path, &agent).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        check_but_dates(answer.text()).unwrap()
    };
    let mut playlist = load("").await;
    assert!(playlist.low_latency);
    for _ in 0..6 {
        let (number, part) = newest_part(&playlist);
        let query = format!("?_HLS_msn={number}&_HLS_part={part}");
        let news = within("the next part", Duration::from_secs(5), join_all((0..60).map(|_| load(&query))));
        playlist = news.await.pop().unwrap();
        assert!(newest_part(&playlist) > (number, part));
    }
    let plain = chain.nginx.get("/player/1?a=b").await;
    assert_eq!((plain.status, plain.header("location")), (301, "https://127.0.0.1/player/1?a=b"));
    let renewal = soon("the answer", chain.nginx.get("/.well-known/acme-challenge/x")).await;
    assert_eq!(renewal.status, 404);
    // Behind TLS the gateway is asked over HTTP all the same.
    chain.gateway.get("/api/health").await.ok();
}
