//! The way to a camera, and how long it may take.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::Instant;

use super::Road;
use super::errors::classify;
use crate::ingest::budget::Budget;
use crate::ingest::guard::Relay;
use crate::ingest::{IngestError, SourceUrl, Step};

/// How a camera is reached.
pub(super) struct Route {
    /// What retina connects to and asks for: it holds an address, so that no name is looked up again.
    pub(super) url: url::Url,
    address: String,
    pub(super) relay: Option<Relay>,
    /// The address in place of which a link has a name, and that name.
    stands_for: Option<(String, String)>,
}

impl Route {
    pub(super) async fn to(source: &SourceUrl, at: SocketAddr, road: &Road) -> Result<Self, IngestError> {
        let address = source.address();
        if road.policy.guards(source) {
            let relay = Relay::connect(source, at, &road.trust).await?;
            let url = relay.request_url(source);
            return Ok(Self { url, address, relay: Some(relay), stands_for: None });
        }
        let mut url = source.request_url().clone();
        let mut stands_for = None;
        if source.bare_host().parse::<IpAddr>().is_err() {
            // It does not fail: the link has a host.
            let _ = url.set_ip_host(at.ip());
            stands_for = url.host_str().map(|host| (host.to_owned(), source.host().to_owned()));
        }
        Ok(Self { url, address, relay: None, stands_for })
    }

    /// `text` as it would be if retina had been given the link.
    pub(super) fn unmask_text(&self, text: &str) -> String {
        match (&self.relay, &self.stands_for) {
            (Some(relay), _) => relay.unmask(text),
            (None, Some((address, name))) => text.replace(address, name),
            (None, None) => text.to_owned(),
        }
    }

    /// What `asking` gives; where it fails, in our words.
    pub(super) async fn hold<T>(
        &mut self,
        asking: impl Future<Output = Result<T, retina::Error>>,
        step: Step,
        has_credentials: bool,
    ) -> Result<T, IngestError> {
        // retina's parser of session descriptions (sdp-types 0.1.8) panics where a line that is none stands before a
        // medium: that is the camera's doing, and ends no stream.
        let asking = AssertUnwindSafe(asking).catch_unwind();
        let answer = match &mut self.relay {
            Some(relay) => relay.alongside(asking).await?,
            None => asking.await,
        };
        let Ok(answer) = answer else {
            return Err(IngestError::Protocol("its answer cannot be read".into()));
        };
        answer.map_err(|error| self.unmask(classify(&error, step, &self.address, has_credentials)))
    }

    /// The same of an error.
    pub(super) fn unmask(&self, error: IngestError) -> IngestError {
        match error {
            IngestError::Protocol(text) => IngestError::Protocol(self.unmask_text(&text)),
            error => error,
        }
    }
}

/// When a session must be open.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    deadline: Instant,
    after: Duration,
}

impl Limit {
    /// `after` from now.
    pub fn from_now(after: Duration) -> Self {
        Self { deadline: Instant::now() + after, after }
    }

    /// The same, or `after` from now if that is earlier.
    pub(super) fn at_most(self, after: Duration) -> Self {
        let deadline = Instant::now() + after;
        if deadline < self.deadline { Self { deadline, after } } else { self }
    }

    /// An equal share of the time that is left, where so many attempts are.
    pub(super) fn share(self, attempts: usize) -> Self {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match u32::try_from(attempts) {
            Ok(attempts @ 2..) => self.at_most(left / attempts),
            _ => self,
        }
    }

    pub(super) async fn hold<F: Future>(self, step: Step, future: F) -> Result<F::Output, IngestError> {
        tokio::time::timeout_at(self.deadline, Budget::of(future))
            .await
            .map_err(|_| IngestError::Timeout { step, after: self.after })?
            .ok_or_else(|| IngestError::Protocol(format!("its answer to {} does not end", step.method())))
    }
}
