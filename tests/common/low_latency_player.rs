//! A player of low latency: it blocks on each part, asks for the hinted one ahead, and judges all that it is given.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::http::{Answer, Client};
use super::playlist::low_latency::{applied, newest_part};
use super::playlist::{MediaPlaylist, Part};
use super::playlist::{Violation, check_even, check_pair, list};
use super::wait::{soon, time_of_day};

/// A part as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Number of its segment, and its own.
    pub at: (u64, usize),
    pub part: Part,
    pub bytes: Bytes,
    /// When the playlist that lists it was there, since the Unix epoch.
    pub listed: Duration,
    /// Time of day at which its last picture ended, by EXT-X-PROGRAM-DATE-TIME.
    pub ends: Option<Duration>,
}

/// Follows one stream.
pub struct LowLatencyPlayer {
    client: Client,
    base: String,
    /// Asks for delta updates.
    skips: bool,
    pub playlist: MediaPlaylist,
    pub parts: Vec<Received>,
    /// How many answers were delta updates.
    pub deltas: usize,
    /// How many requests were held until the limit, in vain.
    pub waits: usize,
    violations: Vec<Violation>,
    /// What the preload hint gave, ahead of the playlist that lists it.
    hinted: BTreeMap<String, Bytes>,
}

impl LowLatencyPlayer {
    /// Opens what `start` has answered for `id`, at the live edge.
    pub async fn open(client: &Client, id: &str, skips: bool) -> Self {
        let base = format!("/streams/{id}/");
        let answer = client.get(&format!("{base}media.m3u8")).await;
        let playlist = read(&answer);
        assert!(playlist.low_latency, "no parts in\n{}", answer.text());
        Self {
            client: *client,
            base,
            skips,
            playlist,
            parts: Vec::new(),
            deltas: 0,
            waits: 0,
            violations: Vec::new(),
            hinted: BTreeMap::new(),
        }
    }

    /// Waits for the next part, and takes whatever is new with it.
    pub async fn next(&mut self) {
        let (number, part) = newest_part(&self.playlist);
        let skip = if self.skips { "&_HLS_skip=YES" } else { "" };
        let url = format!("{}media.m3u8?_HLS_msn={number}&_HLS_part={part}{skip}", self.base);
        let hint = self.playlist.hints[0].0.clone();
        let hint_url = format!("{}{hint}", self.base);
        let (client, ahead) = (self.client, async { self.client.get(&hint_url).await });
        let asking = async {
            let mut waits = 0;
            loop {
                let answer = client.get(&url).await;
                if answer.status != 503 {
                    return (answer, time_of_day(), waits);
                }
                answer.problem(503, "no_news");
                waits += 1;
            }
        };
        let ((answer, listed, waits), ahead) =
            soon("the next part", async { tokio::join!(asking, ahead) }).await;
        self.waits += waits;
        if ahead.status == 200 {
            self.hinted.insert(hint, ahead.body);
        }
        let update = read(&answer);
        self.deltas += usize::from(update.skipped > 0);
        let playlist = applied(&update, &self.playlist).unwrap_or_else(|error| panic!("{error}"));
        self.violations.extend(check_pair(&self.playlist, &playlist));
        assert!(
            newest_part(&playlist) > (number, part),
            "asked for ({number}, {part}), got\n{}",
            answer.text()
        );
        let before = std::mem::replace(&mut self.playlist, playlist);
        self.take_new(&before, listed).await;
    }

    pub async fn play(&mut self, parts: usize) {
        let goal = self.parts.len() + parts;
        while self.parts.len() < goal {
            self.next().await;
        }
    }

    async fn take_new(&mut self, before: &MediaPlaylist, listed: Duration) {
        let from = newest_part(before);
        let mut new = Vec::new();
        let open = &self.playlist.open;
        let open = (self.playlist.next_sequence(), &open.parts, open.program_date_time);
        let whole = self.playlist.segments.iter().map(|s| (s.media_sequence, &s.parts, s.program_date_time));
        for (number, parts, date) in whole.chain([open]) {
            let mut end = date;
            for (index, part) in parts.iter().enumerate() {
                end = end.map(|end| end + part.duration);
                if (number, index) >= from {
                    new.push(((number, index), part.clone(), end.map(Duration::from_secs_f64)));
                }
            }
        }
        for (at, part, ends) in new {
            let bytes = match self.hinted.remove(&part.uri) {
                Some(bytes) => bytes,
                None => {
                    let answer = self.client.get(&format!("{}{}", self.base, part.uri)).await;
                    assert_eq!(answer.status, 200, "{}: {answer:?}", part.uri);
                    answer.body
                }
            };
            self.parts.push(Received { at, part, bytes, listed, ends });
        }
    }

    /// How long after its last picture each part was listed, in seconds: the least first.
    pub fn lateness(&self) -> Vec<f64> {
        let late = |part: &Received| Some(part.listed.as_secs_f64() - part.ends?.as_secs_f64());
        let mut lateness: Vec<f64> = self.parts.iter().filter_map(late).collect();
        lateness.sort_by(f64::total_cmp);
        lateness
    }

    /// Panics with all that was wrong, and with a part that was lost: none is missing between the first and the last.
    #[track_caller]
    pub fn assert_good(&self) {
        assert!(self.violations.is_empty(), "{}", list(&self.violations));
        for pair in self.parts.windows(2) {
            let ((number, part), next) = (pair[0].at, pair[1].at);
            assert!(
                next == (number, part + 1) || next == (number + 1, 0),
                "{next:?} came after {:?}",
                pair[0].at
            );
        }
    }

    /// The paths of whole segments, each with the parts that were received of it, where that is all of them.
    pub fn whole_segments(&self) -> Vec<(String, Vec<&Received>)> {
        let segments = self.playlist.segments.iter();
        segments
            .filter_map(|segment| {
                let parts: Vec<_> =
                    self.parts.iter().filter(|received| received.at.0 == segment.media_sequence).collect();
                let is_whole = !parts.is_empty() && parts.len() == segment.parts.len();
                is_whole.then(|| (format!("{}{}", self.base, segment.uri), parts))
            })
            .collect()
    }
}

#[track_caller]
fn read(answer: &Answer) -> MediaPlaylist {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    check_even(text).unwrap_or_else(|violations| panic!("{}\nin\n{text}", list(&violations)))
}
