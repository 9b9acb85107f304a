//! The service unit, judged by systemd's own tools; no systemd runs for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd/camgate.service")
}

fn systemd_analyze(arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } =
        Command::new("systemd-analyze").args(arguments).output().expect("systemd is there");
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (status.success(), text)
}

#[test]
fn the_service_is_exposed_below_three_of_ten() {
    let unit = unit();
    let judge = |threshold| {
        systemd_analyze(&[
            "security",
            "--offline=true",
            "--no-pager",
            &format!("--threshold={threshold}"),
            unit.to_str().unwrap(),
        ])
    };
    let (below, text) = judge(30);
    assert!(below && text.contains("Overall exposure level"), "{text}");
    // The threshold is one: nothing is below 0.1.
    let (below, _) = judge(1);
    assert!(!below);
}

#[test]
fn the_unit_says_nothing_that_systemd_does_not_know() {
    // The program's place and user are those of the package: here stand-ins take them.
    let text = std::fs::read_to_string(unit()).unwrap();
    let text = text.replace("/usr/bin/camgate", env!("CARGO_BIN_EXE_camgate"));
    let text = text.replace("User=camgate\nGroup=camgate\n", "User=daemon\nGroup=daemon\n");
    assert!(text.contains("User=daemon"));
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("camgate.service");
    std::fs::write(&copy, &text).unwrap();
    let (fine, said) = systemd_analyze(&["verify", "--man=no", copy.to_str().unwrap()]);
    assert!(fine, "{said}");
    // Of names that it does not know systemd warns, and goes on.
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("camgate.service")).collect();
    assert!(about_it.is_empty(), "{about_it:#?}");
}
