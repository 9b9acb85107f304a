//! The page's files, embedded by `build.rs`. How they are served is `player.rs`'s business.

use std::io::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// Path below the server's root, without the leading slash: `assets/index.js`.
    pub path: &'static str,
    /// Value of `Content-Type`.
    pub media_type: &'static str,
    /// The file.
    pub body: &'static [u8],
    /// The path changes whenever the content does, so that a client may keep it for ever.
    pub immutable: bool,
    /// Hexadecimal digits that change with the content.
    pub digest: &'static str,
    packed: OnceLock<Option<Bytes>>,
}

impl Asset {
    /// The file packed with gzip (RFC 1952), once for all who ask; `None` where that would not make it shorter.
    pub async fn gzip(&'static self) -> Option<Bytes> {
        if let Some(packed) = self.packed.get() {
            return packed.clone();
        }
        // Elsewhere: it takes tens of milliseconds, in which viewers on this thread would wait.
        let packing = tokio::task::spawn_blocking(|| self.packed.get_or_init(|| gzip(self.body)).clone());
        packing.await.ok().flatten()
    }
}

fn gzip(body: &[u8]) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < body.len()).map(Bytes::from)
}

// `BUILT_WITH`: "vite", or "fallback" where Node was not there; and `ASSETS`, sorted by path.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The embedded file at `path` (no leading slash).
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|index| &ASSETS[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_found_by_its_path_and_no_other_is() {
        assert!(!ASSETS.is_empty());
        for asset in &ASSETS {
            assert_eq!(find(asset.path).map(|found| found.path), Some(asset.path));
        }
        assert!(find("").is_none());
        assert!(find("../Cargo.toml").is_none());
    }

    #[test]
    fn everything_a_page_loads_is_embedded() {
        for page in ["index.html", "player.html"] {
            let html = std::str::from_utf8(find(page).unwrap().body).unwrap();
            let links = html.split("\"/").skip(1).filter_map(|rest| rest.split('"').next());
            let files: Vec<&str> = links.filter(|link| link.contains('.')).collect();
            assert!(files.iter().any(|file| file.ends_with(".js")), "{page} loads no script: {files:?}");
            assert!(files.iter().any(|file| file.ends_with(".css")), "{page} loads no style: {files:?}");
            for file in files {
                assert!(find(file).is_some(), "{page} loads /{file}, which is not embedded");
            }
        }
    }

    #[test]
    fn no_page_has_anything_inline_that_its_security_policy_refuses() {
        for page in ["index.html", "player.html"] {
            let html = std::str::from_utf8(find(page).unwrap().body).unwrap();
            assert!(
                !html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick="),
                "{page}"
            );
            for script in html.split("<script").skip(1) {
                assert!(script.split('>').next().unwrap().contains("src="), "{page} has an inline script");
            }
        }
    }

    #[test]
    fn only_names_that_carry_a_hash_are_kept_for_ever() {
        for asset in &ASSETS {
            let hashed = BUILT_WITH == "vite" && asset.path.starts_with("assets/");
            assert_eq!(asset.immutable, hashed, "{}", asset.path);
        }
    }
}
