//! A guard before retina: bounds what a camera can make it hold.
//!
//! retina 0.4.21 collects a head, a body or a picture for as long as it goes on, and connects its socket itself. So it is
//! given a listener on loopback to connect to, and what lies between that and the camera is here: a relay that holds
//! one buffer at most in each direction and counts. It limits and does not judge: what is RTSP, retina says.
//!
//! A picture is what retina hands out as one. Neither marker bits nor timestamps tell where it lets go of what it holds: it
//! goes on collecting behind both until a NAL unit has come that can end an access unit.

mod framing;
mod policy;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{IngestError, SourceUrl};
use framing::Framing;

pub use policy::Policy;

/// For `fuzz/`: how far the framing gets in a stream that comes in `pieces`, in words that are the same for the same
/// state.
///
/// # Errors
/// What the stream has too much of.
#[cfg(fuzzing)]
pub fn read_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<String, Excess> {
    let mut framing = Framing::default();
    pieces.into_iter().try_for_each(|piece| framing.read(piece))?;
    Ok(format!("{framing:?}"))
}

/// What is read at once, and the most that is held.
const BUFFER: usize = 64 << 10;

/// The most that may come from one picture to the next, or until the camera plays.
const MAX_PICTURE: usize = 8 << 20;

/// How long a session that was dropped may take to say so to its camera.
const LEAVE: Duration = Duration::from_secs(2);

/// What was too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The head of a message.
    Head,
    /// The body of a message.
    Body,
    /// All that came without a picture being complete.
    Picture,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => write!(f, "an RTSP answer with a head of over {} KiB", framing::MAX_HEAD >> 10),
            Self::Body => write!(f, "an RTSP answer with a body of over {} KiB", framing::MAX_BODY >> 10),
            Self::Picture => write!(f, "over {} MiB without completing a picture", MAX_PICTURE >> 20),
        }
    }
}

/// The relay of one session. It moves while it is polled; to drop it is to let the session take its leave.
#[derive(Debug)]
pub struct Relay {
    /// None once the connection is over.
    wires: Option<Wires>,
    /// Host and port of the camera, as the link has them.
    camera: String,
    /// Where retina connects to.
    local: SocketAddr,
}

impl Relay {
    /// Connects to the camera of `source` at `address`, and listens for the one connection of retina.
    ///
    /// # Errors
    /// [`IngestError::Unreachable`], in the words that retina has for it.
    pub async fn connect(source: &SourceUrl, address: SocketAddr) -> Result<Self, IngestError> {
        let camera = source.address();
        let unreachable = |error: io::Error| IngestError::Unreachable {
            address: source.address(),
            reason: error.to_string(),
        };
        let socket = TcpStream::connect(address).await.map_err(unreachable)?;
        let (wires, local) = Wires::new(socket).map_err(unreachable)?;
        Ok(Self { wires: Some(wires), camera, local })
    }

    /// The link with the relay's address in place of the camera's. The camera sees that address in requests, as it
    /// sees another than its own where a router forwards a port.
    pub fn request_url(&self, source: &SourceUrl) -> url::Url {
        let mut url = source.request_url().clone();
        // Neither fails: the link has a host.
        let _ = url.set_ip_host(self.local.ip());
        let _ = url.set_port(Some(self.local.port()));
        url
    }

    /// `text` with the camera's address in place of the relay's.
    pub fn unmask(&self, text: &str) -> String {
        text.replace(&self.local.to_string(), &self.camera)
    }

    /// What `future` gives, with the relay moving until then.
    ///
    /// # Errors
    /// [`IngestError::TooMuch`].
    pub async fn alongside<F: Future>(&mut self, future: F) -> Result<F::Output, IngestError> {
        let mut future = pin!(future);
        poll_fn(|context| {
            // It goes first: the listener must hear of its connection before anyone else can.
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            self.poll(context)?;
            Poll::Pending
        })
        .await
    }

    /// Passes on what is there, and has the task woken when there is more.
    ///
    /// # Errors
    /// [`IngestError::TooMuch`]; the connection is closed then.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Result<(), IngestError> {
        let Some(wires) = &mut self.wires else { return Ok(()) };
        let Poll::Ready(end) = wires.poll(context) else { return Ok(()) };
        self.wires = None;
        end.map_err(IngestError::TooMuch)
    }

    /// retina has handed out a picture, or will from now on.
    pub fn completed(&mut self) {
        if let Some(wires) = &mut self.wires {
            wires.since_picture = 0;
        }
    }
}

impl Drop for Relay {
    /// retina sends TEARDOWN from a task of its own, when the session is dropped.
    fn drop(&mut self) {
        let (Some(mut wires), Ok(runtime)) = (self.wires.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        wires.since_picture = 0;
        let leaving = poll_fn(move |context| wires.poll(context).map(drop));
        runtime.spawn(async move {
            let _ = tokio::time::timeout(LEAVE, leaving).await;
        });
    }
}

#[derive(Debug)]
struct Wires {
    camera: TcpStream,
    retina: Retina,
    requests: Way,
    answers: Way,
    framing: Framing,
    /// Bytes from the camera since the last picture.
    since_picture: usize,
}

#[derive(Debug)]
enum Retina {
    Expected(TcpListener),
    Here(TcpStream),
}

impl Wires {
    fn new(camera: TcpStream) -> io::Result<(Self, SocketAddr)> {
        camera.set_nodelay(true)?;
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(1)?;
        let local = listener.local_addr()?;
        let wires = Self {
            camera,
            retina: Retina::Expected(listener),
            requests: Way::default(),
            answers: Way::default(),
            framing: Framing::default(),
            since_picture: 0,
        };
        Ok((wires, local))
    }

