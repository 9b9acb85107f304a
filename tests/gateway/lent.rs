//! What many fetch is sent from files in memory: the same bytes, for as long as there is the part.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use camgate::testcam::{Clip, Control, Options};

use crate::common::gateway::{camera, camera_with};
use crate::common::http::{Client, Http2};
use crate::common::playlist::Report;
use crate::common::playlist::parse::media_playlist;
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon};

/// How often a part is fetched before there is a file of it.
const OFTEN: usize = 6;

/// A camera of 3 Mbit/s, whose parts are worth a file, and the real program.
async fn playing(settings: &[(&str, &str)]) -> (Control, Camgate, Client) {
    let clip = Clip::demo().first(12).padded(3_000_000);
    let (camera, (process, client)) =
        (camera_with(Options { clip, ..Options::default() }).await, Camgate::serve(settings).await);
    client.started("1", &camera.url("/demo")).await;
    (camera, process, client)
}

/// The newest segment listed and its parts, if it has any; nobody has asked for them.
async fn newest(client: &Client) -> (String, Vec<String>) {
    let listed = async || {
        let playlist = client.get("/streams/1/media.m3u8").await;
        let playlist = media_playlist(playlist.text(), &mut Report::default()).unwrap();
        playlist.segments.into_iter().next_back()
    };
    let segment = soon("a segment", answer(listed)).await;
    let path = |uri: &str| format!("/streams/1/{uri}");
    (path(&segment.uri), segment.parts.iter().map(|part| path(&part.uri)).collect())
}

fn files(process: &Camgate) -> usize {
    process.open_files_named("camgate-part")
}

#[tokio::test]
async fn a_part_that_many_fetch_is_sent_from_a_file_and_is_the_same() {
    let (_camera, process, client) = playing(&[]).await;
    let (segment, parts) = newest(&client).await;
    let part = &parts[0];
    let first = client.get(part).await.body;
    assert!(first.len() > 32 << 10, "{} bytes are not worth a file", first.len());
    for _ in 2..OFTEN {
        assert!(client.get(part).await.body == first, "other bytes");
    }
    assert_eq!(files(&process), 0, "too few asked");
    for _ in 0..OFTEN {
        assert!(client.get(part).await.body == first, "other bytes from the file");
    }
    assert_eq!(files(&process), 1, "one part is asked for by many");
    let length = first.len();
    for (start, end) in
        [(0, 1), (0, length), (1, length), (7, 40_000), (30_000, 30_001), (length - 9, length)]
    {
        let range = format!("bytes={start}-{}", end - 1);
        let answer = client.get_with(part, &[("range", &range)]).await;
        assert!(answer.status == 206 && answer.body == first[start..end], "{range}");
    }
    // The segment is its parts.
    let mut whole = Vec::new();
    for part in &parts {
        whole.extend(client.get(part).await.body);
    }
    assert!(client.get(&segment).await.body == whole, "the segment is not its parts");
    client.stop("1").await.ok();
    soon("the end of the files", answer(async || (files(&process) == 0).then_some(()))).await;
}

#[tokio::test]
async fn small_parts_and_what_goes_over_http_2_have_no_files() {
    let (_camera, process, client) = playing(&[]).await;
    let small = camera().await;
    client.started("small", &small.url("/demo")).await;
    let playlist = client.get("/streams/small/media.m3u8").await;
    let small = playlist.text().lines().find(|line| line.contains("/seg-")).unwrap();
    let small = format!("/streams/small/{small}");
    let (_, parts) = newest(&client).await;
    let connection = Http2::with_prior_knowledge(&client).await;
    let first = connection.get(&parts[0]).await.body;
    for _ in 0..2 * OFTEN {
        assert_eq!(client.get(&small).await.status, 200);
        assert!(connection.get(&parts[0]).await.body == first, "other bytes");
    }
    assert_eq!(files(&process), 0);
}

/// Asks for `path` over a connection whose client has little room, and reads nothing yet.
async fn slow(client: &Client, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut viewer = socket.connect(client.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    viewer.write_all(request.as_bytes()).await.unwrap();
    viewer
}

#[tokio::test]
async fn a_slow_viewer_has_the_part_as_it_was_after_the_stream_has_ended() {
    // Without low latency a segment is one part, and more than fits in between.
    let (_camera, process, client) = playing(&[("HLS_LOW_LATENCY", "off"), ("HLS_SEGMENT_TIME", "2")]).await;
    let (segment, _) = newest(&client).await;
    let whole = client.get(&segment).await.body;
    for _ in 0..OFTEN {
        assert!(client.get(&segment).await.body == whole, "other bytes from the file");
    }
    assert_eq!(files(&process), 1);
    let mut viewers = Vec::new();
    for _ in 0..8 {
        let viewer = slow(&client, &segment).await;
        // Its answer has begun.
        viewer.readable().await.unwrap();
        viewers.push(viewer);
    }
    client.stop("1").await.ok();
    for viewer in &mut viewers {
        let mut answer = Vec::new();
        viewer.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(answer.ends_with(&whole), "other bytes");
    }
    soon("the end of the files", answer(async || (files(&process) == 0).then_some(()))).await;
}
