//! Reads the page of the list that a request asks for: `?limit&after&before&origin`.
//!
//! **Invariant:** pure. Any text ends in a page or an [`ApiError`] that names the parameter.

use aws::http::query::{self, Cursor};
use domain::api::error::ApiError;
use domain::delivery::suppression::{Origin, SuppressionId};

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionPage {
    /// Number of suppressions, 1 to [`query::LIMIT_MAX`].
    pub limit: usize,
    /// Suppression beside which the page lies; `None`: the page begins with the newest.
    pub cursor: Option<Cursor<SuppressionId>>,
    /// Origin of the suppressions; `None`: all origins.
    pub origin: Option<Origin>,
}

impl SuppressionPage {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [limit, after, before, origin] = query::parameters(query, ["limit", "after", "before", "origin"])?;
        let cursor = Cursor::read(
            after.as_deref(),
            before.as_deref(),
            SuppressionId::parse,
            "a suppression",
        )?;
        let read_origin = |text: &str| {
            let origin = text.parse::<Origin>();
            origin.map_err(|_| ApiError::validation("origin", "must be bounce, complaint or manual"))
        };
        Ok(Self {
            limit: query::limit(limit.as_deref())?,
            cursor,
            origin: origin.map(|origin| read_origin(&origin)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "d592d4b9-0d8e-89e0-a2ff-febbe05311a0";

    #[test]
    fn a_page_is_read() {
        let id = SuppressionId::parse(ID).unwrap();
        for (query, limit, cursor, origin) in [
            ("", 20, None, None),
            ("limit=100&origin=bounce", 100, None, Some(Origin::Bounce)),
            ("origin=complaint", 20, None, Some(Origin::Complaint)),
            (
                &format!("origin=manual&after={ID}"),
                20,
                Some(Cursor::After(id)),
                Some(Origin::Manual),
            ),
            (&format!("before={ID}&limit=7"), 7, Some(Cursor::Before(id)), None),
        ] {
            let expected = SuppressionPage { limit, cursor, origin };
            assert_eq!(SuppressionPage::parse(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn a_bad_query_names_its_parameter() {
        for (query, path) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=1&limit=1", "limit"),
            ("after=x", "after"),
            ("before=ann%40example.com", "before"),
            (&format!("after={ID}&before={ID}"), "before"),
            ("origin=", "origin"),
            ("origin=Bounce", "origin"),
            ("origin=bounce&origin=manual", "origin"),
            ("email=a", "query"),
            ("%", "query"),
        ] {
            let error = SuppressionPage::parse(query).unwrap_err();
            assert_eq!(
                (error.status(), error.name().as_str()),
                (422, "validation_error"),
                "{query}"
            );
            assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
        }
    }
}
