//! The packager: whatever a camera does, every snapshot can be rendered and read, each playlist obeys the standard beside
//! the one before it, all that is listed is there, and bytes stay within their bound.
#![no_main]

use std::collections::HashMap;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use camgate::hls::segment::InitId;
use camgate::hls::{Form, Packager, RunId, Settings, Snapshot};
use camgate::media::{AccessUnit, AudioUnit, SenderReport, Ticks};
use camgate::mux::Container;
use camgate_fuzz::fmp4;
use camgate_fuzz::input::{Audio, Described, arrival};
use libfuzzer_sys::fuzz_target;

/// The checker of the tests.
#[path = "../../tests/common"]
#[allow(dead_code, unused_imports)]
mod common {
    pub mod playlist;
}
use common::playlist as checker;

#[derive(Arbitrary, Debug)]
struct Input {
    mpegts: bool,
    /// In tenths of a second, less one.
    segment_time: u8,
    /// In hundredths of a second, less one.
    part_time: u8,
    list_size: u8,
    max_kilobytes: u8,
    happenings: Vec<Happening>,
}

/// What happens next, times in ms.
#[derive(Arbitrary, Debug)]
enum Happening {
    Track(Described),
    Audio(Option<Audio>),
    /// A group of pictures as it should be.
    Group {
        pictures: u8,
        interval: u8,
        length: u16,
    },
    Picture {
        after: i32,
        wait: u16,
        key: bool,
        length: u16,
        lost: bool,
        clock: i16,
    },
    Sound {
        after: i16,
        wait: u8,
        data: Vec<u8>,
    },
    /// Packets of audio beside pictures, as it should be.
    Beside {
        count: u8,
        interval: u8,
        sound: Vec<u8>,
        samples: u16,
    },
    VideoReport {
        ntp_ms: u64,
        after: i32,
    },
    AudioReport {
        ntp_ms: u64,
        after: i32,
    },
    Interrupt {
        wait: u16,
    },
    Look,
}

struct Stream {
    packager: Packager,
    settings: Settings,
    now: u64,
    wall: i64,
    stamp: i64,
    audio_stamp: i64,
    seen: Option<(checker::MediaPlaylist, u64)>,
}

static PICTURE: [u8; 1 << 14] = [0xaa; 1 << 14];

fn picture(key: bool, length: u16) -> Bytes {
    // Large ones cost time, and bounds are small here.
    let length = length / 4;
    let mut data = (u32::from(length) + 1).to_be_bytes().to_vec();
    data.push(if key { 0x65 } else { 0x41 });
    data.extend(&PICTURE[..length.into()]);
    data.into()
}

impl Stream {
    fn picture(&mut self, after: i64, wait: u64, key: bool, lost: bool, data: Bytes) {
        self.now += wait;
        self.stamp += after;
        let unit = AccessUnit {
            pts: Ticks(self.stamp),
            arrival: arrival(self.now, self.wall),
            random_access: key,
            lost_packets: lost.into(),
            data,
        };
        self.packager.push(unit);
        if let Some(snapshot) = self.packager.snapshot() {
            let held = self.packager.byte_length();
            assert!(held <= self.settings.max_bytes || snapshot.segment_count() <= 1, "{held} bytes");
        }
    }

    fn sound(&mut self, after: i64, wait: u64, data: Bytes) {
        self.now += wait;
        self.audio_stamp += after;
        let unit = AudioUnit { pts: Ticks(self.audio_stamp), arrival: arrival(self.now, self.wall), data };
        self.packager.push_audio(&unit);
    }

    fn interrupt(&mut self, wait: u64) {
        self.packager.interrupt(Duration::from_millis(self.now));
        self.now += wait;
    }

    fn look(&mut self) {
        let Some(snapshot) = self.packager.snapshot() else { return };
        let before = self.seen.take();
        if snapshot.listed.is_empty() {
            assert!(before.is_none(), "a playlist that has begun is never empty");
            return;
        }
        let text = String::from_utf8(snapshot.media_playlist(Form::LowLatency).plain.to_vec()).unwrap();
        let playlist = match checker::check(&text) {
            Ok(playlist) => playlist,
            Err(wrong) => self.hold(&wrong, &text, &snapshot).then(|| read(&text)).unwrap(),
        };
        if let Some((before, at)) = &before {
            self.hold(&checker::check_pair(before, &playlist), &text, &snapshot);
            // What was listed stays for its own duration and the playlist's, unless bytes are short.
            let since = Duration::from_millis(self.now - at).as_secs_f64();
            for left in before.segments.iter().filter(|left| since < left.duration + before.duration()) {
                assert!(
                    snapshot.cut_short || self.is_full() || fetch(&snapshot, &left.uri).is_some(),
                    "{}",
                    left.uri
                );
            }
        }
        let multivariant = String::from_utf8(snapshot.multivariant_playlist().plain.to_vec()).unwrap();
        checker::check_multivariant(&multivariant)
            .unwrap_or_else(|wrong| panic!("{}\n{multivariant}", checker::list(&wrong)));
        for listed in &playlist.segments {
            let bytes =
                fetch(&snapshot, &listed.uri).unwrap_or_else(|| panic!("{} is not there", listed.uri));
            if let Some(map) = &listed.map {
                fmp4::init(&fetch(&snapshot, map).unwrap_or_else(|| panic!("{map} is not there")));
                measure(&bytes, listed.duration);
            } else {
                assert!(!bytes.is_empty() && bytes.len() % 188 == 0 && bytes[0] == 0x47);
            }
        }
        self.seen = Some((playlist, self.now));
    }

