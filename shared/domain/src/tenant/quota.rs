//! The quotas of a tenant: recipients per day and per second.
//!
//! **Design:** each limit holds for a span of time, its window. All environments share the window's counter. Each
//! environment leases a block from it and hands out the block by itself, so that few requests wait for a call.
//! **Approximate:** the tenant loses the unused part of a lease when the environment or the window ends: at most one
//! block for each. Environments together never hand out more than the limit.
//! **Start reading at** [`QuotaLease::take`].

use std::time::Duration;

use strum::{IntoStaticStr, VariantArray};

use super::Tenant;
use crate::timestamp::Timestamp;

/// A kind of limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Limit {
    /// Recipients per second, averaged over ten seconds.
    Rate,
    /// Recipients per day.
    Day,
}

impl Limit {
    /// All limits, ordered by the length of their windows.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    const fn seconds(self) -> u32 {
        match self {
            Self::Day => 86_400,
            Self::Rate => 10,
        }
    }

    /// The stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A span of time with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The kind of limit.
    pub limit: Limit,
    /// Start of the window.
    pub begins: Timestamp,
    /// Most recipients in the window.
    pub most: u64,
}

impl Window {
    /// The current window of a limit; `None` if the tenant has no such limit.
    #[must_use]
    pub fn of(tenant: &Tenant, limit: Limit, now: Timestamp) -> Option<Self> {
        let most = match limit {
            Limit::Day => tenant.daily_cap?,
            Limit::Rate => u64::from(tenant.rate?).saturating_mul(u64::from(limit.seconds())),
        };
        let span = i64::from(limit.seconds()).saturating_mul(1_000);
        let begins = now.as_millis().div_euclid(span).saturating_mul(span);
        Some(Self {
            limit,
            begins: Timestamp::from_millis(begins),
            most,
        })
    }

    /// Length of the window.
    #[must_use]
    pub fn span(&self) -> Duration {
        Duration::from_secs(self.limit.seconds().into())
    }

    /// End of the window.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.begins.after(self.span())
    }

    /// Size of one lease: a twentieth of the limit, so that calls are few and losses small.
    fn block(&self) -> u64 {
        self.most.div_euclid(20).clamp(1, 500)
    }
}

/// The part of a window's limit that one environment has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLease {
    /// The window.
    pub window: Window,
    /// Leased and not handed out yet.
    left: u64,
    /// The amount leased by all environments, as far as this one knows.
    drawn: u64,
}

/// The answer of a lease to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseDecision {
    /// The amount is handed out; here is the rest.
    Taken(QuotaLease),
    /// This amount must be leased first.
    Draw(u64),
    /// The window is used up.
    Spent,
}

impl QuotaLease {
    /// A lease of nothing.
    #[must_use]
    pub const fn empty(window: Window) -> Self {
        Self {
            window,
            left: 0,
            drawn: 0,
        }
    }

    /// Hands out `wanted`, or says how much to lease first.
    #[must_use]
    pub fn take(self, wanted: u64) -> LeaseDecision {
        if let Some(left) = self.left.checked_sub(wanted) {
            return LeaseDecision::Taken(Self { left, ..self });
        }
        let undrawn = self.window.most.saturating_sub(self.drawn);
        let lacking = wanted.saturating_sub(self.left);
        if lacking > undrawn {
            return LeaseDecision::Spent;
        }
        LeaseDecision::Draw(self.window.block().max(lacking).min(undrawn))
    }

    /// The lease after `granted` was added; `drawn` is the amount leased by all environments by then.
    #[must_use]
    pub fn after_grant(self, granted: u64, drawn: u64) -> Self {
        Self {
            left: self.left.saturating_add(granted),
            drawn,
            ..self
        }
    }

    /// The lease after a refusal; `drawn` is the amount leased by all environments by then.
    #[must_use]
    pub const fn after_refusal(self, drawn: u64) -> Self {
        Self { drawn, ..self }
    }

    /// The lease after an unused amount was given back.
    #[must_use]
    pub fn with(self, given_back: u64) -> Self {
        Self {
            left: self.left.saturating_add(given_back),
            ..self
        }
    }

