//! Low latency: parts, requests that wait for them, delta updates, and who gets them.

use std::sync::Arc;
use std::time::Duration;

use camgate::hls::Snapshot;
use camgate::stream::StreamId;
use camgate::testcam::{Audio, AudioCodec, Options};

use crate::common::gateway::{TestGateway, camera, camera_with, quick};
use crate::common::http::Client;
use crate::common::low_latency_player::LowLatencyPlayer;
use crate::common::playlist::low_latency::newest_part;
use crate::common::wait::within;

const SETTINGS: [(&str, &str); 2] = [("HLS_SEGMENT_TIME", "1"), ("HLS_PART_TIME", "0.2")];

const APPLE: &str = "AppleCoreMedia/1.0.0.21F90 (iPhone; U; CPU OS 17_5_1 like Mac OS X; en_us)";

/// Follows a stream for `parts` parts; all that is listed is judged, and parts are what their segments are made of.
async fn plays(client: &Client, parts: usize, skips: bool) -> LowLatencyPlayer {
    let mut player = LowLatencyPlayer::open(client, "1", skips).await;
    player.play(parts).await;
    player.assert_good();
    let whole = player.whole_segments();
    assert!(!whole.is_empty());
    for (path, parts) in whole {
        let segment = client.get(&path).await;
        let joined = parts.iter().flat_map(|received| received.bytes.to_vec()).collect::<Vec<u8>>();
        assert!(segment.body == joined, "{path} is not what its parts are");
    }
    player
}

#[tokio::test]
async fn a_player_that_blocks_on_each_part_loses_none_and_has_each_as_it_is_complete() {
    let (camera, gateway) = (camera_with(Options::default()).await, TestGateway::with(&SETTINGS).await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut measured = Vec::new();
    // Tests beside it may take the machine for one measurement, and a gateway that is late is late in each.
    for _ in 0..3 {
        let player = plays(&gateway, 40, false).await;
        assert_eq!(player.waits, 0);
        let lateness = player.lateness();
        assert!(lateness.len() > 30, "{lateness:?}");
        if lateness[lateness.len() / 2].abs() < 0.05 {
            return;
        }
        measured.push(lateness);
    }
    panic!("parts were listed so late, in seconds: {measured:?}");
}

#[tokio::test]
async fn transport_streams_and_sound_come_in_parts_too() {
    for settings in [[("HLS_SEGMENT_TYPE", "mpegts")], [("HLS_SEGMENT_TYPE", "fmp4")]] {
        let options = Options { audio: Some(Audio::new(AudioCodec::Aac)), ..quick() };
        let (camera, gateway) = (camera_with(options).await, TestGateway::with(&settings).await);
        gateway.started("1", &camera.url("/demo")).await;
        plays(&gateway, 12, false).await;
    }
}

#[tokio::test]
async fn a_player_that_asks_for_delta_updates_gets_them_and_misses_nothing() {
    let settings = [("HLS_LIST_SIZE", "20")];
    let (camera, gateway) = (camera().await, TestGateway::with(&settings).await);
    gateway.started("1", &camera.url("/demo")).await;
    let player = plays(&gateway, 55, true).await;
    assert!(player.deltas > 3, "{} delta updates", player.deltas);
}

#[tokio::test]
async fn a_player_goes_on_behind_an_outage_of_the_camera() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = LowLatencyPlayer::open(&gateway, "1", true).await;
    player.play(8).await;
    camera.pause().await.unwrap();
    camera.drop_all();
    let back = async {
        // Longer than a request is held.
        tokio::time::sleep(Duration::from_secs(4)).await;
        camera.resume().await.unwrap();
    };
    tokio::join!(back, player.play(4));
    player.play(12).await;
    player.assert_good();
    // TARGETDURATION is 1 s: whoever waits is answered within three.
    assert!(player.waits > 0);
    let discontinuities = player.playlist.segments.iter().filter(|segment| segment.discontinuity).count();
    assert_eq!(discontinuities, 1);
}

