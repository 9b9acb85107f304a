//! `camgate healthcheck`: what an image, a unit or a person learns of the gateway beside it.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::common::process::Camgate;
use crate::common::wait::within;

/// Runs it for a gateway at `port` of loopback.
async fn check(port: u16, settings: &[(&str, &str)]) -> (ExitStatus, String, String) {
    let port = port.to_string();
    let mut all = vec![("HOST", "127.0.0.1"), ("PORT", port.as_str())];
    all.extend(settings);
    Camgate::run(&["healthcheck"], &all).ended().await
}

/// It has to find nobody well: the one line that it says.
async fn fails(port: u16, settings: &[(&str, &str)]) -> String {
    let (status, stdout, stderr) = check(port, settings).await;
    assert_eq!((status.code(), stdout.as_str()), (Some(1), ""), "{stderr}");
    let [line] = stderr.lines().collect::<Vec<_>>()[..] else { panic!("not one line:\n{stderr}") };
    line.to_owned()
}

#[tokio::test]
async fn a_gateway_that_serves_is_well_and_one_that_has_ended_is_not() {
    let (process, client) = Camgate::serve(&[]).await;
    let port = client.address.port();
    // The host that the gateway listens on is everywhere by default: it is asked on loopback.
    for host in ["127.0.0.1", "0.0.0.0"] {
        let (status, stdout, stderr) = check(port, &[("HOST", host)]).await;
        assert!(
            status.success() && stdout.contains(" 200") && stdout.lines().count() == 1,
            "{stdout}{stderr}"
        );
    }
    let (status, ..) = process.ended_by_sigterm().await;
    assert!(status.success());
    let line = fails(port, &[]).await;
    assert!(line.contains("refused") && line.contains(&port.to_string()), "{line}");
}

#[tokio::test]
async fn who_does_not_answer_in_three_seconds_is_not_well() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let line = within("the end of the check", Duration::from_secs(10), fails(port, &[])).await;
    assert!(line.contains("no answer within 3 s"), "{line}");
}

#[tokio::test]
async fn an_error_or_another_protocol_is_not_well() {
    for (answer, words) in
        [("HTTP/1.1 503 Service Unavailable\r\n\r\n", "status 503"), ("SSH-2.0-OpenSSH_9\r\n", "not HTTP")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            // What was asked is taken before the end: unread bytes would reset the connection.
            tokio::io::copy(&mut socket, &mut tokio::io::sink()).await
        });
        let line = fails(port, &[]).await;
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn without_a_port_there_is_nobody_to_ask() {
    let line = fails(0, &[]).await;
    assert!(line.contains("PORT"), "{line}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn with_tls_it_has_to_speak_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) =
        (file("cert.pem", made.cert.pem()), file("key.pem", made.signing_key.serialize_pem()));
    let tls = [("TLS_CERT", certificate.as_str()), ("TLS_KEY", key.as_str())];
    let (_process, client) = Camgate::serve(&tls).await;
    let (status, stdout, stderr) = check(client.address.port(), &tls).await;
    assert!(status.success() && stdout.contains("speaks TLS"), "{stdout}{stderr}");
    let line = fails(client.address.port(), &[]).await;
    assert!(line.contains("not HTTP"), "{line}");
    let (_plain, client) = Camgate::serve(&[]).await;
    let line = fails(client.address.port(), &tls).await;
    assert!(line.contains("not TLS"), "{line}");
}
