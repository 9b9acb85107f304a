//! Connections of clients: TLS, HTTP/1.1 or HTTP/2, and their end. What is answered is not decided here.
//!
//! A client tells by its first bytes which HTTP it speaks; over TLS it has agreed on one before (ALPN). Each connection
//! is a task on one of a few threads, where it stays, and no step of it can be held open for ever: [`Limits`].

mod door;
mod lent;
#[cfg_attr(not(target_os = "linux"), path = "serve/no_pages.rs")]
mod pages;
mod places;
mod taken;
#[cfg_attr(not(feature = "tls"), path = "serve/no_tls.rs")]
pub mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{Request, Version};
use axum::response::Response;
use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::door::Door;
use self::lent::{Lent, Sender};
use self::places::{Full, Most, Place, Places};
use self::taken::Answers;
use self::tls::Certificates;
use crate::access::Access;
use crate::hls::segment::OfPart;
use crate::live::Live;
use crate::threads::{Pool, Seat, Thread};

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From its acceptance to its first request, the TLS handshake included.
    pub first_request: Duration,
    /// Without a new request for so long (twice that at most) it is told to end, and so it is where an answer has not been taken
    /// for as long, whatever else it asks for. After once more it is cut, whatever it is doing: a client that sends the rest of
    /// its request, or takes the rest of its answer, byte by byte.
    pub idle: Duration,
}

impl Default for Limits {
    /// Proxies and browsers keep connections for 60 s and more: the side that asks ends them first.
    fn default() -> Self {
        Self { first_request: Duration::from_secs(10), idle: Duration::from_secs(75) }
    }
}

/// Requests that one HTTP/2 connection may have open: a proxy asks for many viewers over one, and each may be held.
const STREAMS: u32 = 1000;

/// How often an HTTP/2 peer is asked whether it is there, and how long it may take to answer.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// Connections without TLS for which a thread is surely quick enough: it hands out 3 GB a second.
const MANY: usize = 250;

/// What all connections share.
pub struct Server<A> {
    app: A,
    certificates: Option<Arc<Certificates>>,
    limits: Limits,
    access: Arc<Live<Access>>,
    places: Arc<Places>,
    builder: Builder<TokioExecutor>,
    drain: CancellationToken,
    end: CancellationToken,
}

