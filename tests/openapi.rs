//! `docs/openapi.json` is what the gateway says of its API; `UPDATE_OPENAPI=1 cargo test --test openapi` writes it anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a test's failure"
)]

use std::path::Path;

use camgate::http::openapi;
use serde_json::Value;

#[test]
fn the_document_in_the_repository_is_what_the_gateway_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let document = openapi::document();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == document,
        "docs/openapi.json is not up to date: UPDATE_OPENAPI=1 cargo test --test openapi"
    );
}

#[test]
fn every_operation_says_what_it_answers_and_who_may_ask() {
    let document: Value = serde_json::from_str(&openapi::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push(format!("{method} {path}"));
            assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 10), "{operation}");
            let is_open = path == "/api/health";
            assert_eq!(operation["security"].is_null(), is_open, "{method} {path}");
            assert_eq!(operation["responses"]["401"].is_null(), is_open, "{method} {path}");
            assert!(
                operation["responses"]["200"]["content"]["application/json"].is_object(),
                "{method} {path}"
            );
        }
    }
    operations.sort();
    let all = [
        "get /api/health",
        "get /api/stream/start",
        "get /api/stream/status",
        "get /api/streams",
        "post /api/stream/start",
        "post /api/stream/stop",
    ];
    assert_eq!(operations, all);
}
