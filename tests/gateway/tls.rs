//! TLS: which HTTP is agreed on, certificates that change, files that are no good, and clients that never finish.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use camgate::config::Config;
use hyper::Request;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::common::gateway::{TestGateway, camera, config, counters};
use crate::common::http::{Client, Http2, form};
use crate::common::process::Camgate;
use crate::common::wait::{answer, soon, within};

/// A certificate for `localhost` and its key, as PEM.
struct Pair {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

impl Pair {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let der = made.cert.der().clone();
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem(), der }
    }
}

/// The two files that the settings name.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new(certificate: &str, key: &str) -> Self {
        let files = Self { directory: TempDir::new().unwrap() };
        files.write(certificate, key);
        files
    }

    fn of(pair: &Pair) -> Self {
        Self::new(&pair.certificate, &pair.key)
    }

    fn write(&self, certificate: &str, key: &str) {
        std::fs::write(self.path("cert.pem"), certificate).unwrap();
        std::fs::write(self.path("key.pem"), key).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn settings(&self) -> [(&'static str, String); 2] {
        let text = |name| self.path(name).to_str().unwrap().to_owned();
        [("TLS_CERT", text("cert.pem")), ("TLS_KEY", text("key.pem"))]
    }

    /// Settings of a gateway that looks at the files often.
    fn config(&self) -> Config {
        let settings = self.settings();
        let mut config = config(&settings.each_ref().map(|(name, value)| (*name, value.as_str())));
        config.tls.as_mut().unwrap().look_every = Duration::from_millis(20);
        config
    }
}

/// Connects and trusts `pair` alone; offers `alpn`.
async fn connect(client: &Client, pair: &Pair, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(pair.der.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(client.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    soon("the handshake", TlsConnector::from(Arc::new(config)).connect(name, socket)).await
}

async fn http2(client: &Client, pair: &Pair) -> Http2 {
    Http2::over(connect(client, pair, &["h2"]).await.unwrap()).await
}

/// Starts `id` from `link`.
async fn start(connection: &Http2, id: &str, link: &str) {
    let query = form(&[("indicator_id", id), ("rtsp_link", link)]);
    connection.get(&format!("/api/stream/start?{query}")).await.ok();
}

#[tokio::test]
async fn client_and_gateway_agree_on_http_2_or_on_http_1() {
    let pair = Pair::new();
    let gateway = TestGateway::of(Files::of(&pair).config()).await;
    for (offered, agreed) in
        [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
    {
        let stream = connect(&gateway, &pair, offered).await.unwrap();
        let chosen =
            stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        assert_eq!(chosen.as_deref(), agreed);
        if agreed == Some("h2") {
            Http2::over(stream).await.get("/api/health").await.ok();
            continue;
        }
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("/api/health").header("host", "localhost").body(String::new()).unwrap();
        assert_eq!(soon("the answer", sender.send_request(request)).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_stream_plays_over_tls() {
    let (camera, pair) = (camera().await, Pair::new());
    let gateway = TestGateway::of(Files::of(&pair).config()).await;
    let connection = http2(&gateway, &pair).await;
    start(&connection, "1", &camera.url("/demo")).await;
    let playlist = connection.get("/streams/1/media.m3u8").await;
    assert_eq!(playlist.status, 200, "{playlist:?}");
    let segment = playlist.text().lines().find(|line| line.contains("/seg-")).unwrap().to_owned();
    let segment = connection.get(&format!("/streams/1/{segment}")).await;
    assert_eq!((segment.status, segment.header("content-type")), (200, "video/mp4"));
    assert_eq!(segment.header("content-length"), segment.body.len().to_string());
}

#[tokio::test]
async fn the_port_of_tls_answers_nothing_else() {
    let gateway = TestGateway::of(Files::of(&Pair::new()).config()).await;
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    socket.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // An alert, or a reset.
    let _ = soon("the end", socket.read_to_end(&mut answer)).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
}

#[tokio::test]
async fn new_files_are_taken_for_new_connections_and_open_ones_go_on() {
    let (old, new) = (Pair::new(), Pair::new());
    let files = Files::of(&old);
    let gateway = TestGateway::of(files.config()).await;
    let open = http2(&gateway, &old).await;
    open.get("/api/health").await.ok();
    files.write(&new.certificate, &new.key);
    let taken = async || connect(&gateway, &new, &["h2"]).await.ok();
    Http2::over(soon("the new certificate", answer(taken)).await).await.get("/api/health").await.ok();
    open.get("/api/health").await.ok();
    assert!(connect(&gateway, &old, &["h2"]).await.is_err(), "the old one is not shown any longer");
}

#[tokio::test]
async fn new_files_that_are_no_good_are_told_of_in_words_and_change_nothing() {
    let (old, other, last) = (Pair::new(), Pair::new(), Pair::new());
    let files = Files::of(&old);
    let settings = files.settings();
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (process, client) = Camgate::serve(&settings).await;
    files.write(&other.certificate, &old.key);
    let warned = async || {
        let log = process.log();
        log.lines().find(|line| line.contains("WARN") && line.contains("cert.pem")).map(str::to_owned)
    };
    let line = soon("a warning", answer(warned)).await;
    for word in ["stays as it was", "does not belong", "key.pem", "cert.pem", "TLS_KEY"] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    http2(&client, &old).await.get("/api/health").await.ok();
    files.write(&last.certificate, &last.key);
    let taken = async || connect(&client, &last, &["h2"]).await.ok();
    soon("the next certificate", answer(taken)).await;
    assert!(!process.log().contains("PRIVATE"), "{}", process.log());
}

#[tokio::test]
async fn files_that_are_no_good_stop_the_start_with_one_line_that_says_what_to_do() {
    let (pair, other) = (Pair::new(), Pair::new());
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let (certificate, key) = (pair.certificate.as_str(), pair.key.as_str());
    for (certificate, key, words) in [
        (certificate, other.key.as_str(), ["does not belong", "key.pem", "cert.pem", "issued for"]),
        (key, key, ["TLS_CERT", "cert.pem", "no certificate", "BEGIN CERTIFICATE"]),
        (garbage, key, ["TLS_CERT", "cert.pem", "certificate", ""]),
        ("", key, ["TLS_CERT", "cert.pem", "no certificate", "PEM"]),
        (certificate, certificate, ["TLS_KEY", "key.pem", "no private key", "BEGIN PRIVATE KEY"]),
        (certificate, encrypted, ["TLS_KEY", "key.pem", "encrypted", "openssl pkey"]),
    ] {
        let line = fails(&Files::new(certificate, key)).await;
        assert!(words.iter().all(|word| line.contains(word)), "{words:?} are not all in {line}");
    }
    let files = Files::of(&pair);
    std::fs::remove_file(files.path("key.pem")).unwrap();
    let line = fails(&files).await;
    assert!(line.contains("TLS_KEY") && line.contains("key.pem") && line.contains("No such file"), "{line}");
}

/// Runs camgate with these files, which has to fail: the one line that it says.
async fn fails(files: &Files) -> String {
    let settings = files.settings();
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let run = Camgate::run(&["--host", "127.0.0.1", "--port", "0"], &settings);
    let (status, stdout, stderr) = run.ended().await;
    assert!(status.code().is_some_and(|code| code > 0), "{status}: {stdout}{stderr}");
    let [line] = stderr.lines().collect::<Vec<_>>()[..] else { panic!("not one line:\n{stderr}") };
    line.to_owned()
}

#[tokio::test]
async fn handshakes_that_never_finish_hold_nobody_up() {
    let pair = Pair::new();
    let gateway = TestGateway::of(Files::of(&pair).config()).await;
    let mut stuck = Vec::new();
    for n in 0..100 {
        let mut socket = TcpStream::connect(gateway.address).await.unwrap();
        if n % 2 == 0 {
            // The head of a record of 512 bytes, and two of them.
            socket.write_all(&[22, 3, 1, 2, 0, 1, 0]).await.unwrap();
        }
        stuck.push(socket);
    }
    let asked = async { http2(&gateway, &pair).await.get("/api/health").await.ok() };
    // Far less than the time that the others have.
    within("an answer", Duration::from_secs(5), asked).await;
    // And they are not held for ever.
    for mut socket in stuck {
        let _ = soon("the end of a stuck handshake", socket.read_to_end(&mut Vec::new())).await;
    }
}

#[tokio::test]
async fn the_end_answers_what_is_held_over_tls_and_waits_for_no_handshake() {
    let (camera, pair) = (camera().await, Pair::new());
    let gateway = TestGateway::of(Files::of(&pair).config()).await;
    let mut connection = http2(&gateway, &pair).await;
    start(&connection, "silent", &camera.url("/silent")).await;
    let client: Client = *gateway;
    let stuck = TcpStream::connect(client.address).await.unwrap();
    let asking = connection.clone();
    let held = tokio::spawn(async move { asking.get("/streams/silent/stream.m3u8").await });
    let watched = async || {
        let status = connection.get("/api/stream/status?indicator_id=silent").await.ok();
        (status["viewers"] == 1).then_some(())
    };
    soon("the request is held", answer(watched)).await;
    gateway.shut_down().await;
    assert_eq!(held.await.unwrap().status, 404);
    connection.closed().await;
    counters(&camera, "TEARDOWN", |now| now.teardowns == 1 && now.sessions == 0).await;
    assert!(TcpStream::connect(client.address).await.is_err(), "the port is free again");
    drop(stuck);
}
