//! What a person sees who runs the program wrongly.

use tokio::net::TcpListener;

use crate::common::process::Camgate;

/// Runs it, which has to fail: the one line that it says.
async fn fails(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let (status, stdout, stderr) = Camgate::run(arguments, settings).ended().await;
    assert!(status.code().is_some_and(|code| code > 0), "{status}: {stdout}{stderr}");
    assert_eq!(stdout, "");
    let [line] = stderr.lines().collect::<Vec<_>>()[..] else { panic!("not one line:\n{stderr}") };
    line.to_owned()
}

#[tokio::test]
async fn a_bad_setting_stops_the_start_with_one_line_that_names_it() {
    for (name, value) in [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("HOST", "nowhere"),
        ("HLS_SEGMENT_TIME", "0"),
        ("HLS_SEGMENT_TYPE", "flv"),
        ("CLEANUP_DELAY_SECONDS", "-1"),
        ("MAX_STREAM_BYTES", "much"),
        ("LOG_LEVEL", "loud"),
    ] {
        let line = fails(&["serve"], &[(name, value)]).await;
        assert!(line.contains(name) && line.contains(value), "{line}");
    }
    let line = fails(&[], &[("PORT", "abc")]).await;
    assert!(line.contains("PORT") && line.contains("abc") && line.contains("65535"), "{line}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_one_clear_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let port = address.port().to_string();
    let line = fails(&[], &[("HOST", "127.0.0.1"), ("PORT", &port), ("LOG_LEVEL", "warn")]).await;
    assert!(line.contains(&address.to_string()) && line.contains("in use"), "{line}");
    let line = fails(&["camera", "--listen", &address.to_string()], &[]).await;
    assert!(line.contains(&address.to_string()) && line.contains("in use"), "{line}");
}

#[tokio::test]
async fn the_directory_of_older_deployments_is_answered_with_one_warning() {
    let (process, client) = Camgate::serve(&[("STREAM_DIR", "/var/streams")]).await;
    assert_eq!(client.get("/api/health").await.ok()["status"], "healthy");
    process.terminate().await;
    let (status, _, stderr) = process.ended().await;
    assert!(status.success());
    let warnings: Vec<_> = stderr.lines().filter(|line| line.contains("STREAM_DIR")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("WARN"), "{stderr}");
}

#[tokio::test]
async fn a_fault_or_an_oddity_that_there_is_not_is_refused_and_help_names_those_that_there_are() {
    for (flag, value) in [("--fault", "5:nonsense"), ("--odd", "nonsense")] {
        let (status, _, stderr) = Camgate::run(&["camera", flag, value], &[]).ended().await;
        assert!(!status.success() && stderr.contains(value) && stderr.contains(flag), "{stderr}");
    }
    let (status, stdout, _) = Camgate::run(&["camera", "--help"], &[]).ended().await;
    assert!(status.success());
    let words = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in ["setup-status=453", "partition", "at-most-sessions=N", "no-origin"] {
        assert!(words.contains(name), "{name} is not in {stdout}");
    }
}
