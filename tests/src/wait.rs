//! Patience: looks again and again, until there is what is looked for.

use std::time::{Duration, Instant};

/// How long anything may take. Recovery needs some runs of `promote`, one a minute, and the
/// machine may be busy.
const PATIENCE: Duration = Duration::from_secs(400);

/// The pause after the first look; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Looks until `look` finds something; an `Err` says what there is instead.
///
/// # Panics
/// When patience is over, with what was seen last.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let seen = match look().await {
            Ok(found) => return found,
            Err(seen) => seen,
        };
        if Instant::now() > deadline {
            panic!("waited {} s in vain for {what}; seen last: {seen}", PATIENCE.as_secs());
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
