//! The delivery status of a recipient after SES's acceptance: a rank that only rises.
//!
//! Events arrive repeated, late and in any order. Taking the higher rank makes the result independent of the order.

use serde::{Deserialize, Serialize};

/// A recipient's delivery status, worst last. Source: the event types of SES event publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Left out of the submission, because the address is suppressed; ranked below every event of SES. Only this status
    /// comes from no event: the sender writes it. The sender removes it when a later claim includes the recipient
    /// ([`crate::lifecycle::leave_out`]).
    Suppressed,
    /// The recipient's server has not taken it yet; SES keeps trying.
    DeliveryDelayed,
    /// An automatic reply came back, such as "out of office"; ranked below `Delivered`, which it must not replace.
    /// Without a delivery it is shown as `bounced`.
    Absence,
    /// The recipient's server took it.
    Delivered,
    /// The recipient's server refused it for now, before or after a delivery, and SES gave up.
    SoftBounced,
    /// Amazon SES did not send it: the address is on SES's global list, which only SES can change.
    OnGlobalList,
    /// Amazon SES did not send it: the address is on the suppression list of the AWS account.
    OnAccountList,
    /// The recipient's server refused it for good.
    Bounced,
    /// SES did not send the email: it found a virus, or could not render the email.
    Rejected,
    /// The recipient reported it as spam.
    Complained,
}

impl DeliveryStatus {
    /// The worse of the known and the new status.
    #[must_use]
    pub fn worse_of(known: Option<Self>, new: Self) -> Self {
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
                let ab = DeliveryStatus::worse_of(Some(DeliveryStatus::worse_of(None, a)), b);
                let ba = DeliveryStatus::worse_of(Some(DeliveryStatus::worse_of(None, b)), a);
                assert_eq!(ab, ba);
                assert_eq!(DeliveryStatus::worse_of(Some(ab), b), ab);
            }
        }
        assert_eq!(DeliveryStatus::worse_of(Some(Bounced), Delivered), Bounced);
        assert_eq!(DeliveryStatus::worse_of(Some(Delivered), SoftBounced), SoftBounced);
        assert_eq!(DeliveryStatus::worse_of(Some(Delivered), Absence), Delivered);
        assert!(all.is_sorted());
    }
}
