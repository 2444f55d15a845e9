//! The choice of SES's reaction to a submission.

use std::collections::VecDeque;
use std::time::Duration;

use domain::delivery::cause::Cause;

use super::FaultModel;
use crate::SesReaction;

/// Longest time from the client's giving up to SES's acceptance. It is far less than the evidence window; later
/// acceptances correspond to late events.
const LATEST_ACCEPTANCE_MS: u64 = 60_000;

impl FaultModel {
    /// The scripted or random reaction to an email with this subject.
    pub(crate) fn ses_reaction(&mut self, subject: &str) -> SesReaction {
        if let Some(answer) = self.script.get_mut(subject).and_then(VecDeque::pop_front) {
            return answer;
        }
        let now = self.now_ms();
        if let Some((cause, _)) = self.outage.filter(|(_, until)| *until > now) {
            return SesReaction::Refuses(cause);
        }
        if self.calm {
            return SesReaction::Accepts;
        }
        if let Some((cause, _)) = self.obstacle.filter(|(_, until)| *until > now) {
            return SesReaction::Refuses(cause);
        }
        let odds = self.odds;
        let later = Duration::from_millis(self.rng.u64(0..=LATEST_ACCEPTANCE_MS));
        let answers = [
            (SesReaction::Refuses(Cause::Throttled), odds.throttle),
            (SesReaction::Refuses(Cause::QuotaExceeded), odds.quota),
            (SesReaction::Refuses(Cause::AccountPaused), odds.pause),
            (SesReaction::Refuses(Cause::Rejected), odds.reject),
            (SesReaction::Refuses(Cause::Unavailable), odds.unavailable),
            (SesReaction::Refuses(Cause::Unreached), odds.unreached),
            (SesReaction::LostBefore, odds.lost_before),
            (SesReaction::LostAfter, odds.lost_after),
            (SesReaction::AcceptsLate(later), odds.accepts_late),
            (SesReaction::Hangs, odds.hangs),
        ];
        let mut drawn = self.rng.u32(0..10_000);
        for (answer, odds) in answers {
            if drawn < odds {
                if let SesReaction::Refuses(cause @ (Cause::QuotaExceeded | Cause::AccountPaused)) = answer {
                    let minutes = self.rng.i64(1..=8);
                    self.obstacle = Some((cause, now.saturating_add(minutes * 60_000)));
                }
                return answer;
            }
            drawn -= odds;
        }
        SesReaction::Accepts
    }
}