#[tokio::test]
async fn what_is_there_already_is_answered_at_once_and_what_is_too_far_ahead_is_refused() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = LowLatencyPlayer::open(&gateway, "1", false).await;
    player.play(6).await;
    // From here on nothing new comes: what waits would wait for the whole limit.
    camera.pause().await.unwrap();
    camera.drop_all();
    let ask = async |query: String| gateway.get(&format!("/streams/1/media.m3u8?{query}")).await;
    let (number, parts) = settled(&gateway).await;
    // What waits is answered with 503.
    for (msn, part) in [(1, "".to_owned()), (1, "&_HLS_part=7".into()), (number - 1, String::new())] {
        let answer = ask(format!("_HLS_msn={msn}{part}")).await;
        assert_eq!(answer.status, 200, "{msn} {part}");
        assert_eq!(answer.header("cache-control"), "no-cache");
    }
    for query in [
        "_HLS_part=1".to_owned(),
        format!("_HLS_msn={}", number + 2),
        format!("_HLS_msn={number}&_HLS_part={}", parts + 40),
        "_HLS_msn=x".into(),
        "_HLS_msn=1&_HLS_part=-1".into(),
    ] {
        let problem = ask(query.clone()).await.problem(400, "invalid_request");
        assert!(problem["field"].as_str().unwrap().starts_with("_HLS_"), "{query}: {problem}");
    }
    // A part of a segment that has fewer is the first of the next one, which is not there.
    let limit = Duration::from_secs(3);
    let begun = tokio::time::Instant::now();
    let (open, behind) =
        tokio::join!(ask(format!("_HLS_msn={number}")), ask(format!("_HLS_msn={}&_HLS_part=50", number - 1)));
    open.problem(503, "no_news");
    behind.problem(503, "no_news");
    assert!(!open.header("retry-after").is_empty());
    assert!(begun.elapsed() >= limit, "held for {:?}", begun.elapsed());
}

/// The part that would come next, once nothing comes any more.
async fn settled(gateway: &TestGateway) -> (u64, usize) {
    crate::common::wait::answer(async || {
        (gateway.status("1").await["state"] == "reconnecting").then_some(())
    })
    .await;
    let text = gateway.get("/streams/1/media.m3u8").await;
    newest_part(&crate::common::playlist::check_but_dates(text.text()).unwrap())
}

#[tokio::test]
async fn the_hinted_part_is_held_until_it_is_whole_and_others_are_not_there() {
    let (camera, gateway) = (camera_with(Options::default()).await, TestGateway::with(&SETTINGS).await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = LowLatencyPlayer::open(&gateway, "1", false).await;
    player.play(3).await;
    let (number, part) = newest_part(&player.playlist);
    let (hint, _) = player.playlist.hints[0].clone();
    assert!(hint.ends_with(&format!("part-{number}.{part}.m4s")), "{hint}");
    let far = hint.replace(&format!("{number}.{part}"), &format!("{number}.{}", part + 9));
    let begun = tokio::time::Instant::now();
    gateway.get(&format!("/streams/1/{far}")).await.problem(404, "media_not_found");
    assert!(begun.elapsed() < Duration::from_secs(2));
    let held = gateway.get(&format!("/streams/1/{hint}")).await;
    assert_eq!((held.status, held.header("cache-control")), (200, "public, max-age=31536000, immutable"));
    player.next().await;
    assert!(player.parts.iter().any(|received| received.part.uri == hint && received.bytes == held.body));
}

#[tokio::test]
async fn parts_that_are_no_longer_listed_stay_for_as_long_again() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let mut player = LowLatencyPlayer::open(&gateway, "1", false).await;
    player.next().await;
    let first = player.parts[0].clone();
    let is_listed = |player: &LowLatencyPlayer| {
        let open = &player.playlist.open.parts;
        let listed = player.playlist.segments.iter().flat_map(|segment| &segment.parts).chain(open);
        listed.into_iter().any(|part| part.uri == first.part.uri)
    };
    let mut last_listed = tokio::time::Instant::now();
    loop {
        let asked = tokio::time::Instant::now();
        player.next().await;
        if !is_listed(&player) {
            break;
        }
        last_listed = asked;
    }
    // Three target durations of one second, in parts of a fifth. What is answered later than that may be answered otherwise.
    for _ in 0..12 {
        player.next().await;
        let answer = gateway.get(&format!("/streams/1/{}", first.part.uri)).await;
        if last_listed.elapsed() >= Duration::from_secs(3) {
            break;
        }
        assert_eq!((answer.status, &answer.body), (200, &first.bytes));
    }
}

