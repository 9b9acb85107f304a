//! Audio beside the video: what a viewer gets of it, whatever the camera does.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use mp4_atom::{Decode as _, Mdat, Moof};

use super::super::testing::{Camera, MIDNIGHT, arrival, checker, fetch, settings, small};
use crate::media::{AudioCodec, AudioEncoding, AudioSource, AudioUnit, SenderReport, Ticks, Timescale};
use crate::mux::Container;

fn source(encoding: AudioEncoding) -> AudioSource {
    AudioSource { encoding, timescale: Timescale::new(NonZeroU32::new(8000).unwrap()), channels: 1 }
}

/// 40 ms of µ-law that ended as the picture before this moment was taken.
fn sound(camera: &mut Camera) {
    let now = camera.now - 40;
    let unit = AudioUnit {
        pts: Ticks(i64::try_from(now).unwrap() * 8 + 5_000_000 - 320),
        arrival: arrival(now),
        data: Bytes::from_static(&[0x55; 320]),
    };
    camera.packager.push_audio(&unit);
}

fn play(camera: &mut Camera, seconds: usize, audible: bool) {
    for n in 0..seconds * 25 {
        camera.send(n % 50 == 0);
        if audible {
            sound(camera);
        }
    }
}

fn hear(camera: &mut Camera, encoding: AudioEncoding) -> bool {
    camera.packager.set_audio(Some(&source(encoding)), Duration::from_millis(camera.now))
}

fn camera() -> Camera {
    let mut camera = Camera::new(settings());
    hear(&mut camera, AudioEncoding::Pcmu);
    camera.set_track(&small());
    camera
}

/// Start and end of the tracks of every listed segment, in seconds: video, audio.
fn spans(camera: &Camera) -> Vec<[(f64, f64); 2]> {
    let snapshot = camera.snapshot();
    let playlist = checker::assert_good(&camera.playlist());
    let span = |segment: &checker::Segment| {
        let bytes = fetch(&snapshot, &segment.uri).unwrap();
        let mut rest = &bytes[..];
        let mut spans = [(f64::NAN, f64::NAN); 2];
        while !rest.is_empty() {
            let moof = Moof::decode(&mut rest).unwrap();
            Mdat::decode(&mut rest).unwrap();
            for traf in &moof.traf {
                let track = usize::try_from(traf.tfhd.track_id - 1).unwrap();
                let scale = [90_000.0, 8000.0][track];
                let start = traf.tfdt.as_ref().unwrap().base_media_decode_time as f64 / scale;
                let duration = |entry: mp4_atom::TrunEntry| {
                    f64::from(entry.duration.or(traf.tfhd.default_sample_duration).unwrap()) / scale
                };
                let (from, to) = &mut spans[track];
                assert!(
                    to.is_nan() || (start - *to).abs() < 1e-6,
                    "track {track} goes on at {start}, not {to}"
                );
                *from = from.min(start);
                *to = start + traf.trun[0].samples.iter().map(duration).sum::<f64>();
            }
        }
        spans
    };
    playlist.segments.iter().map(span).collect()
}

#[test]
fn audio_goes_with_the_segment_of_its_picture() {
    let mut camera = camera();
    play(&mut camera, 30, true);
    let spans = spans(&camera);
    assert!(spans.len() >= 5);
    for [video, audio] in &spans {
        assert!((video.0 - audio.0).abs() < 0.25 && (video.1 - audio.1).abs() < 0.25, "{spans:?}");
    }
    for pair in spans.windows(2) {
        assert!((pair[0][1].1 - pair[1][1].0).abs() < 1e-6, "audio has no gap: {spans:?}");
    }
    assert_eq!(camera.snapshot().tracks.codecs(), "avc1.64001E,fLaC");
}

