//! Requests about sending domains, in Resend's form.
//!
//! **Role:** called by `domains`; calls [`super::json`].
//! **Invariant:** as in [`super::requests`], any bytes end in a request or an [`ApiError`] with the field's path. A
//! setting that would change nothing is accepted; another value of it is refused.
//!
//! Source: Resend's OpenAPI document, version 1.5.0, paths `/domains`, read 2026-11-29; `adopt` is ours.

use super::fields::each_field;
use super::json::{Node, echo, object, text, wrong_type};
use super::spelling::unknown;
use crate::api::error::ApiError;
use crate::message::problem::{EmailError, Problem};
use crate::tenant::domains::Tls;
use crate::tenant::domains::name::DomainName;

/// Fields of a new domain, as an error suggests them.
const FIELDS: &[&str] = &["name", "region", "custom_return_path", "adopt"];

/// Most characters of a DNS label. Source: RFC 1035, 2.3.4.
const LABEL_MAX: usize = 63;

/// The first label of the MAIL FROM domain unless the caller names another. Source: as above.
const RETURN_PATH: &str = "send";

/// The request of `POST /domains`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDomain {
    /// Name.
    pub name: DomainName,
    /// Region that the caller expects.
    pub region: Option<String>,
    /// First label of the MAIL FROM domain.
    pub return_path: String,
    /// True to take over an identity that exists in SES. Only the deployer may.
    pub adopt: bool,
}

/// Reads the body of `POST /domains`. `tls`: that of the deployment.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_create(body: &[u8], tls: Tls) -> Result<NewDomain, ApiError> {
    let (mut name, mut region, mut return_path, mut adopt) = (None, None, None, false);
    each_field(body, |key, path, value| {
        match key {
            "name" => name = text(path, value)?.map(|text| domain_name(path, &text)).transpose()?,
            "region" => region = text(path, value)?,
            "custom_return_path" => {
                return_path = text(path, value)?.map(|text| label(path, &text)).transpose()?;
            }
            "adopt" => adopt = flag(path, value)?.unwrap_or_default(),
            _ => setting(key, path, value, FIELDS, tls)?,
        }
        Ok(())
    })?;
    Ok(NewDomain {
        name: name.ok_or_else(|| ApiError::missing_field("name", "this field is required"))?,
        region,
        return_path: return_path.unwrap_or_else(|| RETURN_PATH.to_owned()),
        adopt,
    })
}

/// Checks the body of `PATCH /domains/{id}`, which can change nothing. Returns the id of the domain, which some SDKs
/// repeat in it. `tls`: that of the deployment.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn check_change(body: &[u8], tls: Tls) -> Result<Option<String>, ApiError> {
    let known = &["open_tracking", "click_tracking", "tls", "capabilities"];
    let mut id = None;
    each_field(body, |key, path, value| {
        match key {
            "id" => id = text(path, value)?,
            _ => setting(key, path, value, known, tls)?,
        }
        Ok(())
    })?;
    Ok(id)
}