    /// Ready when the connection is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Excess>> {
        let Self { camera, retina, requests, answers, framing, since_picture } = self;
        if let Retina::Expected(listener) = retina {
            let Ok((socket, _)) = ready!(listener.poll_accept(context)) else { return Poll::Ready(Ok(())) };
            let _ = socket.set_nodelay(true);
            // This closes the listener. Should another process have been quicker than retina, retina's own connection is
            // reset with that, and the attempt to connect fails.
            *retina = Retina::Here(socket);
        }
        let Retina::Here(retina) = retina else { return Poll::Pending };
        // With retina gone there is no one to read for.
        while let Poll::Ready(passed) = requests.poll(retina, camera, context, |_| Ok(())) {
            if !passed.is_ok_and(|bytes| bytes > 0) {
                return Poll::Ready(Ok(()));
            }
        }
        let mut see = |bytes: &[u8]| {
            *since_picture += bytes.len();
            if *since_picture > MAX_PICTURE { Err(Excess::Picture) } else { framing.read(bytes) }
        };
        let mut passed = 0;
        while passed < BUFFER {
            match ready!(answers.poll(camera, retina, context, &mut see)) {
                Ok(bytes) => passed += bytes,
                Err(End::TooMuch(excess)) => return Poll::Ready(Err(excess)),
                Err(End::Broken) => {
                    // retina is to see a broken connection too, not the end of one.
                    let _ = retina.set_zero_linger();
                    return Poll::Ready(Ok(()));
                }
            }
        }
        // It is retina's turn: what it does not take in between counts as if no picture had come.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Why bytes are not passed on.
enum End {
    Broken,
    TooMuch(Excess),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// What was read and could not be written yet, up to a buffer of it.
    held: Vec<u8>,
    /// How much of that was written since.
    written: usize,
    has_ended: bool,
}

impl Way {
    /// Passes on what one read gives, if `see` lets it pass, and tells how much that was: nothing at the end, once.
    fn poll(
        &mut self,
        from: &mut TcpStream,
        to: &mut TcpStream,
        context: &mut Context<'_>,
        mut see: impl FnMut(&[u8]) -> Result<(), Excess>,
    ) -> Poll<Result<usize, End>> {
        while self.written < self.held.len() {
            self.written += ready!(write(to, &self.held[self.written..], context))?;
        }
        (self.held, self.written) = (Vec::new(), 0);
        if self.has_ended {
            return Poll::Pending;
        }
        // On the stack and not cleared: it costs nothing between two reads, for however many cameras.
        let mut space = [const { MaybeUninit::uninit() }; BUFFER];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(from).poll_read(context, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            self.has_ended = true;
            ready!(Pin::new(to).poll_shutdown(context))?;
            return Poll::Ready(Ok(0));
        }
        see(bytes).map_err(End::TooMuch)?;
        let mut written = 0;
        while written < bytes.len() {
            match write(to, &bytes[written..], context) {
                Poll::Ready(more) => written += more?,
                Poll::Pending => {
                    self.held = bytes[written..].to_vec();
                    break;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }
}

/// At least one byte.
fn write(to: &mut TcpStream, bytes: &[u8], context: &mut Context<'_>) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(to).poll_write(context, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(Ok(written)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A relay to a camera that only listens.
    async fn relay() -> (TcpListener, SourceUrl, Relay) {
        let camera = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let link = format!("rtsp://admin:x@{}/demo?channel=1", camera.local_addr().unwrap());
        let source = SourceUrl::parse(&link).unwrap();
        let relay = Relay::connect(&source, camera.local_addr().unwrap()).await.unwrap();
        (camera, source, relay)
    }

    #[tokio::test]
    async fn an_address_of_a_relay_is_told_as_the_cameras() {
        let (_camera, source, relay) = relay().await;
        let asked = relay.request_url(&source);
        assert_ne!(asked, *source.request_url());
        assert_eq!(relay.unmask(&format!("no {asked} here")), format!("no {} here", source.request_url()));
    }

    #[tokio::test]
    async fn one_connection_is_taken_and_others_are_reset() {
        let (_camera, _, mut relay) = relay().await;
        let local = relay.local;
        let mut first = TcpStream::connect(local).await.unwrap();
        let mut second = TcpStream::connect(local).await.unwrap();
        let reset = relay.alongside(second.read_u8()).await.unwrap();
        assert_eq!(reset.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(
            first.try_read(&mut [0]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock,
            "it is still open"
        );
        let third = TcpStream::connect(local).await;
        assert_eq!(third.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        first.shutdown().await.unwrap();
    }
}
