//! The effect of a transition's write on the table: the decision's changes over the stored record.
//!
//! **Invariant:** like `UpdateItem`, it writes only the fields in which the decision's record differs from the record
//! that the decision saw. Concurrent changes of other fields stay.

use domain::delivery::record::EmailRecord;

/// Takes each field that the decision changes from `after`, and every other from `stored`.
///
/// The pattern names every field, so that a new one cannot be forgotten here.
macro_rules! overlay {
    ($stored:ident, $before:ident, $after:ident: $($field:ident)+) => {{
        let EmailRecord { $($field),+ } = $stored;
        EmailRecord { $($field: if $before.$field == $after.$field { $field } else { $after.$field.clone() }),+ }
    }};
}

/// The stored record after a write of the differences between `before` and `after`.
#[must_use]
pub fn overlaid(stored: EmailRecord, before: &EmailRecord, after: &EmailRecord) -> EmailRecord {
    overlay!(stored, before, after:
        tenant id born queue priority recipients body attachment_bytes on_uncertain status not_before scheduled_at
        expires_at expires_given claim_no attempts lease maybe_duplicate duplicate uncertain_since batch cause detail sent due
        delivery_statuses delivery_version delivered_at opened_at clicked_at retried_at generation key from_domain dropped_headers outcomes diagnostics facts
    )
}

#[cfg(test)]
mod tests {
    use domain::delivery::delivery_status::DeliveryStatus;
    use domain::delivery::record::RecordStatus;

    use super::*;
    use crate::samples;

    #[test]
    fn concurrent_changes_of_other_fields_stay() {
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
