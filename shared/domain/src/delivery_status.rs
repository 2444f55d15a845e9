//! What became of an email after SES accepted it: a rank per recipient that only rises.
//!
//! Events arrive doubled, late and in any order; taking the higher rank makes the result
//! the same whatever the order.

use serde::{Deserialize, Serialize};

/// A recipient's delivery status, worst last. Source: the event types of SES event publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Left out of the submission, for the address is suppressed: below everything that SES says. The one
    /// delivery status that is no event: its sender writes it, and takes it back when a later claim includes the
    /// recipient after all ([`crate::lifecycle::left_out`]).
    Suppressed,
    /// The recipient's server has not taken it yet; SES goes on trying.
    DeliveryDelayed,
    /// An automatic answer came back, such as "out of office": below `Delivered`, which it must not undo.
    /// Without a delivery it is shown as `bounced`.
    Absence,
    /// The recipient's server took it.
    Delivered,
    /// The recipient's server refused it for now, before or after a delivery, and SES gave up.
    SoftBounced,
    /// Amazon SES did not send it: the address is on a list of its own that nobody else can change.
    OnGlobalList,
    /// Amazon SES did not send it: the address is on the suppression list of the AWS account.
    OnAccountList,
    /// The recipient's server refused it for good.
    Bounced,
    /// SES found a virus, or could not render it, and did not send it.
    Rejected,
    /// The recipient reported it as spam.
    Complained,
}

impl DeliveryStatus {
    /// The worse of what is known and what is new.
    #[must_use]
    pub fn raised(known: Option<Self>, new: Self) -> Self {
        known.map_or(new, |known| known.max(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_events_does_not_matter() {
        use DeliveryStatus::{
            Absence, Bounced, Complained, Delivered, DeliveryDelayed, OnAccountList, OnGlobalList, Rejected,
            SoftBounced, Suppressed,
        };
        let all = [
            Suppressed,
            DeliveryDelayed,
            Absence,
            Delivered,
            SoftBounced,
            OnGlobalList,
            OnAccountList,
            Bounced,
            Rejected,
            Complained,
        ];
        for a in all {
            for b in all {
                let ab = DeliveryStatus::raised(Some(DeliveryStatus::raised(None, a)), b);
                let ba = DeliveryStatus::raised(Some(DeliveryStatus::raised(None, b)), a);
                assert_eq!(ab, ba);
                assert_eq!(DeliveryStatus::raised(Some(ab), b), ab);
            }
        }
        assert_eq!(DeliveryStatus::raised(Some(Bounced), Delivered), Bounced);
        assert_eq!(DeliveryStatus::raised(Some(Delivered), SoftBounced), SoftBounced);
        assert_eq!(DeliveryStatus::raised(Some(Delivered), Absence), Delivered);
        assert!(all.is_sorted());
    }
}
