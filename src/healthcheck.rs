//! Whether the gateway of this machine answers: `camgate healthcheck`, for images that hold nothing else to ask with.
//!
//! One request by hand instead of a client library: it goes to this machine, and of the answer the status alone counts.
//! How the gateway judges itself belongs to the route that is asked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::config::Config;

/// What is asked for.
const PATH: &str = "/readyz";

/// Longest that the answer may take. Docker and its like ask every half a minute, and wait longer.
const LIMIT: Duration = Duration::from_secs(3);

/// How a TLS record begins that tells of an error: its type, alert (RFC 8446 §5.1), and the first byte of its version.
const TLS_ALERT: [u8; 2] = [21, 3];

/// Why the gateway does not count as healthy.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Nobody knows which port was taken.
    #[error("PORT is 0, any free one: set PORT to the gateway's")]
    AnyPort,
    /// No connection, or it broke off.
    #[error("{address}: {source}; does the gateway run, with this HOST and PORT?")]
    Connection {
        /// Where it was asked.
        address: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// No answer in time.
    #[error("{address}: no answer within {} s", LIMIT.as_secs())]
    Late {
        /// Where it was asked.
        address: SocketAddr,
    },
    /// Something else listens there, or TLS is set for one side alone.
    #[error("{address}: the answer is not {expected}")]
    Stranger {
        /// Where it was asked.
        address: SocketAddr,
        /// What a gateway with these settings speaks.
        expected: &'static str,
    },
    /// It answers, and is not well.
    #[error("{address}{PATH}: HTTP status {status}")]
    Status {
        /// Where it was asked.
        address: SocketAddr,
        /// The status of the answer.
        status: u16,
    },
}

/// Asks the gateway that runs with `config` on this machine, and says in a line what was found.
///
/// With TLS a request in plain text is sent, which has to be answered with an alert: that it listens and speaks TLS is all
/// that is known then. Its certificate is for names that this machine may not know it by.
///
/// # Errors
/// It did not answer in time, or said that it is not well.
pub async fn ask(config: &Config) -> Result<String, Unhealthy> {
    if config.port == 0 {
        return Err(Unhealthy::AnyPort);
    }
    let address = SocketAddr::new(reachable(config.host), config.port);
    let asked = tokio::time::timeout(LIMIT, exchange(address)).await;
    let asked = asked.map_err(|_elapsed| Unhealthy::Late { address })?;
    let begin = asked.map_err(|source| Unhealthy::Connection { address, source })?;
    if config.tls.is_some() {
        let is_alert = begin.starts_with(&TLS_ALERT);
        let expected = "TLS";
        return if is_alert {
            Ok(format!("{address}: speaks TLS"))
        } else {
            Err(Unhealthy::Stranger { address, expected })
        };
    }
    match status(&begin) {
        Some(status @ 200..=299) => Ok(format!("{address}{PATH}: HTTP status {status}")),
        Some(status) => Err(Unhealthy::Status { address, status }),
        None => Err(Unhealthy::Stranger { address, expected: "HTTP" }),
    }
}

/// Where a gateway that listens on `host` is reached from its own machine.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        given => given,
    }
}

/// How the answer begins: as much of it as its status line takes, if it is one.
async fn exchange(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut begin = Vec::with_capacity(256);
    while begin.len() < 64 && !begin.contains(&b'\n') {
        if socket.read_buf(&mut begin).await? == 0 {
            break;
        }
    }
    Ok(begin)
}

/// The status in `HTTP/1.1 200 OK` (RFC 9112 §4).
fn status(begin: &[u8]) -> Option<u16> {
    let line = begin.split(|&byte| byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_on_every_interface_is_asked_on_loopback() {
        for (host, asked) in [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.7", "192.0.2.7")] {
            assert_eq!(reachable(host.parse().unwrap()).to_string(), asked);
        }
    }

    #[test]
    fn a_status_line_is_read_and_nothing_else_is_taken_for_one() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\ncontent-type: x"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503\r\n"), Some(503));
        for other in
            [&b""[..], b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 OK 200\r\n", &[21, 3, 3, 0, 2, 2, 50]]
        {
            assert_eq!(status(other), None, "{other:?}");
        }
    }
}
