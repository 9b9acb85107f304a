//! Cameras by name, from the file of `CAMERAS_FILE`: so that a start need not say a link, and no credentials pass through a
//! browser.
//!
//! Here: reading the file, at the start and again, and telling what is wrong with it. How it is written stands in
//! `parse`; what becomes of a camera is the business of [`stream`](crate::stream).

mod parse;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ingest::SourceUrl;
use crate::live::Live;
use crate::stream::keeper::Kept;
use crate::stream::{StreamId, Wishes};

/// A camera of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its link, with its credentials.
    pub source: SourceUrl,
    /// What a start of it asks for that does not say otherwise.
    pub wishes: Wishes,
}

/// All cameras of the file.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    cameras: BTreeMap<StreamId, Entry>,
    warm: Arc<[Kept]>,
}

/// A file of which nothing can be used. The text shows nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It cannot be read.
    #[error("CAMERAS_FILE: {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no TOML.
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line at fault, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
}

impl Catalog {
    fn of(cameras: BTreeMap<StreamId, Entry>) -> Self {
        let warm = cameras.iter().filter(|(_, entry)| entry.wishes.warm == Some(true));
        let kept = warm.map(|(id, Entry { source, wishes })| Kept {
            id: id.clone(),
            source: source.clone(),
            wishes: *wishes,
        });
        Self { warm: kept.collect(), cameras }
    }

    /// The camera of that name.
    pub fn get(&self, id: &StreamId) -> Option<&Entry> {
        self.cameras.get(id)
    }

    /// Those that are to run with nobody watching.
    pub fn warm(&self) -> Arc<[Kept]> {
        self.warm.clone()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cameras.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cameras.is_empty()
    }

    /// Reads the file at `path`, and those of the passwords that it names. What is wrong with single cameras is logged, and
    /// the others are there.
    ///
    /// # Errors
    /// When the file cannot be read, or is no TOML.
    pub async fn load(path: &Path) -> Result<Self, CatalogError> {
        let of_file = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || read(&of_file));
        let (cameras, problems) = reading.await.map_err(|error| CatalogError::Read {
            path: path.to_owned(),
            source: io::Error::other(error),
        })??;
        for parse::Problem { line, text } in problems {
            tracing::warn!("{}:{line}: {text}", path.display());
        }
        Ok(Self::of(cameras))
    }
}

/// Reads the file at `path` again: `catalog` is what it says from now on, or stays as it is where nothing of it can be
/// used. Either is logged.
pub async fn reload(catalog: &Live<Catalog>, path: &Path) {
    match Catalog::load(path).await {
        Ok(new) => {
            tracing::info!(file = %path.display(), cameras = new.len(), "cameras were read again");
            catalog.set(new);
        }
        Err(error) => tracing::warn!("{error}; the cameras stay as they were"),
    }
}

type Read = (BTreeMap<StreamId, Entry>, Vec<parse::Problem>);

fn read(path: &Path) -> Result<Read, CatalogError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| CatalogError::Read { path: path.to_owned(), source })?;
    // Passwords lie beside the file, wherever camgate was started.
    let folder = path.parent().unwrap_or(Path::new(""));
    parse::cameras(&text, |file| password(&folder.join(file))).map_err(|problem| CatalogError::Syntax {
        path: path.to_owned(),
        line: problem.line,
        message: problem.text,
    })
}

/// Longer than any password: another file was meant.
const MAX_PASSWORD: u64 = 4096;

/// What is in a file but for the end of its line, which editors and `echo` leave there.
fn password(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_PASSWORD + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_PASSWORD {
        return Err(io::Error::other("it is longer than a password"));
    }
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

#[cfg(test)]
mod tests;
