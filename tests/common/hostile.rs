//! A camera that agrees to everything and then sends whatever it is told to, or more than anyone can take.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// An SDP with one H.264 track, and `parameter_sets` as its `sprop-parameter-sets` if there are any.
pub fn sdp(parameter_sets: &str) -> String {
    let sets = if parameter_sets.is_empty() {
        String::new()
    } else {
        format!(";sprop-parameter-sets={parameter_sets}")
    };
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=hostile\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
         a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1{sets}\r\na=control:track\r\n"
    )
}

/// RTP packets (RFC 3550 §5.1) of timestamp, marker and payload, in the interleaved frames of RFC 2326 §10.12.
pub fn packets(packets: &[(u32, bool, &[u8])]) -> Bytes {
    let mut out = Vec::new();
    for (sequence, (timestamp, marker, payload)) in (0..=u16::MAX).cycle().skip(1).zip(packets) {
        out.extend([b'$', 0]);
        out.extend(u16::try_from(12 + payload.len()).unwrap().to_be_bytes());
        out.extend([0x80, u8::from(*marker) << 7 | 96]);
        out.extend(sequence.to_be_bytes());
        out.extend(timestamp.to_be_bytes());
        out.extend(7u32.to_be_bytes());
        out.extend(*payload);
    }
    out.into()
}

/// What a camera sends without end.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The method that it sends this in answer to: behind the usual answer if that is PLAY and [`first`](Self::first)
    /// is no head, else in its place.
    pub at: &'static str,
    pub first: Bytes,
    /// Sent again and again, until so many bytes are out or nobody takes them.
    pub again: Bytes,
    pub most: usize,
}

/// Listens; describes every path as `sdp`, and sends `media` after PLAY. Ends with the test's runtime.
pub async fn hostile_camera(sdp: String, media: Bytes) -> SocketAddr {
    let most = media.len();
    flooding_camera(sdp, Flood { at: "PLAY", first: media, again: Bytes::new(), most }).await.0
}

/// The same with a flood; and how many connections are open.
pub async fn flooding_camera(sdp: String, flood: Flood) -> (SocketAddr, watch::Receiver<usize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (open, count) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (sdp, flood, open) = (sdp.clone(), flood.clone(), open.clone());
            tokio::spawn(async move {
                open.send_modify(|count| *count += 1);
                let _ = serve(socket, &sdp, &flood).await;
                open.send_modify(|count| *count -= 1);
            });
        }
    });
    (address, count)
}

async fn serve(socket: TcpStream, sdp: &str, flood: &Flood) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    let (mut method, mut sequence) = (String::new(), String::new());
    let mut channels = "0-1".to_owned();
    let mut hangs_up = false;
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        if let Some((first, url)) = line.split_once(" rtsp://") {
            if first == "SETUP" && url.contains("/hang-up") {
                return Ok(());
            }
            hangs_up |= url.contains("/hang-up-at-leave");
            method = first.to_owned();
        } else if line.starts_with("CSeq") {
            sequence = line.to_owned();
        } else if let Some((_, asked)) = line.split_once("interleaved=") {
            channels = asked.split(';').next().unwrap().to_owned();
        }
        if !line.is_empty() {
            continue;
        }
        if method == "TEARDOWN" && hangs_up {
            return Ok(());
        }
        let (headers, body) = match method.as_str() {
            "DESCRIBE" => {
                (format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", sdp.len()), sdp)
            }
            "SETUP" => {
                (format!("Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved={channels}\r\n"), "")
            }
            _ => ("Session: 1\r\n".to_owned(), ""),
        };
        let is_flooded = method == flood.at;
        if !is_flooded || method == "PLAY" && !flood.first.starts_with(b"RTSP/") {
            let answer = format!("RTSP/1.0 200 OK\r\n{sequence}\r\n{headers}\r\n{body}");
            socket.write_all(answer.as_bytes()).await?;
        }
        if is_flooded {
            socket.write_all(&flood.first).await?;
            let mut sent = flood.first.len();
            while sent < flood.most && !flood.again.is_empty() {
                socket.write_all(&flood.again).await?;
                sent += flood.again.len();
            }
        }
    }
}
