//! How long connections last, in virtual time and without sockets.

use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tower_service::Service as _;

use super::*;
use crate::hls::segment::Part;

impl OfPart for Body {
    fn part(&self) -> Option<&Arc<Part>> {
        None
    }
}

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

type App = Box<
    dyn Fn(Request<Incoming>, SocketAddr) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync,
>;

/// A server of `/` and `/long` at once, `/held` once `release` says so, and `/form`, which takes a body.
struct Bench {
    server: Arc<Server<App>>,
    release: Arc<Notify>,
}

impl Bench {
    fn new() -> Self {
        let release = Arc::new(Notify::new());
        let held = release.clone();
        let app = Router::new()
            .route("/", get(async || "here"))
            .route("/long", get(async || "x".repeat(1000)))
            .route("/held", get(async move || held.notified().await))
            .route("/form", post(async |text: String| text));
        let app: App = Box::new(move |request, _| {
            let answer = app.clone().call(request.map(Body::new));
            Box::pin(async { answer.await.into_response() })
        });
        let (drain, end) = (CancellationToken::new(), CancellationToken::new());
        let access = Arc::new(Live::new(crate::config::Config::default().access));
        Self { server: Server::new(app, None, Limits::default(), access, drain, end), release }
    }

    /// The client's end of a connection, and what resolves when the server has done with it.
    fn connect(&self) -> (DuplexStream, JoinHandle<Duration>) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (server, began) = (self.server.clone(), Instant::now());
        let serving = tokio::spawn(async move {
            let place = server.place(PEER).unwrap();
            server.connection(theirs, None, PEER, began + server.limits.first_request, &place).await;
            began.elapsed()
        });
        (ours, serving)
    }
}

/// Asks for `path` over HTTP/1.1 and reads the answer's head.
async fn ask(client: &mut DuplexStream, path: &str) -> String {
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 1000];
    let length = client.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_nothing_in_ten_seconds_is_cut() {
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let bench = Bench::new();
        let (mut client, served) = bench.connect();
        client.write_all(beginning.as_bytes()).await.unwrap();
        // A byte now and then is no request.
        let trickle = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(SECOND);
            while !beginning.is_empty() && client.write_all(b"x").await.is_ok() {
                ticks.tick().await;
            }
            client
        });
        let lasted = served.await.unwrap();
        if beginning.starts_with("PRI") || beginning == "P" {
            assert!(lasted <= 10 * SECOND, "{beginning:?}: {lasted:?}");
        } else {
            assert!((10 * SECOND..11 * SECOND).contains(&lasted), "{beginning:?}: {lasted:?}");
        }
        trickle.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_75_seconds_between_requests_and_let_go_in_twice_that() {
    let bench = Bench::new();
    let (mut client, mut served) = bench.connect();
    for _ in 0..10 {
        assert!(ask(&mut client, "/").await.starts_with("HTTP/1.1 200"));
        assert!(tokio::time::timeout(75 * SECOND, &mut served).await.is_err(), "a proxy keeps it for 60 s");
    }
    let began = Instant::now();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "it ends between two answers");
    assert!(began.elapsed() <= 76 * SECOND, "{:?}", began.elapsed());
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_http_2_connection_is_told_to_end() {
    let bench = Bench::new();
    let (client, served) = bench.connect();
    let executor = TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>(executor, TokioIo::new(client))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(Request::get("http://x/").body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "here");
    let lasted = served.await.unwrap();
    assert!((75 * SECOND..=160 * SECOND).contains(&lasted), "{lasted:?}");
    connection.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_asks_on_over_http_2_is_cut_only_where_an_answer_is_left_untaken() {
    for is_left in [true, false] {
        let bench = Bench::new();
        let (client, served) = bench.connect();
        let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(100)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(client))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let mut ask = async |path| {
            let request = Request::get(format!("http://x{path}")).body(Empty::new()).unwrap();
            sender.send_request(request).await
        };
        // Its only piece has been handed on to be sent, and 900 bytes of that find no window.
        let mut left = Some(ask("/long").await.unwrap()).filter(|_| is_left);
        for _ in 0..40 {
            let Ok(answer) = ask("/").await else { break };
            assert_eq!(answer.collect().await.unwrap().to_bytes(), "here");
            tokio::time::sleep(15 * SECOND).await;
        }
        if is_left {
            let lasted = served.await.unwrap();
            assert!((75 * SECOND..=240 * SECOND).contains(&lasted), "{lasted:?}");
            assert!(left.take().unwrap().collect().await.is_err());
        } else {
            assert!(!served.is_finished(), "it asks on, and takes what it gets");
        }
        connection.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn who_trickles_a_body_or_the_next_head_does_not_hold_a_connection_for_ever() {
    for slow in ["POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", "GET / HTTP/1.1\r\nX: "] {
        let bench = Bench::new();
        let (mut client, served) = bench.connect();
        ask(&mut client, "/").await;
        client.write_all(slow.as_bytes()).await.unwrap();
        let trickle = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(SECOND);
            while client.write_all(b"x").await.is_ok() {
                ticks.tick().await;
            }
        });
        let lasted = served.await.unwrap();
        assert!(lasted <= 240 * SECOND, "{slow:?}: {lasted:?}");
        trickle.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_never_reads_its_answer_does_not_hold_a_connection_for_ever() {
    let bench = Bench::new();
    let (mut client, served) = bench.connect();
    // More answers than lie between the two.
    let asking = tokio::spawn(async move {
        let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5000);
        let _ = client.write_all(request.as_bytes()).await;
        client
    });
    let lasted = served.await.unwrap();
    assert!((75 * SECOND..=240 * SECOND).contains(&lasted), "{lasted:?}");
    asking.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn at_the_drain_an_idle_connection_ends_at_once_and_a_held_one_with_its_answer() {
    let bench = Bench::new();
    let (mut idle, idle_served) = bench.connect();
    ask(&mut idle, "/").await;
    let (mut held, held_served) = bench.connect();
    let answer = tokio::spawn(async move { ask(&mut held, "/held").await });
    let (_silent, silent_served) = bench.connect();
    tokio::task::yield_now().await;
    bench.server.drain.cancel();
    assert!(idle_served.await.unwrap() < SECOND);
    assert!(silent_served.await.unwrap() < SECOND);
    assert!(!held_served.is_finished());
    bench.release.notify_one();
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert!(held_served.await.unwrap() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_a_connection_is_cut_whatever_it_does() {
    let bench = Bench::new();
    let (mut held, served) = bench.connect();
    let asking =
        tokio::spawn(
            async move { held.write_all(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await.map(|()| held) },
        );
    let held = asking.await.unwrap().unwrap();
    bench.server.drain.cancel();
    bench.server.end.cancel();
    assert!(served.await.unwrap() < SECOND);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_nothing_more_to_ask_gets_its_answer() {
    let bench = Bench::new();
    let (mut client, served) = bench.connect();
    client.write_all(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    tokio::time::sleep(SECOND).await;
    bench.release.notify_one();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert!(served.await.unwrap() < 2 * SECOND, "and the connection has ended");
}

#[tokio::test]
async fn a_connection_without_tls_has_no_room_for_what_one_with_it_needs() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let seat = Pool::new(begin).seat(1);
    let place = bench.server.place(PEER).unwrap();
    let client = bench.server.clone().client(socket, PEER, place, seat);
    let bytes = std::mem::size_of_val(&client);
    assert!(bytes < 3000, "{bytes} bytes; there are thousands of connections");
}
