//! Cameras over TLS: played if their certificate is trusted, and not connected to if it is not.

use std::net::SocketAddr;
use std::sync::Arc;

use camgate::testcam::{Access, Control, Credentials, Options};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::common::gateway::{TestGateway, camera_with, counters, quick};
use crate::common::player::Player;

/// TLS before `camera`, with a certificate for `localhost`: where it listens, and the certificate as PEM.
async fn tls_before(camera: &Control) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, camera) = (listener.local_addr().unwrap(), camera.local_addr());
    // Ends with the test's runtime.
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut camera = TcpStream::connect(camera).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut camera).await;
            });
        }
    });
    (address, made.cert.pem())
}

#[tokio::test]
async fn a_camera_over_tls_plays_with_its_password_and_is_told_of_the_end() {
    let credentials = Credentials { username: "admin".into(), password: "p@ss".into() };
    let camera = camera_with(Options { access: Access::Digest(credentials), ..quick() }).await;
    let (address, certificate) = tls_before(&camera).await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, certificate).unwrap();
    for guard in ["auto", "off"] {
        let settings = [("RTSPS_CA", path.to_str().unwrap()), ("CAMERA_GUARD", guard)];
        let gateway = TestGateway::with(&settings).await;
        gateway.started("1", &format!("rtsps://admin:p@ss@localhost:{}/demo", address.port())).await;
        let mut player = Player::open(&gateway, "1").await;
        player.play(4).await;
        assert!(player.discontinuities().is_empty());
        assert_eq!(
            gateway.status("1").await["source"],
            format!("rtsps://***@localhost:{}/demo", address.port())
        );
        gateway.stop("1").await.ok();
        counters(&camera, "TEARDOWN", |now| now.connections == 0).await;
    }
    assert_eq!(camera.teardowns(), 2);
}

#[tokio::test]
async fn a_camera_whose_certificate_is_not_trusted_or_is_anothers_hears_nothing() {
    let camera = camera_with(quick()).await;
    let (address, certificate) = tls_before(&camera).await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, certificate).unwrap();
    let by_system = TestGateway::start().await;
    let by_file = TestGateway::with(&[("RTSPS_CA", path.to_str().unwrap())]).await;
    let link = |host: &str| format!("rtsps://{host}:{}/demo", address.port());
    for (gateway, host) in [(&by_system, "localhost"), (&by_file, "127.0.0.1")] {
        let problem = gateway.start("1", &link(host)).await.problem(502, "camera_unreachable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("certificate") && detail.contains("RTSPS_CA"), "{detail}");
    }
    assert_eq!(camera.counters().total_connections, 0);
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_told_as_that_and_not_as_a_certificate() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("rtsps://{}/demo", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.write_all(b"RTSP/1.0 400 Bad Request\r\n\r\n").await;
        }
    });
    let gateway = TestGateway::start().await;
    let problem = gateway.start("1", &link).await.problem(502, "camera_unreachable");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("no TLS is spoken there") && !detail.contains("RTSPS_CA"), "{detail}");
}
