use super::super::samples::{ANN, at};
use super::*;
use crate::delivery::suppression::Origin;
use crate::id::TenantId;
use crate::message::address::EmailAddress;
use crate::tenant::domains::identity::{Identity as SesIdentity, IdentityStatus};
use crate::tenant::domains::samples::domain;

fn suppressed(created: i64, until: Option<i64>) -> Entry {
    let suppression = Suppression {
        tenant: TenantId::main(),
        address: EmailAddress::parse(ANN).unwrap(),
        origin: Origin::Complaint,
        source: None,
        created_at: at(created),
        until: until.map(at),
    };
    Entry::Suppressed {
        suppression,
        released_at: None,
    }
}

#[test]
fn an_address_is_added_and_removed() {
    let (added, released) = (suppressed(10, None), Entry::Released { at: at(20) });
    let event = |before, after| suppression_told(before, after).map(|told| (told.event_type, told.created_at));
    let adding = Some((EventType::SuppressionAdded, at(10)));
    assert_eq!(event(None, Some(&added)), adding);
    assert_eq!(event(Some(&released), Some(&added)), adding);
    let removing = Some((EventType::SuppressionRemoved, at(20)));
    assert_eq!(event(Some(&added), Some(&released)), removing);
    assert_eq!(event(Some(&added), Some(&added)), None);
    assert_eq!(event(Some(&released), Some(&released)), None);
    assert_eq!(event(None, Some(&released)), None);
    for gone in [&added, &released] {
        assert_eq!(event(Some(gone), None), None, "the table deletes it in the end");
    }
    let for_good = suppressed(15, None);
    let again = Some((EventType::SuppressionAdded, at(15)));
    assert_eq!(event(Some(&suppressed(10, Some(100))), Some(&for_good)), again);
}

#[test]
fn a_domain_tells_its_changes_only() {
    let before = domain();
    let waiting = before.observed(Some(&SesIdentity::default()), at(60));
    let identity = SesIdentity {
        may_send: true,
        status: IdentityStatus::Verified,
        ..SesIdentity::default()
    };
    let verified = before.observed(Some(&identity), at(60));
    let again = verified.observed(Some(&identity), at(120));
    let event = |before, after| domain_told(before, after, at(60)).map(|told| told.event_type);
    assert_eq!(event(None, Some(&before)), Some(EventType::DomainCreated));
    assert_eq!(event(Some(&before), Some(&waiting)), None, "SES was only asked");
    assert_eq!(event(Some(&waiting), Some(&verified)), Some(EventType::DomainUpdated));
    assert_eq!(event(Some(&verified), Some(&again)), None);
    assert_eq!(event(Some(&verified), None), Some(EventType::DomainDeleted));
    assert_eq!(event(None, None), None);
    let registered_again = SendingDomain {
        created_at: at(900),
        ..before.clone()
    };
    assert_eq!(
        event(Some(&verified), Some(&registered_again)),
        Some(EventType::DomainCreated)
    );
}
