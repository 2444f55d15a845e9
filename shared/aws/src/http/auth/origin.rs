//! Check that a request came through the deployer's proxy, for example CloudFront with AWS WAF.
//!
//! **Role:** called before authentication and before public routes, by [`super::Authenticator::check_origin`], and by
//! `console`, which authenticates nobody.
//! **Invariant:** the deployment knows only hashes of its secrets. Each comparison takes the same time.
//! Without a configured secret every request passes.

use domain::api::error::ApiError;
use domain::tenant::token;
use lambda_http::http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

/// The header in which the proxy sends its secret.
pub const ORIGIN_HEADER: &str = "x-mailqueue-origin";

/// Checks the secret of a request. Two secrets are valid while the deployer replaces one.
///
/// # Errors
/// 403 `validation_error` without exactly one header that has a valid secret.
pub fn check(secrets: &[[u8; 32]], headers: &HeaderMap) -> Result<(), ApiError> {
    if secrets.is_empty() {
        return Ok(());
    }
    let mut values = headers.get_all(ORIGIN_HEADER).iter();
    let is_valid = match (values.next(), values.next()) {
        (Some(value), None) => {
            // Hashes are compared, so that timing reveals neither length nor content of a secret.
            let given = token::hash(value.as_bytes());
            let any = secrets
                .iter()
                .fold(Choice::from(0), |any, secret| any | given.ct_eq(secret));
            bool::from(any)
        }
        (None, _) | (Some(_), Some(_)) => false,
    };
    if is_valid { Ok(()) } else { Err(refusal()) }
}

fn refusal() -> ApiError {
    ApiError::forbidden(
        "This URL takes no requests from clients. Use the base URL from the deployer of this mailqueue.",
    )
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn only_requests_with_one_valid_secret_pass() {
        let secrets = ["old", "new"].map(|secret| token::hash(secret.as_bytes()));
        for (given, passes) in [
            (&["old"][..], true),
            (&["new"], true),
            (&[], false),
            (&[""], false),
            (&["older"], false),
            (&["old, new"], false),
            (&["old", "old"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(ORIGIN_HEADER, HeaderValue::from_static(value));
            }
            assert_eq!(check(&secrets, &headers).is_ok(), passes, "{given:?}");
            assert_eq!(check(&[], &headers), Ok(()), "{given:?}: no secret is configured");
        }
        let refusal = check(&secrets, &HeaderMap::new()).unwrap_err();
        assert_eq!((refusal.status(), refusal.name().as_str()), (403, "validation_error"));
    }

    /// A client that copies the stored hash has no secret.
    #[test]
    fn a_hash_is_no_secret() {
        let secret = token::hash(b"secret");
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN_HEADER, HeaderValue::from_str(&hex).unwrap());
        assert!(check(&[secret], &headers).is_err());
    }
}
