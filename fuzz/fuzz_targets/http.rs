//! All requests, as they come in, over a registry whose cameras agree, refuse or say nothing: no request makes one panic or is answered with
//! 500, and no password that comes in goes out.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arbitrary::Arbitrary;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use camgate::hls;
use camgate::http::LowLatency;
use camgate::ingest::{AudioOffer, Connector, Event, IngestError, Session, SourceUrl};
use camgate::media::VideoCodec;
use camgate::mux::Container;
use camgate::stream::Settings;
use camgate::stream::{KeepWarm, Registry};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;

/// Cameras that never send. What they do is in the first letter of their hosts.
struct Cameras;

impl Connector for Cameras {
    fn connect(
        &self,
        source: &SourceUrl,
        _: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<dyn Session>, IngestError>> {
        let address = source.address();
        async move {
            match address.chars().next() {
                Some('c') => Ok(Box::new(Mute) as Box<dyn Session>),
                Some('w') => Err(IngestError::WrongCredentials),
                Some('n') => std::future::pending().await,
                _ => Err(IngestError::Unreachable { address, reason: "no route to host".into() }),
            }
        }
        .boxed()
    }

    fn drain(&self) -> BoxFuture<'static, ()> {
        futures::future::ready(()).boxed()
    }
}

struct Mute;

impl Session for Mute {
    fn codec(&self) -> VideoCodec {
        VideoCodec::H264
    }

    fn audio(&self) -> &AudioOffer {
        &AudioOffer::None
    }

    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Result<Event, IngestError>> {
        Poll::Pending
    }
}

#[derive(Arbitrary, Debug)]
struct Asked<'a> {
    method: Verb,
    path: Path<'a>,
    query: &'a str,
    content: Content<'a>,
    header: Option<(Header, &'a [u8])>,
}

#[derive(Arbitrary, Debug)]
enum Verb {
    Get,
    Post,
    Head,
    Put,
    Options,
}