    fn is_full(&self) -> bool {
        // As the packager sees it when the largest segment comes.
        self.packager.byte_length() + self.settings.max_bytes / 2 > self.settings.max_bytes
    }

    /// Whether nothing of `wrong` holds whatever the camera does.
    fn hold(&self, wrong: &[checker::Violation], text: &str, snapshot: &Snapshot) -> bool {
        let excused = |violation: &&checker::Violation| {
            // Times of day are those of arrivals, which are wild here. Bytes go before length. A picture that lasts longer than
            // was to be foreseen may not go into the segment that is open: the part that was hinted at never comes.
            violation.clause.starts_with("A8.4")
                || snapshot.cut_short && violation.what.starts_with("the playlist lasts")
                || violation.what.contains("was hinted at")
        };
        let wrong: Vec<_> = wrong.iter().filter(|violation| !excused(violation)).cloned().collect();
        assert!(wrong.is_empty(), "{}\n{text}", checker::list(&wrong));
        true
    }
}

/// A playlist of which nothing is wrong but what is excused.
fn read(text: &str) -> checker::MediaPlaylist {
    checker::parse::media_playlist(text, &mut checker::Report::default()).unwrap()
}

/// What a URI of the media playlist leads to.
fn fetch(snapshot: &Snapshot, uri: &str) -> Option<Vec<u8>> {
    let file = uri.strip_prefix(&format!("{}/", snapshot.run))?;
    if let Some(id) = file.strip_prefix("init-").and_then(|rest| rest.strip_suffix(".mp4")) {
        return Some(snapshot.init(InitId(id.parse().ok()?))?.bytes.to_vec());
    }
    let (number, extension) = file.strip_prefix("seg-")?.split_once('.')?;
    let segment = snapshot.segment(number.parse().ok()?)?;
    assert_eq!(extension, segment.container.extension());
    Some(segment.chunks().flatten().copied().collect())
}

/// Parts follow one another, each track without overlap, and the video lasts as long as the playlist says.
fn measure(segment: &[u8], listed: f64) {
    let mut ends: HashMap<u32, u64> = HashMap::new();
    let mut video = 0;
    for run in fmp4::parts(segment).into_iter().flatten() {
        let lasts: u64 = run.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        let end = ends.entry(run.track_id).or_insert(run.decode_time);
        assert!(run.decode_time >= *end, "a part begins before the end of the one before it");
        if run.track_id == 1 {
            assert_eq!(run.decode_time, *end, "parts of the video follow each other");
            video += lasts;
        }
        *end = run.decode_time + lasts;
    }
    assert!((video as f64 / 90_000.0 - listed).abs() < 0.001, "{video} ticks, listed as {listed} s");
}

fuzz_target!(|input: Input| {
    let settings = Settings {
        container: if input.mpegts { Container::MpegTs } else { Container::Fmp4 },
        segment_time: Duration::from_millis(100 * (u64::from(input.segment_time % 60) + 1)),
        part_time: Duration::from_millis(10 * (u64::from(input.part_time % 100) + 1)),
        list_size: usize::from(input.list_size % 10) + 1,
        max_bytes: usize::from(input.max_kilobytes) << 10,
    };
    let mut stream = Stream {
        packager: Packager::new(settings.clone(), RunId(1000), 1000),
        settings,
        now: 0,
        wall: 0,
        stamp: 0,
        audio_stamp: 0,
        seen: None,
    };
    for happening in input.happenings.iter().take(50) {
        let now = Duration::from_millis(stream.now);
        match happening {
            Happening::Track(described) => {
                stream.packager.set_track(&described.track(), now);
            }
            Happening::Audio(audio) => {
                stream.packager.set_audio(audio.as_ref().map(|Audio(source)| source), now);
            }
            Happening::Group { pictures, interval, length } => {
                for i in 0..*pictures % 64 {
                    let data = picture(i == 0, *length);
                    stream.picture(i64::from(*interval) * 90, (*interval).into(), i == 0, false, data);
                }
            }
            Happening::Picture { after, wait, key, length, lost, clock } => {
                stream.wall += i64::from(*clock);
                let data = picture(*key, *length);
                stream.picture((*after).into(), (*wait).into(), *key, *lost, data);
            }
            Happening::Sound { after, wait, data } => {
                stream.sound((*after).into(), (*wait).into(), data.clone().into());
            }
            Happening::Beside { count, interval, sound, samples } => {
                let sound = Bytes::from(sound.clone());
                for i in 0..*count % 64 {
                    let data = picture(i == 0, 100);
                    stream.picture(i64::from(*interval) * 90, (*interval).into(), i == 0, false, data);
                    stream.sound((*samples).into(), 0, sound.clone());
                }
            }
            Happening::VideoReport { ntp_ms, after } => {
                let stamp = Ticks(stream.stamp + i64::from(*after));
                stream.packager.video_report(SenderReport { ntp: Duration::from_millis(*ntp_ms), stamp });
            }
            Happening::AudioReport { ntp_ms, after } => {
                let stamp = Ticks(stream.audio_stamp + i64::from(*after));
                stream.packager.audio_report(SenderReport { ntp: Duration::from_millis(*ntp_ms), stamp });
            }
            Happening::Interrupt { wait } => stream.interrupt((*wait).into()),
            Happening::Look => stream.look(),
        }
    }
    stream.interrupt(0);
    stream.look();
});
