//! The guard against other sites' pages: it refuses their requests and adds security headers to every answer.
//!
//! **Role:** stands before every route. Any page open in a browser can make the browser call 127.0.0.1. Of the headers
//! that are checked here, clients other than browsers send only `Host`.
//! **Invariant:** pure, except [`guard`].
//! **Start reading at** `refusal`.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_DNS_PREFETCH_CONTROL,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The names of this machine. A foreign domain may resolve to 127.0.0.1 too, since its owner sets its address.
const OWN_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The policy of every answer that is not a page of the inbox: it needs no resource, and no page may frame it.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// Refuses a foreign request, and adds the default headers that the answer does not set itself.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = match refusal(request.method(), request.headers()) {
        None => next.run(request).await,
        Some((status, sentence)) => (status, Json(json!({"message": sentence}))).into_response(),
    };
    let said_by_all = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_DNS_PREFETCH_CONTROL, "off"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in said_by_all {
        let said = response.headers_mut().entry(name);
        said.or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Returns the reason to refuse a request, if there is one.
fn refusal(method: &Method, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let host = header_text(headers, &HOST).unwrap_or_default();
    if !OWN_NAMES.contains(&name_of(host)) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "The fake SES answers only at 127.0.0.1 and localhost. Use one of them in the URL.",
        ));
    }
    let own = match text(headers, "sec-fetch-site") {
        Some("same-origin" | "none") => true,
        // A link from another site may open the inbox.
        Some(_) => {
            *method == Method::GET
                && text(headers, "sec-fetch-mode") == Some("navigate")
                && text(headers, "sec-fetch-dest") == Some("document")
        }
        None => match headers.get(ORIGIN) {
            None => true,
            Some(origin) => origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")) == Some(host),
        },
    };
    (!own).then_some((StatusCode::FORBIDDEN, "Requests from pages of other sites are refused."))
}

/// A header's text, if it is given exactly once.
fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None | Some(_), _) => None,
    }
}

/// A header's text. An unreadable value becomes empty text, which matches no known value.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Removes the port from a host. Any port is allowed, because a port may be forwarded.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &Method, headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let mut given = HeaderMap::new();
        for (name, value) in headers {
            given.append(*name, HeaderValue::from_static(value));
        }
        refusal(method, &given).map(|(status, _)| status.as_u16())
    }

    #[test]
    fn only_the_names_of_this_machine_are_answered() {
        for host in ["127.0.0.1:8025", "localhost:8025", "localhost", "[::1]:1"] {
            assert_eq!(status(&Method::GET, &[("host", host)]), None, "{host}");
        }
        for host in [
            "",
            "x",
            "evil.example:8025",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8025",
            "evil.example:localhost",
            "192.168.0.2:8025",
        ] {
            assert_eq!(status(&Method::GET, &[("host", host)]), Some(421), "{host}");
        }
        assert_eq!(status(&Method::GET, &[]), Some(421));
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(status(&Method::GET, &two), Some(421));
    }

    #[test]
    fn a_page_of_another_site_may_only_link_here() {
        let host = ("host", "localhost:8025");
        for site in ["same-site", "cross-site", "", "new"] {
            let site = ("sec-fetch-site", site);
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
                assert_eq!(status(&method, &[host, site]), Some(403), "{method} {site:?}");
            }
            let (navigate, document) = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"));
            assert_eq!(status(&Method::GET, &[host, site, navigate, document]), None);
            assert_eq!(
                status(&Method::POST, &[host, site, navigate, document]),
                Some(403),
                "a form"
            );
            let frame = ("sec-fetch-dest", "iframe");
            assert_eq!(status(&Method::GET, &[host, site, navigate, frame]), Some(403));
        }
    }

    #[test]
    fn own_pages_and_other_clients_may_do_everything() {
        let host = ("host", "localhost:8025");
        for headers in [
            &[host][..],
            &[host, ("sec-fetch-site", "none")],
            &[
                host,
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://forwarded.example"),
            ],
            &[host, ("origin", "http://localhost:8025")],
        ] {
            assert_eq!(status(&Method::DELETE, headers), None, "{headers:?}");
        }
    }

    #[test]
    fn an_older_browser_is_judged_by_its_origin() {
        let host = ("host", "localhost:8025");
        for origin in [
            "null",
            "http://localhost:3000",
            "http://127.0.0.1:8025",
            "https://localhost:8025",
            "http://evil.example",
        ] {
            assert_eq!(
                status(&Method::DELETE, &[host, ("origin", origin)]),
                Some(403),
                "{origin}"
            );
        }
    }
}
