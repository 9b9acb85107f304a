//! What a probe makes of any session description and any media: it returns within its time, and its words hold no
//! credentials. A camera on loopback describes itself as the fuzzer says, agrees to everything, sends, and hangs up.
#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use camgate::ingest::SourceUrl;
use camgate::ingest::tls::Trust;
use camgate::probe::probe;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

#[derive(Arbitrary, Clone, Debug, Default)]
struct Camera {
    sdp: Sdp,
    header: String,
    packets: Vec<Packet>,
    /// Behind them, as it stands.
    bytes: Vec<u8>,
}

#[derive(Arbitrary, Clone, Debug)]
enum Sdp {
    Any(Vec<u8>),
    /// A track of H.264, H.265, AAC, G.711 or L16, with any parameters.
    Tracks(Vec<(Codec, String)>),
}

impl Default for Sdp {
    fn default() -> Self {
        Self::Any(Vec::new())
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Codec {
    H264,
    H265,
    Aac,
    Pcmu,
    L16,
}

#[derive(Arbitrary, Clone, Debug)]
struct Packet {
    channel: u8,
    marker: bool,
    skip: u8,
    after: u32,
    payload: Vec<u8>,
}

impl Sdp {
    fn text(&self) -> Vec<u8> {
        let tracks = match self {
            Self::Any(bytes) => return bytes.clone(),
            Self::Tracks(tracks) => tracks,
        };
        let mut text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\n".to_owned();
        for (number, (codec, parameters)) in tracks.iter().take(4).enumerate() {
            let (media, name) = match codec {
                Codec::H264 => ("video", "H264/90000"),
                Codec::H265 => ("video", "H265/90000"),
                Codec::Aac => ("audio", "mpeg4-generic/48000/2"),
                Codec::Pcmu => ("audio", "PCMU/8000"),
                Codec::L16 => ("audio", "L16/44100/2"),
            };
            text += &format!(
                "m={media} 0 RTP/AVP 96\r\na=rtpmap:96 {name}\r\na=fmtp:96 {parameters}\r\na=control:{number}\r\n"
            );
        }
        text.into_bytes()
    }
}

impl Camera {
    fn media(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let (mut sequence, mut timestamp) = (1_u16, 0_u32);
        for packet in self.packets.iter().take(100) {
            let payload = &packet.payload[..packet.payload.len().min(1400)];
            sequence = sequence.wrapping_add(1 + u16::from(packet.skip));
            timestamp = timestamp.wrapping_add(packet.after);
            out.extend([b'$', packet.channel % 4]);
            out.extend(u16::try_from(12 + payload.len()).unwrap().to_be_bytes());
            out.extend([0x80, u8::from(packet.marker) << 7 | 96]);
            out.extend(sequence.to_be_bytes());
            out.extend(timestamp.to_be_bytes());
            out.extend(7_u32.to_be_bytes());
            out.extend(payload);
        }
        out.extend(&self.bytes);
        out
    }

    async fn serve(self: Arc<Self>, socket: TcpStream) -> std::io::Result<()> {
        let mut socket = BufReader::new(socket);
        let (mut method, mut sequence, mut setups) = (String::new(), String::new(), 0);
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if let Some((first, _)) = line.split_once(" rtsp://") {
                method = first.to_owned();
            } else if line.starts_with("CSeq") {
                sequence = line.to_owned();
            }
            if !line.is_empty() {
                continue;
            }
            let mut body = Vec::new();
            let mut headers = match method.as_str() {
                "DESCRIBE" => {
                    body = self.sdp.text();
                    format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", body.len())
                }
                "SETUP" => {
                    setups += 2;
                    let (first, second) = (setups - 2, setups - 1);
                    format!("Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved={first}-{second}\r\n")
                }
                _ => "Session: 1\r\n".to_owned(),
            };
            if method == "PLAY" {
                headers += &self.header;
                headers += "\r\n";
            }
            let answer = format!("RTSP/1.0 200 OK\r\n{sequence}\r\n{headers}\r\n");
            socket.write_all(answer.as_bytes()).await?;
            socket.write_all(&body).await?;
            if method == "PLAY" {
                socket.write_all(&self.media()).await?;
                return socket.shutdown().await;
            }
        }
    }
}

static NOW: LazyLock<Mutex<Arc<Camera>>> = LazyLock::new(Mutex::default);

static RUNNING: LazyLock<(Runtime, SocketAddr)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let camera = NOW.lock().unwrap().clone();
            tokio::spawn(camera.serve(socket));
        }
    });
    (runtime, address)
});

/// Panics of retina and of its parser are camgate's to catch: the fuzzer's own hook would end the process at once. What
/// nobody catches ends it all the same.
fn let_camgate_catch() {
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |location| location.file());
        if !["/retina-", "/sdp-types-"].iter().any(|name| file.contains(name)) {
            end(panic);
        }
    }));
}

/// For links of rtsps, of which there are none here.
static TRUST: LazyLock<Trust> = LazyLock::new(|| Trust::load(None).unwrap());

fuzz_target!(init: let_camgate_catch(), |camera: Camera| {
    *NOW.lock().unwrap() = Arc::new(camera);
    let (runtime, address) = &*RUNNING;
    let source = SourceUrl::parse(&format!("rtsp://admin:hunter2-is-secret@{address}/1")).unwrap();
    let begin = Instant::now();
    let seen = runtime.block_on(probe(&source, TRUST.clone(), Duration::from_millis(50)));
    // Ten seconds to play, and what was asked for; a machine may be busy with other things.
    assert!(begin.elapsed() < Duration::from_secs(15));
    let words =
        seen.map_or_else(|error| format!("{error} {error:?}"), |report| format!("{report} {report:?}"));
    assert!(!words.contains("hunter2"), "{words}");
});
