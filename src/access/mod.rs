//! Who may do what: judgements alone, without a socket, a clock or a header.
//!
//! [`http`](crate::http) asks here with what a request brought, and puts the answers into words. All of it can be replaced
//! while camgate runs ([`Live`](crate::live::Live)): tokens and limits change, streams go on.

pub mod caller;
pub mod pace;
pub mod tokens;
pub mod viewer;

use std::time::Duration;

pub use caller::Proxies;
pub use tokens::ApiTokens;
pub use viewer::{Claims, StreamSecrets, TokenError};

/// The rules as the settings have them.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// Who may call the API.
    pub api_tokens: ApiTokens,
    /// By what viewers show that they may watch; without any, whoever knows a stream's name may.
    pub stream_secrets: StreamSecrets,
    /// How long a viewer's token lasts that a start hands out.
    pub stream_token_life: Duration,
    /// Who is believed to say for whom they ask.
    pub proxies: Proxies,
    /// How much of what.
    pub limits: Limits,
}

/// How much of what there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Viewers of all streams.
    pub viewers: usize,
    /// Viewers of one stream.
    pub stream_viewers: usize,
    /// Starts a minute of one caller.
    pub starts_per_minute: u32,
    /// Connections of clients.
    pub connections: usize,
    /// Connections from one address that is no proxy's.
    pub address_connections: usize,
}
