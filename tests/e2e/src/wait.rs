//! Waiting for a condition by repeated checks.

use std::time::{Duration, Instant};

/// The limit of every wait. Recovery needs several runs of `promote`, one per minute, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(400);

/// The pause after the first check; each check doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Checks until `look` returns a value; its `Err` describes the current state.
///
/// # Panics
/// At the end of [`PATIENCE`], with the last state.
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
            panic!(
                "waited {} s without success for {what}; last state: {seen}",
                PATIENCE.as_secs()
            );
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
