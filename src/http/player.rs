//! Serves the page: `/`, `/player/{id}` and the files they load. What is on the page is `web/`; nothing here knows a
//! stream, so the player's page answers for every id and the page itself asks whether there is such a stream.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

use super::negotiate::accepts_gzip;
use super::{Origins, assets};

/// The page loads files of ours only. `blob:`: Media Source Extensions attach to a video as one. `data:` images are the
/// controls that some browsers draw into a video.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'";

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";

/// The page's routes: `/`, `/player/{id}`, `/assets/{*file}` and `/favicon.svg`.
///
/// The player may stand in a frame of the pages that may play (`origins`); the page that starts and stops streams in none.
pub fn router<S: Clone + Send + Sync + 'static>(origins: &Origins) -> Router<S> {
    let (framed, unframed) = (policy(&frame_ancestors(origins)), policy("'none'"));
    let (icon, assets) = (unframed.clone(), unframed.clone());
    Router::new()
        .route(
            "/",
            get(move |headers: HeaderMap| async move { serve("index.html", unframed, &headers).await }),
        )
        .route(
            "/player/{id}",
            get(move |headers: HeaderMap| async move { serve("player.html", framed, &headers).await }),
        )
        .route(
            "/favicon.svg",
            get(move |headers: HeaderMap| async move { serve("favicon.svg", icon, &headers).await }),
        )
        .route(
            "/assets/{*file}",
            get(move |Path(file): Path<String>, headers: HeaderMap| async move {
                serve(&format!("assets/{file}"), assets, &headers).await
            }),
        )
}

/// Who may have the player in a frame (CSP 3 §6.4.2).
fn frame_ancestors(origins: &Origins) -> String {
    match origins {
        Origins::Any => "*".into(),
        Origins::These(origins) => {
            let origins = origins.iter().filter_map(|origin| origin.to_str().ok());
            std::iter::once("'self'").chain(origins).collect::<Vec<_>>().join(" ")
        }
    }
}

fn policy(ancestors: &str) -> HeaderValue {
    let policy = format!("{CONTENT_SECURITY_POLICY}; frame-ancestors {ancestors}");
    // Origins are header values themselves: what is put together of them is one.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

async fn serve(path: &str, policy: HeaderValue, request: &HeaderMap) -> Response {
    let Some(asset) = assets::find(path) else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, REVALIDATE)], "There is no such file.\n")
            .into_response();
    };
    let gzip = if accepts_gzip(request) { asset.gzip().await } else { None };
    // Two encodings are two representations: a strong tag must tell them apart (RFC 9110 §8.8.3.3).
    let coding = if gzip.is_some() { "-gzip" } else { "" };
    let etag = format!("\"{}{coding}\"", asset.digest);
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, if asset.immutable { IMMUTABLE } else { REVALIDATE }),
        (header::VARY, "accept-encoding"),
        (header::ETAG, etag.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = if unchanged(request, &etag) {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else if let Some(body) = gzip {
        (headers, [(header::CONTENT_ENCODING, "gzip")], body).into_response()
    } else {
        (headers, Bytes::from_static(asset.body)).into_response()
    };
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// RFC 9110 §13.1.2: a list of tags, compared weakly.
fn unchanged(request: &HeaderMap, etag: &str) -> bool {
    let known = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use flate2::read::GzDecoder;
    use http_body_util::BodyExt as _;
    use std::io::Read as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get_with(path: &str, headers: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let response =
            router::<()>(&Origins::Any).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes())
    }

    fn script_of(page: &[u8]) -> String {
        let html = std::str::from_utf8(page).unwrap();
        let source = html.split("<script").nth(1).unwrap().split("src=\"").nth(1).unwrap();
        source.split('"').next().unwrap().to_owned()
    }

    #[tokio::test]
    async fn the_grid_and_the_player_are_pages_that_may_load_our_files_only() {
        for (path, mark) in [("/", "id=\"streams\""), ("/player/front-door.1", "id=\"video\"")] {
            let (status, headers, body) = get_with(path, &[]).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
            assert!(std::str::from_utf8(&body).unwrap().contains(mark), "{path}");
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        }
    }

    #[tokio::test]
    async fn a_script_is_kept_for_ever_only_where_its_name_changes_with_its_content() {
        let (_, _, page) = get_with("/player/1", &[]).await;
        let (status, headers, body) = get_with(&script_of(&page), &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(!body.is_empty());
        let expected = if assets::BUILT_WITH == "vite" { IMMUTABLE } else { REVALIDATE };
        assert_eq!(headers[header::CACHE_CONTROL], expected);
    }

    #[tokio::test]
    async fn a_browser_that_takes_gzip_gets_the_same_script_packed_under_another_tag() {
        let (_, _, page) = get_with("/player/1", &[]).await;
        let script = script_of(&page);
        let (_, plain_headers, plain) = get_with(&script, &[]).await;
        let (_, headers, packed) = get_with(&script, &[(header::ACCEPT_ENCODING, "br, gzip;q=0.8")]).await;
        assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
        assert_ne!(headers[header::ETAG], plain_headers[header::ETAG]);
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);

        let (_, refused, _) = get_with(&script, &[(header::ACCEPT_ENCODING, "gzip;q=0")]).await;
        assert!(!refused.contains_key(header::CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn a_page_the_browser_already_has_is_not_sent_again() {
        let (_, headers, _) = get_with("/", &[]).await;
        let etag = headers[header::ETAG].to_str().unwrap();
        let known = format!("\"other\", W/{etag}");
        let (status, headers, body) = get_with("/", &[(header::IF_NONE_MATCH, known.as_str())]).await;
        assert_eq!(status, StatusCode::NOT_MODIFIED);
        assert!(body.is_empty());
        assert_eq!(headers[header::ETAG], etag);

        let (status, _, _) = get_with("/", &[(header::IF_NONE_MATCH, "\"other\"")]).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn what_is_not_embedded_is_not_found() {
        for path in ["/assets/no.js", "/assets/../index.html", "/assets/%2e%2e/index.html", "/index.html"] {
            assert_eq!(get_with(path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn the_icon_is_a_picture() {
        let (status, headers, body) = get_with("/favicon.svg", &[]).await;
        assert_eq!(
            (status, &headers[header::CONTENT_TYPE]),
            (StatusCode::OK, &"image/svg+xml".parse().unwrap())
        );
        assert!(body.starts_with(b"<svg"));
    }
}
