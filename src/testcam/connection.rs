//! One client: its requests, its session and the pace of its media, in one task.
//!
//! A session lives on the connection that carries its media, so there is at most one. Each access unit
//! leaves in one write from one buffer; a client that does not read for too long is dropped.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::control::{Connected, Playing, Shared};
use super::message::{Incoming, Request, Response, parse};
use super::script::Script;
use super::sdp::{self, AUDIO_TRACK};
use super::sender::{Origin, Sender, Setting, Tracks};
use super::{Audio, Options, Start};

const METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN";

/// Serves a client until it leaves, misbehaves or falls silent.
pub(super) async fn serve(socket: TcpStream, shared: Arc<Shared>, counted: Connected) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut random = shared.random(counted.nth);
    let connection = Connection {
        nonce: format!("{:032x}", random.u128(..)),
        socket,
        shared,
        random,
        output: Vec::new(),
        session: None,
        _counted: counted,
    };
    connection.run().await
}

struct Connection {
    socket: TcpStream,
    shared: Arc<Shared>,
    random: fastrand::Rng,
    /// Of every Digest challenge on this connection.
    nonce: String,
    /// What is to be sent next; emptied by each write, so it never holds more than one access unit and
    /// the answers to one read.
    output: Vec<u8>,
    /// Dropped before the connection's own count, so that no session outlives its connection's count.
    session: Option<Session>,
    _counted: Connected,
}

/// Between SETUP and TEARDOWN.
struct Session {
    id: String,
    script: Script,
    tracks: Tracks,
    /// What RTP-Info names, in the order of their SETUP.
    track_urls: Vec<(String, Origin)>,
    play: Option<Play>,
}

/// After PLAY.
struct Play {
    started: Instant,
    /// `None` where the script sends nothing.
    sender: Option<Sender>,
    _counted: Playing,
}

impl Play {
    fn due(&self, shared: &Shared) -> Option<Instant> {
        self.sender.as_ref().and_then(Sender::due).map(|due| shared.next_tick(self.started + due))
    }
}

/// Whether the connection goes on after a request.
#[derive(PartialEq)]
enum Next {
    GoOn,
    Close,
}

