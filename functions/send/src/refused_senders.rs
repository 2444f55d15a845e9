//! Refusals because of the sender: an email from a domain that SES sent for before is tried again.
//!
//! `promote` notices within an hour that SES stopped sending for a domain, and then its emails wait
//! ([`domain::queue::lost_verifications`]). Until then they are refused one by one.
//! **Invariant:** only such a refusal reads the tenant's domains. No other email costs a call.
//! **Start reading at** [`SendFunction::without_lost_domain`]. Why this way: docs/adr/0046.

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::EmailRecord;
use domain::ports::domains::Domains;
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::refusal::{names_domain, was_verified};

use crate::{Ports, SendFunction};

impl<P: Ports> SendFunction<P> {
    /// Returns the attempt with a cause that is tried again, if SES refused the email because its domain lost its
    /// verification. Other attempts stay as they are.
    ///
    /// The cause is an existing one, so that an earlier version reads the record.
    pub(crate) async fn without_lost_domain(&self, record: &EmailRecord, attempt: Attempt) -> Attempt {
        match attempt {
            Attempt::NotAccepted {
                cause: Cause::UnverifiedSender,
                detail,
            } => {
                let cause = if self.has_lost_domain(record, &detail).await {
                    Cause::Unavailable
                } else {
                    Cause::UnverifiedSender
                };
                Attempt::NotAccepted { cause, detail }
            }
            Attempt::Accepted { .. } | Attempt::NotAccepted { .. } | Attempt::Ambiguous => attempt,
        }
    }

    async fn has_lost_domain(&self, record: &EmailRecord, words: &str) -> bool {
        let named = record.from_domain.as_deref().filter(|from| names_domain(words, from));
        let Some((from, name)) = named.and_then(|from| Some((from, DomainName::parse(from).ok()?))) else {
            return false;
        };
        match self.records.related_domains(&name).await {
            Ok(related) => was_verified(&record.tenant, from, &related),
            Err(error) => {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(id = %record.id, error, "the sending domains could not be read; the email is tried again");
                true
            }
        }
    }
}
