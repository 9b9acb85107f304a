//! Where clients come in, and where those are sent away for whom there is no place.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::places::Full;

/// What a client gets for whom there is no place.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Clients who are sent away at once, each for twice [`HEARING`] at most: more are cut, and may not read why.
const LEAVING: usize = 64;

/// For how long one that is sent away may ask before it is answered, and take its answer.
const HEARING: Duration = Duration::from_secs(1);

/// Wait after a failure of accept. There is no event for it: any file that the process closes may be what was wanted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// How seldom such failures are told.
const TELL_AGAIN: Duration = Duration::from_secs(60);

pub(super) struct Door {
    listener: TcpListener,
    leaving: Arc<Semaphore>,
    /// When a failure was told last.
    told: Option<Instant>,
    /// When it was told last that there was no place.
    told_full: Option<Instant>,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, leaving: Arc::new(Semaphore::new(LEAVING)), told: None, told_full: None }
    }

    /// The next client.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_the_clients(&error) => {}
                // Too many open files, most likely: clients wait in the backlog until some are closed.
                Err(error) => {
                    if self.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
                        self.told = Some(Instant::now());
                        tracing::warn!(%error, "no connection can be accepted for now");
                    }
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    /// Sends a client away; `in_words` where it would understand them.
    pub(super) fn refuse(&mut self, socket: TcpStream, peer: SocketAddr, full: Full, in_words: bool) {
        if self.told_full.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            self.told_full = Some(Instant::now());
            match full {
                Full::All => tracing::warn!("connections are refused: there are MAX_CONNECTIONS"),
                Full::Address => {
                    tracing::warn!(%peer, "connections are refused: this address has MAX_ADDRESS_CONNECTIONS");
                }
            }
        }
        if !in_words {
            return;
        }
        match self.leaving.clone().try_acquire_owned() {
            Ok(leave) => {
                tokio::spawn(async move {
                    send_away(socket).await;
                    drop(leave);
                });
            }
            // A fresh socket has room for it; whether its client reads it is left to chance.
            Err(_all_taken) => drop(socket.try_write(FULL)),
        }
    }
}

/// Answers so that it is read: a socket that is closed with a request unread is reset, and its client may see that alone; one
/// that answers before it is asked is an error to some (RFC 9112 §9.6).
async fn send_away(mut socket: TcpStream) {
    let _ = timeout(HEARING, socket.readable()).await;
    let answered = async {
        socket.write_all(FULL).await?;
        socket.shutdown().await?;
        let mut asked = [0; 1024];
        while socket.read(&mut asked).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(HEARING, answered).await;
}

/// It left before it was accepted: that says nothing of the next one.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}
