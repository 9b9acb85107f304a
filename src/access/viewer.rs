//! Tokens of viewers: JSON Web Tokens (RFC 7519) signed with a secret that the one who hands them out shares (HS256, RFC 7518
//! §3.2). Nothing else of JOSE is read: the algorithm is fixed, keys come from the settings and never from a token.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Secrets: the first signs, each is believed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StreamSecrets(Vec<Box<str>>);

/// A key has at least as many bits as the hash (RFC 7518 §3.2).
pub const SHORTEST: usize = 32;

/// Clocks differ (RFC 7519 §4.1.4).
pub const SKEW: Duration = Duration::from_secs(30);

/// Longer ones are not looked at.
const LONGEST: usize = 4096;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The stream that may be watched: its `indicator_id`.
    pub stream: String,
    /// Until when, in seconds since 1970 (RFC 7519 §4.1.4).
    pub exp: u64,
    /// From when on (RFC 7519 §4.1.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Who watches, in the words of whoever signs: viewers are told apart by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<String>,
    /// From where alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

/// The part of a token's head that matters (RFC 7515 §4.1).
#[derive(Deserialize)]
struct Head {
    alg: String,
    /// Whoever does not know what it names must refuse the token (§4.1.11); camgate knows nothing of the kind.
    crit: Option<serde::de::IgnoredAny>,
}

/// Why a token does not open a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, not of HS256, or of another secret: which of these is nobody's business.
    #[error("it is not a token that camgate knows: it is damaged, or signed with another secret")]
    Invalid,
    /// Its time is over.
    #[error("it ended {0} s ago")]
    Expired(u64),
    /// Its time has not come.
    #[error("it begins in {0} s")]
    Early(u64),
    /// It is another stream's.
    #[error("it is for another stream")]
    OtherStream,
    /// It is for someone elsewhere.
    #[error("it is for another address than the one that asks")]
    OtherAddress,
}

impl StreamSecrets {
    /// Reads secrets with commas between; `None` if one is shorter than [`SHORTEST`] bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let secrets = text.split(',').map(str::trim);
        secrets
            .map(|secret| (secret.len() >= SHORTEST).then(|| secret.into()))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether there are none, so that viewers need no token.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A token that says `claims`; none without a secret.
    pub fn sign(&self, claims: &Claims) -> Option<String> {
        let secret = self.0.first()?;
        let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
        let signed = format!("{head}.{body}");
        let signature = URL_SAFE_NO_PAD.encode(mac(secret, &signed).finalize().into_bytes());
        Some(format!("{signed}.{signature}"))
    }

    /// What `token` says, if it lets someone at `address` watch `stream` at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Why it does not.
    pub fn verify(&self, token: &str, stream: &str, address: IpAddr, now: u64) -> Result<Claims, TokenError> {
        let claims = self.read(token).ok_or(TokenError::Invalid)?;
        let skew = SKEW.as_secs();
        if claims.stream != stream {
            return Err(TokenError::OtherStream);
        }
        if now >= claims.exp.saturating_add(skew) {
            return Err(TokenError::Expired(now - claims.exp));
        }
        if let Some(begin) = claims.nbf.filter(|begin| now.saturating_add(skew) < *begin) {
            return Err(TokenError::Early(begin - now));
        }
        if claims.address.is_some_and(|own| own.to_canonical() != address.to_canonical()) {
            return Err(TokenError::OtherAddress);
        }
        Ok(claims)
    }

    /// The claims of a token that one of the secrets has signed. The signature is looked at first: what is not signed is
    /// not parsed.
    fn read(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, body) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // In constant time each, and all of them: which secret it was takes no longer than that it was none.
        let verified = self.0.iter().map(|secret| mac(secret, signed).verify_slice(&signature).is_ok());
        if !verified.fold(false, |any, one| any | one) {
            return None;
        }
        let head: Head = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        if head.alg != "HS256" || head.crit.is_some() {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 §3)")]
fn mac(secret: &str, text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(text.as_bytes());
    mac
}

impl fmt::Debug for StreamSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamSecrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const NOW: u64 = 1_800_000_000;

    fn secrets(text: &str) -> StreamSecrets {
        StreamSecrets::parse(text).unwrap()
    }

    fn claims() -> Claims {
        Claims { stream: "7".into(), exp: NOW + 60, nbf: None, viewer: None, address: None }
    }

    fn verify_at(token: &str, now: u64) -> Result<Claims, TokenError> {
        secrets(SECRET).verify(token, "7", "10.0.0.1".parse().unwrap(), now)
    }

    fn sign(claims: &Claims) -> String {
        secrets(SECRET).sign(claims).unwrap()
    }

