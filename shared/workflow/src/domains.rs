//! Asks SES about sending domains, and stores its answers.
//!
//! **Role:** called by `domains` for requests, and by `promote` for domains that wait for SES.
//! **Invariant:** an identity without the mark of the domain's tenant counts as missing. It belongs to somebody else,
//! whatever its name.

use domain::ports::domains::{Domains, Identities};
use domain::ports::{PortError, Rounds};
use domain::tenant::domains::SendingDomain;
use domain::tenant::domains::identity::Identity;
use domain::timestamp::Timestamp;

/// A domain with its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The stored domain.
    pub domain: SendingDomain,
    /// Its identity, if SES has one that is the tenant's.
    pub identity: Option<Identity>,
}

/// The time of the next question to SES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// By the wait that has begun.
    Continued,
    /// By a wait that begins now.
    Restarted,
}

/// Asks SES about a domain, and stores the answer if it has changed or was due; `None` if the domain was removed.
///
/// # Errors
/// The failed call.
pub async fn observe<S: Domains, I: Identities>(
    records: &S,
    identities: &I,
    mut domain: SendingDomain,
    wait: Wait,
    now: Timestamp,
) -> Result<Option<Observed>, PortError> {
    let identity = identities.identity(&domain.name).await?;
    let identity = identity.filter(|identity| identity.owner.as_ref() == Some(&domain.tenant));
    let mut rounds = Rounds::of("saving a sending domain");
    loop {
        rounds.begin()?;
        let waiting = match wait {
            Wait::Continued => domain.clone(),
            Wait::Restarted => domain.waiting_again(now),
        };
        let next = waiting.observed(identity.as_ref(), now);
        let is_due = wait == Wait::Restarted || domain.next_check.is_some_and(|at| at <= now);
        if !is_due && !next.differs_from(&domain) {
            return Ok(Some(Observed { domain, identity }));
        }
        if records.save_domain(&domain, &next).await? {
            return Ok(Some(Observed { domain: next, identity }));
        }
        match records.domain(domain.id).await? {
            Some(stored) => domain = stored,
            None => return Ok(None),
        }
    }
}
