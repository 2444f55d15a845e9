//! The events of suppressed addresses and of sending domains.

use super::{Telling, Told};
use crate::delivery::suppression::{Entry, Suppression};
use crate::tenant::domains::SendingDomain;
use crate::timestamp::Timestamp;
use crate::webhook::event_type::EventType;
use crate::webhook::identity::{Identity, Number, Subject};

/// The event of a change of a suppressed address, if there is one. `None` for an item: it does not exist.
///
/// An address that is suppressed again, or from now on without an end, is added again.
#[must_use]
pub fn suppression_told(before: Option<&Entry>, after: Option<&Entry>) -> Option<Telling> {
    let known = match before {
        Some(Entry::Suppressed { suppression, .. }) => Some(suppression),
        Some(Entry::Released { .. }) | None => None,
    };
    let (event_type, at, suppression): (_, _, &Suppression) = match (known, after) {
        (known, Some(Entry::Suppressed { suppression, .. })) => {
            if known.is_some_and(|known| known.created_at == suppression.created_at) {
                return None;
            }
            (EventType::SuppressionAdded, suppression.created_at, suppression)
        }
        (Some(known), Some(Entry::Released { at })) => (EventType::SuppressionRemoved, *at, known),
        (None, Some(Entry::Released { .. })) | (_, None) => return None,
    };
    let subject = Subject::Suppression(suppression.id());
    let identity = Identity {
        tenant: &suppression.tenant,
        subject,
        // An address has no birth: its times tell its changes apart.
        born: Timestamp::from_millis(0),
        event_type,
        recipient: None,
        number: Number::At(at),
    };
    Some(Telling {
        id: identity.id(),
        event_type,
        subject,
        recipient: None,
        created_at: at,
        rank: u64::try_from(at.as_millis()).unwrap_or(0),
        told: Told::Suppression(Box::new(suppression.clone())),
    })
}

/// The event of a change of a sending domain, if there is one. `changed_at` is the stored time of its last change.
///
/// A registration after a deletion has another birth. A question to SES that changes nothing is no change.
#[must_use]
pub fn domain_told(
    before: Option<&SendingDomain>,
    after: Option<&SendingDomain>,
    changed_at: Timestamp,
) -> Option<Telling> {
    let (event_type, domain, number, at, rank) = match (before, after) {
        (_, Some(after)) if before.is_none_or(|before| before.created_at != after.created_at) => {
            let at = after.created_at;
            (EventType::DomainCreated, after, Number::Version(0), at, 0)
        }
        (Some(before), Some(after)) if after.differs_from(before) => {
            let number = Number::Version(after.version);
            (EventType::DomainUpdated, after, number, changed_at, after.version)
        }
        (Some(before), None) => {
            let rank = before.version.saturating_add(1);
            (EventType::DomainDeleted, before, Number::Deleted, changed_at, rank)
        }
        (Some(_), Some(_)) | (None, _) => return None,
    };
    let subject = Subject::Domain(domain.id);
    let identity = Identity {
        tenant: &domain.tenant,
        subject,
        born: domain.created_at,
        event_type,
        recipient: None,
        number,
    };
    Some(Telling {
        id: identity.id(),
        event_type,
        subject,
        recipient: None,
        created_at: at,
        rank,
        told: Told::Domain,
    })
}

#[cfg(test)]
#[path = "other_tests.rs"]
mod tests;
