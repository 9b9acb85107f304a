//! The API by its own description: schemathesis (from PyPI) makes requests of `/api/openapi.json`, right and wrong ones, and finds
//! every answer that the description does not have. A status of 500 is none that it has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a test's failure"
)]

#[path = "../common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use common::gateway::camera;
use common::process::Camgate;
use common::wait::within;

/// As it was when this was written: a later one may judge otherwise.
const VERSION: &str = "schemathesis==4.32.5";
const TOKEN: &str = "a-token-for-schemathesis";

/// Installs it beside what cargo builds, once.
async fn schemathesis() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let program = folder.join("bin/schemathesis");
    if program.exists() {
        return program;
    }
    let run = async |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output =
            within("the installation of schemathesis", Duration::from_secs(300), output).await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()]).await;
    run(
        &folder.join("bin/python"),
        &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", VERSION],
    )
    .await;
    program
}

#[tokio::test]
async fn every_answer_is_one_that_the_description_has() {
    let (program, camera) = (schemathesis().await, camera().await);
    // Links that are made up lead nowhere, and are not to take long about it.
    let settings = [
        ("API_TOKENS", TOKEN),
        ("START_TIMEOUT_SECONDS", "1"),
        ("STREAM_SECRET", "s".repeat(32).leak() as &str),
    ];
    let (process, client) = Camgate::serve(&settings).await;
    let bearer = format!("Bearer {TOKEN}");
    let query =
        common::http::form(&[("indicator_id", "1"), ("rtsp_link", &camera.url("/demo")), ("warm", "1")]);
    client.get_with(&format!("/api/stream/start?{query}"), &[("authorization", &bearer)]).await.ok();
    let url = format!("http://{}/api/openapi.json", client.address);
    let output = Command::new(program)
        .args(["run", &url, "--header", &format!("Authorization: {bearer}")])
        .args(["--checks", "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "40", "--seed", "777", "--request-timeout", "20"])
        .args(["--generation-database", "none", "--no-color"])
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .output();
    let output = within("schemathesis", Duration::from_secs(240), output).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let (status, _, log) = process.ended_by_sigterm().await;
    assert!(status.success() && !log.contains("panicked"), "{log}");
}
