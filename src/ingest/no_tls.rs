//! What stands in for TLS to cameras where camgate is built without it: no camera is reached, and who asks is told why.

use std::io;
use std::path::Path;

use tokio::net::TcpStream;

/// A camera's connection; there is none.
pub(super) type Stream = TcpStream;

/// Why RTSPS_CA is of no use.
#[derive(Debug, thiserror::Error)]
#[error(
    "RTSPS_CA is set, and this camgate was built without TLS: build it with the feature tls, which is on by default"
)]
pub struct TrustError;

/// Nobody's certificates are trusted.
#[derive(Clone)]
pub struct Trust;

impl Trust {
    /// Trusts nobody.
    ///
    /// # Errors
    /// Where someone is to be trusted.
    pub fn load(authorities: Option<&Path>) -> Result<Self, TrustError> {
        authorities.map_or(Ok(Self), |_| Err(TrustError))
    }

    pub(super) async fn connect(&self, _host: &str, _socket: TcpStream) -> io::Result<Stream> {
        Err(io::Error::other("this camgate was built without TLS"))
    }
}
