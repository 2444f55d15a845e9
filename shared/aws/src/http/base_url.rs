//! The base URL under which a client reached the API.
//!
//! **Invariant:** pure. The host comes from the request, so a URL with it goes only into the response to that request.

use lambda_http::http::{HeaderMap, header};

/// Returns the scheme and the host of a request, without a slash at the end.
///
/// Behind a proxy the host is the one that the proxy names. Without a readable host it is empty, so that a URL which
/// begins with it is relative.
#[must_use]
pub fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match host.filter(|host| is_host(host)) {
        // API Gateway serves only HTTPS, and only the local stack is on this machine.
        Some(host) if is_local(host) => format!("http://{host}"),
        Some(host) => format!("https://{host}"),
        None => String::new(),
    }
}

/// Whether a text has only the characters of a name or an address with a port.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte))
}

fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn the_base_url_has_the_host_of_the_request() {
        for (host, url) in [
            (
                "abc.execute-api.eu-central-1.amazonaws.com",
                "https://abc.execute-api.eu-central-1.amazonaws.com",
            ),
            ("mail.example.com:8443", "https://mail.example.com:8443"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost", "http://localhost"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("127.0.0.1.example.com", "https://127.0.0.1.example.com"),
            ("", ""),
            ("evil.example/path", ""),
            ("a b", ""),
            ("user@host", ""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            assert_eq!(base_url(&headers), url, "{host}");
        }
        assert_eq!(base_url(&HeaderMap::new()), "");
    }
}
