//! The API for programs that write clients: an OpenAPI 3.1 document, made from the handlers and their types.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi};
use utoipa::{Modify, OpenApi as _};

use super::api::Operations;

/// The document; `docs/openapi.json` is a copy of it.
pub fn document() -> String {
    let mut document = Operations::openapi();
    document.info = InfoBuilder::new()
        .title("camgate")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("RTSP cameras to browsers as HLS. Errors are RFC 9457 problems: branch on `code`."))
        .license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build(),
        ))
        .build();
    Token.modify(&mut document);
    // Nothing in it can fail to be JSON.
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// One of `API_TOKENS`.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "One of API_TOKENS. Where none is set, the API answers loopback and private addresses without.",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

static DOCUMENT: LazyLock<String> = LazyLock::new(document);

/// Its route: for all, since it is in every copy of camgate.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let answer = async || ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str());
    Router::new().route("/api/openapi.json", get(answer))
}
