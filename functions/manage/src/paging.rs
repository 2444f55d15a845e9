//! Reads which page of a list is asked for: `?limit&after&before`.
//!
//! **Invariant:** pure; any text ends in a page or an [`ApiError`] that names the parameter.
//! A parameter that nobody knows is refused: a filter that is silently ignored would show what
//! was not asked for.
//!
//! Source: Resend's API reference, "Pagination", read 2026-11-24.

use aws::query::{self, Cursor};
use domain::api_error::ApiError;
use domain::id::EmailId;

use crate::filters::Filter;

/// The page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many emails, 1 to [`query::LIMIT_MAX`].
    pub limit: usize,
    /// Where it begins; with the newest email when nothing is said.
    pub cursor: Option<Cursor<EmailId>>,
    /// Which emails are on it.
    pub filter: Filter,
}

impl Page {
    /// Reads the query of a URL, as it came.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [status, queue, cause, key, tag, from, to, since, until] = Filter::PARAMETERS;
        let names = [
            "limit", "after", "before", status, queue, cause, key, tag, from, to, since, until,
        ];
        let [limit, after, before, filters @ ..] = query::parameters(query, names)?;
        let limit = query::limit(limit.as_deref())?;
        let cursor = Cursor::read(after.as_deref(), before.as_deref(), EmailId::parse, "an email")?;
        let filter = Filter::read(filters)?;
        Ok(Self { limit, cursor, filter })
    }

    /// The same for a reader who may not read content. A filter by content would tell what the content is.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when it asks for a tag, a sender or a recipient.
    pub fn without_content(self) -> Result<Self, ApiError> {
        if self.filter.asks_the_content() {
            return Err(ApiError::restricted_api_key(
                "The deployer's key reads no content: list by status, queue, cause, since or until.",
            ));
        }
        Ok(self)
    }
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
            ("key=shop", "key"),
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
