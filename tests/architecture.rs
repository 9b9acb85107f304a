//! Who may know whom, held by reading the sources. The picture is in `src/lib.rs`; a change of it begins here.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/rust_paths.rs"]
#[allow(dead_code, unreachable_pub)]
mod rust_paths;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_paths::{Named, Source};

/// A part of the crate and what it may name: `mux` is all of it, `mux::Container` that and what is in it.
/// Low parts come first. What is not named here may not be named there.
const LAYERS: &[(&str, &[&str])] = &[
    ("media", &[]),
    ("audio", &["media"]),
    ("mux", &["media"]),
    ("hls", &["audio", "mux", "media"]),
    // The only place where clocks are read.
    ("clock", &["media"]),
    // Judgements of who may do what; addresses by their names.
    ("net", &[]),
    ("access", &["net"]),
    // What a reload of the settings changes, for whoever reads it.
    ("live", &[]),
    // What runs things.
    ("threads", &[]),
    // What is counted as it happens, by whoever it happens to.
    ("metrics", &[]),
    // It asks cameras for the audio alone that there is an encoder for.
    ("ingest", &["audio::Encoder", "media", "clock", "live", "net"]),
    // The kind of container is a setting of a stream; how it is written is the business of `hls`.
    ("stream", &["ingest", "hls", "media", "mux::Container", "clock", "metrics", "threads"]),
    // Settings speak of streams by their names, and of what may be pulled.
    (
        "config",
        &[
            "access",
            "stream::KeepWarm",
            "stream::StreamId",
            "ingest::reach::Entry",
            "ingest::reach::EntryError",
        ],
    ),
    // Cameras by name: what is to be started, not how.
    ("catalog", &["ingest::SourceUrl", "stream::StreamId", "stream::Wishes", "stream::keeper::Kept", "live"]),
    // Value types only: what happens to a stream goes through `stream`. A link comes in here, and why its camera
    // failed goes out.
    (
        "http",
        &[
            "stream",
            "hls",
            "media",
            "config",
            "access",
            "live",
            "clock",
            "ingest::SourceUrl",
            "ingest::IngestError",
            "metrics",
            "catalog::Catalog",
            "net",
        ],
    ),
    // Connections, whatever is asked over them.
    ("serve", &["config::TlsFiles", "access", "hls::segment", "live", "net", "threads"]),
    // Stands alone, so that it is a witness and not an echo: it shares how NAL units are framed and parsed.
    ("testcam", &["media::nal", "media::parameter_sets"]),
    // Programs made of the parts.
    ("logging", &["config"]),
    ("probe", &["ingest", "hls::segment", "media", "clock"]),
    ("healthcheck", &["config"]),
    (
        "gateway",
        &[
            "access",
            "catalog",
            "config",
            "http",
            "live",
            "serve",
            "stream",
            "ingest",
            "hls",
            "mux::Container",
        ],
    ),
];

/// Parts that only compute: no runtime, no sockets, no clock. Time is an argument, so tests need not wait.
const PURE: &[&str] = &["media", "audio", "mux", "hls"];

/// What a pure part may not name: as the beginning of a path.
const IMPURE_ROOTS: &[&[&str]] =
    &[&["tokio"], &["axum"], &["retina"], &["std", "net"], &["std", "fs"], &["std", "thread"]];

/// What a pure part may not name: anywhere in a path.
const IMPURE_CALLS: &[&[&str]] =
    &[&["SystemTime", "now"], &["Instant", "now"], &["thread", "spawn"], &["thread", "sleep"]];

/// What is named in few places: the name, where it may be, and what to do elsewhere.
const CONFINED: &[(&str, &str, &str)] = &[
    (
        "retina",
        "src/ingest/rtsp",
        "go through the traits of `ingest`: another RTSP library must be a change of one module",
    ),
    (
        "tokio_rustls",
        "src/serve/tls.rs, src/ingest/tls.rs",
        "go through `serve::tls` or `ingest::tls`, which have a stand-in where there is no TLS",
    ),
    ("hyper", "src/serve.rs", "go through `serve`"),
    ("flacenc", "src/audio/flac.rs", "go through `audio::Encoder`"),
    ("StatusCode", "src/http/", "return an error of your own, and let src/http/error.rs choose the status"),
];

/// Source files by their path from the root of the repository.
type Sources = BTreeMap<String, String>;

