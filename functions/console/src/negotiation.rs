//! The request's headers that choose between the forms of a response.
//!
//! **Invariant:** pure; a malformed header never fails a request, and at worst costs the longer response.

use lambda_http::http::HeaderMap;
use lambda_http::http::header::{ACCEPT_ENCODING, HeaderName, IF_NONE_MATCH};

/// Whether the client takes brotli. `br;q=0` refuses it, and `*` means every encoding that the header does not name.
/// Source: RFC 9110, 12.5.3.
#[must_use]
pub fn takes_brotli(headers: &HeaderMap) -> bool {
    let mut any = false;
    for coding in items(headers, &ACCEPT_ENCODING) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let is_taken = is_positive(weight);
        match name.trim() {
            name if name.eq_ignore_ascii_case("br") => return is_taken,
            "*" => any = is_taken,
            _ => {}
        }
    }
    any
}

/// Whether a weight such as `q=0.5` is positive. Without a weight it is 1; a malformed one counts as 0.
fn is_positive(weight: &str) -> bool {
    let weight = weight.trim();
    if weight.is_empty() {
        return true;
    }
    let number = weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="));
    let number = number.and_then(|number| number.trim().parse::<f32>().ok());
    number.is_some_and(|number| number > 0.0 && number <= 1.0)
}

/// Whether the client has the content with this weak ETag already. Source: RFC 9110, 13.1.2.
#[must_use]
pub fn has(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let etag = opaque(etag);
    items(headers, &IF_NONE_MATCH).any(|tag| tag == "*" || opaque(tag) == etag)
}

/// The items of a header whose value is a list, also if the header is given more than once.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn with(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        let values = values
            .iter()
            .map(|value| (name.clone(), HeaderValue::from_static(value)));
        values.collect()
    }

    #[test]
    fn brotli_is_sent_only_to_clients_that_take_it() {
        for (accepted, expected) in [
            (&["gzip, deflate, br"][..], true),
            (&["BR"], true),
            (&["gzip", "br;q=0.1"], true),
            (&["br ; q=1.000"], true),
            (&["*"], true),
            (&["gzip;q=0, *;q=0.5"], true),
            (&[], false),
            (&[""], false),
            (&["gzip, zstd"], false),
            (&["br;q=0"], false),
            (&["br;q=0.000, gzip"], false),
            (&["*, br;q=0"], false),
            (&["br;q=0, *"], false),
            (&["*;q=0"], false),
            (&["identity;q=0"], false),
            (&["br;q=x"], false),
            (&["br;q=2"], false),
            (&["br;q=NaN"], false),
            (&["brotli, xbr"], false),
        ] {
            assert_eq!(takes_brotli(&with(ACCEPT_ENCODING, accepted)), expected, "{accepted:?}");
        }
    }

    #[test]
    fn a_known_etag_is_found_in_any_list() {
        for (known, expected) in [
            (&["W/\"a\""][..], true),
            (&["\"a\""], true),
            (&["\"b\", W/\"a\""], true),
            (&["\"b\"", "\"a\""], true),
            (&["*"], true),
            (&[], false),
            (&["\"b\""], false),
            (&["a"], false),
        ] {
            assert_eq!(has(&with(IF_NONE_MATCH, known), "W/\"a\""), expected, "{known:?}");
        }
    }
}
