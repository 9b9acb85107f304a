//! A player that does what a viewer's does, and judges all that it is given.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;

use super::fmp4::Audio;
use super::http::{Answer, Client};
use super::playlist::{
    self, Measured, MediaPlaylist, Multivariant, Segment, Watcher, assert_good, check_bandwidth, check_media,
    check_multivariant, check_presentation,
};
use super::wait::{Stalls, soon, time_of_day};
use super::{ffmpeg, fmp4};

/// How often a playlist is loaded again; players do it once a target duration.
const RELOAD: Duration = Duration::from_millis(150);

/// What rounding to another clock of audio may come to, in seconds.
const TICK: f64 = 1.0 / 4_000.0;

/// How long a picture of the simulated camera lasts, in seconds.
const FRAME: f64 = 0.04;

/// Loads the multivariant playlist, the media playlist again and again, and each segment once.
pub struct Player {
    client: Client,
    /// `User-Agent`: what tells one viewer from another.
    agent: String,
    base: String,
    media_url: String,
    pub multivariant: Multivariant,
    /// The media playlist as it was loaded last.
    pub playlist: MediaPlaylist,
    pub watcher: Watcher,
    stalls: Stalls,
    /// Every segment ever listed, by media sequence number.
    pub segments: BTreeMap<u64, Segment>,
    /// How long a picture of the camera lasts, in seconds.
    pub frame: f64,
    /// What was fetched, by its path relative to the playlists.
    files: HashMap<String, Bytes>,
}

impl Player {
    /// Opens what `start` has answered for `id`.
    pub async fn open(client: &Client, id: &str) -> Self {
        Self::open_as("test-player", client, id).await
    }

