//! The name of a request, by which a client, a proxy and the log speak of the same one.
//!
//! It is the client's own `X-Request-Id`, or made here. It goes into the answer, the log lines and problems.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer};

/// Where it stands in requests and answers.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// 1 to 64 of letters, digits, `.`, `_` and `-`: nothing that means something in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(HeaderValue);

tokio::task_local! {
    /// The request that this task answers.
    static CURRENT: RequestId;
}

impl RequestId {
    /// The one that the client gave, if it is one.
    pub(super) fn given(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(HEADER)?;
        let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let valid = (1..=64).contains(&value.len()) && value.as_bytes().iter().all(known);
        valid.then(|| Self(value.clone()))
    }

    /// A new one. Random, as several gateways may log to one place; no secret.
    pub(super) fn random() -> Option<Self> {
        HeaderValue::try_from(format!("{:016x}", fastrand::u64(..))).ok().map(Self)
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Answers a request of this name by `answer`.
    pub(super) async fn scope<T>(self, answer: impl Future<Output = T>) -> T {
        CURRENT.scope(self, answer).await
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The request that is being answered, where it has a name.
pub(super) fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_forge_a_log_line_is_not_taken() {
        let given = |text: &[u8]| {
            let value = HeaderValue::from_bytes(text).unwrap();
            RequestId::given(&HeaderMap::from_iter([(HEADER, value)])).map(|id| id.as_str().to_owned())
        };
        assert_eq!(given(b"a-B_9.z").as_deref(), Some("a-B_9.z"));
        assert!(given(&[b'x'; 64]).is_some());
        for bad in [&b""[..], b"a b", b"a\"b", b"\xe9", b"a/b", &[b'x'; 65]] {
            assert_eq!(given(bad), None, "{bad:?}");
        }
        assert!(RequestId::random().is_some_and(|id| given(id.as_str().as_bytes()).is_some()));
    }
}
