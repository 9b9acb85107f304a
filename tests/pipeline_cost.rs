//! What a picture must not cost, whatever the machine: copies, and playlists that nobody reads.
//! The rest of the cost is measured in `benches/`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/pictures.rs"]
#[allow(dead_code, unreachable_pub)]
mod pictures;

use std::ops::Range;

use bytes::Bytes;
use camgate::hls::Packager;
use camgate::mux::Container;
use pictures::{BYTES_PER_PICTURE, Camera};

fn place(bytes: &Bytes) -> Range<*const u8> {
    bytes.as_ptr_range()
}

/// What is listed of a stream, as the buffers that will be sent.
fn listed_chunks(packager: &Packager) -> Vec<Bytes> {
    packager.snapshot().unwrap().listed.iter().flat_map(|segment| segment.chunks()).cloned().collect()
}

#[test]
fn an_fmp4_segment_is_sent_from_the_buffers_that_the_pictures_came_in() {
    let mut camera = Camera::new(BYTES_PER_PICTURE);
    let packager = camera.packager(Container::Fmp4);
    let theirs: Vec<_> = camera.pictures.iter().map(|picture| place(&picture.framed)).collect();
    let (passed_on, written): (Vec<_>, Vec<_>) =
        listed_chunks(&packager).into_iter().partition(|chunk| theirs.contains(&place(chunk)));
    // Five segments of 50 pictures, a header for every five pictures.
    assert_eq!((passed_on.len(), written.len()), (250, 50));
    // A header takes a few bytes a picture and a few boxes.
    let longest = written.iter().map(Bytes::len).max().unwrap();
    assert!(longest <= 160, "a header of {longest} bytes");
}

#[test]
fn a_transport_stream_is_one_buffer_a_part_and_little_more_than_its_pictures() {
    let mut camera = Camera::new(BYTES_PER_PICTURE);
    let packager = camera.packager(Container::MpegTs);
    let chunks = listed_chunks(&packager);
    let written: usize = chunks.iter().map(Bytes::len).sum();
    let media: usize = camera.pictures.iter().map(|picture| picture.framed.len()).sum();
    assert_eq!(chunks.len(), 50);
    // Four bytes of each 188 are the packet's header.
    assert!(written * 100 < media * 104, "{written} bytes for {media} of pictures");
}

#[test]
fn a_window_that_nobody_watches_holds_its_pictures_and_under_a_hundredth_more() {
    let mut camera = Camera::new(BYTES_PER_PICTURE);
    let mut packager = camera.packager(Container::Fmp4);
    // The keyframe that ends the last segment, and a picture that tells how long it lasts.
    packager.push(camera.next());
    packager.push(camera.next());
    // The clip is as long as five segments.
    let listed: usize = camera.pictures.iter().map(|picture| picture.framed.len()).sum();
    let media = listed + camera.pictures[0].framed.len();
    let held = packager.byte_length();
    assert!((media..media + media / 100).contains(&held), "{held} bytes held for {media}");
}

#[test]
fn no_playlist_is_rendered_unless_someone_asks() {
    let mut camera = Camera::new(0);
    let mut packager = camera.packager(Container::Fmp4);
    let mut snapshots = Vec::new();
    for _ in 0..100 {
        if packager.push(camera.next()) {
            snapshots.push(packager.snapshot().unwrap());
        }
    }
    assert_eq!(snapshots.len(), 20, "one for each part");
    let holds_text = |snapshot: &camgate::hls::Snapshot| format!("{snapshot:?}").contains("#EXTM3U");
    assert!(!snapshots.iter().any(holds_text));

    let watched = snapshots.last().unwrap();
    let first = watched.media_playlist(camgate::hls::Form::Plain).plain.as_ptr();
    assert!(holds_text(watched));
    assert_eq!(
        watched.media_playlist(camgate::hls::Form::Plain).plain.as_ptr(),
        first,
        "rendered once for all viewers"
    );
}
