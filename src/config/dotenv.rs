//! `.env` files: what they assign, and at which line they make no sense.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use super::ConfigError;

/// What the `.env` file at `path` assigns: nothing if there is no such file.
///
/// # Errors
/// The file cannot be read, or a line of it is no assignment.
pub fn read_dotenv(path: &Path) -> Result<HashMap<String, String>, ConfigError> {
    match read_named(path) {
        Err(ConfigError::DotEnvFile { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(HashMap::new())
        }
        read => read,
    }
}

/// The same of a file that has to be there.
pub(super) fn read_named(path: &Path) -> Result<HashMap<String, String>, ConfigError> {
    let text = std::fs::read(path);
    parse_dotenv(path, &text.map_err(|source| ConfigError::DotEnvFile { path: path.to_owned(), source })?)
}

/// What the `.env` text assigns; the first assignment of a name counts, but for empty ones: who adds a line below the empty
/// one of a template means it. `path` is for errors.
fn parse_dotenv(path: &Path, text: &[u8]) -> Result<HashMap<String, String>, ConfigError> {
    let lines_read = Cell::new(0);
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    // dotenvy takes a last line that ends in a space for an unfinished one unless a line feed follows.
    let lines = text.split_inclusive(|&byte| byte == b'\n').chain([b"\n".as_slice()]);
    let reader = LineByLine { rest: &[], lines, lines_read: &lines_read };
    let mut assigned = HashMap::new();
    for item in dotenvy::from_read_iter(reader) {
        let (name, value) = item.map_err(|error| {
            // A quoted value may span lines: the one to look at is where it begins.
            let spanned = match &error {
                dotenvy::Error::LineParse(text, _) => text.trim_end_matches('\n').matches('\n').count(),
                _ => 0,
            };
            let last = text.split_inclusive(|&byte| byte == b'\n').count();
            let line = lines_read.get().min(last).saturating_sub(spanned).max(1);
            ConfigError::DotEnvLine { path: path.to_owned(), line }
        })?;
        if !value.trim().is_empty() {
            assigned.entry(name).or_insert(value);
        }
    }
    Ok(assigned)
}

/// Hands out one line a read, so that the count of lines read tells which one dotenvy stumbled over.
struct LineByLine<'a, L> {
    rest: &'a [u8],
    lines: L,
    lines_read: &'a Cell<usize>,
}

impl<'a, L: Iterator<Item = &'a [u8]>> Read for LineByLine<'a, L> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty()
            && let Some(line) = self.lines.next()
        {
            self.rest = line;
            self.lines_read.set(self.lines_read.get() + 1);
        }
        self.rest.read(buf)
    }
}