    /// The rest of the window, as far as this environment knows.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.window.most.saturating_sub(self.drawn).saturating_add(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TenantId;

    fn tenant(daily_cap: Option<u64>, rate: Option<u32>) -> Tenant {
        Tenant {
            id: TenantId::main(),
            daily_cap,
            rate,
            ..Tenant::main()
        }
    }

    fn day(most: u64) -> Window {
        Window::of(
            &tenant(Some(most), None),
            Limit::Day,
            Timestamp::from_millis(86_400_001),
        )
        .unwrap()
    }

    #[test]
    fn windows_are_whole_days_and_ten_seconds() {
        let now = Timestamp::from_millis(86_400_000 + 12_345);
        let of = |limit| Window::of(&tenant(Some(100), Some(3)), limit, now).unwrap();
        let (day, rate) = (of(Limit::Day), of(Limit::Rate));
        assert_eq!(
            (day.begins.as_millis(), day.ends().as_millis(), day.most),
            (86_400_000, 172_800_000, 100)
        );
        assert_eq!(
            (rate.begins.as_millis(), rate.ends().as_millis(), rate.most),
            (86_410_000, 86_420_000, 30)
        );
        for &limit in Limit::ALL {
            assert_eq!(Window::of(&tenant(None, None), limit, now), None);
        }
    }

    /// Several environments take from one counter until it refuses them. Together they get the whole limit, except
    /// the amounts that others still hold.
    #[test]
    fn the_limit_is_never_exceeded() {
        for (most, environments, wanted) in [
            (0, 1, 1),
            (1, 2, 1),
            (7, 3, 1),
            (100, 4, 3),
            (10_000, 5, 50),
            (10_000, 1, 7),
        ] {
            let window = day(most);
            let (mut drawn, mut used, mut calls) = (0, 0, 0_u64);
            let mut quota_leases = vec![QuotaLease::empty(window); environments];
            let mut refused = 0;
            while refused < environments {
                refused = 0;
                for lease in &mut quota_leases {
                    loop {
                        match lease.take(wanted) {
                            LeaseDecision::Taken(next) => {
                                *lease = next;
                                used += wanted;
                                break;
                            }
                            LeaseDecision::Draw(ask) => {
                                calls += 1;
                                *lease = if drawn + ask <= most {
                                    drawn += ask;
                                    lease.after_grant(ask, drawn)
                                } else {
                                    lease.after_refusal(drawn)
                                };
                            }
                            LeaseDecision::Spent => {
                                refused += 1;
                                break;
                            }
                        }
                    }
                }
            }
            let held: u64 = quota_leases.iter().map(|lease| lease.left).sum();
            assert!(used <= most && drawn <= most, "{most}: {used}");
            assert!(
                used + held + wanted * environments as u64 > most,
                "{most}: {used} used, {held} held"
            );
            assert!(calls <= 40 + 3 * environments as u64, "{most}: {calls} calls");
        }
    }

    #[test]
    fn an_unused_amount_can_be_taken_again() {
        let LeaseDecision::Taken(lease) = QuotaLease::empty(day(10)).after_grant(5, 10).take(5) else {
            panic!("refused")
        };
        assert_eq!((lease.take(1), lease.remaining()), (LeaseDecision::Spent, 0));
        assert_eq!(lease.with(5).remaining(), 5);
        assert!(matches!(lease.with(5).take(5), LeaseDecision::Taken(_)));
    }

    #[test]
    fn a_lease_covers_a_large_batch_up_to_the_limit() {
        assert_eq!(QuotaLease::empty(day(1_000)).take(400), LeaseDecision::Draw(400));
        assert_eq!(QuotaLease::empty(day(1_000)).take(1_001), LeaseDecision::Spent);
        assert_eq!(QuotaLease::empty(day(3)).take(1), LeaseDecision::Draw(1));
    }

    #[test]
    fn the_last_part_of_a_window_can_be_leased() {
        let almost_spent = QuotaLease::empty(day(1_010)).after_refusal(1_000);
        assert_eq!(almost_spent.take(1), LeaseDecision::Draw(10), "a block has 50");
        assert_eq!(almost_spent.remaining(), 10);
        assert_eq!(almost_spent.take(11), LeaseDecision::Spent);
    }
}
