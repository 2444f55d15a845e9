//! Random waits between attempts, so that callers that collided do not collide again.

use std::time::Duration;

/// Number of equal parts of a bound: a wait is some of them.
const PARTS: u32 = 256;

/// Waits of one caller. Each wait is a random part of a bound, and the bound doubles.
/// Source: AWS Architecture Blog, "Exponential Backoff And Jitter" ("full jitter").
#[derive(Debug)]
pub struct Backoff {
    bound: Duration,
    longest: Duration,
}

impl Backoff {
    /// Returns waits of at most `first`, which grow to at most `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { bound: first, longest }
    }

    /// Returns the next wait for a random number, of which the last byte counts. Without one it is the whole bound.
    pub fn wait(&mut self, random: Option<u64>) -> Duration {
        let bound = self.bound;
        self.bound = bound.saturating_mul(2).min(self.longest);
        random.map_or(bound, |random| {
            let [.., parts] = random.to_be_bytes();
            bound.saturating_mul(u32::from(parts)) / PARTS
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(random: Option<u64>) -> Vec<u128> {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
        (0..5).map(|_| backoff.wait(random).as_millis()).collect()
    }

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        assert_eq!(waits(None), [20, 40, 80, 100, 100]);
    }

    #[test]
    fn a_wait_is_a_random_part_of_its_bound() {
        assert_eq!(waits(Some(128)), [10, 20, 40, 50, 50]);
        assert_eq!(waits(Some(256)), [0; 5]);
        assert_eq!(waits(Some(u64::MAX)), [19, 39, 79, 99, 99]);
    }
}
