//! docs/api.md: its examples are run in their order against the real program and a simulated camera, and print what it says;
//! what the sources answer is in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a test's failure"
)]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use camgate::http::openapi;
use serde_json::Value;
use tokio::process::Command;

use common::gateway::camera;
use common::process::Camgate;
use common::wait::soon;

const PAGE: &str = include_str!("../docs/api.md");

/// Stands for whatever it may be.
const ANYTHING: char = '…';

/// A fenced block of the page.
#[derive(Debug, PartialEq)]
struct Block<'a> {
    /// The line that opens it, from 1.
    line: usize,
    language: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (line, text) in (1..).zip(page.lines()) {
        match (text.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some(Block { line, language, text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => writeln!(block.text, "{text}").unwrap(),
            (None, None) => {}
        }
    }
    blocks
}

/// The name that a block gives itself, which others then load it by: `// camgate.php`.
fn file_name(text: &str) -> Option<&str> {
    let name = text.lines().take(2).find_map(|line| line.strip_prefix("// "))?;
    (name.contains('.') && !name.contains([' ', '/'])).then_some(name)
}

/// What a program in `language` is saved as, and by what it is run; none if it is no program.
fn runner(language: &str) -> Option<(&'static str, &'static str)> {
    match language {
        "bash" => Some(("example.sh", "bash")),
        "php" => Some(("example.php", "php")),
        "js" => Some(("example.mjs", "node")),
        _ => None,
    }
}

/// Runs a block as a person does who has set `variables`.
async fn run(block: &Block<'_>, folder: &Path, variables: &[(&str, String)]) -> String {
    let (file, program) = runner(block.language).unwrap();
    std::fs::write(folder.join(file), &block.text).unwrap();
    let mut command = Command::new(program);
    command
        .arg(file)
        .current_dir(folder)
        .envs(variables.iter().cloned())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let run = soon(program, command.output())
        .await
        .unwrap_or_else(|error| panic!("{program}: {error}: run 'make setup'"));
    let (output, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && errors.is_empty(), "docs/api.md:{}: {output}{errors}", block.line);
    output.into_owned()
}

/// Why `printed` is not what the page says in a block of `language`.
fn difference(language: &str, said: &str, printed: &str) -> Option<String> {
    let same = match language {
        "text" => matches(said.trim(), printed.trim()),
        _ => {
            let (said, printed) = (serde_json::from_str(said).unwrap(), serde_json::from_str(printed));
            printed.is_ok_and(|printed| alike(&said, &printed))
        }
    };
    (!same).then(|| format!("the page says:\n{said}\nand it prints:\n{printed}"))
}

/// Whether `text` is `pattern`, in which [`ANYTHING`] may be any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split(ANYTHING);
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<_> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty() };
    for piece in between {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// The same fields, the same words; numbers are of the moment, and null is for what may be unknown yet.
fn alike(said: &Value, printed: &Value) -> bool {
    match (said, printed) {
        (Value::Null, _) | (_, Value::Null) | (Value::Number(_), Value::Number(_)) => true,
        (Value::String(said), Value::String(printed)) => matches(said, printed),
        (Value::Array(said), Value::Array(printed)) => {
            said.len() == printed.len()
                && said.iter().zip(printed).all(|(said, printed)| alike(said, printed))
        }
        (Value::Object(said), Value::Object(printed)) => {
            let all_there =
                said.iter().all(|(name, said)| printed.get(name).is_some_and(|value| alike(said, value)));
            // A field that few answers have may be told of in a table alone.
            all_there
                && printed
                    .keys()
                    .all(|name| said.contains_key(name) || PAGE.contains(&format!("| `{name}` |")))
        }
        _ => said == printed,
    }
}

#[tokio::test]
async fn every_example_runs_and_prints_what_the_page_says() {
    let (token, secret) = ("an-api-token-of-yours", "a-secret-of-32-characters-or-more");
    let camera = camera().await;
    let (_process, client) = Camgate::serve(&[("API_TOKENS", token), ("STREAM_SECRET", secret)]).await;
    let variables = [
        ("CAMGATE_URL", format!("http://{}", client.address)),
        ("CAMERA_LINK", camera.url("/demo")),
        ("API_TOKEN", token.to_owned()),
        ("STREAM_SECRET", secret.to_owned()),
    ];
    let folder = tempfile::TempDir::new().unwrap();
    let mut printed = Vec::new();
    let (mut ran, mut wrong) = (0, String::new());
    for block in blocks(PAGE) {
        if let ("php" | "js", Some(name)) = (block.language, file_name(&block.text)) {
            std::fs::write(folder.path().join(name), &block.text).unwrap();
        } else if runner(block.language).is_some() {
            printed.push((block.line, run(&block, folder.path(), &variables).await));
            ran += 1;
        } else if matches!(block.language, "json" | "text") {
            assert!(!printed.is_empty(), "docs/api.md:{}: nothing has printed this", block.line);
            for (line, printed) in printed.drain(..) {
                if let Some(difference) = difference(block.language, &block.text, &printed) {
                    writeln!(wrong, "docs/api.md:{line}: {difference}").unwrap();
                }
            }
        }
    }
    assert!(printed.is_empty(), "what is printed at {:?} is not told", printed.first());
    assert!(wrong.is_empty(), "{wrong}");
    assert!(ran >= 20, "only {ran} examples were found");
}

#[test]
fn every_path_field_and_code_is_in_the_page() {
    let document: Value = serde_json::from_str(&openapi::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().keys().cloned();
    let schemas = document["components"]["schemas"].as_object().unwrap().values();
    let fields =
        schemas.filter_map(|schema| schema["properties"].as_object()).flat_map(|fields| fields.keys());
    let fields: Vec<_> = fields.map(|name| format!("`{name}`")).collect();
    assert!(fields.len() > 30, "{fields:?}");
    // A status stands before its code; why a start fails says its own.
    let errors = include_str!("../src/http/error.rs");
    let of_starts = [include_str!("../src/stream/wishes.rs"), include_str!("../src/ingest/mod.rs")];
    let of_starts = of_starts.iter().flat_map(|source| {
        let body = source.split("fn code(&self)").nth(1).unwrap();
        quoted(body.split("\n    }\n").next().unwrap())
    });
    let codes = errors.split("StatusCode::").filter_map(|rest| quoted(rest).next());
    let codes = codes.chain(of_starts).filter(is_code);
    let codes: Vec<_> = codes.map(|code| format!("`{code}`")).collect();
    assert!(codes.len() >= 26 && codes.contains(&"`camera_timeout`".to_owned()), "{codes:?}");
    let missing: Vec<_> =
        paths.chain(fields).chain(codes).filter(|text| !PAGE.contains(text.as_str())).collect();
    assert!(missing.is_empty(), "docs/api.md does not tell of {missing:?}");
}

fn quoted(source: &str) -> impl Iterator<Item = &str> {
    source.split('"').skip(1).step_by(2)
}

fn is_code(text: &&str) -> bool {
    text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[test]
fn other_text_other_fields_and_other_kinds_are_told_apart() {
    assert_eq!(difference("text", "one … three\n", "one two three"), None);
    assert_eq!(difference("json", r#"{"a":1,"b":"x…"}"#, r#"{"b":"xy","a":2}"#), None);
    for (language, said, printed) in [
        ("text", "one … three", "one two"),
        ("text", "one", "one two"),
        ("text", "…b…", "ac"),
        ("text", "ab…ba", "aba"),
        ("json", r#"{"a":1}"#, r#"{"a":"1"}"#),
        ("json", r#"{"a":1}"#, r#"{"a":1,"untold":1}"#),
        ("json", r#"{"a":1,"b":1}"#, r#"{"a":1}"#),
        ("json", r#"{"a":"x"}"#, r#"{"a":"y"}"#),
        ("json", r#"{"a":true}"#, r#"{"a":false}"#),
        ("json", r#"{"a":1}"#, "no JSON"),
    ] {
        assert!(difference(language, said, printed).is_some(), "{said} is not {printed}");
    }
}