/// Checks a setting of Resend that has only one value here.
fn setting(key: &str, path: &str, value: Node, known: &[&'static str], tls: Tls) -> Result<(), EmailError> {
    let refused = |problem| Err(EmailError::at(path, problem));
    let other_value = |problem| refused(Problem::Bad(problem));
    match key {
        "open_tracking" | "click_tracking" => match flag(path, value)? {
            None | Some(false) => Ok(()),
            Some(true) => {
                other_value("only the value false is supported: use the field tracking of each email instead")
            }
        },
        "tracking_subdomain" => match text(path, value)? {
            None => Ok(()),
            Some(_) => refused(Problem::Unsupported(
                "leave it out: the template parameter TrackingDomain sets the domain of the links",
            )),
        },
        "tls" => match (text(path, value)?, tls) {
            (None, _) => Ok(()),
            (Some(given), _) if given == <&str>::from(tls) => Ok(()),
            (Some(_), Tls::Opportunistic) => other_value(
                "only the value opportunistic is supported: the template parameter TlsPolicy decides about TLS",
            ),
            (Some(_), Tls::Enforced) => {
                other_value("only the value enforced is supported: the template parameter TlsPolicy decides about TLS")
            }
        },
        "capabilities" => capabilities(path, value),
        _ => Err(unknown(path, key, known)),
    }
}

/// Every domain sends, and none receives.
fn capabilities(path: &str, value: Node) -> Result<(), EmailError> {
    if matches!(value, Node::Null) {
        return Ok(());
    }
    for (key, value) in object(path, value)? {
        let path = format!("{path}.{}", echo(&key));
        let (only, problem) = match key.as_str() {
            "sending" => (
                "enabled",
                "only the value enabled is supported: to stop the emails of a domain, delete it",
            ),
            "receiving" => (
                "disabled",
                "only the value disabled is supported: mailqueue receives no emails",
            ),
            _ => return Err(unknown(&path, &key, &["sending", "receiving"])),
        };
        if text(&path, value)?.is_some_and(|given| given != only) {
            return Err(EmailError::at(path, Problem::Bad(problem)));
        }
    }
    Ok(())
}

fn flag(path: &str, value: Node) -> Result<Option<bool>, EmailError> {
    match value {
        Node::Null => Ok(None),
        Node::Bool(flag) => Ok(Some(flag)),
        node @ (Node::Number(_) | Node::Text(_) | Node::Bytes(_) | Node::Array(_) | Node::Object(_)) => {
            Err(wrong_type(path, "a boolean", &node))
        }
    }
}

fn domain_name(path: &str, text: &str) -> Result<DomainName, EmailError> {
    DomainName::parse_new(text.trim()).map_err(|error| EmailError::at(path, Problem::Bad(error.into())))
}

/// Reads one label of a host name.
fn label(path: &str, text: &str) -> Result<String, EmailError> {
    let text = text.to_ascii_lowercase();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = (1..=LABEL_MAX).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-');
    let bad = || {
        EmailError::at(
            path,
            Problem::Bad("must be one label, such as send: letters, digits and dashes"),
        )
    };
    is_label.then_some(text).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<NewDomain, String> {
        parse_create(body.as_bytes(), Tls::Opportunistic).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_new_domain_is_read_in_resends_form() {
        let plain = NewDomain {
            name: DomainName::parse("example.com").unwrap(),
            region: None,
            return_path: "send".to_owned(),
            adopt: false,
        };
        for body in [
            r#"{"name": " Example.com "}"#,
            r#"{"name": "example.com", "region": null, "custom_return_path": null, "adopt": false,
                "open_tracking": false, "click_tracking": null, "tracking_subdomain": null, "tls": "opportunistic",
                "capabilities": {"sending": "enabled", "receiving": "disabled"}}"#,
        ] {
            assert_eq!(read(body).as_ref(), Ok(&plain), "{body}");
        }
        let other =
            read(r#"{"name": "example.com", "region": "eu-west-1", "custom_return_path": "Mail", "adopt": true}"#);
        let expected = NewDomain {
            region: Some("eu-west-1".to_owned()),
            return_path: "mail".to_owned(),
            adopt: true,
            ..plain
        };
        assert_eq!(other, Ok(expected));
    }

    #[test]
    fn a_refusal_names_the_field_and_the_remedy() {
        let with = |more: &str| read(&format!(r#"{{"name": "example.com", {more}}}"#));
        for (result, beginning) in [
            (read("{}"), "name: this field is required"),
            (read(r#"{"name": "co.uk"}"#), "name: must be a domain that you own"),
            (read(r#"{"name": 1}"#), "name: must be a string"),
            (
                with(r#""open_tracking": true"#),
                "open_tracking: only the value false is supported",
            ),
            (with(r#""open_tracking": "no""#), "open_tracking: must be a boolean"),
            (
                with(r#""tracking_subdomain": "links""#),
                "tracking_subdomain: this field is not supported",
            ),
            (
                with(r#""tls": "enforced""#),
                "tls: only the value opportunistic is supported",
            ),
            (
                with(r#""capabilities": {"receiving": "enabled"}"#),
                "capabilities.receiving: only the value disabled is supported",
            ),
            (with(r#""capabilities": {"x": 1}"#), "capabilities.x: unknown field"),
            (
                with(r#""custom_return_path": "a.b""#),
                "custom_return_path: must be one label",
            ),
            (
                with(r#""custom_return_path": "-a""#),
                "custom_return_path: must be one label",
            ),
            (with(r#""region_": 1"#), "region_: unknown field; did you mean region?"),
        ] {
            let message = result.unwrap_err();
            assert!(message.starts_with(beginning), "{message}");
        }
    }

    #[test]
    fn a_change_has_only_neutral_settings() {
        let neutral = br#"{"open_tracking": false, "tls": "opportunistic", "id": null}"#;
        let check = |body: &[u8]| check_change(body, Tls::Opportunistic);
        assert_eq!(check(neutral), Ok(None));
        assert_eq!(check(br#"{"id": "x"}"#), Ok(Some("x".to_owned())));
        assert!(check(br#"{"click_tracking": true}"#).is_err());
        assert!(check(br#"{"name": "example.org"}"#).is_err());
    }

    #[test]
    fn only_the_tls_of_the_deployment_is_accepted() {
        use Tls::{Enforced, Opportunistic};
        for (tls, given, expected) in [
            (Opportunistic, "opportunistic", Ok(())),
            (Opportunistic, "enforced", Err("only the value opportunistic")),
            (Enforced, "enforced", Ok(())),
            // A weaker choice than that of the deployment must not look accepted.
            (Enforced, "opportunistic", Err("only the value enforced")),
            (Enforced, "required", Err("only the value enforced")),
        ] {
            let new = format!(r#"{{"name": "example.com", "tls": "{given}"}}"#);
            let change = format!(r#"{{"tls": "{given}"}}"#);
            for result in [
                parse_create(new.as_bytes(), tls).map(drop),
                check_change(change.as_bytes(), tls).map(drop),
            ] {
                match (result, expected) {
                    (Ok(()), Ok(())) => {}
                    (Err(error), Err(part)) => assert!(error.message().contains(part), "{error:?}"),
                    (result, expected) => panic!("{tls:?} {given}: {result:?}, not {expected:?}"),
                }
            }
        }
    }
}