    /// Signed with our secret, whatever head and body say.
    fn signed(head: &str, body: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(body));
        let signature = URL_SAFE_NO_PAD.encode(mac(SECRET, &signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    #[test]
    fn a_token_opens_its_stream_until_it_ends_and_half_a_minute_longer() {
        let token = sign(&claims());
        assert_eq!(verify_at(&token, NOW), Ok(claims()));
        assert_eq!(verify_at(&token, NOW + 89), Ok(claims()));
        assert_eq!(verify_at(&token, NOW + 90), Err(TokenError::Expired(30)));
        let other = secrets(SECRET).verify(&token, "8", "10.0.0.1".parse().unwrap(), NOW);
        assert_eq!(other, Err(TokenError::OtherStream));
    }

    #[test]
    fn a_token_may_begin_later_and_hold_at_one_address_alone() {
        let later = sign(&Claims { nbf: Some(NOW + 40), ..claims() });
        assert_eq!(verify_at(&later, NOW), Err(TokenError::Early(40)));
        assert!(verify_at(&later, NOW + 10).is_ok(), "within the skew");
        let here = |address: &str| sign(&Claims { address: Some(address.parse().unwrap()), ..claims() });
        assert!(
            verify_at(&here("10.0.0.1"), NOW).is_ok() && verify_at(&here("::ffff:10.0.0.1"), NOW).is_ok()
        );
        assert_eq!(verify_at(&here("10.0.0.2"), NOW), Err(TokenError::OtherAddress));
    }

    #[test]
    fn a_secret_is_changed_by_listing_the_new_one_before_the_old() {
        let old = sign(&claims());
        let both = secrets(&format!("{},{SECRET}", "n".repeat(32)));
        let verify =
            |secrets: &StreamSecrets, token: &str| secrets.verify(token, "7", "::1".parse().unwrap(), NOW);
        assert!(verify(&both, &old).is_ok());
        assert_eq!(
            verify_at(&both.sign(&claims()).unwrap(), NOW),
            Err(TokenError::Invalid),
            "the new one signs"
        );
    }

    /// The token of another implementation: `php -r` with `hash_hmac('sha256', …)`, and RFC 7515 §A.1 for its shape.
    #[test]
    fn tokens_are_what_other_libraries_make() {
        let body = r#"{"stream":"7","exp":1800000060}"#;
        let head = r#"{"typ":"JWT","alg":"HS256"}"#;
        assert_eq!(verify_at(&signed(head, body), NOW), Ok(claims()));
        // openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let known = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdHJlYW0iOiI3IiwiZXhwIjoxODAwMDAwMDYwfQ.xIdmQQ3OIcswiWy0Fpzs2YGmresZR6EkYb-B7RaCorQ";
        assert_eq!(sign(&claims()), known);
    }

    #[test]
    fn what_is_forged_damaged_or_of_another_kind_opens_nothing() {
        let good = sign(&claims());
        let (signed_part, signature) = good.rsplit_once('.').unwrap();
        let body = r#"{"stream":"7","exp":1800000060}"#;
        let none =
            format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(body));
        let other = secrets(&"x".repeat(32)).sign(&claims()).unwrap();
        let mut flipped = good.clone().into_bytes();
        flipped[40] ^= 1;
        for token in [
            String::new(),
            ".".into(),
            "..".into(),
            none,
            other,
            format!("{signed_part}."),
            format!("{signed_part}.{}", &signature[..signature.len() - 2]),
            format!("{good}="),
            format!("{good}.{signature}"),
            String::from_utf8(flipped).unwrap(),
            signed(r#"{"alg":"HS512"}"#, body),
            signed(r#"{"alg":"none"}"#, body),
            signed(r#"{"alg":"HS256","crit":["b64"]}"#, body),
            signed(r#"{"typ":"JWT"}"#, body),
            signed(r#"{"alg":"HS256"}"#, r#"{"stream":"7"}"#),
            signed(r#"{"alg":"HS256"}"#, r#"{"stream":7,"exp":1800000060}"#),
            signed(r#"{"alg":"HS256"}"#, r#"{"stream":"7","exp":"never"}"#),
            signed(r#"{"alg":"HS256"}"#, r#"{"stream":"7","exp":-1}"#),
            signed(r#"{"alg":"HS256"}"#, "not JSON"),
            signed(
                r#"{"alg":"HS256"}"#,
                &format!(r#"{{"stream":"7","exp":1800000060,"viewer":"{}"}}"#, "v".repeat(4096)),
            ),
        ] {
            assert_eq!(verify_at(&token, NOW), Err(TokenError::Invalid), "{token}");
        }
        let nobody = StreamSecrets::default().verify(&good, "7", "::1".parse().unwrap(), NOW);
        assert_eq!(nobody, Err(TokenError::Invalid), "without a secret no token is good");
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_and_none_is_printed() {
        assert_eq!(StreamSecrets::parse("short"), None);
        assert_eq!(StreamSecrets::parse(&format!("{SECRET},short")), None);
        assert_eq!(format!("{:?}", secrets(SECRET)), "StreamSecrets(1)");
    }
}
