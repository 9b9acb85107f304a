//! What `hls-origin` demands of HTTP: types, caches, ranges, compression, and pages from elsewhere.

use std::io::Read as _;

use hyper::Method;

use crate::common::gateway::{TestGateway, camera};
use crate::common::open_metrics::Scrape;
use crate::common::player::Player;
use crate::common::wait::{answer, soon};

/// A stream with some segments: the gateway, a segment's path, an initialisation section's.
async fn playing() -> (TestGateway, String, String) {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let player = Player::open(&gateway, "1").await;
    let newest = player.playlist.segments.last().unwrap();
    let segment = format!("/streams/1/{}", newest.uri);
    let init = format!("/streams/1/{}", newest.map.as_ref().unwrap());
    (gateway, segment, init)
}

const PLAYLISTS: [&str; 2] = ["/streams/1/stream.m3u8", "/streams/1/media.m3u8"];

#[tokio::test]
async fn playlists_are_asked_for_each_time_and_media_is_kept_for_ever() {
    let (gateway, segment, init) = playing().await;
    for path in PLAYLISTS {
        let answer = gateway.get(path).await;
        assert_eq!(answer.header("content-type"), "application/vnd.apple.mpegurl");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    }
    for path in [&segment, &init] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "video/mp4");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert_eq!(gateway.get(path).await.body, answer.body);
    }
}

#[tokio::test]
async fn head_tells_what_get_would_without_a_body() {
    let (gateway, segment, init) = playing().await;
    for path in [&segment, &init] {
        let (head, get) = (gateway.request(Method::HEAD, path, &[]).await, gateway.get(path).await);
        assert_eq!((head.status, head.body.len()), (200, 0));
        for name in ["content-type", "content-length", "cache-control", "accept-ranges"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
    }
    for path in PLAYLISTS {
        let head = gateway.request(Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-type"), "application/vnd.apple.mpegurl");
        assert_ne!(head.header("content-length"), "");
    }
}

#[tokio::test]
async fn a_range_of_media_is_that_range_of_it() {
    let (gateway, segment, init) = playing().await;
    for path in [&segment, &init] {
        let whole = gateway.get(path).await.body;
        let length = whole.len();
        for (range, start, end) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=100-".to_owned(), 100, length),
            (format!("bytes=90-{}", length + 9), 90, length),
            ("bytes=-7".to_owned(), length - 7, length),
            (format!("bytes=5-{}", length - 2), 5, length - 1),
        ] {
            let answer = gateway.get_with(path, &[("range", &range)]).await;
            assert_eq!(answer.status, 206, "{range}");
            assert_eq!(answer.body, whole[start..end], "{range}");
            assert_eq!(answer.header("content-range"), format!("bytes {start}-{}/{length}", end - 1));
            assert_eq!(answer.header("content-length"), (end - start).to_string());
        }
        for range in ["bytes=9-2", "bytes=x-y", "lines=1-2", "bytes=1-2,4-5"] {
            let answer = gateway.get_with(path, &[("range", range)]).await;
            assert_eq!((answer.status, answer.body.len()), (200, length), "{range}");
        }
        let outside = gateway.get_with(path, &[("range", &format!("bytes={length}-"))]).await;
        outside.problem(416, "range_not_satisfiable");
        assert_eq!(outside.header("content-range"), format!("bytes */{length}"));
    }
}

#[tokio::test]
async fn playlists_are_compressed_for_who_asks_and_media_never() {
    let (gateway, segment, init) = playing().await;
    for path in PLAYLISTS {
        let packed = gateway.get_with(path, &[("accept-encoding", "br, gzip;q=0.8")]).await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert_eq!(packed.header("vary"), "accept-encoding");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut text).unwrap();
        assert!(text.starts_with("#EXTM3U\n"), "{text}");
        for refusal in ["gzip;q=0", "identity", ""] {
            let plain = gateway.get_with(path, &[("accept-encoding", refusal)]).await;
            assert_eq!(plain.header("content-encoding"), "");
            assert_eq!(plain.header("vary"), "accept-encoding");
            assert!(plain.text().starts_with("#EXTM3U\n"));
        }
    }
    for path in [&segment, &init] {
        let answer = gateway.get_with(path, &[("accept-encoding", "gzip")]).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, ""));
    }
}

#[tokio::test]
async fn a_page_from_elsewhere_may_play_and_read_what_players_read() {
    let (gateway, segment, _) = playing().await;
    let origin = ("origin", "https://page.example");
    for path in [PLAYLISTS[0], PLAYLISTS[1], &segment, "/streams/none/stream.m3u8"] {
        let answer = gateway.get_with(path, &[origin]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
        for name in ["content-length", "content-range", "date"] {
            assert!(exposed.contains(name), "{name} is not in {exposed}");
        }
        let preflight = [
            origin,
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization, range"),
        ];
        let answer = gateway.request(Method::OPTIONS, path, &preflight).await;
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        let allowed = answer.header("access-control-allow-headers").to_ascii_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("range"), "{allowed}");
        assert!(answer.header("access-control-allow-methods").contains("GET"));
    }
}

