//! What a write of a transition leaves in the table: its own changes over what is stored.
//!
//! **Invariant:** as `UpdateItem` does, only what differs between the record that the decision saw and the
//! record it wants is written. Whatever somebody else wrote meanwhile stays.

use domain::record::EmailRecord;

/// Takes each field that the decision changes from `after`, and every other from `stored`.
///
/// The pattern names every field, so that a new one cannot be forgotten here.
macro_rules! overlay {
    ($stored:ident, $before:ident, $after:ident: $($field:ident)+) => {{
        let EmailRecord { $($field),+ } = $stored;
        EmailRecord { $($field: if $before.$field == $after.$field { $field } else { $after.$field.clone() }),+ }
    }};
}

/// The stored record after a write of what differs between `before` and `after`.
#[must_use]
pub fn overlaid(stored: EmailRecord, before: &EmailRecord, after: &EmailRecord) -> EmailRecord {
    overlay!(stored, before, after:
        tenant id born queue priority recipients body attachment_bytes on_uncertain status not_before scheduled_at
        expires_at expires_given claim_no attempts lease maybe_duplicate duplicate uncertain_since batch cause detail sent due
        delivery_statuses delivery_version delivered_at opened_at clicked_at retried_at generation key from_domain outcomes diagnostics facts
    )
}

#[cfg(test)]
mod tests {
    use domain::delivery_status::DeliveryStatus;
    use domain::record::RecordStatus;

    use super::*;
    use crate::samples;

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let email = samples::email().unwrap();
        let before = samples::record(1, &email);
        let mut stored = before.clone();
        (stored.status, stored.claim_no) = (RecordStatus::Sending, 1);
        let mut after = before.clone();
        after
            .delivery_statuses
            .insert("r".to_owned(), DeliveryStatus::Delivered);
        after.delivery_version = 1;
        let left = overlaid(stored.clone(), &before, &after);
        assert_eq!(
            (left.status, left.claim_no, left.delivery_version),
            (RecordStatus::Sending, 1, 1)
        );
        assert_eq!(left.delivery_statuses, after.delivery_statuses);
        assert_eq!(overlaid(stored.clone(), &before, &before), stored, "nothing is written");
    }
}
