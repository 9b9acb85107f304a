//! Cameras that send what no camera should: a stream does not end because of it, and words say what is wrong.

use bytes::Bytes;

use crate::common::gateway::TestGateway;
use crate::common::hostile::{hostile_camera, packets, sdp};
use crate::common::wait::{answer, soon};

/// 640x360, High profile.
const PROGRESSIVE: &str = "Z2QAHqzZQKAv+XARAAADAAEAAAMAMg8WLZY=,aO+Pyw==";

#[tokio::test]
async fn packets_that_upset_the_depacketizer_cost_the_session_and_not_the_stream() {
    // A picture without a marker ends where the next one begins, with a NAL unit of a type that does not exist: retina
    // 0.4.21 reports that one, keeps the picture, and panics at the packet after it.
    let slice: &[u8] = &[0x65, 0x88, 0x84];
    let media = packets(&[(0, false, slice), (3600, false, &[0x7f, 0]), (7200, true, slice)]);
    let camera = hostile_camera(sdp(""), media).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &format!("rtsp://{camera}/demo")).await;
    let lost = answer(async || {
        let status = gateway.status("1").await;
        (status["reconnects"].as_u64() > Some(0)).then_some(status)
    });
    let status = soon("a reconnect", lost).await;
    let error = status["last_error"].as_str().unwrap();
    assert!(error.contains("put together"), "{error}");
}

#[tokio::test]
async fn a_large_picture_that_is_malformed_costs_no_more_than_itself() {
    // 0, 0, 2 is no part of a NAL unit (ISO/IEC 14496-10 §7.4.1): retina refuses the first packet, and with it the rest.
    let (start, middle, end): (&[u8], &[u8], &[u8]) =
        (&[0x7c, 0x85, 0, 0, 2], &[0x7c, 0x05, 1], &[0x7c, 0x45, 1]);
    let mut media = vec![(0, false, start)];
    media.extend([(0, false, middle); 700]);
    media.push((0, true, end));
    media.extend((1..30).map(|n| (n * 9000, true, &[0x65, 0x88, 0x84][..])));
    let camera = hostile_camera(sdp(PROGRESSIVE), packets(&media)).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &format!("rtsp://{camera}/demo")).await;
    gateway.get("/streams/1/media.m3u8").await;
    let status = gateway.status("1").await;
    assert_eq!((&status["state"], &status["reconnects"]), (&"live".into(), &0.into()), "{status}");
    assert!(status["packets_lost"].as_u64() > Some(700), "{status}");
}

#[tokio::test]
async fn interlaced_video_that_the_session_description_shows_is_refused_at_the_start() {
    // 1920x1088, Main profile, `frame_mbs_only_flag` 0.
    let camera = hostile_camera(sdp("Z00AKNoB4BES,aO+Pyw=="), Bytes::new()).await;
    let gateway = TestGateway::start().await;
    let problem =
        gateway.start("1", &format!("rtsp://{camera}/demo")).await.problem(422, "unsupported_codec");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("interlaced") && detail.contains("progressive"), "{detail}");
    assert_eq!(gateway.stream_count().await, 0);
}

#[tokio::test]
async fn a_thousand_tracks_of_unknown_codecs_are_still_told_in_a_sentence() {
    let track = |n| format!("m=video 0 RTP/AVP 96\r\na=rtpmap:96 CODEC{n}/90000\r\na=control:{n}\r\n");
    let head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=hostile\r\nt=0 0\r\n".to_owned();
    let camera = hostile_camera(head + &(0..1000).map(track).collect::<String>(), Bytes::new()).await;
    let gateway = TestGateway::start().await;
    let problem =
        gateway.start("1", &format!("rtsp://{camera}/demo")).await.problem(422, "unsupported_codec");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("CODEC0") && detail.len() < 300, "{} bytes", detail.len());
}

#[tokio::test]
async fn a_session_description_that_upsets_the_parser_is_refused_in_words() {
    // sdp-types 0.1.8 forgets that a line was none, takes the next one for a medium, and panics.
    let sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=hostile\r\nt=0 0\r\nnonsense\r\na=control:*\r\n".to_owned();
    let camera = hostile_camera(sdp, Bytes::new()).await;
    let gateway = TestGateway::start().await;
    let problem = gateway.start("1", &format!("rtsp://{camera}/demo")).await.problem(502, "camera_rejected");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("cannot be read"), "{detail}");
    assert_eq!(gateway.stream_count().await, 0);
}

#[tokio::test]
async fn a_camera_that_hangs_up_when_asked_for_its_audio_plays_without_it() {
    // Whoever sets up the track of that name is hung up on.
    let description =
        sdp(PROGRESSIVE) + "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:hang-up\r\n";
    let slice: &[u8] = &[0x65, 0x88, 0x84];
    let media: Vec<_> = (0..30u32).map(|n| (n * 9000, true, slice)).collect();
    let camera = hostile_camera(description, packets(&media)).await;
    let gateway = TestGateway::start().await;
    gateway.started("1", &format!("rtsp://{camera}/demo")).await;
    gateway.get("/streams/1/media.m3u8").await;
    let status = gateway.status("1").await;
    let note = status["audio_note"].as_str().unwrap_or_default();
    assert!(note.contains("could not be set up") && status["state"] == "live", "{status}");
}