/// Everything in `sources` that is not allowed, a line each, with what to do about it.
fn problems(sources: &Sources) -> Vec<String> {
    let read: BTreeMap<&str, Source> =
        sources.iter().map(|(path, text)| (path.as_str(), rust_paths::read(text))).collect();
    let test_only: Vec<String> = read
        .iter()
        .flat_map(|(path, source)| source.test_modules.iter().map(|name| child(path, name)))
        .collect();
    let is_test = |path: &str| {
        let module = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        test_only.iter().any(|test| module == test || module.starts_with(&format!("{test}/")))
    };
    let mut problems = Vec::new();
    for (path, source) in read.iter().filter(|(path, _)| !is_test(path)) {
        for named in &source.named {
            let at = format!("{path}:{}", named.line);
            problems.extend(wrong_layer(path, named).map(|problem| format!("{at}: {problem}")));
            problems.extend(impure(path, named).map(|problem| format!("{at}: {problem}")));
            problems.extend(misplaced(path, named).map(|problem| format!("{at}: {problem}")));
        }
    }
    problems
}

/// The file of module `name` of the module in `path`, without `.rs`.
fn child(path: &str, name: &str) -> String {
    let folder = match path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    };
    format!("{folder}/{name}")
}

/// `src/hls/window.rs` → hls, window.
fn module_of(path: &str) -> Vec<&str> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|part| *part != "lib").collect()
}

fn wrong_layer(path: &str, named: &Named) -> Option<String> {
    let module = module_of(path);
    // The crate's root and the command line put the parts together.
    let layer = *module.first().filter(|layer| **layer != "main")?;
    let target = from_root(&module, named)?;
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return Some(format!(
            "`{layer}` is a part of its own: say in LAYERS of tests/architecture.rs what it may know"
        ));
    };
    let Some(first) = target.first() else {
        return Some("this names the crate's root: name the part that is meant".to_owned());
    };
    if first == layer {
        return None;
    }
    if !LAYERS.iter().any(|(name, _)| name == first) {
        return Some(format!("`crate::{first}` is none of the parts: name the module that it comes from"));
    }
    let is_allowed = |allowed: &&&str| {
        let allowed: Vec<&str> = allowed.split("::").collect();
        target.len() >= allowed.len() && target.iter().zip(&allowed).all(|(is, may)| is == may)
    };
    if allowed.iter().any(|allowed| is_allowed(&allowed)) {
        return None;
    }
    let may = if allowed.is_empty() { "nothing else of the crate".to_owned() } else { allowed.join(", ") };
    Some(format!(
        "`{layer}` may not know `{}`, only {may}: hand it the value, or move the code to who may",
        target.join("::")
    ))
}

/// What `named` is from the crate's root on, if it goes through `crate` or leaves its part by `super`.
fn from_root(module: &[&str], named: &Named) -> Option<Vec<String>> {
    // A lone `crate` or `super` is a visibility: pub(crate).
    if named.path.len() == 1 && !named.is_use {
        return None;
    }
    let path = named.path.strip_prefix(&["self".to_owned()]).unwrap_or(&named.path);
    let supers = path.iter().take_while(|part| *part == "super").count();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "super" => {
            let up = supers.saturating_sub(named.inline_depth);
            let kept = module.len().saturating_sub(up);
            let rest = path[supers..].iter().cloned();
            Some(module[..kept].iter().map(|part| (*part).to_owned()).chain(rest).collect())
        }
        _ => None,
    }
}

fn impure(path: &str, named: &Named) -> Option<String> {
    let layer = *module_of(path).first().filter(|layer| PURE.contains(*layer))?;
    let names: Vec<&str> = named.path.iter().map(String::as_str).collect();
    let root = IMPURE_ROOTS.iter().any(|root| names.starts_with(root) && (named.is_use || names.len() > 1));
    let call = IMPURE_CALLS.iter().any(|call| names.windows(call.len()).any(|part| part == *call));
    (root || call).then(|| {
        let name = names.join("::");
        format!("`{layer}` is pure and names `{name}`: take the time or the bytes as an argument, from `stream` or `ingest`")
    })
}

