//! The pure pipeline: access units in, parts out. `cargo bench --bench pipeline`.
//!
//! A camera of 25 pictures a second and 3 Mbit/s, its window full, nobody watching. Times are of one thread; one iteration
//! of `push` is one picture. `alloc` and `dealloc` are the allocator's calls and bytes in each iteration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../tests/common/pictures.rs"]
#[allow(dead_code, unreachable_pub)]
mod pictures;

use std::cell::RefCell;

use camgate::hls::Snapshot;
use camgate::mux::Container;
use divan::{AllocProfiler, Bencher, black_box};
use pictures::{BYTES_PER_PICTURE, Camera};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Ten seconds, so that each sample has as many parts and segments as any other.
const PICTURES: u32 = 250;

const CONTAINERS: [Container; 2] = [Container::Fmp4, Container::MpegTs];

fn main() {
    copies();
    divan::main();
}

/// What is written for each picture, counted by where the bytes lie: those that stay in the camera's buffers are not
/// copied.
fn copies() {
    println!("bytes a picture      passed on   written");
    for container in CONTAINERS {
        let mut camera = Camera::new(BYTES_PER_PICTURE);
        let packager = camera.packager(container);
        let theirs: Vec<_> = camera.pictures.iter().map(|picture| picture.framed.as_ptr_range()).collect();
        let (mut passed_on, mut written, mut pictures) = (0, 0, 0);
        for segment in packager.snapshot().unwrap().listed {
            pictures += usize::try_from(segment.frames).unwrap();
            for chunk in segment.chunks() {
                let place = chunk.as_ptr_range();
                let is_theirs = theirs.iter().any(|own| own.start <= place.start && place.end <= own.end);
                *(if is_theirs { &mut passed_on } else { &mut written }) += chunk.len();
            }
        }
        println!("{:20} {:9} {:9}", format!("{container:?}"), passed_on / pictures, written / pictures);
    }
    println!();
}

/// One picture: its decode time, and its share of the parts, segments and snapshots that it completes, as a stream
/// publishes them.
#[divan::bench(args = CONTAINERS, sample_size = PICTURES, sample_count = 200)]
fn push(bencher: Bencher<'_, '_>, container: Container) {
    let camera = RefCell::new(Camera::new(BYTES_PER_PICTURE));
    let mut packager = camera.borrow_mut().packager(container);
    let mut published = None;
    bencher.with_inputs(|| camera.borrow_mut().next()).bench_local_values(|unit| {
        if packager.push(unit) {
            published = packager.snapshot();
        }
    });
    black_box(published);
}

/// What viewers may see, with a full window; once a part.
#[divan::bench]
fn snapshot(bencher: Bencher<'_, '_>) {
    let packager = Camera::new(BYTES_PER_PICTURE).packager(Container::Fmp4);
    bencher.bench_local(|| packager.snapshot());
}

/// Once a snapshot that someone watches.
mod playlist {
    use super::*;

    fn bench<T>(bencher: Bencher<'_, '_>, playlist: impl Fn(&Snapshot) -> T) {
        let packager = Camera::new(BYTES_PER_PICTURE).packager(Container::Fmp4);
        bencher
            .with_inputs(|| packager.snapshot().unwrap())
            .bench_local_refs(|snapshot| black_box(playlist(snapshot)));
    }

    #[divan::bench]
    fn media(bencher: Bencher<'_, '_>) {
        bench(bencher, |snapshot| snapshot.media_playlist(camgate::hls::Form::Plain).plain.len());
    }

    #[divan::bench]
    fn media_gzip(bencher: Bencher<'_, '_>) {
        bench(bencher, |snapshot| snapshot.media_playlist(camgate::hls::Form::Plain).gzip().len());
    }

    #[divan::bench]
    fn multivariant(bencher: Bencher<'_, '_>) {
        bench(bencher, |snapshot| snapshot.multivariant_playlist().plain.len());
    }
}
