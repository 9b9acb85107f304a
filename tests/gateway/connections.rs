//! Clients whose connections are no good, or too many: the others do not notice.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;

use crate::common::process::Camgate;
use crate::common::wait::{answer, soon};

#[tokio::test]
async fn running_out_of_files_ends_nothing_and_keeps_no_core_busy() {
    let (process, client) = Camgate::serve(&[]).await;
    client.get("/api/health").await.ok();
    let limit = format!("--nofile={0}:{0}", process.open_files() + 4);
    let limited = Command::new("prlimit").args(["--pid", &process.id(), &limit]).status().await.unwrap();
    assert!(limited.success());
    let mut crowd = Vec::new();
    for _ in 0..40 {
        crowd.push(TcpStream::connect(client.address).await.unwrap());
    }
    let told = async || process.log().contains("no connection can be accepted").then_some(());
    soon("a line in the log", answer(told)).await;
    let before = process.cpu_time();
    // What is looked at is what it does meanwhile.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let busy = process.cpu_time() - before;
    assert!(busy < Duration::from_millis(300), "{busy:?} in a second");
    drop(crowd);
    client.get("/api/health").await.ok();
    let lines = process.log().matches("no connection can be accepted").count();
    assert_eq!(lines, 1, "{}", process.log());
}
