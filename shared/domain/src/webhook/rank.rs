//! The rank of an event: of two events of one recipient, the one with the larger rank is the later fact.
//!
//! The order of deliveries is not promised, so each payload carries its rank.
//!
//! | Facts | Order |
//! |---|---|
//! | schedules and ends of an email | their turns, and the end of a turn after its schedule |
//! | the acceptance by SES, or the recipient that it leaves out | after all of these |
//! | facts that SES reports | after the acceptance, by SES's time |
//!
//! **Invariant:** a rank follows from stored facts alone, as the event's id does.
//! **Why not the time alone:** the times of an email's life are those of Lambda's clocks, and the others are SES's. A
//! delivery could seem older than the acceptance, and a retry older than the failure before it.

use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::life::LifeKind;
use crate::timestamp::Timestamp;

/// The rank of an acceptance. Every end without an acceptance is below, whatever number of turns it took.
const SENT: u64 = 1_000_000_000_000;

/// Ranks of a millisecond. With them a rank stays below 2^53, so that JavaScript reads it exactly.
const OF_A_MILLISECOND: u64 = 100;

/// The rank of a fact of an email's life.
#[must_use]
pub fn of_life(kind: LifeKind) -> u64 {
    let of_turn = |turn: u32, step: u64| u64::from(turn).saturating_mul(10).saturating_add(step);
    match kind {
        LifeKind::Scheduled { turn, .. } => of_turn(turn, 1),
        LifeKind::Ended { turn, .. } => of_turn(turn, 5),
        LifeKind::Sent { .. } => SENT,
    }
}

/// The rank of a recipient's delivery status.
#[must_use]
pub fn of_status(status: DeliveryStatus, at: Timestamp) -> u64 {
    let step = match status {
        DeliveryStatus::Suppressed => 1,
        DeliveryStatus::DeliveryDelayed => 10,
        DeliveryStatus::Delivered => 20,
        DeliveryStatus::Absence => 30,
        DeliveryStatus::SoftBounced => 60,
        DeliveryStatus::OnGlobalList => 65,
        DeliveryStatus::OnAccountList => 70,
        DeliveryStatus::Bounced => 75,
        DeliveryStatus::Rejected => 80,
        DeliveryStatus::Complained => 85,
    };
    of_ses(at, step)
}

/// The rank of an opening.
#[must_use]
pub fn opened(at: Timestamp) -> u64 {
    of_ses(at, 40)
}

/// The rank of a click.
#[must_use]
pub fn clicked(at: Timestamp) -> u64 {
    of_ses(at, 50)
}

/// The rank of a fact of SES. Its step decides only among facts of one millisecond: their usual order.
fn of_ses(at: Timestamp, step: u64) -> u64 {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    millis
        .saturating_mul(OF_A_MILLISECOND)
        .saturating_add(SENT)
        .saturating_add(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::life::End;

    /// The largest integer that JavaScript reads exactly.
    const EXACT: u64 = 1 << 53;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// The ranks of all facts of SES that happen at a time.
    fn of_ses_at(millis: i64) -> Vec<u64> {
        use DeliveryStatus::{
            Absence, Bounced, Complained, Delivered, DeliveryDelayed, OnAccountList, OnGlobalList, Rejected,
            SoftBounced,
        };
        let told = [
            DeliveryDelayed,
            Delivered,
            Absence,
            SoftBounced,
            OnGlobalList,
            OnAccountList,
            Bounced,
            Rejected,
            Complained,
        ];
        let statuses = told.map(|status| of_status(status, at(millis)));
        [&statuses[..], &[opened(at(millis)), clicked(at(millis))]].concat()
    }

    #[test]
    fn turns_and_the_acceptance_follow_each_other() {
        let scheduled = |turn| of_life(LifeKind::Scheduled { turn, until: at(0) });
        let ended = |turn| {
            of_life(LifeKind::Ended {
                end: End::Failed,
                claim_no: 9,
                turn,
                cause: None,
            })
        };
        let sent = of_life(LifeKind::Sent { claim_no: 1 });
        let all = [scheduled(0), ended(0), scheduled(1), ended(1), ended(u32::MAX), sent];
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    }

    /// For example: an opening after a complaint, a delivery before an automatic reply, and two openings.
    #[test]
    fn a_later_fact_of_ses_has_a_larger_rank() {
        let now = 1_764_000_000_000;
        for (earlier, later) in [(now, now + 1), (now, now + 86_400_000), (0, 1)] {
            for first in of_ses_at(earlier) {
                for second in of_ses_at(later) {
                    assert!(first < second, "{first} at {earlier}, {second} at {later}");
                }
            }
        }
    }

    #[test]
    fn a_fact_of_ses_is_later_than_the_acceptance() {
        let sent = of_life(LifeKind::Sent { claim_no: 1 });
        for rank in [-1, 0, 1_764_000_000_000].into_iter().flat_map(of_ses_at) {
            assert!(rank > sent, "{rank}");
        }
    }

    #[test]
    fn facts_of_one_millisecond_have_their_usual_order() {
        use DeliveryStatus::{Bounced, Complained, Delivered, DeliveryDelayed};
        let of = |status| of_status(status, at(5));
        let usual = [
            of(DeliveryDelayed),
            of(Delivered),
            opened(at(5)),
            clicked(at(5)),
            of(Bounced),
            of(Complained),
        ];
        assert!(usual.is_sorted_by(|a, b| a < b), "{usual:?}");
        let mut all = of_ses_at(5);
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b), "no two are equal: {all:?}");
    }

    #[test]
    fn javascript_reads_each_rank_exactly() {
        let year_4000 = 64_060_588_800_000;
        assert!(of_ses_at(year_4000).into_iter().all(|rank| rank < EXACT));
    }
}