#[tokio::test]
async fn who_waits_for_a_stream_that_is_stopped_is_told_so_at_once() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    gateway.started("1", &camera.url("/demo")).await;
    let player = LowLatencyPlayer::open(&gateway, "1", false).await;
    let next = player.playlist.next_sequence() + 1;
    let url = format!("/streams/1/media.m3u8?_HLS_msn={next}");
    let waiting = gateway.get(&url);
    let stop = async {
        // The request is in the gateway once it counts as a viewer's.
        crate::common::wait::answer(async || {
            (gateway.status("1").await["viewers"].as_u64()? > 0).then_some(())
        })
        .await;
        gateway.stop("1").await
    };
    let (waited, stopped) =
        within("the answer", Duration::from_secs(5), async { tokio::join!(waiting, stop) }).await;
    assert_eq!(stopped.status, 200);
    waited.problem(404, "stream_not_found");
}

#[tokio::test]
async fn apples_player_on_plain_http_gets_the_plain_playlist_and_so_does_everyone_if_so_set() {
    let (camera, gateway) = (camera().await, TestGateway::start().await);
    let off = TestGateway::with(&[("HLS_LOW_LATENCY", "off")]).await;
    let on = TestGateway::with(&[("HLS_LOW_LATENCY", "on")]).await;
    for gateway in [&gateway, &off, &on] {
        gateway.started("1", &camera.url("/demo")).await;
    }
    let has_parts = async |client: &Client, agent: &str, query: &str| {
        let answer =
            client.get_with(&format!("/streams/1/media.m3u8{query}"), &[("user-agent", agent)]).await;
        crate::common::playlist::check_but_dates(answer.text()).unwrap().low_latency
    };
    assert!(!has_parts(&gateway, APPLE, "").await && has_parts(&gateway, "other", "").await);
    assert!(!has_parts(&off, "other", "").await && has_parts(&on, APPLE, "").await);
    // Directives mean nothing to a plain playlist: the answer comes at once.
    assert!(!has_parts(&off, "other", "?_HLS_msn=99999999999&_HLS_part=1").await);
    let behind_tls = [("user-agent", APPLE), ("x-forwarded-proto", "https")];
    let answer = gateway.get_with("/streams/1/media.m3u8", &behind_tls).await;
    assert!(answer.text().contains("#EXT-X-PART:"));
}

/// Pictures further apart than PART-TARGET make parts that are too long to be told of. The hint then names one that is there: it is
/// answered, and not looked for again and again.
#[tokio::test]
async fn a_part_that_is_too_long_to_be_listed_is_answered_at_once_where_it_is_asked_for() {
    let options = Options { faults: vec!["2:slow=14".parse().unwrap()], ..quick() };
    let camera = camera_with(options).await;
    let gateway = TestGateway::with(&[("HLS_SEGMENT_TIME", "4")]).await;
    gateway.started("1", &camera.url("/demo")).await;
    let stream = gateway.registry().get(&StreamId::parse("1").unwrap()).unwrap();
    let mut snapshots = stream.snapshots();
    let has_unlisted = |now: &Option<Arc<Snapshot>>| {
        now.as_ref().is_some_and(|now| now.open.parts.len() == now.next_part() + 1)
    };
    let unlisted = within("a part too long", Duration::from_secs(20), snapshots.wait_for(has_unlisted)).await;
    let snapshot = unlisted.unwrap().clone().unwrap();
    let (number, part) = (snapshot.open.media_sequence, snapshot.next_part());
    let path = format!("/streams/1/{}/part-{number}.{part}", stream.run());
    assert_eq!(gateway.get(&format!("{path}.ts")).await.status, 404);
    assert_eq!(gateway.get(&format!("{path}.m4s")).await.status, 200);
    assert_eq!(
        stream.snapshot().unwrap().open.media_sequence,
        number,
        "it was answered when its segment was over"
    );
}
