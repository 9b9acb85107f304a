//! One setting: what it is called, and how the text of a value becomes a value.

use std::str::FromStr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

pub(super) const MIB: u64 = 1024 * 1024;

/// One thing that a person can set.
#[derive(Debug)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The flag, without its dashes; also the id of its `clap::Arg`.
    pub flag: Option<&'static str>,
    /// What the value counts, or is.
    pub unit: &'static str,
    /// The value if none is given.
    pub default: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    pub(super) range: Range,
}

/// What a value may be.
#[derive(Debug)]
pub(super) enum Range {
    Whole(u64, u64),
    Decimal(f64, f64),
    AtLeastBytes(u64),
    OneOf(&'static [&'static str]),
    Address,
    File,
    Streams,
    Networks,
    Origins,
    /// What they are to be.
    Secrets(&'static str),
    Sources,
    Toml,
    Filter,
    Anything,
}

impl Setting {
    /// What a value may be, as the end of the sentence "this is not …".
    pub fn accepts(&self) -> String {
        match &self.range {
            Range::Whole(min, max) => format!("a number from {min} to {max}"),
            Range::Decimal(min, max) => format!("a number from {min} to {max}, fractions allowed"),
            Range::AtLeastBytes(min) => {
                format!("a size of {}MiB or more, such as 67108864, 64M or 1GiB", min / MIB)
            }
            Range::OneOf(words) => words.join(" or "),
            Range::Address => "an IP address".to_owned(),
            Range::Networks => "addresses or networks such as 10.0.0.0/8, with commas between".to_owned(),
            Range::Origins => "* or origins such as https://example.org, with commas between".to_owned(),
            Range::Secrets(what) => (*what).to_owned(),
            Range::Streams => "off, all or names of streams with commas between".to_owned(),
            Range::Sources => {
                "addresses, networks (10.0.0.0/8), names (*.cams.example) or *, each with :port or :port-port or without, with commas between"
                    .to_owned()
            }
            Range::Toml => "a file such as docs/cameras.example.toml".to_owned(),
            Range::File => "a PEM file".to_owned(),
            Range::Filter => {
                "off, error, warn, info, debug, trace or a filter such as camgate=debug,retina=info"
                    .to_owned()
            }
            Range::Anything => "any value".to_owned(),
        }
    }

    /// Whether its value is nobody's business.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.range, Range::Secrets(_))
    }

    pub(super) fn whole<T: TryFrom<u64>>(&self, text: &str) -> Option<T> {
        let Range::Whole(min, max) = self.range else { return None };
        let value = u64::from_str(text).ok().filter(|value| (min..=max).contains(value))?;
        T::try_from(value).ok()
    }

    pub(super) fn seconds(&self, text: &str) -> Option<Duration> {
        let Range::Decimal(min, max) = self.range else {
            return self.whole(text).map(Duration::from_secs);
        };
        let value = f64::from_str(text).ok().filter(|value| (min..=max).contains(value))?;
        Duration::try_from_secs_f64(value).ok()
    }

    /// Plain bytes, or a number with K, M, G or KiB, MiB, GiB: both mean powers of 1024.
    pub(super) fn bytes(&self, text: &str) -> Option<u64> {
        let Range::AtLeastBytes(min) = self.range else { return None };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, suffix) = text.split_at(digits);
        let unit = match suffix.trim_start().to_ascii_lowercase().as_str() {
            "" => 1,
            "k" | "kib" => 1024,
            "m" | "mib" => MIB,
            "g" | "gib" => 1024 * MIB,
            _ => return None,
        };
        u64::from_str(number).ok()?.checked_mul(unit).filter(|&bytes| bytes >= min)
    }

    /// `EnvFilter` takes any bare word for the name of a module: a misspelt level would log nothing.
    pub(super) fn filter(&self, text: &str) -> Option<String> {
        let directive = |part: &str| {
            !part.is_empty() && (part.contains(['=', '[']) || LevelFilter::from_str(part.trim()).is_ok())
        };
        let valid = text.split(',').all(directive) && EnvFilter::builder().parse(text).is_ok();
        valid.then(|| text.to_owned())
    }

    /// The same for a table cell: short.
    pub(super) fn accepts_short(&self) -> String {
        match &self.range {
            Range::Whole(min, max) => format!("{min} to {max}"),
            Range::Decimal(min, max) => format!("{min} to {max}, fractions allowed"),
            Range::AtLeastBytes(min) => format!("{}MiB or more; K, M, G, KiB, MiB, GiB", min / MIB),
            _ => self.accepts(),
        }
    }
}
