//! Tokens of those who may call the API (RFC 6750).

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Any of them will do: two at a time is how one is changed for another.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiTokens {
    /// What is compared has one length, and nothing here can be printed that is of use to anyone.
    digests: Vec<[u8; 32]>,
}

/// Shorter ones can be guessed.
pub const SHORTEST: usize = 16;

impl ApiTokens {
    /// Reads tokens with commas between; `None` if one is shorter than [`SHORTEST`] or not of visible ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = text.split(',').map(str::trim);
        let digests = tokens.map(|token| {
            let usable = token.len() >= SHORTEST && token.bytes().all(|byte| byte.is_ascii_graphic());
            usable.then(|| digest(token))
        });
        Some(Self { digests: digests.collect::<Option<_>>()? })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether `token` is one of them, found out in a time that says nothing about any.
    pub fn has(&self, token: &str) -> bool {
        let digest = digest(token);
        let found = self.digests.iter().map(|known| known.ct_eq(&digest));
        found.fold(subtle::Choice::from(0), |any, one| any | one).into()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl fmt::Debug for ApiTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiTokens({})", self.digests.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_tokens_opens_and_nothing_else_does() {
        let tokens = ApiTokens::parse("0123456789abcdef, fedcba9876543210").unwrap();
        assert!(tokens.has("0123456789abcdef") && tokens.has("fedcba9876543210"));
        for other in [
            "",
            "0123456789abcde",
            "0123456789abcdef,",
            "0123456789ABCDEF",
            "0123456789abcdef, fedcba9876543210",
        ] {
            assert!(!tokens.has(other), "{other}");
        }
        assert!(!ApiTokens::default().has(""));
    }

    #[test]
    fn a_token_that_can_be_guessed_is_refused() {
        for text in
            ["short", "0123456789abcdef,", "0123456789abcdef,short", "0123456789 abcdef", "0123456789abcdéf"]
        {
            assert_eq!(ApiTokens::parse(text), None, "{text}");
        }
    }

    #[test]
    fn nothing_printed_holds_a_token() {
        assert_eq!(format!("{:?}", ApiTokens::parse("0123456789abcdef").unwrap()), "ApiTokens(1)");
    }
}
