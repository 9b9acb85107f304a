//! Who is let in, and how much of what they may have.

mod api_tokens;
mod attacks;
mod limits;
mod reload;
mod viewer_tokens;
