//! The responses and their headers.
//!
//! **Invariant:** every response forbids guessing its type, framing, and use by other sites. Only the page may run
//! scripts, and only those of this host.
//! Why each header: docs/SECURITY.md, "The console".

use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, LOCATION,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode};
use lambda_http::{Body, Response};

use crate::assets::Asset;
use crate::negotiation::{has, takes_brotli};

/// Policy of the page.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; frame-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Policy of every other response, which a person may open alone.
pub const FILE_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// The abilities of browsers that the console does not use. Copying to the clipboard is none of them: it needs no
/// permission of the page.
const NO_PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), \
    payment=(), publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()";

/// For how long a browser may use a file without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    /// The page: the browser asks each time, and usually gets 304.
    Page,
    /// A file whose address changes with its content.
    Version,
}

impl Caching {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Page => "no-cache",
            Self::Version => "public, max-age=31536000, immutable",
        })
    }
}

/// Returns a file in the form that the client takes, or 304 if the client has it.
pub(crate) fn file(asset: &'static Asset, caching: Caching, request: &HeaderMap) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, caching.header());
    headers.insert(ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if caching == Caching::Page {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    }
    if has(request, asset.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    *response.body_mut() = if takes_brotli(request) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        Body::Binary(asset.brotli.to_vec())
    } else {
        match str::from_utf8(asset.plain) {
            Ok(text) => Body::Text(text.to_owned()),
            Err(_) => Body::Binary(asset.plain.to_vec()),
        }
    };
    response
}

/// Returns the redirect to the page. Browsers keep a 308 for ever unless a header says otherwise, and the deployer may
/// switch the console off.
pub(crate) fn redirect_to_page() -> Response<Body> {
    let mut response = text(StatusCode::PERMANENT_REDIRECT, "The console is at /console/.\n");
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static("/console/"));
    response
}

/// Returns the refusal of a method that changes something.
pub(crate) fn not_allowed() -> Response<Body> {
    let message = "The console has only files. Use GET or HEAD here, and the paths of /openapi.json for the API.\n";
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, message);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Returns a sentence.
pub(crate) fn text(status: StatusCode, sentence: &'static str) -> Response<Body> {
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    *response.body_mut() = Body::Text(sentence.to_owned());
    response
}

/// Returns a response with the headers of every response.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    let headers = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), NO_PERMISSIONS),
        (CONTENT_SECURITY_POLICY, FILE_POLICY),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}