#[test]
fn a_camera_that_falls_silent_leaves_no_hole_for_a_player_to_wait_at() {
    let mut camera = camera();
    play(&mut camera, 10, true);
    play(&mut camera, 20, false);
    for [video, audio] in spans(&camera) {
        assert!((video.0 - audio.0).abs() < 0.25 && (video.1 - audio.1).abs() < 0.25);
    }
    play(&mut camera, 6, true);
    for pair in spans(&camera).windows(2) {
        assert!((pair[0][1].1 - pair[1][1].0).abs() < 1e-6);
    }
    assert!(camera.snapshot().listed.iter().all(|segment| !segment.discontinuity));
}

#[test]
fn audio_that_is_offered_and_never_comes_holds_nothing_up() {
    let mut camera = camera();
    play(&mut camera, 2, false);
    let first = camera.snapshot().listed[0].clone();
    assert!(first.duration <= Duration::from_millis(500));
    play(&mut camera, 10, false);
    for [video, audio] in spans(&camera) {
        assert!((video.1 - audio.1).abs() < 0.25);
    }
}

#[test]
fn the_same_audio_of_another_session_needs_no_other_init_section() {
    let mut camera = camera();
    play(&mut camera, 10, true);
    camera.reconnect(3000);
    assert!(!hear(&mut camera, AudioEncoding::Pcmu));
    play(&mut camera, 10, true);
    let snapshot = camera.snapshot();
    let inits: Vec<_> = snapshot.listed.iter().map(|segment| segment.init.as_ref().unwrap().id).collect();
    assert!(inits.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(snapshot.listed.iter().filter(|segment| segment.discontinuity).count(), 1);
}

#[test]
fn audio_that_is_another_after_a_reconnect_is_another_init_section() {
    let mut camera = camera();
    play(&mut camera, 10, true);
    camera.reconnect(3000);
    camera.packager.set_audio(None, Duration::from_millis(camera.now));
    play(&mut camera, 10, false);
    let snapshot = camera.snapshot();
    assert_eq!(snapshot.tracks.audio, None);
    let (before, after): (Vec<_>, Vec<_>) =
        snapshot.listed.iter().map(|segment| segment.init.as_ref().unwrap().id).partition(|id| id.0 == 0);
    assert!(!after.is_empty() && before.len() + after.len() == snapshot.listed.len());
    checker::assert_good(&camera.playlist());
}

#[test]
fn mpeg_ts_leaves_out_what_it_does_not_carry() {
    let mut camera = Camera::new(super::Settings { container: Container::MpegTs, ..settings() });
    hear(&mut camera, AudioEncoding::Pcmu);
    camera.set_track(&small());
    play(&mut camera, 10, true);
    assert_eq!(camera.snapshot().tracks.audio, None);
    let config = Bytes::from_static(&[0x15, 0x88]); // low complexity, 8 kHz, one channel
    let aac = AudioEncoding::Aac { config, rfc6381: "mp4a.40.2".into(), frame_length: 1024 };
    assert!(hear(&mut camera, aac));
    assert_eq!(camera.snapshot().tracks.audio.as_ref().unwrap().codec, AudioCodec::Aac);
}

#[test]
fn dates_are_the_cameras_where_its_clock_agrees_with_ours_and_arrivals_where_not() {
    // The camera's clock is ahead of ours by so many milliseconds; what its pictures' dates are ahead of arrival.
    for (ahead, dated) in [(400, 400), (-300, -300), (5000, 0), (-86_400_000, 0)] {
        let mut camera = Camera::new(settings());
        camera.set_track(&small());
        let midnight = Duration::from_secs(2_208_988_800) + Duration::from_millis(MIDNIGHT.unsigned_abs());
        let ntp = i64::try_from(midnight.as_millis()).unwrap() + ahead;
        let ntp = Duration::from_millis(ntp.unsigned_abs());
        camera.packager.video_report(SenderReport { ntp, stamp: Ticks(camera.clock) });
        play(&mut camera, 4, false);
        let date = camera.snapshot().listed[0].program_date_time;
        assert_eq!(date.0 - MIDNIGHT, dated, "{ahead}");
    }
}
