//! A small HTTP/1.1 client: one connection a request, and nothing done behind the test's back. Beside it one of HTTP/2,
//! with many requests on one connection.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::wait::{DEADLINE, soon, within};

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    async fn read(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// The value of a header; empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body without the name of its request: what two answers may have in common.
    #[track_caller]
    pub fn unnamed(&self) -> Value {
        let mut body = self.json();
        body.as_object_mut().and_then(|fields| fields.remove("request_id"));
        body
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        self.json()
    }

    /// The body of an error, which has this status and code, and is a problem as RFC 9457 has it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert!(problem["type"].as_str().is_some_and(|urn| urn.contains(code)), "{problem}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.len() > 10 && detail.contains(' '), "no help to anyone: {problem}");
        problem
    }
}

/// A gateway, as its clients know it.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub address: SocketAddr,
}

impl Client {
    /// Sends the request and returns the head of the answer; its body is still to be read.
    pub async fn open(&self, mut request: Request<Full<Bytes>>) -> Response<Incoming> {
        let host = self.address.to_string();
        request.headers_mut().entry(HOST).or_insert(host.parse().unwrap());
        let socket = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
        // Ends with the connection.
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.send_within(DEADLINE, request).await
    }

    /// The same where the answer may take longer than most.
    pub async fn send_within(&self, deadline: Duration, request: Request<Full<Bytes>>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        // On the heap, as it is part of many a future.
        within(&what, deadline, Box::pin(async { Answer::read(self.open(request).await).await })).await
    }

    /// What `path` is answered with; nothing where the connection is sent away before that.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        let host = self.address.to_string();
        let request = Request::get(path).header(HOST, host).body(Full::<Bytes>::default()).unwrap();
        let exchange = async {
            let socket = TcpStream::connect(self.address).await.ok()?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.ok()?;
            // Ends with the connection.
            tokio::spawn(connection);
            let (head, body) = sender.send_request(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            Some(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        soon(path, exchange).await
    }

    pub async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::default()).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.request(Method::GET, path, headers).await
    }

    pub async fn post(&self, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, content_type);
        self.send(request.body(Full::new(body.into())).unwrap()).await
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, "application/json", body.to_string()).await
    }

    /// Starts `id` by a query.
    pub async fn start(&self, id: &str, link: &str) -> Answer {
        let query = form(&[("indicator_id", id), ("rtsp_link", link)]);
        self.get(&format!("/api/stream/start?{query}")).await
    }

    /// Starts `id`, which has to succeed: the status in the answer.
    #[track_caller]
    pub fn started(&self, id: &str, link: &str) -> impl Future<Output = String> {
        let (client, id, link) = (*self, id.to_owned(), link.to_owned());
        async move {
            let body = client.start(&id, &link).await.ok();
            assert_eq!(body["stream_path"], format!("/streams/{id}/stream.m3u8"));
            body["status"].as_str().unwrap().to_owned()
        }
    }

    pub async fn stop(&self, id: &str) -> Answer {
        self.post_json("/api/stream/stop", &serde_json::json!({ "indicator_id": id })).await
    }

    pub async fn status(&self, id: &str) -> Value {
        self.get(&format!("/api/stream/status?indicator_id={id}")).await.ok()
    }

    pub async fn stream_count(&self) -> usize {
        self.get("/api/streams").await.ok()["streams"].as_array().unwrap().len()
    }
}

/// One HTTP/2 connection. Its clones ask over the same one, side by side.
#[derive(Clone, Debug)]
pub struct Http2 {
    sender: hyper::client::conn::http2::SendRequest<Full<Bytes>>,
}

impl Http2 {
    /// Without TLS and without asking first (RFC 9113 §3.3).
    pub async fn with_prior_knowledge(client: &Client) -> Self {
        Self::over(TcpStream::connect(client.address).await.unwrap()).await
    }

    pub async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let executor = TokioExecutor::new();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(executor, TokioIo::new(io)).await.unwrap();
        // Ends with the connection.
        tokio::spawn(connection);
        Self { sender }
    }

    pub async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("http://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut sender = self.sender.clone();
        let exchange = async {
            Answer::read(sender.send_request(request.body(Full::default()).unwrap()).await.unwrap()).await
        };
        soon(path, exchange).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[]).await
    }

    /// Resolves when no request can be sent any longer.
    pub async fn closed(&mut self) {
        soon(
            "the end of the connection",
            super::wait::answer(async || self.sender.is_closed().then_some(())),
        )
        .await;
    }
}

/// `application/x-www-form-urlencoded`, which a query is too.
pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
