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

use super::control::{Connected, Ending, Place, Playing, Shared};
use super::fault::FaultKind;
use super::message::{Incoming, Request, Response, parse};
use super::oddities::{self, Oddities, Oddity};
use super::script::Script;
use super::sdp::{self, AUDIO_TRACK, TRACK};
use super::sender::{Media, Origin, Sender, Setting, Tracks};
use super::{Audio, Options, Start};

const METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN";

/// What an answer without end sends at a time, in bytes.
const FLOOD: usize = 64 * 1024;

/// By how much a timer is late on a machine that stood still.
const LATE: Duration = Duration::from_millis(500);

/// Serves a client until it leaves, misbehaves or falls silent.
pub(super) async fn serve(
    socket: TcpStream,
    shared: Arc<Shared>,
    counted: Connected,
    ending: Ending,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut random = shared.random(counted.nth);
    let connection = Connection {
        nonce: format!("{:032x}", random.u128(..)),
        former_nonce: None,
        socket,
        ending,
        flood: None,
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
    ending: Ending,
    shared: Arc<Shared>,
    random: fastrand::Rng,
    /// Of the Digest challenges on this connection.
    nonce: String,
    /// The nonce before it, which is stale.
    former_nonce: Option<String>,
    /// What is to be sent next; emptied by each write, so it never holds more than one access unit and
    /// the answers to one read.
    output: Vec<u8>,
    /// Dropped before the connection's own count, so that no session outlives its connection's count.
    session: Option<Session>,
    /// An answer that goes on.
    flood: Option<Flood>,
    _counted: Connected,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.ending.is_reset() {
            // Where it can't be set, the connection is closed in the usual way.
            let _ = self.socket.set_zero_linger();
        }
    }
}

/// So many bytes more, made of these again and again.
struct Flood {
    bytes: Vec<u8>,
    left: u64,
}

