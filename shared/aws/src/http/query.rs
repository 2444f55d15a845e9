//! Reads the raw query of a URL.
//!
//! **Invariant:** pure. An unknown or repeated parameter is refused: a silently ignored filter would show
//! unwanted entries. A plus is a plus, and no space: clients forget to escape it in addresses and times.

use std::borrow::Cow;

use domain::api::error::ApiError;
use domain::reporting::listing::{Place, Start};
use percent_encoding::percent_decode_str;

/// Default number of entries per page. Source: Resend's API reference, "Pagination", read 2026-11-24.
pub const LIMIT_DEFAULT: usize = 20;

/// Maximum number of entries per page. Source: as above.
pub const LIMIT_MAX: usize = 100;

/// The entry beside which a page lies. It is not on the page itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor<I> {
    /// The page holds the next entries of the list: older ones.
    After(I),
    /// The page holds the previous entries: newer ones.
    Before(I),
}

impl<I> Cursor<I> {
    /// Reads the parameters `after` and `before`. `what` names the object of the id, with its article.
    ///
    /// # Errors
    /// 422 when both are given, or the value is no id.
    pub fn read(
        after: Option<&str>,
        before: Option<&str>,
        parse: impl FnOnce(&str) -> Option<I>,
        what: &str,
    ) -> Result<Option<Self>, ApiError> {
        let (name, cursor, text): (_, fn(I) -> Self, _) = match (after, before) {
            (None, None) => return Ok(None),
            (Some(after), None) => ("after", Self::After, after),
            (None, Some(before)) => ("before", Self::Before, before),
            (Some(_), Some(_)) => {
                return Err(ApiError::validation(
                    "before",
                    "cannot be used together with the parameter after",
                ));
            }
        };
        let bad = || ApiError::validation(name, format_args!("must be the id of {what}"));
        parse(text).map(cursor).map(Some).ok_or_else(bad)
    }

    /// Id of the entry.
    #[must_use]
    pub fn id(self) -> I {
        match self {
            Self::After(id) | Self::Before(id) => id,
        }
    }

    /// Returns the start of the list beside an entry. `place` is the entry's place in the list.
    #[must_use]
    pub fn start(self, place: Place<I>) -> Start<I> {
        match self {
            Self::After(_) => Start::OlderThan(place),
            Self::Before(_) => Start::NewerThan(place),
        }
    }

    /// Returns the error for a missing entry. `what` names the object of the id.
    #[must_use]
    pub fn not_there(self, what: &str) -> ApiError {
        let name = match self {
            Self::After(_) => "after",
            Self::Before(_) => "before",
        };
        ApiError::validation(
            name,
            format_args!("no {what} has this id; start again without this parameter"),
        )
    }
}

