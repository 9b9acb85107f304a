//! TLS to cameras (RTSPS): whose certificates are trusted, and the handshake. retina speaks none, so it is in the relay of
//! the [guard](super::guard).
//!
//! A certificate is always verified, by its name and by who issued it: there is no switch against that, for it would be left
//! on. A camera with a certificate of its own making is trusted by `RTSPS_CA`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// A camera's connection.
pub(super) type Stream = TlsStream<TcpStream>;

/// Why nobody's certificates can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read, or holds no certificate.
    #[error("RTSPS_CA: {}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// Whose certificates are trusted.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Those of the authorities in the PEM file `authorities`; without one, those that the system trusts.
    ///
    /// # Errors
    /// Where the file is of no use. A system that trusts nobody is none: its cameras are told so.
    pub fn load(authorities: Option<&Path>) -> Result<Self, TrustError> {
        let roots = match authorities {
            Some(path) => {
                of_file(path).map_err(|problem| TrustError::File { path: path.to_owned(), problem })?
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(found.certs);
                roots
            }
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        #[expect(clippy::expect_used, reason = "ring has the cipher suites of the default versions")]
        let builder = builder.with_safe_default_protocol_versions().expect("ring speaks TLS 1.2 and 1.3");
        Ok(Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }

    pub(super) async fn connect(&self, host: &str, socket: TcpStream) -> io::Result<Stream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connecting = TlsConnector::from(self.0.clone()).connect(name, socket);
        connecting.await.map_err(|error| {
            let hint = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::InvalidCertificate(_)) => {
                    " (RTSPS_CA names whose certificates are trusted)"
                }
                Some(rustls::Error::InvalidMessage(_)) => {
                    " (no TLS is spoken there: rtsps:// has another port than rtsp://)"
                }
                _ => "",
            };
            io::Error::new(error.kind(), format!("TLS: {error}{hint}"))
        })
    }
}

fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    for certificate in found {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(roots)
}