#[derive(Arbitrary, Debug)]
enum Path<'a> {
    Start,
    Stop,
    Status,
    Streams,
    Health,
    Playlist(&'a str, bool),
    Media(&'a str, &'a str, &'a str),
    Any(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Content<'a> {
    None,
    Form(&'a [u8]),
    Json(&'a [u8]),
    /// A start as it should be, with a password in it.
    Start {
        id: &'a str,
        host: Host,
        password: &'a str,
        apart: bool,
    },
}

#[derive(Arbitrary, Debug)]
enum Header {
    Range,
    AcceptEncoding,
    IfNoneMatch,
    ForwardedFor,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Host {
    Agrees,
    Refuses,
    SaysNothing,
    IsNotThere,
}

impl Host {
    fn text(self) -> &'static str {
        match self {
            Self::Agrees => "camera",
            Self::Refuses => "wrong",
            Self::SaysNothing => "nothing",
            Self::IsNotThere => "absent",
        }
    }
}

impl Asked<'_> {
    fn path(&self) -> String {
        match &self.path {
            Path::Start => "/api/stream/start".into(),
            Path::Stop => "/api/stream/stop".into(),
            Path::Status => "/api/stream/status".into(),
            Path::Streams => "/api/streams".into(),
            Path::Health => "/api/health".into(),
            Path::Playlist(id, false) => format!("/streams/{id}/media.m3u8"),
            Path::Playlist(id, true) => format!("/streams/{id}/stream.m3u8"),
            Path::Media(id, run, file) => format!("/streams/{id}/{run}/{file}"),
            Path::Any(path) => format!("/{path}"),
        }
    }

    /// Whether it holds what all passwords begin with where no password is.
    fn repeats(&self) -> bool {
        let is_in = |text: &[u8]| text.windows(MARK.len()).any(|window| window == MARK.as_bytes());
        let body = match &self.content {
            Content::Form(body) | Content::Json(body) => is_in(body),
            Content::Start { .. } | Content::None => false,
        };
        body || is_in(self.query.as_bytes()) || is_in(self.path().as_bytes())
    }

    /// The request, unless a server would never see it; and the password that must not come back.
    fn request(&self) -> Option<(Request<Body>, Option<String>)> {
        let method = match self.method {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Head => Method::HEAD,
            Verb::Put => Method::PUT,
            Verb::Options => Method::OPTIONS,
        };
        let uri = format!("{}?{}", self.path(), self.query);
        let mut request = Request::builder().method(method).uri(uri);
        let mut secret = None;
        let body = match &self.content {
            Content::None => Vec::new(),
            Content::Form(body) => {
                request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                body.to_vec()
            }
            Content::Json(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                body.to_vec()
            }
            Content::Start { id, host, password, apart } => {
                let password: String = password.chars().filter(char::is_ascii_alphanumeric).collect();
                let id: String = id.chars().filter(char::is_ascii_lowercase).take(20).collect();
                request = Request::builder().method(Method::POST).uri("/api/stream/start");
                request = request.header(header::CONTENT_TYPE, "application/json");
                let host = host.text();
                let body = if *apart {
                    format!(
                        r#"{{"indicator_id":"{id}","rtsp_link":"rtsp://{host}/1","username":"u","password":"{MARK}{password}"}}"#
                    )
                } else {
                    format!(r#"{{"indicator_id":"{id}","rtsp_link":"rtsp://u:{MARK}{password}@{host}/1"}}"#)
                };
                secret = Some(format!("{MARK}{password}"));
                body.into_bytes()
            }
        };
        if let Some((name, value)) = &self.header {
            let name = match name {
                Header::Range => header::RANGE,
                Header::AcceptEncoding => header::ACCEPT_ENCODING,
                Header::IfNoneMatch => header::IF_NONE_MATCH,
                Header::ForwardedFor => header::HeaderName::from_static("x-forwarded-for"),
            };
            request = request.header(name, *value);
        }
        Some((request.body(Body::from(body)).ok()?, secret))
    }
}

/// Who asks.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// What all passwords here begin with.
const MARK: &str = "S3cret";

async fn ask(registry: &Arc<Registry>, asked: Vec<Asked<'_>>) {
    let access = Arc::new(camgate::live::Live::new(camgate::config::Config::default().access));
    let mut secrets: Vec<String> = Vec::new();
    for asked in asked.iter().take(8) {
        let Some((request, secret)) = asked.request() else { continue };
        secrets.extend(secret);
        let front = camgate::http::Front::new(camgate::http::AppState {
            registry: registry.clone(),
            low_latency: LowLatency::Auto,
            access: access.clone(),
            starts: Arc::default(),
            origins: camgate::http::Origins::Any,
            request_bytes: 64 << 10,
            metrics: Default::default(),
            catalog: Arc::default(),
        });
        let response = front.answer(request, PEER).await;
        let (head, body) = response.into_parts();
        assert_ne!(head.status, StatusCode::INTERNAL_SERVER_ERROR, "{asked:?}");
        let body = body.collect().await.unwrap().to_bytes();
        if head.status.is_client_error() || head.status.is_server_error() {
            let is_problem =
                head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
            assert!(is_problem || matches!(asked.method, Verb::Head), "{asked:?}: {head:?}");
        }
        let answer = format!("{head:?} {}", String::from_utf8_lossy(&body));
        for secret in &secrets {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
}

fuzz_target!(|asked: Vec<Asked<'_>>| {
    if asked.iter().any(Asked::repeats) {
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let settings = Settings {
            hls: hls::Settings {
                container: Container::Fmp4,
                segment_time: Duration::from_secs(2),
                part_time: Duration::from_millis(200),
                list_size: 5,
                max_bytes: 1 << 20,
            },
            max_streams: 3,
            start_timeout: Duration::from_secs(10),
            video_timeout: Duration::from_secs(10),
            keep_warm: KeepWarm::Off,
        };
        let registry = Registry::new(settings, Arc::new(Cameras));
        ask(&registry, asked).await;
        registry.shutdown().await;
        assert_eq!(registry.count(), 0);
    });
});
