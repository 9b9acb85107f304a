//! A viewer for whom a camera's faults are no excuse: everything that is listed is there, and no number goes back.
//!
//! Time is not judged, for the faults take some, but that dates never go back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, MissedTickBehavior};

use crate::common::http::{Answer, Client};
use crate::common::playlist::{Segment, Watcher, check_multivariant};
use crate::common::wait::time_of_day;

/// How often a playlist is loaded.
const RELOAD: Duration = Duration::from_secs(1);

/// Of so many playlists, before one the multivariant playlist is loaded too.
const MULTIVARIANT_EVERY: usize = 8;

/// How many findings are kept: the first ones say it.
const MOST_FINDINGS: usize = 5;

/// Loads the playlist again and again, and each segment once.
pub(crate) struct Viewer {
    client: Client,
    base: String,
    agent: String,
    /// The stream's number.
    pub(crate) number: usize,
    watcher: Watcher,
    loads: usize,
    fetched: HashSet<String>,
    /// What was fetched, if it is to be decoded.
    files: Option<HashMap<String, Bytes>>,
    segments: BTreeMap<u64, Segment>,
    findings: Vec<String>,
}

impl Viewer {
    pub(crate) fn new(client: Client, number: usize, agent: &str, keeps_files: bool) -> Self {
        let mut watcher = Watcher::new();
        watcher.judge_no_time();
        Self {
            client,
            base: format!("/streams/{number}/"),
            agent: agent.to_owned(),
            number,
            watcher,
            loads: 0,
            fetched: HashSet::new(),
            files: keeps_files.then(HashMap::new),
            segments: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// Watches until `end`, and then on until `more` segments came after that, for at most `grace`.
    pub(crate) async fn watch(mut self, end: Instant, more: usize, grace: Duration) -> Self {
        let mut ticks = tokio::time::interval(RELOAD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen_by_end = None;
        loop {
            ticks.tick().await;
            self.reload().await;
            if Instant::now() < end {
                continue;
            }
            let before = *seen_by_end.get_or_insert(self.segments.len());
            if self.segments.len() >= before + more {
                return self;
            }
            if Instant::now() > end + grace {
                let got = self.segments.len() - before;
                self.finds(format!("{got} new segments in the {grace:?} after all faults were over"));
                return self;
            }
        }
    }

    async fn reload(&mut self) {
        if self.loads.is_multiple_of(MULTIVARIANT_EVERY)
            && let Some(answer) = self.load("stream.m3u8").await
            && let Err(wrong) = check_multivariant(answer.text())
        {
            self.finds(format!("stream.m3u8: {wrong:?} in {}", answer.text()));
        }
        self.loads += 1;
        let asked = time_of_day();
        let Some(answer) = self.load("media.m3u8").await else { return };
        self.watcher.feed(answer.text(), asked, time_of_day());
        let Some(playlist) = self.watcher.playlist() else { return };
        for segment in playlist.segments.clone() {
            for path in segment.map.iter().chain([&segment.uri]) {
                if !self.fetched.contains(path)
                    && let Some(answer) = self.load(path).await
                {
                    self.fetched.insert(path.clone());
                    self.files.iter_mut().for_each(|files| {
                        files.insert(path.clone(), answer.body.clone());
                    });
                }
            }
            self.compare_dates(&segment);
            self.segments.insert(segment.media_sequence, segment);
        }
    }

    fn compare_dates(&mut self, segment: &Segment) {
        let before = self.segments.get(&(segment.media_sequence - 1));
        let (before, date) = (before.and_then(|before| before.program_date_time), segment.program_date_time);
        if let (Some(before), Some(date)) = (before, date)
            && date < before
        {
            self.finds(format!("the date goes back from {before:.3} to {date:.3}: {segment:?}"));
        }
    }

    /// The answer, if it is a success; all else is a finding.
    async fn load(&mut self, path: &str) -> Option<Answer> {
        let path = format!("{}{path}", self.base);
        let answer = self.client.get_with(&path, &[("user-agent", &self.agent)]).await;
        if answer.status != 200 || answer.body.is_empty() {
            self.finds(format!("{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
            return None;
        }
        Some(answer)
    }

    fn finds(&mut self, what: String) {
        if self.findings.len() < MOST_FINDINGS && !self.findings.contains(&what) {
            self.findings.push(what);
        }
    }

    /// Segments that it has seen.
    pub(crate) fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Discontinuities that it has seen.
    pub(crate) fn discontinuity_count(&self) -> usize {
        self.segments.values().filter(|segment| segment.discontinuity).count()
    }

    /// What is wrong.
    pub(crate) fn findings(&self) -> Vec<String> {
        let violations = self.watcher.violations().iter().take(MOST_FINDINGS).map(ToString::to_string);
        violations.chain(self.findings.iter().cloned()).collect()
    }

    /// What was kept, as whole files: one for each initialisation section.
    pub(crate) fn files(&self) -> Vec<Vec<Bytes>> {
        let Some(kept) = &self.files else { return Vec::new() };
        let mut files: Vec<Vec<Bytes>> = Vec::new();
        let mut last = None;
        for segment in self.segments.values() {
            let Some(bytes) = kept.get(&segment.uri) else { continue };
            if last != Some(&segment.map) {
                files.push(segment.map.iter().filter_map(|map| kept.get(map)).cloned().collect());
                last = Some(&segment.map);
            }
            files.last_mut().unwrap().push(bytes.clone());
        }
        files
    }
}
