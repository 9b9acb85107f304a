//! Certificate and key: read, held against each other, and taken anew when their files change.
//!
//! The files are read every few seconds instead of being watched: links that are switched (certbot, Kubernetes), network
//! drives and files that are replaced all look the same that way, and a few KiB cost nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::TlsFiles;

/// Why there is no TLS with these files. Each is one line that a person can act on.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: {}: {source}", path.display())]
    Read {
        /// `TLS_CERT` or `TLS_KEY`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has not in it what it should have.
    #[error("{setting}: {}: {problem}", path.display())]
    Content {
        /// `TLS_CERT` or `TLS_KEY`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The key is another certificate's.
    #[error(
        "the key in {} (TLS_KEY) does not belong to the first certificate in {} (TLS_CERT): give the key that it was \
         issued for; the server's own certificate comes first in the file, those of its issuers after it",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

/// What the two files hold. Not to be printed: one of them is a secret.
#[derive(Clone, PartialEq, Eq)]
struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// What a look at the files found, or why it found nothing.
type Look = Result<Pem, String>;

/// Certificate and key, as the files have them or had them when they were last in order.
pub struct Certificates {
    files: TlsFiles,
    first: Pem,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read, or holds something else, or the key is another certificate's.
    pub async fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let first = Pem::read(&files).await?;
        let config = first.server_config(&files)?;
        Ok(Self { files, first, current: watch::Sender::new(Arc::new(config)) })
    }

    /// Looks at the files for as long as it is polled. Connections that are open keep what they began with.
    pub async fn keep_fresh(&self) {
        let mut looks = tokio::time::interval(self.files.look_every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut judge = Judge::new(self.first.clone());
        loop {
            looks.tick().await;
            let found = Pem::read(&self.files).await.map_err(|error| error.to_string());
            let Some(news) = judge.settled(found) else { continue };
            let config =
                news.and_then(|pem| pem.server_config(&self.files).map_err(|error| error.to_string()));
            match config {
                Ok(config) => {
                    self.current.send_replace(Arc::new(config));
                    tracing::info!("TLS: the files have changed; new connections get the new certificate");
                }
                Err(error) => {
                    tracing::warn!(error, "TLS: the files have changed; the certificate stays as it was")
                }
            }
        }
    }

    pub(super) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.current.borrow().clone();
        TlsAcceptor::from(config).accept(socket).await
    }
}

/// Which looks are news.
struct Judge {
    last: Look,
    judged: Look,
}

impl Judge {
    fn new(first: Pem) -> Self {
        Self { last: Ok(first.clone()), judged: Ok(first) }
    }

    /// What was `found`, if it is new and the same as at the last look: two files are not written in one instant, and what
    /// is half written is no news.
    fn settled(&mut self, found: Look) -> Option<Look> {
        let settled = found == self.last;
        self.last = found;
        if !settled || self.last == self.judged {
            return None;
        }
        self.judged = self.last.clone();
        Some(self.judged.clone())
    }
}

impl Pem {
    async fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = async |setting, path: &Path| {
            let read = tokio::fs::read(path).await;
            read.map_err(|source| TlsError::Read { setting, path: path.to_owned(), source })
        };
        Ok(Self {
            certificate: read("TLS_CERT", &files.certificate).await?,
            key: read("TLS_KEY", &files.key).await?,
        })
    }

    fn server_config(&self, files: &TlsFiles) -> Result<ServerConfig, TlsError> {
        let in_certificate = |problem: String| TlsError::Content {
            setting: "TLS_CERT",
            path: files.certificate.clone(),
            problem,
        };
        let chain = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| in_certificate(format!("this is no PEM: {error}")))?;
        if chain.is_empty() {
            return Err(in_certificate(
                "there is no certificate in it: it is to be PEM, and begin with -----BEGIN CERTIFICATE-----"
                    .into(),
            ));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| TlsError::Content {
            setting: "TLS_KEY",
            path: files.key.clone(),
            problem: self.why_no_key(&error),
        })?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = builder
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() }
            }
            // Certificates are not judged before keys have been found to be good.
            error @ rustls::Error::InvalidCertificate(_) => in_certificate(error.to_string()),
            error => {
                TlsError::Content { setting: "TLS_KEY", path: files.key.clone(), problem: error.to_string() }
            }
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn why_no_key(&self, error: &pem::Error) -> String {
        if self.key.windows(9).any(|window| window == b"ENCRYPTED") {
            return "the key is encrypted: write it without a password (openssl pkey -in … -out …)".into();
        }
        match error {
            pem::Error::NoItemsFound => {
                "there is no private key in it: it is to be PEM, with a line such as -----BEGIN PRIVATE KEY-----".into()
            }
            error => format!("this is no PEM: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(certificate: &str, key: &str) -> Pem {
        Pem { certificate: certificate.into(), key: key.into() }
    }

    #[test]
    fn files_are_judged_once_when_they_have_stayed_the_same_for_two_looks() {
        let (old, half, new) = (pem("1", "1"), pem("2", "1"), pem("2", "2"));
        let mut judge = Judge::new(old.clone());
        let mut settled = |look: Look| judge.settled(look).map(|news| news.is_ok());
        assert_eq!(settled(Ok(old.clone())), None);
        assert_eq!(settled(Ok(half.clone())), None, "the key is still to come");
        assert_eq!(settled(Ok(new.clone())), None);
        assert_eq!(settled(Ok(new.clone())), Some(true));
        assert_eq!(settled(Ok(new)), None, "that is known");
        assert_eq!(settled(Err("gone".into())), None);
        assert_eq!(settled(Err("gone".into())), Some(false));
        assert_eq!(settled(Err("gone".into())), None, "and told once");
    }
}
