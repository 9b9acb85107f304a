//! A strict reader of OpenMetrics text 1.0.0: what it does not know, it refuses.

use std::collections::{BTreeMap, BTreeSet};

use super::http::Client;

/// What Prometheus asks with.
pub const ACCEPT: &str =
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

/// All samples of one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// As `# TYPE` has it.
    pub name: String,
    pub kind: String,
    pub samples: Vec<Sample>,
}

/// A line with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Family {
    /// How samples of this family may be called.
    pub fn sample_names(&self) -> Vec<String> {
        let suffixes: &[&str] = match self.kind.as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            "info" => &["_info"],
            _ => &[""],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.name)).collect()
    }

    fn check(&self) {
        let mut seen = BTreeSet::new();
        for sample in &self.samples {
            assert!(self.sample_names().contains(&sample.name), "{sample:?} in {} {}", self.kind, self.name);
            assert!(seen.insert((&sample.name, &sample.labels)), "twice: {sample:?}");
            assert!(sample.value.is_finite(), "{sample:?}");
            if self.kind != "gauge" {
                assert!(sample.value >= 0.0, "{sample:?}");
            }
        }
        if self.kind == "histogram" {
            self.check_buckets();
        }
    }

    /// Cumulative, in order, and the last one, `+Inf`, has the count.
    fn check_buckets(&self) {
        let mut series: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").unwrap_or_else(|| panic!("no le: {sample:?}"));
            series.entry(labels).or_default().push((bound.parse().unwrap(), sample.value));
        }
        for (labels, buckets) in series {
            assert!(
                buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
                "{} {labels:?}: {buckets:?}",
                self.name
            );
            let last = buckets.last().unwrap();
            let count =
                self.samples.iter().find(|sample| sample.name.ends_with("_count") && sample.labels == labels);
            assert_eq!((last.0, Some(last.1)), (f64::INFINITY, count.map(|count| count.value)), "{labels:?}");
        }
    }
}

/// One answer of `/metrics`.
#[derive(Clone, Debug)]
pub struct Scrape {
    pub families: Vec<Family>,
}

impl Scrape {
    /// Asks as Prometheus does.
    pub async fn of(client: &Client) -> Self {
        let answer = client.get_with("/metrics", &[("accept", ACCEPT)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        Self::read(answer.text())
    }

    /// Reads `text`, and panics at whatever is not as the standard has it.
    pub fn read(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
        let mut families: Vec<Family> = Vec::new();
        let mut help = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, what) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
                assert!(what.ends_with('.') && !what.ends_with(".."), "{line}");
                assert_eq!(help.replace(name), None, "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
                assert_eq!(help.take(), Some(name), "{line}");
                assert!(matches!(kind, "counter" | "gauge" | "histogram" | "info"), "{line}");
                assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{line}");
                assert!(families.iter().all(|family| family.name != name), "twice: {line}");
                families.push(Family { name: name.to_owned(), kind: kind.to_owned(), samples: Vec::new() });
            } else {
                assert_eq!(help, None, "{line}");
                let sample = sample(line).unwrap_or_else(|| panic!("{line:?}"));
                families.last_mut().unwrap_or_else(|| panic!("{line}")).samples.push(sample);
            }
        }
        families.iter().for_each(Family::check);
        Self { families }
    }

    /// All samples.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.families.iter().flat_map(|family| &family.samples)
    }

    /// The value of the one sample of that name that has these labels, and maybe others.
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&Sample| {
            let labelled =
                |(key, value): &(&str, &str)| sample.labels.get(*key).is_some_and(|is| is == value);
            sample.name == name && labels.iter().all(labelled)
        };
        let found: Vec<&Sample> = self.samples().filter(has).collect();
        assert!(found.len() <= 1, "{found:?}");
        found.first().map(|sample| sample.value)
    }

    /// The same, which has to be there.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_else(|| panic!("no {name} {labels:?} in {self:#?}"))
    }
}

/// `name{key="value",…} number`, with neither a time nor an exemplar.
fn sample(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        None => (head, ""),
        Some((name, labels)) => (name, labels.strip_suffix('}').filter(|labels| !labels.is_empty())?),
    };
    let word = |text: &str| {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(known)
    };
    let mut read = BTreeMap::new();
    // No value of ours holds a comma or a quote.
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (key, value) = label.split_once('=')?;
        let value =
            value.strip_prefix('"')?.strip_suffix('"').filter(|value| !value.contains(['"', '\\']))?;
        if !word(key) || read.insert(key.to_owned(), value.to_owned()).is_some() {
            return None;
        }
    }
    word(name).then_some(())?;
    Some(Sample { name: name.to_owned(), labels: read, value: value.parse().ok()? })
}
