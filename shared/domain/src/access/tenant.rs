//! A tenant: who shares a deployment with others, and sees nothing of them.

use super::sender::FromDomain;
use crate::id::TenantId;
use crate::timestamp::Timestamp;

/// What is stored of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name, which is in every partition key of what is its own.
    pub id: TenantId,
    /// From where it may send.
    pub from_domains: Vec<FromDomain>,
    /// Recipients in a day (UTC).
    pub daily_cap: Option<u64>,
    /// Recipients in a second, on the average.
    pub rate: Option<u32>,
    /// Its keys are good for nothing.
    pub suspended: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The number of its last change.
    pub no: u64,
}

impl Tenant {
    /// The tenant of a deployment that has made no others: it always exists, is not stored, and may do what
    /// the account may.
    #[must_use]
    pub fn main() -> Self {
        Self {
            id: TenantId::main(),
            from_domains: vec![FromDomain::Any],
            daily_cap: None,
            rate: None,
            suspended: false,
            created_at: Timestamp::from_millis(0),
            no: 0,
        }
    }

    /// Whether it may send from a domain.
    #[must_use]
    pub fn may_send_from(&self, domain: &str) -> bool {
        self.from_domains.iter().any(|allowed| allowed.covers(domain))
    }
}
