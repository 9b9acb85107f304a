//! What speaks HTTP: the gateway's API, its streams and its page.

pub mod assets;
pub mod player;
