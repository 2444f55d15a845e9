//! Asks SES about sending domains, and stores its answers.
//!
//! **Role:** called by `domains` for requests, and by `promote` for domains that wait for SES.
//! **Invariant:** an identity without the mark of the domain's tenant counts as missing. It belongs to somebody else,
//! whatever its name.
//! One transaction writes a domain and the list of lost domains in the tenant's queue `default`. So the emails of a
//! domain wait exactly while it is `lost`. The job of that queue changes the other queues of the tenant.
//! **After a crash** that follows the transaction, the job tells the senders.
//! **Webhooks:** a change of a domain whose tenant has a webhook is marked, so that the table's stream tells it. One more
//! write begins a deletion, because its time must be stored.

use domain::delivery::account_rate::AccountRateChange;
use domain::id::{EmailId, QueueKey, QueueName};
use domain::ports::domains::{Domains, Identities};
use domain::ports::webhooks::WebhookFlags;
use domain::ports::{AccountRates, PortError, QueueChange, Queues, Rounds};
use domain::queue::job::follow_tenant;
use domain::queue::lost_verifications::LostVerifications;
use domain::queue::{Common, Queue};
use domain::tenant::domains::identity::Identity;
use domain::tenant::domains::{SendingDomain, Verification};
use domain::timestamp::Timestamp;

/// A domain with its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The stored domain.
    pub domain: SendingDomain,
    /// Its identity, if SES has one that is the tenant's.
    pub identity: Option<Identity>,
}

/// The wait for SES, which decides the time of the next question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The present wait goes on.
    Continued,
    /// A new wait begins now.
    Restarted,
}

/// Asks SES about a domain, and stores the answer if it has changed or was due; `None` if the domain was removed.
///
/// # Errors
/// The failed call.
pub async fn observe<S: Domains + Queues + AccountRates + WebhookFlags, I: Identities>(
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
        let mut next = waiting.observed(identity.as_ref(), now);
        let change = change_of_holds(records, &next, now).await?;
        let is_due = wait == Wait::Restarted || domain.next_check.is_some_and(|at| at <= now);
        if !is_due && !next.differs_from(&domain) && change.is_none() {
            return Ok(Some(Observed { domain, identity }));
        }
        if !next.is_told && next.differs_from(&domain) {
            next.is_told = records.has_webhooks(&domain.tenant, now).await?;
        }
        if records.save_domain(&domain, &next, change.as_ref()).await? {
            tell_senders(records, change.as_ref()).await?;
            return Ok(Some(Observed { domain: next, identity }));
        }
        match records.domain(domain.id).await? {
            Some(stored) => domain = stored,
            None => return Ok(None),
        }
    }
}

/// Removes a domain. Its emails wait no longer, and SES decides about each.
///
/// # Errors
/// The failed call.
pub async fn remove<S: Domains + Queues + AccountRates + WebhookFlags>(
    records: &S,
    mut domain: SendingDomain,
    now: Timestamp,
) -> Result<(), PortError> {
    let is_told = records.has_webhooks(&domain.tenant, now).await?;
    let mut rounds = Rounds::of("removing a sending domain");
    loop {
        rounds.begin()?;
        if is_told && (!domain.is_told || domain.changed_at != now) {
            let leaving = domain.leaving(now);
            if !records.save_domain(&domain, &leaving, None).await? {
                match records.domain(domain.id).await? {
                    Some(stored) => domain = stored,
                    None => return Ok(()),
                }
                continue;
            }
            domain = leaving;
        }
        let lead = lead(records, &domain, now).await?;
        let lost = lead.lost_verifications.without(&domain.name);
        let change = change_of(&lead, lost, now);
        if records.remove_domain(&domain, change.as_ref()).await? {
            return tell_senders(records, change.as_ref()).await;
        }
        match records.domain(domain.id).await? {
            Some(stored) => domain = stored,
            None => return Ok(()),
        }
    }
}

/// Returns the change that makes the tenant's queues hold the emails of a lost domain, or release those of another one.
/// `None` if no change is needed. The queue's list of lost verifications is compared each time, because an earlier
/// version of mailqueue drops it when it writes a queue.
async fn change_of_holds<S: Domains + Queues>(
    records: &S,
    domain: &SendingDomain,
    now: Timestamp,
) -> Result<Option<QueueChange>, PortError> {
    let related = match domain.verification {
        // Its emails were never accepted.
        Verification::Never => return Ok(None),
        Verification::Now => Vec::new(),
        Verification::Lost => records.related_domains(&domain.name).await?,
    };
    let lead = lead(records, domain, now).await?;
    let lost = lead.lost_verifications.with(domain, &related);
    Ok(change_of(&lead, lost, now))
}

/// Returns the tenant's queue `default`, whose state the others follow.
async fn lead<S: Queues>(records: &S, domain: &SendingDomain, now: Timestamp) -> Result<Queue, PortError> {
    let key = QueueKey {
        tenant: domain.tenant.clone(),
        name: QueueName::default(),
    };
    let stored = records.queue(&key).await?;
    Ok(stored.unwrap_or_else(|| Queue::plain(key, now)))
}

fn change_of(lead: &Queue, lost_verifications: LostVerifications, now: Timestamp) -> Option<QueueChange> {
    let common = Common {
        lost_verifications,
        ..lead.common()
    };
    // Two callers derive the same id, so that the same change is the same job.
    let id = EmailId::from_key(&lead.key.tenant, &format!("lost domains {}", lead.version));
    let (queue, job) = follow_tenant(lead, &common, id, now)?;
    Some(QueueChange { queue, job })
}

async fn tell_senders<S: AccountRates>(records: &S, change: Option<&QueueChange>) -> Result<(), PortError> {
    if change.is_some() {
        records.change_account_rate(&AccountRateChange::Settings).await?;
    }
    Ok(())
}