fn misplaced(path: &str, named: &Named) -> Option<String> {
    CONFINED.iter().find_map(|(name, place, instead)| {
        // A crate is named by how a path begins; a type wherever its name stands.
        let is_crate = name.starts_with(char::is_lowercase);
        let is_named = if is_crate {
            named.path[0] == *name && (named.is_use || named.path.len() > 1)
        } else {
            named.path.iter().any(|part| part == name)
        };
        (is_named && !place.split(", ").any(|place| path.starts_with(place)))
            .then(|| format!("`{name}` belongs in {place}: {instead}"))
    })
}

#[test]
fn every_part_knows_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Sources::new();
    read_folder(root, &root.join("src"), &mut sources);
    assert!(
        sources.contains_key("src/lib.rs") && sources.contains_key("src/media/mod.rs"),
        "the sources were read"
    );
    let problems = problems(&sources);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn read_folder(root: &Path, folder: &Path, sources: &mut Sources) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_folder(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            sources.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The problems of one made-up file.
fn problems_of(path: &str, text: &str) -> Vec<String> {
    problems(&Sources::from([(path.to_owned(), text.to_owned())]))
}

/// Exactly one problem, of these words.
#[track_caller]
fn caught(path: &str, text: &str, words: &str) {
    let problems = problems_of(path, text);
    assert_eq!(problems.len(), 1, "{problems:?} for {text:?}");
    assert!(problems[0].contains(words), "{words:?} is not in {problems:?}");
}

#[track_caller]
fn passes(path: &str, text: &str) {
    assert_eq!(problems_of(path, text), [""; 0], "for {text:?}");
}

#[test]
fn a_part_that_names_one_above_it_is_caught_however_it_is_written() {
    caught(
        "src/mux/mod.rs",
        "use crate::hls::Segment;",
        "src/mux/mod.rs:1: `mux` may not know `hls::Segment`, only media",
    );
    caught(
        "src/mux/mod.rs",
        "\n\npub(crate) use crate::{media::{Ticks, self}, hls as h};",
        "mod.rs:3: `mux` may not know `hls`",
    );
    caught("src/media/nal.rs", "fn f(x: &crate::mux::Chunks) {}", "only nothing else of the crate");
    caught("src/media/nal.rs", "use super::super::mux::Chunks;", "`mux::Chunks`");
    caught("src/mux/mod.rs", "use self::super::hls;", "`hls`");
    caught("src/media/mod.rs", "use super::mux::Chunks;", "`mux::Chunks`");
    caught("src/ingest/rtsp/session.rs", "use super::super::super::http;", "`http`");
    caught("src/hls/mod.rs", "mod inner { use super::super::http::Api; }", "`http::Api`");
    caught("src/http/api.rs", "use crate::ingest::Connector;", "`ingest::Connector`");
    caught("src/http/api.rs", "use crate::mux::Container;", "`mux::Container`");
    caught("src/config.rs", "use crate::stream::Limits;", "`stream::Limits`");
    caught("src/config/settings.rs", "use crate::media::Ticks;", "`media::Ticks`");
    caught("src/hls/mod.rs", "macro_rules! m { () => { $crate::stream::Handle } }", "`stream::Handle`");
    caught("src/hls/mod.rs", "#[cfg(not(test))] use crate::http;", "`http`");
}

#[test]
fn what_is_allowed_in_part_is_refused_in_the_rest() {
    passes("src/stream/task.rs", "use crate::mux::Container;");
    caught("src/stream/task.rs", "use crate::mux::{Container, Muxer};", "`mux::Muxer`");
    caught("src/stream/task.rs", "use crate::mux;", "`mux`, only ingest, hls, media, mux::Container, clock");
    passes("src/testcam/clip.rs", "use crate::media::nal::START_CODE;");
    caught("src/testcam/clip.rs", "use crate::media::Ticks;", "`media::Ticks`");
    caught("src/testcam/mod.rs", "use crate::ingest::url::SourceUrl;", "`ingest::url::SourceUrl`");
}

#[test]
fn what_flows_the_right_way_passes() {
    passes("src/http/hls.rs", "use crate::{config::Config, hls::Snapshot, media::Ticks, stream::Registry};");
    passes(
        "src/stream/mod.rs",
        "use crate::ingest::Source; use crate::hls; use crate::media; use crate::clock;",
    );
    passes(
        "src/hls/window.rs",
        "use super::segment::Part; use crate::hls::Settings; use crate::mux::Chunks;",
    );
    passes(
        "src/media/nal.rs",
        "use super::Ticks; mod inner { use super::START_CODE; use super::super::Ticks; }",
    );
    passes("src/lib.rs", "pub mod http; pub use crate::http::router;");
    passes("src/main.rs", "use crate::anything; use camgate::http;");
}

#[test]
fn a_new_part_has_to_say_what_it_may_know() {
    caught("src/sums.rs", "use crate::stream::Registry;", "`sums` is a part of its own");
    caught("src/hls/mod.rs", "use crate::Handle;", "`crate::Handle` is none of the parts");
    caught("src/hls/mod.rs", "use super::*;", "`crate::*` is none of the parts");
}

#[test]
fn a_clock_a_socket_or_a_runtime_in_the_pure_core_is_caught() {
    for text in [
        "use tokio::sync::watch;",
        "async fn f() { tokio::time::sleep(d).await }",
        "use {bytes::Bytes, axum::body::Body};",
        "use std::{fmt, net::IpAddr};",
        "use std::fs;",
        "use tokio as t;",
        "fn f() { std::thread::yield_now() }",
        "fn f() { std::time::SystemTime::now() }",
        "fn f() -> Instant { Instant::now() }",
    ] {
        for path in ["src/media/time.rs", "src/mux/fmp4/init.rs", "src/hls/window.rs"] {
            caught(path, text, "is pure and names");
        }
        passes("src/stream/task.rs", text);
    }
    passes(
        "src/hls/window.rs",
        "use std::time::{Duration, Instant}; fn f(now: Instant) { let tokio = now; }",
    );
}

#[test]
fn retina_outside_of_its_file_and_a_status_outside_of_http_are_caught() {
    caught("src/stream/task.rs", "use retina::client::Session;", "`retina` belongs in src/ingest/rtsp");
    caught("src/ingest/mod.rs", "fn f(e: retina::Error) {}", "`retina` belongs in src/ingest/rtsp");
    caught("src/main.rs", "use retina::client;", "`retina` belongs in");
    passes("src/ingest/rtsp.rs", "use retina::client::Session;");
    passes("src/ingest/rtsp/tracks.rs", "use retina::codec::ParametersRef;");
    caught("src/stream/mod.rs", "use axum::http::{self, StatusCode};", "`StatusCode` belongs in src/http/");
    passes("src/http/hls.rs", "fn f() -> StatusCode { StatusCode::PARTIAL_CONTENT }");
}

#[test]
fn comments_literals_and_tests_may_name_what_they_like() {
    passes(
        "src/media/mod.rs",
        r####"
        //! See [`crate::hls`]. /* not open
        /// use crate::http;
        /* crate::stream /* nested */ retina::x */
        const A: &str = "crate::http \" tokio::spawn";
        const B: &str = r#"retina::client " crate::hls"#;
        const C: (char, char, u8) = ('"', '\'', b'"');
        fn f<'a>(x: &'a str) -> &'a str { x }
        #[cfg(test)]
        use std::{fs, thread};
        #[cfg(test)]
        #[allow(unused)]
        mod tests { use tokio::test; fn g() { crate::http::router(); } }
        #[cfg(all(test, unix))]
        fn h(x: [u8; 2]) { std::fs::read("x"); }
        "####,
    );
    // Behind them, things count again.
    caught("src/media/mod.rs", "#[cfg(test)] mod tests { fn f() {} }\nuse crate::hls::A;", "mod.rs:2:");
    caught("src/media/mod.rs", "#[cfg(test)] use a::{b, c};\nuse crate::hls::A;", "mod.rs:2:");
    caught("src/media/mod.rs", "const A: &str = \"\\\\\";\n/* \n */ use crate::hls::A;", "mod.rs:3:");
    caught(
        "src/media/mod.rs",
        "const A: &str = r#\"\n\"#; const Q: char = '\\u{27}'; use crate::hls::A;",
        "mod.rs:2:",
    );
}

#[test]
fn a_test_module_in_a_file_of_its_own_may_name_what_it_likes() {
    let sources = |declared: &str| {
        Sources::from([
            ("src/hls/window.rs".to_owned(), declared.to_owned()),
            ("src/hls/window/tests.rs".to_owned(), "use tokio::test;".to_owned()),
        ])
    };
    assert_eq!(problems(&sources("#[cfg(test)]\nmod tests;")), [""; 0]);
    assert_eq!(problems(&sources("mod tests;")).len(), 1);
}
