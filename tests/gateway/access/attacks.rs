//! A table of attacks: each is answered with a problem or a page, never with what it was after, and the next request is
//! answered as if nothing had been.

use std::fmt::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::gateway::{TestGateway, camera};
use crate::common::wait::soon;

/// What is sent, after `GET ` or whole, and the statuses that are right.
struct Attack {
    name: &'static str,
    request: String,
    answers: &'static [&'static str],
}

fn get(name: &'static str, path: &str, answers: &'static [&'static str]) -> Attack {
    Attack { name, request: format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), answers }
}

fn raw(name: &'static str, request: impl Into<String>, answers: &'static [&'static str]) -> Attack {
    Attack { name, request: request.into(), answers }
}

/// HTML that would run if it were ever shown as such.
const SCRIPT: &str = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";

fn attacks() -> Vec<Attack> {
    let mut attacks = vec![
        get("traversal in a path", "/streams/../../../../etc/passwd", &["404"]),
        get("traversal, encoded", "/streams/%2e%2e/%2e%2e/etc/passwd", &["400", "404"]),
        get("traversal, encoded twice", "/streams/%252e%252e%252fetc/stream.m3u8", &["400"]),
        get("traversal in an asset", "/assets/..%2f..%2f..%2fetc%2fpasswd", &["404"]),
        get("traversal with backslashes", "/assets/..\\..\\etc\\passwd", &["404", "400"]),
        get("a drive", "/assets/C:%5Cwindows%5Cwin.ini", &["404"]),
        get("a null byte", "/streams/a%00b/stream.m3u8", &["400"]),
        get("bytes that are not UTF-8", "/streams/%ff%fe/stream.m3u8", &["400"]),
        get("an overlong encoding of a dot", "/streams/%c0%ae%c0%ae/stream.m3u8", &["400"]),
        get("a header in an id", "/streams/a%0d%0aSet-Cookie:%20x=1/stream.m3u8", &["400"]),
        get("a header in a query", "/api/stream/status?indicator_id=a%0d%0aSet-Cookie:%20x=1", &["400"]),
        get("a script for an id", &format!("/api/stream/status?indicator_id={SCRIPT}"), &["400"]),
        get("a script in a path", &format!("/streams/{SCRIPT}/stream.m3u8"), &["400"]),
        get("a script in the player's address", &format!("/player/{SCRIPT}"), &["200"]),
        get("a script for a link", &format!("/api/stream/start?indicator_id=1&rtsp_link={SCRIPT}"), &["400"]),
        get(
            "a script in a link",
            &format!("/api/stream/start?indicator_id=1&rtsp_link=rtsp://{SCRIPT}@/"),
            &["400"],
        ),
        get(
            "a link with a line feed",
            "/api/stream/start?indicator_id=1&rtsp_link=rtsp://h/%0aTEARDOWN",
            &["400"],
        ),
        get("a link to a file", "/api/stream/start?indicator_id=1&rtsp_link=file:///etc/passwd", &["400"]),
        get("a link to a web page", "/api/stream/start?indicator_id=1&rtsp_link=http://127.0.0.1/", &["400"]),
        get("a field twice", "/api/stream/status?indicator_id=1&indicator_id=2", &["400"]),
        get("a field as a list", "/api/stream/status?indicator_id[]=1", &["400"]),
        get("a broken escape", "/api/stream/status?indicator_id=%zz%1", &["400"]),
        get(
            "a part number without end",
            &format!("/streams/1/media.m3u8?_HLS_msn={}", "9".repeat(400)),
            &["400"],
        ),
        get("a part number below zero", "/streams/1/media.m3u8?_HLS_msn=-1&_HLS_part=-1", &["400"]),
        get("a segment number without end", &format!("/streams/1/1f/seg-{}.m4s", "9".repeat(400)), &["404"]),
        get("a query of 60 kB", &format!("/api/stream/status?indicator_id={}", "a".repeat(60_000)), &["400"]),
        get("ten thousand fields", &format!("/api/stream/status?{}", "a=1&".repeat(10_000)), &["400"]),
        get("a path of 60 kB", &format!("/{}", "a".repeat(60_000)), &["404", "414"]),
        raw("a request line that is none", "\r\n\r\n\0\0\0", &["400", ""]),
        raw("another protocol", "\x16\x03\x01\x02\x00\x01\x00", &["400", ""]),
        raw("an old one", "GET /api/health HTTP/0.9\r\n\r\n", &["400", "505", ""]),
        raw("a method of one's own", "HACK / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &["405"]),
        raw(
            "TRACE",
            "TRACE / HTTP/1.1\r\nHost: x\r\nCookie: secret=1\r\nConnection: close\r\n\r\n",
            &["405"],
        ),
        raw(
            "CONNECT",
            "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            &["404", "405"],
        ),
        raw(
            "an absolute address, as of a proxy",
            "GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n",
            &["404"],
        ),
        raw(
            "two lengths (request smuggling)",
            "POST /api/stream/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nGET / ",
            &["400"],
        ),
        raw(
            "a length and chunks (request smuggling)",
            "POST /api/stream/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
            &["400"],
        ),
        raw(
            "chunks of a size that is none",
            "POST /api/stream/stop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nffffffffffffffffff\r\n",
            &["400", ""],
        ),
        raw(
            "a folded header",
            "GET /api/health HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nConnection: close\r\n\r\n",
            &["400", "200"],
        ),
        raw("a space before a colon", "GET /api/health HTTP/1.1\r\nHost : x\r\n\r\n", &["400", ""]),
    ];
    let mut headers = String::new();
    for number in 0..2000 {
        let _ = write!(headers, "X-{number}: 1\r\n");
    }
    attacks.push(raw(
        "two thousand headers",
        format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n"),
        &["431"],
    ));
    let nested = format!("{{\"indicator_id\":{}", "[".repeat(20_000));
    attacks.push(raw(
        "JSON that goes deep",
        format!("POST /api/stream/stop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{nested}", nested.len()),
        &["400"],
    ));
    attacks.push(raw(
        "a body that is no UTF-8",
        "POST /api/stream/stop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-16\r\nConnection: close\r\nContent-Length: 4\r\n\r\n{\0\"\0",
        &["400"],
    ));
    attacks
}

async fn send(gateway: &TestGateway, request: &str) -> String {
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    // The server may have had enough before it has all, and its answer is there even so.
    let _ = socket.write_all(request.as_bytes()).await;
    let _ = socket.shutdown().await;
    let mut answer = Vec::new();
    let _ = soon("an answer", socket.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn no_attack_gets_what_it_is_after() {
    let (gateway, camera) = (TestGateway::start().await, camera().await);
    gateway.started("1", &camera.url("/demo")).await;
    gateway.get("/streams/1/media.m3u8").await;
    let mut wrong = String::new();
    for Attack { name, request, answers } in attacks() {
        let answer = send(&gateway, &request).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let is_page = head.contains("text/html");
        let harmful = ["root:", "[fonts]"].iter().any(|mark| answer.contains(mark))
            || head.to_ascii_lowercase().contains("\nset-cookie")
            || (is_page && body.contains("alert(1)"))
            || (status != "200" && !answer.is_empty() && is_page);
        if !answers.contains(&status) || harmful {
            let _ = writeln!(wrong, "{name}: {status:?}, and {answers:?} are right: {:.300}", answer);
        }
        // It goes on: the stream plays, nothing else runs.
        let health = gateway.get("/api/health").await.ok();
        assert_eq!(health["active_streams"], 1, "after {name}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn what_is_told_of_a_bad_id_is_text_that_no_browser_takes_for_a_page() {
    let gateway = TestGateway::start().await;
    for path in
        [format!("/api/stream/status?indicator_id={SCRIPT}"), format!("/streams/{SCRIPT}/stream.m3u8")]
    {
        let answer = gateway.get(&path).await;
        answer.problem(400, "invalid_request");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn every_kind_of_answer_tells_browsers_to_take_it_for_what_it_says_it_is() {
    let (gateway, camera) = (TestGateway::start().await, camera().await);
    gateway.started("1", &camera.url("/demo")).await;
    let playlist = gateway.get("/streams/1/media.m3u8").await;
    let segment = playlist.text().lines().find(|line| line.contains("/seg-")).unwrap();
    for path in [
        "/",
        "/player/1",
        "/api/health",
        "/api/streams",
        "/nothing",
        "/streams/1/stream.m3u8",
        &format!("/streams/1/{segment}"),
    ] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn the_page_that_starts_streams_stands_in_no_frame_and_the_player_in_those_that_may_play() {
    let any = TestGateway::start().await;
    let some = TestGateway::with(&[("CORS_ORIGINS", "https://a.example, https://b.example:8443")]).await;
    for (gateway, path, ancestors) in [
        (&any, "/", "frame-ancestors 'none'"),
        (&any, "/player/1", "frame-ancestors *"),
        (&some, "/", "frame-ancestors 'none'"),
        (&some, "/player/1", "frame-ancestors 'self' https://a.example https://b.example:8443"),
    ] {
        let answer = gateway.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.ends_with(ancestors) && !policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_than_those_named_may_not_play() {
    let gateway = TestGateway::with(&[("CORS_ORIGINS", "https://a.example")]).await;
    for (origin, allowed) in
        [("https://a.example", "https://a.example"), ("https://b.example", ""), ("null", "")]
    {
        let answer = gateway.get_with("/streams/none/stream.m3u8", &[("origin", origin)]).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(
            answer.header("vary").to_ascii_lowercase().contains("origin"),
            "a cache would mix them up: {answer:?}"
        );
    }
}