    pub async fn open_as(agent: &str, client: &Client, id: &str) -> Self {
        let base = format!("/streams/{id}/");
        let load = async |path: &str| {
            let answer = client.get_with(path, &[("user-agent", agent)]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer
        };
        let multivariant = read_multivariant(&load(&format!("{base}stream.m3u8")).await);
        let media_url = format!("{base}{}", multivariant.variants[0].uri);
        let playlist = assert_good(load(&media_url).await.text());
        assert!(!playlist.segments.is_empty(), "there is nothing to play yet");
        let mut player = Self {
            client: *client,
            agent: agent.to_owned(),
            base,
            media_url,
            multivariant,
            playlist,
            watcher: Watcher::new(),
            stalls: Stalls::watch(),
            segments: BTreeMap::new(),
            frame: FRAME,
            files: HashMap::new(),
        };
        player.reload().await;
        player
    }

    async fn load(&self, path: &str) -> Answer {
        self.client.get_with(path, &[("user-agent", &self.agent)]).await
    }

    /// Loads the multivariant playlist again; players do that no more than once.
    pub async fn reload_multivariant(&mut self) {
        self.multivariant = read_multivariant(&self.load(&format!("{}stream.m3u8", self.base)).await);
    }

    /// Loads the playlist, and what is new in it.
    pub async fn reload(&mut self) {
        // What came while all stood still is only now on its way.
        let asked = time_of_day().saturating_sub(self.stalls.take());
        let answer = self.load(&self.media_url).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.watcher.feed(answer.text(), asked, time_of_day());
        self.playlist = assert_good(answer.text());
        for segment in self.playlist.segments.clone() {
            for path in segment.map.iter().chain([&segment.uri]) {
                self.fetch(path).await;
            }
            self.segments.insert(segment.media_sequence, segment);
        }
    }

    async fn fetch(&mut self, path: &str) {
        if self.files.contains_key(path) {
            return;
        }
        let answer = self.load(&format!("{}{path}", self.base)).await;
        self.watcher.answered(path, answer.status == 200, time_of_day());
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        self.files.insert(path.to_owned(), answer.body);
    }

    /// Plays until `condition` holds; `what` says what is waited for.
    #[track_caller]
    pub fn play_until(
        &mut self,
        what: &str,
        condition: impl FnMut(&Self) -> bool,
    ) -> impl Future<Output = ()> {
        soon(what, self.play_while_not(condition))
    }

    async fn play_while_not(&mut self, mut condition: impl FnMut(&Self) -> bool) {
        let mut ticks = tokio::time::interval(RELOAD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !condition(self) {
            ticks.tick().await;
            self.reload().await;
        }
    }

    /// Plays until `count` more segments are there.
    pub async fn play(&mut self, count: u64) {
        let goal = self.newest() + count;
        self.play_until("more segments", |player| player.newest() >= goal).await;
    }

    /// What was fetched as that segment.
    pub fn bytes(&self, segment: &Segment) -> &Bytes {
        &self.files[&segment.uri]
    }

    /// Number of the newest segment.
    pub fn newest(&self) -> u64 {
        self.segments.keys().next_back().copied().unwrap_or(0)
    }

    /// Every segment that stands behind a discontinuity.
    pub fn discontinuities(&self) -> Vec<&Segment> {
        self.segments.values().filter(|segment| segment.discontinuity).collect()
    }

    /// The segment just before that one.
    pub fn before(&self, segment: &Segment) -> &Segment {
        &self.segments[&(segment.media_sequence - 1)]
    }

    /// The paths of all initialisation sections, in the order of their use.
    pub fn maps(&self) -> Vec<String> {
        let mut maps: Vec<String> = self.segments.values().filter_map(|s| s.map.clone()).collect();
        maps.dedup();
        maps
    }

    /// How long all segments are together, in seconds.
    pub fn duration(&self) -> f64 {
        self.segments.values().map(|segment| segment.duration).sum()
    }

    /// Holds all that was seen against the standards, and has ffmpeg decode each picture of what was fetched: the
    /// segments of one initialisation section, one after the other, behind it. Returns the pictures' MD5 sums.
    ///
    /// ffmpeg's own HLS demuxer is not asked: it warns of a second `moov` whenever it reloads a live playlist with
    /// an EXT-X-MAP, whoever serves it.
    pub async fn assert_good(&self) -> Vec<String> {
        self.watcher.assert_good();
        self.assert_true_to_media();
        let mut pictures = Vec::new();
        for file in self.concatenated() {
            pictures.extend(ffmpeg::decode(&file).await);
        }
        assert!(!pictures.is_empty());
        pictures
    }

    /// Holds what playlists say against what is in the segments.
    pub fn assert_true_to_media(&self) {
        let mut wrong = check_presentation(&self.multivariant, &self.playlist);
        // Everything that was listed, as if by one playlist.
        let everything =
            MediaPlaylist { segments: self.segments.values().cloned().collect(), ..self.playlist.clone() };
        let measured: Vec<Measured> = self.measured().into_iter().map(|(video, _)| video).collect();
        wrong.extend(check_media(&everything, &measured, self.frame));
        assert!(wrong.is_empty(), "{}", playlist::list(&wrong));
        for found in &measured {
            let discontinuity = self.segments[&found.media_sequence].discontinuity;
            assert!(found.random_access || !discontinuity, "no decoder can start there: {found:?}");
        }
        for pair in measured.windows(2) {
            let end = pair[0].start + pair[0].duration;
            assert!(pair[1].start > end - self.frame / 2.0, "decode times go back: {pair:?}");
        }
        self.assert_audio_follows();
    }

    /// What each segment holds, of the video and of the audio beside it. Nothing of a transport stream.
    pub fn measured(&self) -> Vec<(Measured, Option<Audio>)> {
        let measure = |segment: &Segment| {
            let tracks = fmp4::tracks(&self.files[segment.map.as_ref()?]);
            Some(fmp4::measure(segment.media_sequence, tracks, &self.files[&segment.uri]))
        };
        self.segments.values().filter_map(measure).collect()
    }

    /// Audio follows audio without a gap within a run, and never overlaps.
    fn assert_audio_follows(&self) {
        let audio: Vec<Audio> = self.measured().into_iter().filter_map(|(_, audio)| audio).collect();
        for pair in audio.windows(2) {
            let [before, after] = pair else { continue };
            let run = |audio: &Audio| {
                let segment = &self.segments[&audio.media_sequence];
                (segment.discontinuity_number, &segment.map)
            };
            if run(before) == run(after) {
                assert_eq!(after.start, before.end, "audio does not follow: {pair:?}");
            } else {
                let (end, start) =
                    (before.end as f64 / before.timescale, after.start as f64 / after.timescale);
                assert!(start > end - TICK, "decode times of the audio go back: {pair:?}");
            }
        }
    }

    /// Holds the multivariant playlist as it is now against the segments that are listed now.
    pub async fn assert_bandwidth(&mut self) {
        self.reload_multivariant().await;
        let size = |segment: &Segment| (self.files[&segment.uri].len() as u64, segment.duration);
        let sizes: Vec<_> = self.playlist.segments.iter().map(size).collect();
        let wrong = check_bandwidth(&self.multivariant.variants[0], self.playlist.target_duration, &sizes);
        assert!(wrong.is_empty(), "{}", playlist::list(&wrong));
    }

    /// Fetches again what has left the playlist and still has to be there.
    pub async fn fetch_what_is_due(&mut self) -> usize {
        let due = self.watcher.due(time_of_day());
        for path in &due {
            let answer = self.load(&format!("{}{path}", self.base)).await;
            self.watcher.answered(path, answer.status == 200, time_of_day());
            // It may have been let go while it was asked for.
            assert!(answer.status != 200 || answer.body == self.files[path], "{path} has changed");
        }
        due.len()
    }

    /// Asserts that all is good, and that as many pictures come out as the playlist has time for: none is lost,
    /// none told of twice.
    pub async fn assert_good_and_whole(&self) -> Vec<String> {
        let (pictures, told) = (self.assert_good().await, self.duration() / self.frame);
        let count = pictures.len();
        assert!((count as f64 - told).abs() < 0.5, "{count} pictures, and the playlist tells of {told}");
        pictures
    }

    /// What was fetched, as whole files: one for each initialisation section.
    pub fn concatenated(&self) -> Vec<Vec<Bytes>> {
        let mut files: Vec<Vec<Bytes>> = Vec::new();
        let mut last = None;
        for segment in self.segments.values() {
            if files.is_empty() || last != Some(&segment.map) {
                files.push(segment.map.iter().map(|map| self.files[map].clone()).collect());
            }
            last = Some(&segment.map);
            files.last_mut().unwrap().push(self.files[&segment.uri].clone());
        }
        files
    }
}

#[track_caller]
fn read_multivariant(answer: &Answer) -> Multivariant {
    let text = answer.text();
    check_multivariant(text)
        .unwrap_or_else(|violations| panic!("{}\nin\n{text}", playlist::list(&violations)))
}
