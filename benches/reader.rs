//! The least that N cameras can cost: DESCRIBE, SETUP and PLAY, then read and throw away.
//! `cargo run --release --example reader -- rtsp://host:port/path N`, with `{}` in the path for the camera's number.
//!
//! What a gateway takes beyond this is its own doing. Same runtime as camgate, one read a wakeup, nothing looked at: no frames,
//! no packets, no answers.
#![allow(clippy::print_stdout, reason = "it is a program of the benches")]

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::JoinSet;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Between two cameras, so that their pictures come spread out; no multiple of a picture's 40 ms.
const STAGGER: Duration = Duration::from_millis(37);

/// Half of the time after which cameras give up who is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// As much as retina has room for.
const BUFFER: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(link), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: reader rtsp://host:port/path{} COUNT".into());
    };
    let mut readers = JoinSet::new();
    let mut start = tokio::time::interval(STAGGER);
    for number in 0..count.parse::<usize>()? {
        start.tick().await;
        readers.spawn(read(link.replace("{}", &number.to_string())));
    }
    println!("all cameras play");
    // None ends by itself: the first one that does says why.
    readers.join_next().await.ok_or("no cameras")??
}

/// Plays one camera until it ends.
async fn read(link: String) -> Result<(), Error> {
    let address = link.strip_prefix("rtsp://").and_then(|rest| rest.split('/').next());
    let mut socket = TcpStream::connect(address.ok_or("no rtsp:// link")?).await?;
    let description = ask(&mut socket, &format!("DESCRIBE {link} RTSP/1.0\r\nCSeq: 1\r\n\r\n")).await?;
    let base = header(&description, "content-base").unwrap_or(&link).to_owned();
    let control = description.split("m=video").nth(1).and_then(|track| track.split("a=control:").nth(1));
    let control = control.and_then(|rest| rest.lines().next()).ok_or("no video")?;
    let track = if control.contains("://") {
        control.to_owned()
    } else {
        format!("{}/{control}", base.trim_end_matches('/'))
    };
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    let set_up =
        ask(&mut socket, &format!("SETUP {track} RTSP/1.0\r\nCSeq: 2\r\n{transport}\r\n\r\n")).await?;
    let session = header(&set_up, "session").and_then(|value| value.split(';').next()).ok_or("no session")?;
    let play = format!("PLAY {base} RTSP/1.0\r\nCSeq: 3\r\nSession: {session}\r\n\r\n");
    socket.write_all(play.as_bytes()).await?;
    let keep_alive = format!("OPTIONS {base} RTSP/1.0\r\nCSeq: 4\r\nSession: {session}\r\n\r\n");
    let (mut media, requests) = socket.into_split();
    tokio::spawn(keep(requests, keep_alive));
    let mut buffer = vec![0; BUFFER];
    while media.read(&mut buffer).await? > 0 {}
    Err("a camera has ended".into())
}

/// Tells the camera once in a while that someone is there.
async fn keep(mut requests: OwnedWriteHalf, keep_alive: String) -> std::io::Result<()> {
    loop {
        tokio::time::sleep(KEEP_ALIVE).await;
        requests.write_all(keep_alive.as_bytes()).await?;
    }
}

/// Sends a request and reads its answer: head and body, as text.
async fn ask(socket: &mut TcpStream, request: &str) -> Result<String, Error> {
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        if socket.read_buf(&mut answer).await? == 0 {
            return Err("the camera hung up".into());
        }
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = header(head, "content-length").map_or(Ok(0), str::parse::<usize>)?;
        if body.len() >= length {
            return Ok(text.into_owned());
        }
    }
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let fields = answer.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
