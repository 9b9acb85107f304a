//! Many viewers of one stream of low latency, all waiting for the next part.
//! `cargo run --release --example blocked -- host:port ID VIEWERS PARTS`
//!
//! Each holds one connection and asks for the playlist that has the next part, all of them at once, again and again. Prints one
//! line of JSON: how many answers came, and how late, in milliseconds: from the end of the part by the playlist's
//! dates to when the answer was here. Sends nothing but those requests, and ends after so many parts.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it is a program of the benches")]

use std::time::SystemTime;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, id, viewers, parts] = &arguments[..] else {
        return Err("usage: blocked HOST:PORT ID VIEWERS PARTS".into());
    };
    let (viewers, parts) = (viewers.parse::<usize>()?, parts.parse::<usize>()?);
    let mut connections = Vec::with_capacity(viewers);
    for _ in 0..viewers {
        connections.push(TcpStream::connect(address.as_str()).await?);
    }
    let mut text = ask(&mut connections[0], &format!("/streams/{id}/media.m3u8")).await?;
    let mut late = Vec::with_capacity(viewers * parts);
    for _ in 0..parts {
        let (number, part) = next(&text).ok_or("no hint in the playlist")?;
        let path = format!("/streams/{id}/media.m3u8?_HLS_msn={number}&_HLS_part={part}");
        let mut waiting = JoinSet::new();
        for mut connection in connections.drain(..) {
            let path = path.clone();
            waiting.spawn(async move {
                let text = ask(&mut connection, &path).await?;
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
                Ok::<_, Error>((connection, text, now))
            });
        }
        while let Some(answered) = waiting.join_next().await {
            let (connection, answer, at) = answered??;
            let end = end_of_newest(&answer).ok_or("no date in the playlist")?;
            late.push(at.as_secs_f64() * 1000.0 - end);
            connections.push(connection);
            text = answer;
        }
    }
    late.sort_by(f64::total_cmp);
    let at = |thousandths: usize| late[(late.len() * thousandths / 1000).min(late.len() - 1)];
    println!(
        "{{\"viewers\":{viewers},\"answers\":{},\"median\":{:.1},\"p99\":{:.1},\"worst\":{:.1}}}",
        late.len(),
        at(500),
        at(990),
        at(1000)
    );
    Ok(())
}

/// The body of the answer to a GET; anything but a success is an error.
async fn ask(socket: &mut TcpStream, path: &str) -> Result<String, Error> {
    socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: camgate\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::with_capacity(8 << 10);
    loop {
        if socket.read_buf(&mut answer).await? == 0 {
            return Err("the gateway closed the connection".into());
        }
        let text = std::str::from_utf8(&answer)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        if body.len() >= length.ok_or("no content-length")?.parse::<usize>()? {
            let is_good = head.starts_with("HTTP/1.1 200");
            return if is_good { Ok(body.to_owned()) } else { Err(text.to_owned().into()) };
        }
    }
}

/// The part that the playlist hints at.
fn next(text: &str) -> Option<(u64, usize)> {
    let hint = text.split("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"").nth(1)?.split('"').next()?;
    let (number, rest) = hint.split("part-").nth(1)?.split_once('.')?;
    Some((number.parse().ok()?, rest.split('.').next()?.parse().ok()?))
}

/// When the newest part is over, in milliseconds since the Unix epoch.
fn end_of_newest(text: &str) -> Option<f64> {
    let (_, segment) = text.rsplit_once("#EXT-X-PROGRAM-DATE-TIME:")?;
    let date = chrono::DateTime::parse_from_rfc3339(segment.lines().next()?).ok()?;
    let durations = segment.split("#EXT-X-PART:DURATION=").skip(1).filter_map(|part| part.split(',').next());
    let seconds: f64 = durations.filter_map(|duration| duration.parse::<f64>().ok()).sum();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in an f64")]
    Some(date.timestamp_millis() as f64 + seconds * 1000.0)
}
