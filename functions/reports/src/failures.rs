//! Reasons why emails ended unsent: by queue and cause, with an example and the call that retries them.
//!
//! **Invariant:** a response costs a bounded number of reads, whatever the number of emails.

use aws::http::auth::ActsFor;
use aws::http::period::{Given, hours, read_queue, read_time};
use aws::http::query;
use domain::api::error::ApiError;
use domain::api::failures_view::FailuresView;
use domain::ports::{Clock, Counts};

use crate::metrics::too_many;
use crate::{Ports, ReportsError, ReportsFunction};

/// Query of failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailuresQuery {
    since: Option<Given>,
    until: Option<Given>,
    queue: Option<String>,
}

impl FailuresQuery {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [since, until, queue] = query::parameters(query, ["since", "until", "queue"])?;
        Ok(Self {
            since: read_time("since", since)?,
            until: read_time("until", until)?,
            queue: read_queue(queue)?,
        })
    }
}

impl<P: Ports> ReportsFunction<P> {
    /// Shows why the caller's emails ended unsent in a period.
    ///
    /// # Errors
    /// 422 when the period is impossible or too long, or the response too large. Or a backend call failed.
    pub async fn failures(&self, caller: &dyn ActsFor, query: &FailuresQuery) -> Result<FailuresView, ReportsError> {
        let (hours, _) = hours(query.since, query.until, self.system.now())?;
        let failures = self.records.failures(caller.tenant(), query.queue.as_deref(), hours);
        let failures = failures.await?.ok_or_else(|| too_many(query.since))?;
        Ok(FailuresView::new(&failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_query_names_its_parameter() {
        for (query, path) in [
            ("since=x", "since"),
            ("until=1", "until"),
            ("until=2026-11-24&until=2026-11-24", "until"),
            ("queue=A", "queue"),
            ("cause=rejected", "query"),
            ("limit=5", "query"),
        ] {
            let error = FailuresQuery::parse(query).unwrap_err();
            assert_eq!(
                (error.status(), error.name().as_str()),
                (422, "validation_error"),
                "{query}"
            );
            assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
        }
    }
}
