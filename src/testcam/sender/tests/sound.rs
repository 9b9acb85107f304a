//! The audio track.

use super::*;

const AUDIO: Origin = Origin { channels: (2, 3), ssrc: 8, sequence: 9, timestamp: u32::MAX - 100 };

fn hearing(name: &str) -> Tracks {
    Tracks { video: Some(VIDEO), audio: Some((Audio::named(name).unwrap(), AUDIO)) }
}

fn sound(packets: &[(f64, Packet)]) -> Vec<&(f64, Packet)> {
    packets.iter().filter(|(_, packet)| packet.channel == 2).collect()
}

#[test]
fn sound_has_numbers_and_a_clock_of_its_own() {
    let (packets, _) = sent(&[], 50, hearing("pcmu"), 1.0);
    let sound = sound(&packets);
    assert_eq!((sound.len(), packets.len() - sound.len()), (50, sent(&[], 50, SILENT, 1.0).0.len()));
    for (index, (at, packet)) in sound.iter().enumerate() {
        let number = u32::try_from(index).unwrap();
        assert!((at - 0.02 * f64::from(number)).abs() < 1e-6, "{at}");
        assert_eq!(packet.timestamp, AUDIO.timestamp.wrapping_add(160 * number));
        assert_eq!(
            (packet.payload_type, packet.payload.len(), usize::from(packet.sequence)),
            (0, 160, 9 + index)
        );
    }
}

#[test]
fn both_tracks_report_one_clock_however_late_sound_is() {
    let mut tracks = hearing("l16");
    tracks.audio.as_mut().unwrap().0.offset = Duration::from_millis(500);
    let (packets, reports) = sent(&[], 50, tracks, 11.0);
    assert_eq!(sound(&packets)[0].0, 0.5);
    for (channel, origin, rate) in [(1, VIDEO, 90_000.0), (3, AUDIO, 16_000.0)] {
        let of_track: Vec<_> = reports.iter().filter(|report| report.channel == channel).collect();
        assert_eq!(of_track.len(), 3, "at once, and then every five seconds");
        for report in of_track {
            let media = f64::from(report.timestamp.wrapping_sub(origin.timestamp)) / rate;
            assert!((media - report.captured.as_secs_f64()).abs() < 1e-6, "{report:?}");
        }
    }
    let mut silent = hearing("l16");
    silent.audio.as_mut().unwrap().0.reports = false;
    assert!(sent(&[], 50, silent, 1.0).1.iter().all(|report| report.channel == 1));
}

#[test]
fn sound_that_pauses_goes_on_in_its_time() {
    let (packets, reports) = sent(&["0+0.5:no-audio", "0.6+0.1:no-audio"], 50, hearing("pcma"), 1.0);
    let sound = sound(&packets);
    assert_eq!(sound.len(), 20);
    assert!((sound[0].0 - 0.5).abs() < 1e-6);
    assert_eq!(sound[0].1.timestamp, AUDIO.timestamp.wrapping_add(4000));
    assert_eq!(sound[5].1.timestamp, AUDIO.timestamp.wrapping_add(5600));
    assert!(sound.iter().zip(&sound[1..]).all(|(a, b)| b.1.sequence == a.1.sequence + 1), "nothing is lost");
    assert_eq!(
        reports.iter().find(|report| report.channel == 3).unwrap().captured,
        Duration::from_millis(500)
    );
}

#[test]
fn sound_that_is_sampled_too_fast_is_more_sound() {
    let (packets, _) = sent(&["0:audio-clock-rate=0.01"], 50, hearing("pcmu"), 19.99);
    let sound = sound(&packets);
    assert_eq!(sound.len(), 1010);
    assert!(sound.iter().zip(&sound[1..]).all(|(a, b)| b.1.timestamp.wrapping_sub(a.1.timestamp) == 160));
}

#[test]
fn the_clock_of_the_camera_is_that_of_both_tracks() {
    let (packets, _) = sent(&["0.1:clock-reset"], 50, hearing("aac"), 0.5);
    for channel in [0, 2] {
        let first = packets.iter().find(|(at, packet)| *at >= 0.1 && packet.channel == channel).unwrap();
        assert_eq!(first.1.timestamp, 0);
    }
}