impl<A, F, B> Server<A>
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data: Send, Error: Into<axum::BoxError>> + OfPart + Send + Unpin + 'static,
{
    /// Answers by `app`, which is told the client's address, over TLS alone if there are certificates.
    ///
    /// After `drain` no connection is accepted, and those that there are end after the answers they are at; at `end` they
    /// are cut.
    pub fn new(
        app: A,
        certificates: Option<Arc<Certificates>>,
        limits: Limits,
        access: Arc<Live<Access>>,
        drain: CancellationToken,
        end: CancellationToken,
    ) -> Arc<Self> {
        let mut builder = Builder::new(TokioExecutor::new());
        // A client may say that it has nothing more to ask and wait for its answer (RFC 9112 §9.6): one from a shell, say.
        builder.http1().half_close(true);
        let (interval, patience) = PING;
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(interval)
            .keep_alive_timeout(patience);
        Arc::new(Self { app, certificates, limits, access, places: Arc::default(), builder, drain, end })
    }

    /// Serves whoever connects; resolves when all have gone. If it is dropped before, they are cut.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let (clients, threads) = (TaskTracker::new(), Pool::new(begin));
        // Handshakes are work: those who come with one are shared out from the first on.
        let many = if self.certificates.is_some() { 0 } else { MANY };
        let mut door = Door::new(listener);
        while let Some((socket, peer)) = self.drain.run_until_cancelled(door.accept()).await {
            match self.place(peer) {
                Ok(place) => {
                    let seat = threads.seat(many);
                    let runtime = seat.runtime.clone();
                    clients.spawn_on(self.clone().client(socket, peer, place, seat), &runtime);
                }
                Err(full) => door.refuse(socket, peer, full, self.certificates.is_none()),
            }
        }
        // Whoever comes now is refused rather than left to wait.
        drop(door);
        clients.close();
        clients.wait().await;
    }

    fn place(&self, peer: SocketAddr) -> Result<Place, Full> {
        let access = self.access.get();
        let of_address = (!access.proxies.include(peer.ip())).then_some(access.limits.address_connections);
        self.places.take(peer.ip(), Most { all: access.limits.connections, of_address })
    }

    async fn client(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, place: Place, _seat: Seat<()>) {
        // It was accepted on another thread, which is told of its events no longer.
        let socket = match socket.into_std().and_then(TcpStream::from_std) {
            Ok(socket) => socket,
            Err(error) => return tracing::warn!(%error, "a connection cannot be watched"),
        };
        // Playlists and parts are small and wanted at once: they do not wait for a full packet.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
        let deadline = Instant::now() + self.limits.first_request;
        match &self.certificates {
            None => {
                let lent = Lent::default();
                self.connection(Sender::new(socket, lent.clone()), Some(lent), peer, deadline, &place).await;
            }
            // On the heap: else every connection would have room for what those with TLS need.
            Some(certificates) => {
                Box::pin(self.tls_client(certificates, socket, peer, deadline, &place)).await;
            }
        }
    }

    async fn tls_client(
        &self,
        certificates: &Certificates,
        socket: TcpStream,
        peer: SocketAddr,
        deadline: Instant,
        place: &Place,
    ) {
        let handshake = timeout_at(deadline, certificates.accept(socket));
        let handshake = place.gives_way.run_until_cancelled(handshake);
        match self.drain.run_until_cancelled(handshake).await.flatten() {
            Some(Ok(Ok(stream))) => self.connection(stream, None, peer, deadline, place).await,
            Some(Ok(Err(error))) => tracing::debug!(%peer, %error, "TLS handshake failed"),
            Some(Err(_late)) => tracing::debug!(%peer, "TLS handshake took too long"),
            None => {}
        }
    }

    /// Serves one connection to its end; its first request has to come by `deadline`. It sends from files what is `lent` to it, if
    /// it can.
    async fn connection<I>(
        &self,
        io: I,
        lent: Option<Lent>,
        peer: SocketAddr,
        deadline: Instant,
        place: &Place,
    ) where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Whether there was a request since the last look.
        let (asked, ever) = (AtomicBool::new(false), AtomicBool::new(false));
        let answers = Arc::new(Answers::default());
        let service = service_fn(|request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            if !ever.swap(true, Ordering::Relaxed) {
                place.has_asked();
            }
            let version = request.version();
            let (answer, answers) = ((self.app)(request, peer), answers.clone());
            // Over HTTP/2 answers come in frames between each other.
            let lent = lent.clone().filter(|_| version != Version::HTTP_2);
            // An async block would have room for the answer's future twice, and move it as often.
            answer.map(move |response| {
                if let Some(lent) = lent {
                    lent.begin(response.body().part());
                }
                Ok::<_, Infallible>(response.map(|body| answers.begin(body, version)))
            })
        });
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(io), service));
        // Looked at when one of them has come, and not whenever the connection goes on: that is many times a second.
        let events = FuturesUnordered::new();
        events.push(self.end.cancelled().map(|()| Event::End).boxed());
        events.push(self.drain.cancelled().map(|()| Event::Drain).boxed());
        events.push(place.gives_way.cancelled().map(|()| Event::GivesWay).boxed());
        events.push(sleep_until(deadline).map(|()| Event::Look).boxed());
        let mut events = pin!(events);
        let (mut has_asked, mut ending) = (false, false);
        loop {
            let event = tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::trace!(%peer, error, "connection ended");
                    }
                    return;
                }
                Some(event) = events.next() => event,
            };
            match event {
                Event::End => return,
                Event::GivesWay if !ever.load(Ordering::Relaxed) => {
                    tracing::debug!(%peer, "connection cut: nothing was asked, and others want its place");
                    return;
                }
                Event::GivesWay => {}
                Event::Drain => connection.as_mut().graceful_shutdown(),
                Event::Look => {
                    let are_left = answers.are_left();
                    if asked.swap(false, Ordering::Relaxed) && !(are_left && has_asked) {
                        has_asked = true;
                    } else if has_asked && !ending {
                        ending = true;
                        connection.as_mut().graceful_shutdown();
                    } else {
                        tracing::debug!(%peer, has_asked, "connection cut: nothing was asked");
                        return;
                    }
                    events.push(sleep_until(Instant::now() + self.limits.idle).map(|()| Event::Look).boxed());
                }
            }
        }
    }
}

/// What comes to a connection from elsewhere than its client.
enum Event {
    /// It is cut.
    End,
    /// It ends after the answers it is at.
    Drain,
    /// Others want its place.
    GivesWay,
    /// It is time to look whether anything was asked.
    Look,
}

fn begin(_connections: Arc<AtomicUsize>) -> io::Result<(Thread, ())> {
    Ok((Thread::begin("clients", || {})?, ()))
}

#[cfg(test)]
mod tests;
