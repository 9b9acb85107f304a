//! A run of nginx with the files of `docker/nginx/`, in which paths, ports and addresses are replaced and nothing else.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::common::http::Client;
use super::common::wait::{answer, soon};

/// A running nginx. It is a [`Client`] of its port of plain HTTP.
pub(crate) struct Nginx {
    master: Child,
    folder: TempDir,
    http: Client,
    #[cfg(feature = "tls")]
    tls: Option<tls::Side>,
}

impl Nginx {
    /// Plain HTTP in front of `gateway`.
    pub(crate) async fn plain(gateway: &Client) -> Self {
        let folder = folder();
        Self::run(folder, gateway, free_address()).await
    }

    async fn run(folder: TempDir, gateway: &Client, address: SocketAddr) -> Self {
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let root = format!("{}/", folder.path().to_str().unwrap());
        write(
            &folder,
            "upstream.conf",
            &[("server 127.0.0.1:8088;", &format!("server {};", gateway.address))],
        );
        write(
            &folder,
            "camgate.conf",
            &[
                ("listen 80;", &format!("listen {address};")),
                ("    listen [::]:80;\n", ""),
                ("/etc/nginx/camgate/", &root),
                ("/var/cache/nginx/", &root),
                ("/var/log/nginx/", &root),
                ("/var/www/acme", &path("acme")),
                // The rest of loopback stands for those outside.
                ("allow 127.0.0.0/8;", "allow 127.0.0.1;"),
            ],
        );
        write(
            &folder,
            "nginx.conf",
            &[
                ("/run/nginx.pid", &path("nginx.pid")),
                ("/var/log/nginx/error.log", &path("error.log")),
                ("/etc/nginx/conf.d/*.conf", &path("camgate.conf")),
                ("http {\n", &format!("http {{\n{}", temporary(&root))),
                // As many as a machine allows that nothing was set up on.
                ("worker_rlimit_nofile 65536;\n", ""),
                ("worker_connections 16384;", "worker_connections 400;"),
                // Its files belong to whoever runs the test.
                ("worker_processes auto;", "daemon off; worker_processes 2; user root;"),
            ],
        );
        let mut command = Command::new("nginx");
        let search = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        command.env("PATH", search).args(["-p", &root, "-e", &path("error.log"), "-c", &path("nginx.conf")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let master = command.spawn().expect("nginx is there: scripts/setup-debian.sh installs it");
        let http = Client { address };
        let mut nginx = Self {
            master,
            folder,
            http,
            #[cfg(feature = "tls")]
            tls: None,
        };
        let listens = async || {
            let ended = nginx.master.try_wait().unwrap();
            assert!(ended.is_none(), "nginx: {ended:?}\n{}", nginx.error_log());
            TcpStream::connect(address).await.ok()
        };
        soon("nginx's start", answer(listens)).await;
        nginx
    }

    /// What it wrote of requests so far.
    pub(crate) fn access_log(&self) -> String {
        self.read("access.log")
    }

    /// What it complained of so far.
    pub(crate) fn error_log(&self) -> String {
        self.read("error.log")
    }

    /// The files of its cache, with what they hold.
    pub(crate) fn cached(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.folder.path().join("camgate"), &mut found);
        found
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

impl Deref for Nginx {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.http
    }
}

impl Drop for Nginx {
    /// By a signal that it can take: killed, it would leave its workers behind.
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.master.id().to_string()]).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.master.wait();
        }
        if std::thread::panicking() {
            eprintln!("nginx: {}", self.error_log());
        }
    }
}

/// The status that a client at `source` gets, which is an address of loopback.
pub(crate) async fn get_from(source: &str, nginx: &Nginx, path: &str) -> u16 {
    let exchange = async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(source.parse::<IpAddr>().unwrap(), 0)).unwrap();
        let mut stream = socket.connect(nginx.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", nginx.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer).into_owned();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    };
    soon(path, exchange).await
}

fn folder() -> TempDir {
    TempDir::with_prefix("camgate-nginx-").unwrap()
}

/// Nobody else is likely to take it within the moment until nginx does.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Where nginx keeps what it is at, with each module that Debian builds in.
fn temporary(root: &str) -> String {
    let line = |kind| format!("    {kind}_temp_path {root}temporary-{kind};\n");
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(line).concat()
}

/// Writes the file of `docker/nginx/` with replacements: each has to be of something that is there.
fn write(folder: &TempDir, name: &str, replacements: &[(&str, &str)]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/nginx").join(name);
    let mut text = std::fs::read_to_string(source).unwrap();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from:?} is not in {name}");
        text = text.replace(from, to);
    }
    let target = if name == "tls.conf" { "tls/tls.conf" } else { name };
    std::fs::write(folder.path().join(target), text).unwrap();
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(mut file) = std::fs::File::open(&path) {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            found.push((path, bytes));
        }
    }
}

#[cfg(feature = "tls")]
mod tls {
    use std::sync::Arc;

    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

    use super::{Client, Nginx, SocketAddr, TcpStream, folder, free_address, soon, write};
    use crate::common::http::Http2;

    /// Where it speaks TLS, and as whom.
    pub(super) struct Side {
        address: SocketAddr,
        certificate: CertificateDer<'static>,
    }

    impl Nginx {
        /// Plain HTTP and TLS in front of `gateway`.
        pub(crate) async fn with_tls(gateway: &Client) -> Self {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let (folder, address) = (folder(), free_address());
            let tls = folder.path().join("tls");
            std::fs::create_dir(&tls).unwrap();
            std::fs::write(tls.join("cert.pem"), made.cert.pem()).unwrap();
            std::fs::write(tls.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
            write(
                &folder,
                "tls.conf",
                &[
                    ("listen 443 ssl", &format!("listen {address} ssl")),
                    ("listen [::]:443 ssl http2;\n", ""),
                    ("/etc/nginx/camgate/tls", tls.to_str().unwrap()),
                ],
            );
            let mut nginx = Self::run(folder, gateway, free_address()).await;
            nginx.tls = Some(Side { address, certificate: made.cert.der().clone() });
            nginx
        }

        /// A connection that trusts its certificate alone, and on which HTTP/2 was agreed.
        pub(crate) async fn http2(&self) -> Http2 {
            let side = self.tls.as_ref().unwrap();
            let mut roots = RootCertStore::empty();
            roots.add(side.certificate.clone()).unwrap();
            let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
            let builder = builder.with_safe_default_protocol_versions().unwrap();
            let mut config = builder.with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            let socket = TcpStream::connect(side.address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let connecting = TlsConnector::from(Arc::new(config)).connect(name, socket);
            let stream = soon("the handshake", connecting).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            Http2::over(stream).await
        }
    }
}