impl Connection {
    async fn run(mut self) -> io::Result<()> {
        let mut input = BytesMut::new();
        let mut heard = Instant::now();
        let mut timer = pin!(sleep_until(heard));
        loop {
            let play = self.session.as_ref().and_then(|session| session.play.as_ref());
            let due = play.and_then(|play| play.due(&self.shared));
            let silent = heard + self.options().session_timeout;
            timer.as_mut().reset(due.unwrap_or(silent));
            tokio::select! {
                biased;
                read = self.socket.read_buf(&mut input) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    heard = Instant::now();
                    let next = self.answer_all(&mut input);
                    self.flush().await?;
                    if next == Next::Close {
                        return Ok(());
                    }
                }
                () = &mut timer => {
                    if Instant::now() >= silent {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, "the client fell silent"));
                    }
                    let play = self.session.as_mut().and_then(|session| session.play.as_mut());
                    if let Some(sender) = play.and_then(|play| play.sender.as_mut()) {
                        sender.write_next(&mut self.output);
                        self.flush().await?;
                    }
                }
            }
        }
    }

    fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Sends what has been written, in one system call where the client keeps up.
    async fn flush(&mut self) -> io::Result<()> {
        let written = match self.socket.try_write(&self.output) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            result => result?,
        };
        if written < self.output.len() {
            let rest = self.socket.write_all(&self.output[written..]);
            timeout(self.shared.options.stall_timeout, rest).await??;
        }
        self.output.clear();
        Ok(())
    }

    fn answer_all(&mut self, input: &mut BytesMut) -> Next {
        loop {
            match parse(input) {
                Ok(None) => return Next::GoOn,
                Ok(Some(Incoming::Interleaved)) => {}
                Ok(Some(Incoming::Request(request))) => {
                    let Some(response) = self.answer(&request) else { continue };
                    response.write(request.header("CSeq"), &mut self.output);
                }
                Err(_) => {
                    Response::new(400).header("Connection", "close").write(None, &mut self.output);
                    return Next::Close;
                }
            }
        }
    }

    /// The response to a request; `None` where the script keeps silent.
    fn answer(&mut self, request: &Request) -> Option<Response> {
        if request.version != "RTSP/1.0" {
            return Some(Response::new(505));
        }
        if request.header("CSeq").is_none() {
            return Some(Response::new(400));
        }
        let method = &*request.method;
        if method == "OPTIONS" {
            return Some(Response::new(200).header("Public", METHODS));
        }
        let access = &self.options().access;
        if !access.admits(request.header("Authorization"), method, &self.nonce) {
            return Some(Response::new(401).header("WWW-Authenticate", access.challenge(&self.nonce)));
        }
        if !self.knows_session(request) {
            return Some(Response::new(454));
        }
        Some(match method {
            "DESCRIBE" => return self.describe(request),
            "SETUP" => self.setup(request),
            "PLAY" => self.play(request),
            "GET_PARAMETER" | "SET_PARAMETER" => self.with_session(Response::new(200)),
            "TEARDOWN" => self.teardown(),
            "PAUSE" | "RECORD" | "ANNOUNCE" | "REDIRECT" => Response::new(405).header("Allow", METHODS),
            _ => Response::new(501).header("Public", METHODS),
        })
    }

    /// A session that is named must be ours; PLAY and TEARDOWN must name one.
    fn knows_session(&self, request: &Request) -> bool {
        let Some(named) = request.header("Session") else {
            return !matches!(&*request.method, "PLAY" | "TEARDOWN");
        };
        let id = named.split(';').next().unwrap_or_default().trim();
        self.session.as_ref().is_some_and(|session| session.id == id)
    }

    fn with_session(&self, response: Response) -> Response {
        let Some(session) = &self.session else { return response };
        let timeout = self.options().session_timeout.as_secs();
        response.header("Session", format_args!("{};timeout={timeout}", session.id))
    }

    fn describe(&self, request: &Request) -> Option<Response> {
        let script = Script::of(request.path());
        match script {
            Script::Hang => return None,
            Script::Status(status) => return Some(Response::new(status)),
            _ => {}
        }
        let options = self.options();
        let mut sdp = sdp::describe(&options.clip, options.parameter_sets, &script);
        if let Some(audio) = self.audio(&script) {
            sdp.push_str(&audio.describe(AUDIO_TRACK));
        }
        Some(Response::new(200).header("Content-Base", request.base()).body("application/sdp", sdp))
    }

    /// What a path with this script lets hear.
    fn audio(&self, script: &Script) -> Option<Audio> {
        if let Script::Audio(audio) = script { Some(*audio) } else { self.options().audio }
    }

    fn setup(&mut self, request: &Request) -> Response {
        let script = Script::of(request.path());
        if let Script::Status(status) = script {
            return Response::new(status);
        }
        if self.session.as_ref().is_some_and(|session| session.play.is_some()) {
            return Response::new(455).header("Allow", METHODS);
        }
        let Some(channels) = request.header("Transport").and_then(interleaved_channels) else {
            return Response::new(461);
        };
        let is_audio = request.path().trim_end_matches('/').ends_with(AUDIO_TRACK);
        let audio = self.audio(&script).filter(|_| is_audio);
        if is_audio && audio.is_none() {
            return Response::new(404);
        }
        let origin = Origin {
            channels,
            ssrc: self.random.u32(..),
            sequence: self.random.u16(..),
            timestamp: self.random.u32(..),
        };
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session {
                id: format!("{:016x}", self.random.u64(..)),
                script,
                tracks: Tracks::default(),
                track_urls: Vec::new(),
                play: None,
            }),
        };
        match audio {
            Some(audio) => session.tracks.audio = Some((audio, origin)),
            None => session.tracks.video = Some(origin),
        }
        session.track_urls.retain(|(url, _)| *url != request.url);
        session.track_urls.push((request.url.clone(), origin));
        let (rtp, rtcp) = channels;
        self.with_session(Response::new(200)).header(
            "Transport",
            format_args!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp};ssrc={:08X}", origin.ssrc),
        )
    }

    fn play(&mut self, _request: &Request) -> Response {
        let shared = &self.shared;
        let Some(session) = &mut self.session else { return Response::new(454) };
        if session.play.is_none() {
            let setting = Setting {
                started: shared.script_time(),
                wall: wall_clock(),
                report_interval: shared.options.sender_report_interval,
                picture: match shared.options.start {
                    Start::Keyframe => 0,
                    Start::MidGop(pictures) => pictures,
                },
            };
            let sends = session.script.sends_media();
            let sender = sends.then(|| Sender::new(&shared.media, &session.script, session.tracks, setting));
            session.play = Some(Play { started: Instant::now(), sender, _counted: shared.count_playing() });
        }
        let info = |(url, origin): &(String, Origin)| {
            format!("url={url};seq={};rtptime={}", origin.sequence, origin.timestamp)
        };
        let info = session.track_urls.iter().map(info).collect::<Vec<_>>().join(",");
        self.with_session(Response::new(200)).header("Range", "npt=0.000-").header("RTP-Info", info)
    }

    fn teardown(&mut self) -> Response {
        self.session = None;
        self.shared.count_teardown();
        Response::new(200)
    }
}

/// The channels of RTP and RTCP that the first TCP transport asks for (RFC 2326 §12.39); `None` if there is none.
fn interleaved_channels(transport: &str) -> Option<(u8, u8)> {
    let tcp = transport.split(',').find(|spec| {
        spec.split(';').next().is_some_and(|profile| profile.trim().eq_ignore_ascii_case("RTP/AVP/TCP"))
    })?;
    let Some(asked) = tcp.split(';').find_map(|part| part.trim().strip_prefix("interleaved=")) else {
        return Some((0, 1));
    };
    let (rtp, rtcp) = asked.split_once('-').unwrap_or((asked, ""));
    let rtp: u8 = rtp.parse().ok()?;
    Some((rtp, rtcp.parse().unwrap_or(rtp.wrapping_add(1))))
}

/// Since the Unix epoch: the NTP time of sender reports counts on from here.
#[expect(clippy::disallowed_methods, reason = "a simulated camera has a clock of its own")]
fn wall_clock() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_transports_have_channels() {
        for (transport, channels) in [
            ("RTP/AVP/TCP;unicast;interleaved=2-3", Some((2, 3))),
            ("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=4-5", Some((4, 5))),
            ("RTP/AVP/TCP;unicast", Some((0, 1))),
            ("RTP/AVP/TCP;interleaved=255", Some((255, 0))),
            ("RTP/AVP;unicast;client_port=5000-5001", None),
            ("RTP/AVP/TCP;interleaved=256-257", None),
            ("", None),
        ] {
            assert_eq!(interleaved_channels(transport), channels, "{transport}");
        }
    }
}
