//! Reads the page of a list that a request selects: `?limit&after&before`.
//!
//! **Invariant:** pure. Any text results in a page or an [`ApiError`] that names the parameter. An unknown
//! parameter is refused: a silently ignored filter would show unwanted emails.
//!
//! Source: Resend's API reference, "Pagination", read 2026-11-24.

use aws::http::query::{self, Cursor};
use domain::api::error::ApiError;
use domain::id::EmailId;

use crate::filters::Filter;

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailPage {
    /// Number of emails, 1 to [`query::LIMIT_MAX`].
    pub limit: usize,
    /// Email beside which the page lies; `None`: the page begins with the newest.
    pub cursor: Option<Cursor<EmailId>>,
    /// Conditions of its emails.
    pub filter: Filter,
}

impl EmailPage {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [status, queue, cause, key, from_domain, tag, from, to, since, until] = Filter::PARAMETERS;
        let names = [
            "limit",
            "after",
            "before",
            status,
            queue,
            cause,
            key,
            from_domain,
            tag,
            from,
            to,
            since,
            until,
        ];
        let [limit, after, before, filters @ ..] = query::parameters(query, names)?;
        let limit = query::limit(limit.as_deref())?;
        let cursor = Cursor::read(after.as_deref(), before.as_deref(), EmailId::parse, "an email")?;
        let filter = Filter::read(filters)?;
        Ok(Self { limit, cursor, filter })
    }

    /// Returns the page for a reader without access to content. A filter by content would reveal it.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when it filters by tag, sender or recipient.
    pub fn without_content(self) -> Result<Self, ApiError> {
        if self.filter.asks_the_content() {
            return Err(ApiError::restricted_api_key(
                "The deployer's key cannot read email content. Filter by status, queue, cause, key, from_domain, since or until instead.",
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
            assert_eq!(
                EmailPage::parse(query),
                Ok(EmailPage { limit, cursor, filter }),
                "{query}"
            );
        }
    }

    #[test]
    fn a_bad_query_names_its_parameter() {
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
            ("from_domain=", "from_domain"),
            ("from_domain=a@example.com", "from_domain"),
            ("from_domain=a.example&from_domain=b.example", "from_domain"),
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
            let error = EmailPage::parse(query).unwrap_err();
            assert_eq!(
                (error.status(), error.name().as_str()),
                (422, "validation_error"),
                "{query}"
            );
            assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
        }
    }
}
