//! The effect of a transition's write on the table: the decision's changes over the stored record.
//!
//! **Invariant:** like `UpdateItem`, it writes only the fields in which the decision's record differs from the record
//! that the decision saw. Concurrent changes of other fields stay.

use domain::delivery::hook::Hook;
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
    let hook = overlaid_hook(stored.hook.as_ref(), before.hook.as_ref(), after.hook.as_ref());
    let written = overlay!(stored, before, after:
        tenant id born queue priority recipients body attachment_bytes on_uncertain status not_before scheduled_at
        expires_at expires_given claim_no attempts lease maybe_duplicate duplicate uncertain_since batch cause detail sent due
        delivery_statuses delivery_version delivered_at opened_at clicked_at retried_at generation key from_domain dropped_headers outcomes diagnostics facts hook
    );
    EmailRecord { hook, ..written }
}

/// The facts for webhooks after a write: each of their parts is an attribute of its own.
fn overlaid_hook(stored: Option<&Hook>, before: Option<&Hook>, after: Option<&Hook>) -> Option<Hook> {
    let (Some(stored), Some(before), Some(after)) = (stored, before, after) else {
        return if before == after { stored } else { after }.cloned();
    };
    let Hook {
        recipients,
        idempotency_key,
        turn,
        schedule,
        past,
        left_out,
    } = stored.clone();
    macro_rules! newest {
        ($field:ident) => {
            if before.$field == after.$field {
                $field
            } else {
                after.$field.clone()
            }
        };
    }
    Some(Hook {
        recipients: newest!(recipients),
        idempotency_key: newest!(idempotency_key),
        turn: newest!(turn),
        schedule: newest!(schedule),
        past: newest!(past),
        left_out: newest!(left_out),
    })
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

    #[test]
    fn concurrent_changes_of_other_parts_of_a_hook_stay() {
        let email = samples::email().unwrap();
        let hook = Hook::new(["a@example.com"], None);
        let with = |hook: &Hook| EmailRecord {
            hook: Some(hook.clone()),
            ..samples::record(1, &email)
        };
        let stored = Hook {
            turn: 2,
            ..hook.clone()
        };
        let mut after = hook.clone();
        after.leave_out(1, hook.recipients.clone());
        let written = overlaid(with(&stored), &with(&hook), &with(&after));
        let expected = Hook { turn: 2, ..after };
        assert_eq!(written.hook, Some(expected));
    }
}