#[tokio::test]
async fn a_page_from_elsewhere_may_not_read_what_the_api_says() {
    let (gateway, ..) = playing().await;
    let origin = ("origin", "https://page.example");
    for path in ["/api/streams", "/api/health", "/api/stream/status?indicator_id=1"] {
        let answer = gateway.get_with(path, &[origin]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let preflight = [
        origin,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let answer = gateway.request(Method::OPTIONS, "/api/stream/start", &preflight).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_that_ends_a_players_polling() {
    let (gateway, segment, _) = playing().await;
    for path in ["/nothing", "/api", "/api/stream/begin", "/streams", "/streams/1", "/streams/1/x.m3u8"] {
        gateway.get(path).await.problem(404, "not_found");
    }
    for path in ["/streams/2/stream.m3u8", "/streams/2/media.m3u8", "/streams/2/1f/seg-1.m4s"] {
        gateway.get(path).await.problem(404, "stream_not_found");
    }
    let run = segment.split('/').nth(3).unwrap();
    for file in ["seg-1.m4s", "seg-x.m4s", "seg--1.m4s", "init-99.mp4", "part-1.0.m4s", "x", "seg-1.ts"] {
        gateway.get(&format!("/streams/1/{run}/{file}")).await.problem(404, "media_not_found");
    }
    let other_run = segment.replace(run, "1");
    gateway.get(&other_run).await.problem(404, "media_not_found");
}

#[tokio::test]
async fn no_path_trick_gets_further_than_a_bad_request() {
    let gateway = TestGateway::start().await;
    for id in ["..", "%2e%2e", "..%2f..%2fetc", "a%00b", "%2Fetc%2Fpasswd", "a%20b", &"x".repeat(65)] {
        let answer = gateway.get(&format!("/streams/{id}/stream.m3u8")).await;
        answer.problem(400, "invalid_request");
    }
    gateway.get("/streams/../1f/seg-1.m4s").await.problem(400, "invalid_request");
    gateway.get("/streams/../../../etc/passwd").await.problem(404, "not_found");
}

#[tokio::test]
async fn the_wrong_method_is_told_which_ones_are_right() {
    let gateway = TestGateway::start().await;
    for (method, path, allowed) in [
        (Method::POST, "/api/streams", "GET"),
        (Method::GET, "/api/stream/stop", "POST"),
        (Method::DELETE, "/api/stream/start", "POST"),
        (Method::PUT, "/streams/1/stream.m3u8", "GET"),
    ] {
        let answer = gateway.request(method, path, &[]).await;
        answer.problem(405, "method_not_allowed");
        assert!(answer.header("allow").contains(allowed), "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_that_goes_through_the_router_is_answered_as_one_that_needs_none() {
    let (gateway, segment, init) = playing().await;
    let [multivariant, media] = PLAYLISTS;
    let asked = [
        multivariant,
        media,
        "/streams/1/media.m3u8?_HLS_skip=YES",
        "/streams/1/media.m3u8?_HLS_part=1",
        "/streams/1/media.m3u8?_HLS_msn=99999999999",
        &segment,
        &init,
        "/streams/1/5/seg-1.m4s",
        "/streams/1/5/other.m4s",
        "/streams/1-/stream.m3u8",
        "/streams/1./media.m3u8",
    ];
    let headers: [&[(&str, &str)]; 4] = [
        &[],
        &[("accept-encoding", "gzip"), ("origin", "https://example.org")],
        &[("range", "bytes=10-19"), ("x-forwarded-for", "192.0.2.1")],
        &[("range", "bytes=99999999-")],
    ];
    for (path, headers) in asked.iter().flat_map(|path| headers.map(|headers| (path, headers))) {
        assert_same_both_ways(&gateway, path, headers).await;
    }
}

#[tokio::test]
async fn a_token_is_asked_for_both_ways() {
    let (camera, gateway) =
        (camera().await, TestGateway::with(&[("STREAM_SECRET", "0123456789abcdef0123456789abcdef")]).await);
    let started = gateway.start("1", &camera.url("/demo")).await.ok();
    let multivariant = started["stream_path"].as_str().unwrap();
    let media = multivariant.replace("stream.m3u8", "media.m3u8");
    let [bare, no_token] = ["/streams/1/stream.m3u8", "/streams/1/media.m3u8?token=no.token.here"];
    for (path, status) in [(multivariant, 200), (&media, 200), (bare, 401), (no_token, 401)] {
        assert_same_both_ways(&gateway, path, &[]).await;
        assert_eq!(gateway.get(path).await.status, status, "{path}");
    }
}

/// Asks for `path` as playlists write it, and with something encoded that need not be, which is not for the short way.
async fn assert_same_both_ways(gateway: &TestGateway, path: &str, headers: &[(&str, &str)]) {
    let encoded = path.replacen("/1", "/%31", 1);
    let content = async |path: &str| {
        let mut answer = gateway.get_with(path, headers).await;
        answer.headers.remove("date");
        (answer.status, answer.headers, answer.body)
    };
    // A playlist may change between two requests.
    let unchanged = answer(async || {
        let (before, through, after) = (content(path).await, content(&encoded).await, content(path).await);
        (before == after).then_some((before, through))
    });
    let (short, through) = soon("three answers with no news between", unchanged).await;
    assert_eq!(short, through, "{path} {headers:?}");
}

#[tokio::test]
async fn both_ways_are_counted_alike() {
    let (gateway, segment, _) = playing().await;
    let [short, through] = [segment.clone(), segment.replacen("/1", "/%31", 1)];
    let labels = [("method", "GET"), ("route", "/streams/{id}/{run}/{file}"), ("status", "200")];
    let counted = async || {
        let metrics = Scrape::of(&gateway).await;
        ["camgate_http_requests_total", "camgate_http_response_bytes_total"]
            .map(|name| metrics.find(name, &labels).unwrap_or_default())
    };
    let length = gateway.get(&short).await.body.len() as f64;
    let mut before = counted().await;
    for path in [short, through] {
        gateway.get(&path).await;
        let after = counted().await;
        assert_eq!([after[0] - before[0], after[1] - before[1]], [1.0, length], "{path}");
        before = after;
    }
}
