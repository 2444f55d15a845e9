//! Reads which page of a list is asked for: `?limit&after&before`.
//!
//! **Invariant:** pure; any text ends in a page or an [`ApiError`] that names the parameter.
//! A parameter that nobody knows is refused: a filter that is silently ignored would show what
//! was not asked for.
//!
//! Source: Resend's API reference, "Pagination", read 2026-11-24.

use domain::api_error::ApiError;
use domain::id::EmailId;

use crate::filters::Filter;
use crate::period::parameters;

/// Emails on a page when nothing is said. Source: as above.
pub const LIMIT_DEFAULT: usize = 20;

/// Emails on a page at most. Source: as above.
pub const LIMIT_MAX: usize = 100;

/// The page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many emails, 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// Where it begins; with the newest email when nothing is said.
    pub cursor: Option<Cursor>,
    /// Which emails are on it.
    pub filter: Filter,
}

/// The email next to which a page lies. It is not on the page itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// The page has what comes after it in the list: older emails.
    After(EmailId),
    /// The page has what comes before it: newer emails.
    Before(EmailId),
}

impl Cursor {
    /// The parameter it was given in.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::After(_) => "after",
            Self::Before(_) => "before",
        }
    }

    /// The email.
    #[must_use]
    pub const fn id(self) -> EmailId {
        match self {
            Self::After(id) | Self::Before(id) => id,
        }
    }
}

impl Page {
    /// Reads the query of a URL, as it came.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [status, queue, cause, tag, from, to, since, until] = Filter::PARAMETERS;
        let names = [
            "limit", "after", "before", status, queue, cause, tag, from, to, since, until,
        ];
        let [limit, after, before, filters @ ..] = parameters(query, names)?;
        let limit = limit.map_or(Ok(LIMIT_DEFAULT), |limit| read_limit(&limit))?;
        let cursor = match (after, before) {
            (None, None) => None,
            (Some(after), None) => Some(Cursor::After(read_id("after", &after)?)),
            (None, Some(before)) => Some(Cursor::Before(read_id("before", &before)?)),
            (Some(_), Some(_)) => return Err(ApiError::validation("before", "give after or before, not both")),
        };
        let filter = Filter::read(filters)?;
        Ok(Self { limit, cursor, filter })
    }
}

/// Reads a query that may hold one flag: `?cancel=true`.
///
/// # Errors
/// 422 `validation_error`.
pub fn parse_flag(query: &str, flag: &str) -> Result<bool, ApiError> {
    let mut given = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != flag {
            return Err(ApiError::validation("query", format!("the only parameter is {flag}")));
        }
        let value = match value.as_ref() {
            "true" => true,
            "false" => false,
            _ => return Err(ApiError::validation(flag, "must be true or false")),
        };
        if given.replace(value).is_some() {
            return Err(ApiError::validation(flag, "is given more than once"));
        }
    }
    Ok(given.unwrap_or(false))
}

pub(crate) fn read_limit(text: &str) -> Result<usize, ApiError> {
    // `parse` takes a plus sign; Resend's schema says integer.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text
        .parse()
        .ok()
        .filter(|limit| digits && (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| ApiError::validation("limit", format_args!("must be a whole number from 1 to {LIMIT_MAX}")))
}

fn read_id(name: &str, text: &str) -> Result<EmailId, ApiError> {
    EmailId::parse(text).ok_or_else(|| ApiError::validation(name, "must be the id of an email"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    #[test]
    fn a_page_is_read() {
        let id = EmailId::parse(ID).unwrap();
        for (query, limit, cursor) in [
            ("", 20, None),
            ("&", 20, None),
            ("limit=1", 1, None),
            ("limit=100", 100, None),
            ("limit=%31%30", 10, None),
            (&format!("after={ID}"), 20, Some(Cursor::After(id))),
            (&format!("before={ID}&limit=7"), 7, Some(Cursor::Before(id))),
        ] {
            let filter = Filter::default();
            assert_eq!(Page::parse(query), Ok(Page { limit, cursor, filter }), "{query}");
        }
    }

    #[test]
    fn a_bad_query_is_refused_by_its_parameter() {
        for (query, path) in [
            ("limit", "limit"),
            ("limit=", "limit"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=+1", "limit"),
            ("limit=%2B1", "limit"),
            ("limit=1.5", "limit"),
            ("limit=ten", "limit"),
            ("limit=99999999999999999999999", "limit"),
            ("limit=%FF", "limit"),
            ("limit=1&limit=1", "limit"),
            ("after=", "after"),
            ("after=x", "after"),
            ("after=%00%ff%", "after"),
            ("before=..%2F..", "before"),
            (&format!("after={ID}&after={ID}"), "after"),
            (&format!("after={ID}&before={ID}"), "before"),
            ("limt=5", "query"),
            ("status=", "status"),
            ("status=Failed", "status"),
            ("status=failed&status=failed", "status"),
            ("queue=A", "queue"),
            ("cause=bad", "cause"),
            ("tag=", "tag"),
            ("tag=a%20b", "tag"),
            ("tag=a:", "tag"),
            ("tag=a:b:c", "tag"),
            ("from=nobody", "from"),
            ("to=a@example.com%0d%0ab", "to"),
            ("to=", "to"),
            ("since=today", "since"),
            ("until=2026-13-01", "until"),
            ("since=2026-11-24&until=2026-11-24", "since"),
            ("since=2026-11-25&until=2026-11-24", "since"),
            ("subject=x", "query"),
            ("=", "query"),
            ("%", "query"),
        ] {
            let error = Page::parse(query).unwrap_err();
            assert_eq!(
                (error.status(), error.name().as_str()),
                (422, "validation_error"),
                "{query}"
            );
            assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
        }
    }
}
