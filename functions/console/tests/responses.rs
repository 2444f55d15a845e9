//! Requests and their responses, as the gateway sees them.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use aws::http::gateway;
use console::ConsoleFunction;
use console::assets::{all, hash, page};
use console::headers::{FILE_POLICY, PAGE_POLICY};
use console::settings::Settings;
use lambda_http::http::{HeaderMap, Request as HttpRequest};
use lambda_http::{Body, Response};

const EVENT: &str = include_str!("../../../events/console.json");

const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn answer(method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = HttpRequest::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ConsoleFunction::new(Settings::default()).handle(&request.body(Body::Empty).unwrap())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

fn is_safe(response: &Response<Body>) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(header(response.headers(), name), value);
    }
    assert!(header(response.headers(), "permissions-policy").contains("camera=()"));
    let policy = header(response.headers(), "content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"), "{policy}");
}

/// The golden event is the first request of a browser.
#[test]
fn the_gateway_gets_compressed_bytes_as_base64() {
    let request = gateway::request(serde_json::from_str(EVENT).unwrap()).unwrap();
    let response = ConsoleFunction::new(Settings::default()).handle(&request);
    let answer = serde_json::to_value(gateway::answer(response)).unwrap();
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["isBase64Encoded"], true);
    assert_eq!(answer["headers"]["content-encoding"], "br");
    assert_eq!(answer["headers"]["content-type"], "text/html; charset=utf-8");
}

#[test]
fn the_path_without_its_slash_leads_to_the_page() {
    let response = answer("GET", "/console", &[]);
    assert_eq!(response.status(), 308);
    assert_eq!(header(response.headers(), "location"), "/console/");
    assert_eq!(header(response.headers(), "cache-control"), "no-cache");
    is_safe(&response);
}

#[test]
fn the_page_is_asked_for_each_time() {
    for path in ["/console/", "/console/index.html", "/console/?x=1"] {
        let response = answer("GET", path, &[]);
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers();
        assert_eq!(header(headers, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(headers, "cache-control"), "no-cache");
        assert_eq!(header(headers, "etag"), page().etag);
        assert_eq!(header(headers, "content-security-policy"), PAGE_POLICY);
        assert_eq!(header(headers, "vary"), "Accept-Encoding");
        assert_eq!(response.body().as_ref(), page().plain);
        is_safe(&response);
    }
}

#[test]
fn a_file_of_this_version_is_kept_for_ever() {
    for asset in all().iter().filter(|asset| asset.path != "index.html") {
        let path = format!("/console/{}/{}", hash(), asset.path);
        let response = answer("GET", &path, &[]);
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers();
        assert_eq!(header(headers, "content-type"), asset.media_type);
        assert_eq!(header(headers, "cache-control"), FOR_EVER);
        assert_eq!(header(headers, "content-security-policy"), FILE_POLICY);
        assert!(!headers.contains_key("content-encoding"));
        assert_eq!(response.body().as_ref(), asset.plain);
        is_safe(&response);
    }
}

#[test]
fn brotli_is_sent_as_bytes() {
    let response = answer("GET", "/console/", &[("accept-encoding", "gzip, br")]);
    assert_eq!(header(response.headers(), "content-encoding"), "br");
    assert_eq!(header(response.headers(), "vary"), "Accept-Encoding");
    let Body::Binary(bytes) = response.body() else {
        panic!("no bytes")
    };
    assert_eq!(bytes, page().brotli);
    let refused = answer("GET", "/console/", &[("accept-encoding", "br;q=0")]);
    assert!(!refused.headers().contains_key("content-encoding"));
    assert!(matches!(refused.body(), Body::Text(_)));
}

#[test]
fn a_known_content_is_not_sent_again() {
    let asset = all().iter().find(|asset| asset.path.ends_with(".js")).unwrap();
    let file = format!("/console/{}/{}", hash(), asset.path);
    for (path, etag, caching) in [("/console/", page().etag, "no-cache"), (&file, asset.etag, FOR_EVER)] {
        for encoding in ["br", "identity"] {
            let response = answer("GET", path, &[("if-none-match", etag), ("accept-encoding", encoding)]);
            assert_eq!(response.status(), 304, "{path}");
            assert_eq!(header(response.headers(), "etag"), etag);
            assert_eq!(header(response.headers(), "cache-control"), caching);
            assert!(response.body().is_empty());
            is_safe(&response);
        }
        let changed = answer("GET", path, &[("if-none-match", "W/\"0123\"")]);
        assert_eq!(changed.status(), 200);
    }
}

#[test]
fn a_head_has_the_headers_and_no_body() {
    let (get, head) = (answer("GET", "/console/", &[]), answer("HEAD", "/console/", &[]));
    assert_eq!((head.status(), head.headers()), (get.status(), get.headers()));
    assert!(head.body().is_empty());
}

#[test]
fn nothing_can_be_changed() {
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        let response = answer(method, "/console/", &[]);
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(header(response.headers(), "allow"), "GET, HEAD");
        is_safe(&response);
    }
}

#[test]
fn an_unknown_path_says_what_to_do() {
    let here = hash();
    for path in [
        format!("/console/{here}"),
        format!("/console/{here}/"),
        format!("/console/{here}/index.html"),
        format!("/console/{here}/kit/nothing.js"),
        format!("/console/{here}/../secret"),
        format!("/console/{here}/%2e%2e/secret"),
        "/console/style.css".to_owned(),
        "/console/HASH/style.css".to_owned(),
        "/consoles".to_owned(),
        "/".to_owned(),
    ] {
        let response = answer("GET", &path, &[]);
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(header(response.headers(), "content-type"), "text/plain; charset=utf-8");
        let text = str::from_utf8(response.body().as_ref()).unwrap();
        assert!(text.contains("Open the page /console/."), "{text}");
        is_safe(&response);
    }
}

#[test]
fn an_old_file_tells_to_reload_and_an_old_page_leads_here() {
    let old = "0123456789abcdef";
    let response = answer("GET", &format!("/console/{old}/style.css"), &[]);
    assert_eq!(response.status(), 404);
    assert_eq!(header(response.headers(), "cache-control"), "no-cache");
    let text = str::from_utf8(response.body().as_ref()).unwrap();
    assert!(text.contains("Reload the page"), "{text}");
    for path in ["", "/", "/index.html"] {
        let response = answer("GET", &format!("/console/{old}{path}"), &[]);
        assert_eq!(response.status(), 308, "{path}");
        assert_eq!(header(response.headers(), "location"), "/console/");
    }
}

/// With a proxy such as CloudFront, nobody reaches the console around it.
#[test]
fn a_configured_proxy_is_the_only_way() {
    // SHA-256 of "secret".
    let origin = [
        0x2b, 0xb8, 0x0d, 0x53, 0x7b, 0x1d, 0xa3, 0xe3, 0x8b, 0xd3, 0x03, 0x61, 0xaa, 0x85, 0x56, 0x86, 0xbd, 0xe0,
        0xea, 0xcd, 0x71, 0x62, 0xfe, 0xf6, 0xa2, 0x5f, 0xe9, 0x7b, 0xf5, 0x27, 0xa2, 0x5b,
    ];
    let function = ConsoleFunction::new(Settings { origins: vec![origin] });
    for (secret, status) in [("secret", 200), ("another", 403)] {
        let request = HttpRequest::builder()
            .uri("/console/")
            .header("x-mailqueue-origin", secret);
        assert_eq!(function.handle(&request.body(Body::Empty).unwrap()).status(), status);
    }
}