/// Between SETUP and TEARDOWN.
struct Session {
    id: String,
    script: Script,
    tracks: Tracks,
    /// What RTP-Info names, in the order of their SETUP.
    track_urls: Vec<(String, Origin)>,
    oddities: Oddities,
    play: Option<Play>,
    place: Place,
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
        let mut stood_still = false;
        let mut timer = pin!(sleep_until(heard));
        loop {
            self.shared.passes(&FaultKind::Partition).await;
            let deaf = self.shared.holding(|kind| (*kind == FaultKind::StopReading).then_some(()));
            if deaf.is_some() {
                heard = Instant::now();
            }
            let play = self.session.as_ref().and_then(|session| session.play.as_ref());
            let due = play.and_then(|play| play.due(&self.shared));
            let silent = heard + self.options().session_timeout;
            let hears_again = deaf.and_then(|((), end)| end);
            let wake = due.unwrap_or(silent);
            timer.as_mut().reset(hears_again.map_or(wake, |end| end.min(wake)));
            tokio::select! {
                biased;
                read = self.socket.read_buf(&mut input), if deaf.is_none() => {
                    if read? == 0 {
                        return Ok(());
                    }
                    // It may have begun while nothing was heard.
                    self.shared.passes(&FaultKind::Partition).await;
                    (heard, stood_still) = (Instant::now(), false);
                    let next = self.answer_all(&mut input);
                    self.flush().await?;
                    self.pour().await?;
                    if next == Next::Close {
                        return Ok(());
                    }
                }
                () = &mut timer => {
                    let now = Instant::now();
                    if now >= silent + LATE && !stood_still {
                        // So late is a machine that stood still, and the client with it: it has as long once more.
                        (heard, stood_still) = (now, true);
                    } else if now >= silent {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, "the client fell silent"));
                    }
                    if due.is_some_and(|due| now >= due) {
                        self.write_media();
                        self.flush().await?;
                    }
                }
            }
        }
    }

    fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Writes the next access unit; while the camera is silent, it is lost.
    fn write_media(&mut self) {
        let Some(session) = &mut self.session else { return };
        let Some(sender) = session.play.as_mut().and_then(|play| play.sender.as_mut()) else { return };
        sender.write_next(&mut self.output);
        if let Some(video) = session.tracks.video {
            session.oddities.bend(video.channels.0, &mut self.output);
        }
        if self.shared.holds(&FaultKind::Silent) {
            self.output.clear();
        }
    }

    /// Sends an answer that goes on, until its end or the client's.
    async fn pour(&mut self) -> io::Result<()> {
        let Some(Flood { bytes, mut left }) = self.flood.take() else { return Ok(()) };
        while left > 0 {
            let length = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.output.extend(&bytes[..length]);
            self.flush().await?;
            left -= u64::try_from(length).unwrap_or(left);
            // Whoever shares the thread has to read it.
            tokio::task::yield_now().await;
        }
        Ok(())
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
                    self.write(&request, &response);
                }
                Err(_) => {
                    Response::new(400).header("Connection", "close").write(None, &mut self.output);
                    return Next::Close;
                }
            }
        }
    }

    /// Writes a response, with what an odd camera sends before and behind it.
    fn write(&mut self, request: &Request, response: &Response) {
        let oddities = self.oddities(request);
        let stale =
            self.session.as_ref().and_then(|session| session.tracks.video).map(|video| video.channels);
        let stale = stale
            .filter(|_| matches!(&*request.method, "SETUP" | "PLAY"))
            .filter(|_| oddities.has(Oddity::StalePackets) && self.shared.was_left());
        if let Some(channels) = stale {
            oddities::write_stale(channels, &mut self.output);
        }
        oddities.write(response, request.header("CSeq"), &mut self.output);
        if let Some(channels) = stale.filter(|_| request.method == "PLAY") {
            oddities::write_stale(channels, &mut self.output);
        }
    }

    /// What this camera does otherwise towards a request.
    fn oddities(&self, request: &Request) -> Oddities {
        let of_path = match Script::of(request.path()) {
            Script::Odd(oddity) => Some(oddity),
            _ => None,
        };
        Oddities::of(&self.options().oddities).and(of_path)
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
        if !self.admits(request, &self.nonce) {
            return Some(self.challenge(request));
        }
        let renews = self.options().access.has_nonces() && self.shared.holds(&FaultKind::NewNonce);
        if renews && self.former_nonce.is_none() {
            self.renew_nonce();
            return Some(self.challenge(request));
        }
        if self.oddities(request).has(Oddity::OneTimeNonces) {
            self.renew_nonce();
        }
        if !self.knows_session(request) {
            return Some(Response::new(454));
        }
        Some(match method {
            "DESCRIBE" => return self.describe(request),
            "SETUP" => self.setup(request),
            "PLAY" => self.play(request),
            "GET_PARAMETER" | "SET_PARAMETER" => self.with_session(Response::new(200)),
            "TEARDOWN" => self.teardown(request),
            "PAUSE" | "RECORD" | "ANNOUNCE" | "REDIRECT" => Response::new(405).header("Allow", METHODS),
            _ => Response::new(501).header("Public", METHODS),
        })
    }

    fn admits(&self, request: &Request, nonce: &str) -> bool {
        self.options().access.admits(request.header("Authorization"), &request.method, nonce)
    }

    fn challenge(&self, request: &Request) -> Response {
        let stale = self.former_nonce.as_ref().is_some_and(|nonce| self.admits(request, nonce));
        let challenge = self.options().access.challenge(&self.nonce, stale);
        Response::new(401).header("WWW-Authenticate", challenge)
    }

    fn renew_nonce(&mut self) {
        let nonce = format!("{:032x}", self.random.u128(..));
        self.former_nonce = Some(std::mem::replace(&mut self.nonce, nonce));
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

    fn describe(&mut self, request: &Request) -> Option<Response> {
        let script = Script::of(request.path());
        match script {
            Script::Hang => return None,
            Script::Status(status) => return Some(Response::new(status)),
            _ => {}
        }
        let fault = self.shared.holding(|kind| match kind {
            FaultKind::Status(_)
            | FaultKind::EndlessHead
            | FaultKind::HugeBody(_)
            | FaultKind::SdpGarbage => Some(kind.clone()),
            _ => None,
        });
        if let Some((fault, _)) = fault {
            return self.describe_badly(&fault, request);
        }
        let (options, oddities) = (self.options(), self.oddities(request));
        let mut sdp = sdp::describe(&oddities.clip(&options.clip), options.parameter_sets, &script);
        if let Some(audio) = self.audio(&script) {
            sdp.push_str(&audio.describe(AUDIO_TRACK));
        }
        let base = request.base();
        let base = match base.strip_prefix("rtsp://") {
            Some(rest) if oddities.has(Oddity::ContentBaseWithoutScheme) => rest,
            _ => &base,
        };
        Some(Response::new(200).header("Content-Base", base).body("application/sdp", oddities.sdp(&sdp)))
    }

    /// What a fault makes of the answer to DESCRIBE; `None` where it has been written and goes on.
    fn describe_badly(&mut self, fault: &FaultKind, request: &Request) -> Option<Response> {
        let response = Response::new(200).header("Content-Type", "application/sdp");
        let cseq = request.header("CSeq");
        match fault {
            FaultKind::Status(status) => return Some(Response::new(*status)),
            FaultKind::EndlessHead => {
                response.write(cseq, &mut self.output);
                // Without the empty line that would end it.
                self.output.truncate(self.output.len() - 2);
                let line = format!("X-Endless: {}\r\n", "x".repeat(115));
                self.flood = Some(Flood { bytes: line.repeat(FLOOD / 128).into(), left: u64::MAX });
            }
            FaultKind::HugeBody(length) => {
                response.header("Content-Length", length).write(cseq, &mut self.output);
                self.flood = Some(Flood { bytes: vec![0; FLOOD], left: *length });
            }
            _ => return Some(Response::new(200).body("application/sdp", "\u{1}v\0=\u{fffd}\r\nm==".into())),
        }
        None
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
        let refused = self.shared.holding(|kind| match kind {
            FaultKind::SetupStatus(status) => Some(*status),
            _ => None,
        });
        if let Some((status, _)) = refused {
            return Response::new(status);
        }
        if self.session.as_ref().is_some_and(|session| session.play.is_some()) {
            return Response::new(455).header("Allow", METHODS);
        }
        let Some(channels) = request.header("Transport").and_then(interleaved_channels) else {
            return Response::new(461);
        };
        let oddities = self.oddities(request);
        let control = request.path().rsplit('/').next().unwrap_or_default();
        let audio = self.audio(&script).filter(|_| control == AUDIO_TRACK);
        let is_other = audio.is_none() && control.starts_with("trackID=") && control != TRACK;
        // Those that oddities describe are accepted, and never send.
        let is_described = oddities.has(Oddity::SecondAudio) || oddities.has(Oddity::TpLinkTrack);
        if is_other && !is_described {
            return Response::new(404);
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let Some(place) = self.shared.take_place(oddities.most_sessions(), oddities.kept_for())
                else {
                    return Response::new(453);
                };
                Session {
                    id: format!("{:016x}", self.random.u64(..)),
                    script,
                    tracks: Tracks::default(),
                    track_urls: Vec::new(),
                    oddities: oddities.clone(),
                    play: None,
                    place,
                }
            }
        };
        let session = self.session.insert(session);
        let mut origin = Origin {
            channels,
            ssrc: self.random.u32(..),
            sequence: self.random.u16(..),
            timestamp: self.random.u32(..),
        };
        if oddities.has(Oddity::FirstSequenceZero) {
            origin.sequence = 0;
        }
        if oddities.has(Oddity::TimestampsFromZero) {
            origin.timestamp = 0;
        }
        let tells_ssrc = !oddities.has(Oddity::StalePackets);
        let mut ssrc = format!("{:08X}", origin.ssrc);
        if oddities.has(Oddity::SpaceInSsrc) {
            origin.ssrc = origin.ssrc & 0x0fff_ffff | 0x0100_0000;
            ssrc = format!("{:8x}", origin.ssrc);
        }
        match audio {
            Some(audio) => session.tracks.audio = Some((audio, origin)),
            None if is_other => {}
            None => session.tracks.video = Some(origin),
        }
        session.track_urls.retain(|(url, _)| *url != request.url);
        session.track_urls.push((request.url.clone(), origin));
        let (rtp, rtcp) = channels;
        let mut transport = format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}");
        if tells_ssrc {
            transport += &format!(";ssrc={ssrc}");
        }
        self.with_session(Response::new(200)).header("Transport", transport)
    }

    fn play(&mut self, request: &Request) -> Response {
        let oddities = self.oddities(request);
        let shared = &self.shared;
        let Some(session) = &mut self.session else { return Response::new(454) };
        if session.play.is_none() {
            let media = match session.script {
                // A path's own: the camera's media is that of all its paths.
                Script::Odd(_) => {
                    let clip =
                        session.oddities.packetized(&shared.options.clip, shared.options.parameter_sets);
                    let (other, faults) = (shared.media.other.clone(), shared.media.faults.clone());
                    Arc::new(Media { clip, other, faults })
                }
                _ => shared.media.clone(),
            };
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
            let sender = sends.then(|| Sender::new(&media, &session.script, session.tracks, setting));
            session.play = Some(Play { started: Instant::now(), sender, _counted: shared.count_playing() });
        }
        let info = |(url, origin): &(String, Origin)| {
            let Origin { sequence, timestamp, .. } = origin;
            if oddities.has(Oddity::RtptimeMinusOne) {
                return format!("url={url};seq={sequence};rtptime=-1");
            }
            format!("url={url};seq={sequence};rtptime={timestamp}")
        };
        let info = session.track_urls.iter().map(info).collect::<Vec<_>>().join(",");
        if oddities.has(Oddity::NonceExpires) {
            self.renew_nonce();
        }
        let response = self.with_session(Response::new(200)).header("Range", "npt=0.000-");
        if oddities.has(Oddity::NoRtpInfo) { response } else { response.header("RTP-Info", info) }
    }

    fn teardown(&mut self, request: &Request) -> Response {
        if let Some(session) = self.session.take() {
            session.place.give_back();
        }
        self.shared.count_teardown();
        Response::new(if self.oddities(request).has(Oddity::TeardownFails) { 500 } else { 200 })
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
