//! Follows the verification of sending domains: asks SES about those whose next check is due.
//!
//! **Invariant:** a failed call is only a warning. The domain stays due, and the next run asks again.

use domain::ports::domains::Domains;
use domain::ports::{Clock, PortError};
use domain::tenant::domains::name::DomainName;
use workflow::domains::{Wait, observe};

use crate::{Ports, PromoteFunction, Run};

/// Maximum number of domains per run. Our choice: SES allows about one such call per second.
const DOMAINS_AT_ONCE: usize = 20;

impl<P: Ports> PromoteFunction<P> {
    /// Asks SES about the due domains, one after the other, until the run's time is over.
    pub(crate) async fn follow_domains(&self, run: &Run) {
        let due = self.records.due_domains(self.system.now(), DOMAINS_AT_ONCE).await;
        let due = due.unwrap_or_else(|error| {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(error, "the waiting sending domains could not be read");
            Vec::new()
        });
        for name in due {
            if run.time_is_over() {
                return;
            }
            if let Err(error) = self.follow_domain(&name).await {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(error, "the verification of a sending domain is unknown");
            }
        }
    }

    async fn follow_domain(&self, name: &DomainName) -> Result<(), PortError> {
        // The index is read without strong consistency: the domain may be gone, or not due any more.
        let Some(domain) = self.records.domain_named(name).await? else {
            return Ok(());
        };
        let now = self.system.now();
        if domain.next_check.is_none_or(|at| at > now) {
            return Ok(());
        }
        let before = domain.verification;
        let observed = observe(&self.records, &self.identities, domain, Wait::Continued, now).await?;
        if let Some(after) = observed.filter(|observed| observed.domain.verification != before) {
            let verification = <&str>::from(after.domain.verification);
            tracing::info!(domain = %after.domain.id, verification, "the verification of a sending domain changed");
        }
        Ok(())
    }
}
