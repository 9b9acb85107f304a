//! SIGHUP: settings are read again, and streams do not notice.

use std::path::Path;

use tokio::process::Command;

use crate::common::gateway::camera;
use crate::common::http::Client;
use crate::common::player::Player;
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon};

const OLD: &str = "the-old-token-of-all";
const NEW: &str = "the-new-token-of-all";

async fn hang_up(process: &Camgate) {
    let sent = Command::new("kill").args(["-HUP", &process.id()]).status().await.unwrap();
    assert!(sent.success());
}

async fn says(process: &Camgate, words: &str) {
    let told = async || process.log().contains(words).then_some(());
    soon(words, answer(told)).await;
}

async fn opens(client: &Client, token: &str) -> bool {
    client.get_with("/api/streams", &[("authorization", &format!("Bearer {token}"))]).await.status == 200
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

#[tokio::test]
async fn tokens_and_limits_change_and_the_stream_goes_on() {
    let (camera, folder) = (camera().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("camgate.env");
    write(&file, &format!("API_TOKENS={OLD}\nMAX_STREAMS=1\nHLS_LIST_SIZE=5\n"));
    let (process, client) = Camgate::serve(&[("ENV_FILE", file.to_str().unwrap())]).await;
    let start = async |id: &str, token: &str| {
        let query = crate::common::http::form(&[("indicator_id", id), ("rtsp_link", &camera.url("/demo"))]);
        let bearer = format!("Bearer {token}");
        client.get_with(&format!("/api/stream/start?{query}"), &[("authorization", &bearer)]).await
    };
    start("1", OLD).await.ok();
    let mut player = Player::open(&client, "1").await;
    player.play(1).await;
    start("2", OLD).await.problem(503, "too_many_streams");

    // One is changed for another by listing both.
    write(&file, &format!("API_TOKENS={NEW},{OLD}\nMAX_STREAMS=2\nHLS_LIST_SIZE=6\n"));
    hang_up(&process).await;
    says(&process, "settings read again changed=\"API_TOKENS,MAX_STREAMS\"").await;
    says(&process, "wait for the next start settings=\"HLS_LIST_SIZE\"").await;
    assert!(opens(&client, NEW).await && opens(&client, OLD).await);
    start("2", NEW).await.ok();
    write(&file, &format!("API_TOKENS={NEW}\nMAX_STREAMS=2\nHLS_LIST_SIZE=5\n"));
    hang_up(&process).await;
    says(&process, "settings read again changed=\"API_TOKENS\"").await;
    assert!(opens(&client, NEW).await && !opens(&client, OLD).await);
    player.play(2).await;

    // What makes no sense changes nothing, and says so.
    write(&file, "API_TOKENS=short\n");
    hang_up(&process).await;
    says(&process, "settings stay as they were").await;
    assert!(opens(&client, NEW).await);
    player.play(1).await;
    let log = process.log();
    assert!(!log.contains(NEW) && !log.contains(OLD) && !log.contains("short"), "{log}");
    assert!(
        log.contains(&format!("API_TOKENS in {}: ", file.display())),
        "the file at fault is named: {log}"
    );
    assert_eq!(log.matches("wait for the next start").count(), 1, "taken back, it waits no more: {log}");
}

#[tokio::test]
async fn a_settings_file_that_is_named_has_to_be_there() {
    let (status, _, log) =
        Camgate::run(&["--env-file", "/nowhere/camgate.env"], &[("PORT", "0")]).ended().await;
    assert!(!status.success());
    assert!(log.contains("/nowhere/camgate.env") && log.lines().count() == 1, "{log}");
}