/// Returns the parameters of a URL, each at most once.
///
/// # Errors
/// 422 for a parameter that is not among `known`, or is repeated.
pub fn parameters<'a, const N: usize>(
    query: &'a str,
    known: [&'static str; N],
) -> Result<[Option<Cow<'a, str>>; N], ApiError> {
    let mut values = [const { None }; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let place = known.iter().zip(&mut values).find(|(known, _)| **known == name);
        let Some((name, place)) = place else {
            let problem = match known.as_slice() {
                [only] => format!("unknown parameter; the only one is {only}"),
                known => format!("unknown parameter; the parameters are {}", known.join(", ")),
            };
            return Err(ApiError::validation("query", problem));
        };
        if place.replace(value).is_some() {
            return Err(ApiError::validation(name, "is given more than once"));
        }
    }
    Ok(values)
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Reads a flag of a URL that allows no other one, such as `?cancel=true`.
///
/// # Errors
/// As [`flags`].
pub fn flag(query: &str, name: &'static str) -> Result<bool, ApiError> {
    flags(query, [name]).map(|[flag]| flag)
}

/// Reads the allowed flags of a URL: `?children=true&hold=true`.
///
/// # Errors
/// As [`parameters`]; and 422 when a value is neither `true` nor `false`.
pub fn flags<const N: usize>(query: &str, names: [&'static str; N]) -> Result<[bool; N], ApiError> {
    let mut flags = [false; N];
    for ((name, value), flag) in names.into_iter().zip(parameters(query, names)?).zip(&mut flags) {
        *flag = boolean(name, value.as_deref())?;
    }
    Ok(flags)
}

/// Reads a flag; a missing one is `false`.
///
/// # Errors
/// 422 when the value is neither `true` nor `false`.
pub fn boolean(name: &'static str, value: Option<&str>) -> Result<bool, ApiError> {
    match value {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::validation(name, "must be true or false")),
    }
}

/// Reads the number of entries of a page, 1 to [`LIMIT_MAX`].
///
/// # Errors
/// 422 for any other value.
pub fn limit(given: Option<&str>) -> Result<usize, ApiError> {
    limit_or(given, LIMIT_DEFAULT)
}

/// Reads the number of entries of a page of a short list: all of them by default, as Resend lists API keys and domains.
/// Source: Resend's API reference, "List API keys" and "List Domains", read 2026-11-29.
///
/// # Errors
/// As [`limit`].
pub fn limit_or(given: Option<&str>, all: usize) -> Result<usize, ApiError> {
    let Some(text) = given else {
        return Ok(all);
    };
    // `parse` takes a plus sign; Resend's schema says integer.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse().ok();
    limit
        .filter(|limit| digits && (1..=LIMIT_MAX).contains(limit))
        .ok_or_else(|| ApiError::validation("limit", format_args!("must be a whole number from 1 to {LIMIT_MAX}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_list_has_all_its_entries_by_default() {
        assert_eq!(limit_or(None, 500), Ok(500));
        assert_eq!(limit_or(Some("7"), 500), Ok(7));
        assert!(limit_or(Some("101"), 500).is_err());
    }

    fn problem<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
        result.unwrap_err().message().to_owned()
    }

    #[test]
    fn a_parameter_is_known_and_given_once() {
        let both =
            |query| parameters(query, ["limit", "after"]).map(|values| values.map(|value| value.map(Cow::into_owned)));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(both(""), Ok([None, None]));
        assert_eq!(both("&"), Ok([None, None]));
        assert_eq!(both("after=a%20b&limit="), Ok([text(""), text("a b")]));
        assert_eq!(both("after=a+b%2Bc%ff=d"), Ok([None, text("a+b+c\u{fffd}=d")]));
        assert_eq!(
            problem(both("Limit=1")),
            "query: unknown parameter; the parameters are limit, after"
        );
        assert_eq!(
            problem(both("limit[]=1")),
            "query: unknown parameter; the parameters are limit, after"
        );
        assert_eq!(problem(both("limit=1&limit=1")), "limit: is given more than once");
    }

    #[test]
    fn a_flag_is_true_or_false() {
        for (query, expected) in [
            ("", false),
            ("cancel=true", true),
            ("cancel=false", false),
            ("cancel=tru%65", true),
        ] {
            assert_eq!(flag(query, "cancel"), Ok(expected), "{query}");
        }
        for (query, expected) in [
            ("cancel", "cancel: must be true or false"),
            ("cancel=1", "cancel: must be true or false"),
            ("cancel=TRUE", "cancel: must be true or false"),
            ("cancel=true&cancel=true", "cancel: is given more than once"),
            ("Cancel=true", "query: unknown parameter; the only one is cancel"),
            ("cancel=true&x=1", "query: unknown parameter; the only one is cancel"),
        ] {
            assert_eq!(problem(flag(query, "cancel")), expected, "{query}");
        }
    }

    #[test]
    fn a_page_starts_after_or_ends_before_an_entry() {
        let read = |after, before| Cursor::read(after, before, |text| text.parse::<u8>().ok(), "a number");
        assert_eq!(read(None, None), Ok(None));
        assert_eq!(read(Some("7"), None), Ok(Some(Cursor::After(7))));
        assert_eq!(read(None, Some("7")), Ok(Some(Cursor::Before(7))));
        assert_eq!(problem(read(Some("x"), None)), "after: must be the id of a number");
        assert_eq!(problem(read(None, Some(""))), "before: must be the id of a number");
        assert_eq!(
            problem(read(Some("7"), Some("7"))),
            "before: cannot be used together with the parameter after"
        );
        let missing = Cursor::Before(7).not_there("number");
        assert_eq!(
            missing.message(),
            "before: no number has this id; start again without this parameter"
        );
    }

    #[test]
    fn a_page_has_1_to_100_entries() {
        for (given, expected) in [(None, 20), (Some("1"), 1), (Some("100"), 100), (Some("007"), 7)] {
            assert_eq!(limit(given), Ok(expected));
        }
        for given in [
            "",
            "0",
            "101",
            "-1",
            "+1",
            "1.0",
            " 1",
            "1e1",
            "٣",
            "99999999999999999999",
        ] {
            assert_eq!(
                problem(limit(Some(given))),
                "limit: must be a whole number from 1 to 100",
                "{given}"
            );
        }
    }
}
