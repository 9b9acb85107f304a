//! What stands in for TLS where camgate is built without it: there are no certificates, and who wants some is told.

use std::io;

use tokio::net::TcpStream;

use crate::config::TlsFiles;

/// Certificate and key: there are none.
#[derive(Debug)]
pub enum Certificates {}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
#[error(
    "TLS_CERT is set, and this camgate was built without TLS: build it with the feature tls, which is on by default, or \
     put a proxy in front"
)]
pub struct TlsError;

impl Certificates {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub async fn load(_files: TlsFiles) -> Result<Self, TlsError> {
        Err(TlsError)
    }

    /// There is nothing to look at.
    pub async fn keep_fresh(&self) {
        match *self {}
    }

    pub(super) async fn accept(&self, _socket: TcpStream) -> io::Result<TcpStream> {
        match *self {}
    }
}
