//! How much a tenant may use: recipients in a day, and in a second.
//!
//! **How:** each limit holds for a span of time, its window. An environment draws from the window's counter,
//! which all share, a block at a time, and hands it out by itself: no request waits for a call of its own.
//! **Approximate:** what an environment has drawn and not used when it ends, or when the window does, is lost
//! to the tenant: at most a block for each. Never is more handed out than the limit.
//! **Start reading at** [`Purse::take`].

use std::time::Duration;

use super::tenant::Tenant;
use crate::timestamp::Timestamp;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Recipients in a day.
    Day,
    /// Recipients in a second, over ten of them.
    Rate,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rate, Self::Day];

    const fn seconds(self) -> u32 {
        match self {
            Self::Day => 86_400,
            Self::Rate => 10,
        }
    }

    /// Its name, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Rate => "rate",
        }
    }
}

/// A span of time, and how much may be used in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Which limit.
    pub limit: Limit,
    /// When it begins.
    pub begins: Timestamp,
    /// Recipients in it, at most.
    pub most: u64,
}

impl Window {
    /// The window of a limit at a time, if the tenant has such a limit.
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

    /// How long it is.
    #[must_use]
    pub fn span(&self) -> Duration {
        Duration::from_secs(self.limit.seconds().into())
    }

    /// When it ends.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.begins.after(self.span())
    }

    /// What is drawn at once: a twentieth, so that few calls are made and little is lost.
    fn block(&self) -> u64 {
        self.most.div_euclid(20).clamp(1, 500)
    }
}

/// What an environment has of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    /// The window.
    pub window: Window,
    /// What it has drawn and not handed out.
    left: u64,
    /// What all have drawn, as far as it knows.
    drawn: u64,
}

/// How a purse answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// Here it is.
    Taken(Purse),
    /// So much must be drawn first.
    Draw(u64),
    /// There is no more in this window.
    Spent,
}

impl Purse {
    /// An empty one.
    #[must_use]
    pub const fn empty(window: Window) -> Self {
        Self {
            window,
            left: 0,
            drawn: 0,
        }
    }

    /// Takes `wanted`.
    #[must_use]
    pub fn take(self, wanted: u64) -> Take {
        if let Some(left) = self.left.checked_sub(wanted) {
            return Take::Taken(Self { left, ..self });
        }
        let undrawn = self.window.most.saturating_sub(self.drawn);
        let lacking = wanted.saturating_sub(self.left);
        if lacking > undrawn {
            return Take::Spent;
        }
        Take::Draw(self.window.block().max(lacking).min(undrawn))
    }

    /// What it is after something was drawn, `drawn` being what all have drawn by then.
    #[must_use]
    pub fn filled(self, asked: u64, drawn: u64) -> Self {
        Self {
            left: self.left.saturating_add(asked),
            drawn,
            ..self
        }
    }

    /// What it is after nothing could be drawn, `drawn` being what all had drawn by then.
    #[must_use]
    pub const fn refused(self, drawn: u64) -> Self {
        Self { drawn, ..self }
    }

    /// What it is when something was taken in vain.
    #[must_use]
    pub fn with(self, given_back: u64) -> Self {
        Self {
            left: self.left.saturating_add(given_back),
            ..self
        }
    }

    /// What may still be used in the window, as far as is known here.
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
        for limit in Limit::ALL {
            assert_eq!(Window::of(&tenant(None, None), limit, now), None);
        }
    }

    /// Some environments take from one counter until they are refused: together exactly as much as there is,
    /// but for what others still hold.
    #[test]
    fn never_more_is_handed_out_than_there_is() {
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
            let mut purses = vec![Purse::empty(window); environments];
            let mut refused = 0;
            while refused < environments {
                refused = 0;
                for purse in &mut purses {
                    loop {
                        match purse.take(wanted) {
                            Take::Taken(next) => {
                                *purse = next;
                                used += wanted;
                                break;
                            }
                            Take::Draw(ask) => {
                                calls += 1;
                                *purse = if drawn + ask <= most {
                                    drawn += ask;
                                    purse.filled(ask, drawn)
                                } else {
                                    purse.refused(drawn)
                                };
                            }
                            Take::Spent => {
                                refused += 1;
                                break;
                            }
                        }
                    }
                }
            }
            let held: u64 = purses.iter().map(|purse| purse.left).sum();
            assert!(used <= most && drawn <= most, "{most}: {used}");
            assert!(
                used + held + wanted * environments as u64 > most,
                "{most}: {used} used, {held} held"
            );
            assert!(calls <= 40 + 3 * environments as u64, "{most}: {calls} calls");
        }
    }

    #[test]
    fn what_was_taken_in_vain_can_be_taken_again() {
        let Take::Taken(purse) = Purse::empty(day(10)).filled(5, 10).take(5) else {
            panic!("refused")
        };
        assert_eq!((purse.take(1), purse.remaining()), (Take::Spent, 0));
        assert_eq!(purse.with(5).remaining(), 5);
        assert!(matches!(purse.with(5).take(5), Take::Taken(_)));
    }

    #[test]
    fn a_batch_larger_than_a_block_is_drawn_at_once_and_one_larger_than_all_is_refused() {
        assert_eq!(Purse::empty(day(1_000)).take(400), Take::Draw(400));
        assert_eq!(Purse::empty(day(1_000)).take(1_001), Take::Spent);
        assert_eq!(Purse::empty(day(3)).take(1), Take::Draw(1));
    }

    #[test]
    fn the_last_part_of_a_block_can_be_drawn() {
        let almost_spent = Purse::empty(day(1_010)).refused(1_000);
        assert_eq!(almost_spent.take(1), Take::Draw(10), "a block has 50");
        assert_eq!(almost_spent.remaining(), 10);
        assert_eq!(almost_spent.take(11), Take::Spent);
    }
}
