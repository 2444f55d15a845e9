//! Processes killed with SIGKILL in mid-invocation.
//!
//! **How that is known, and not hoped:** a rule at the proxy holds one call of the function, before
//! or after it takes effect. While it is held its caller is in mid-invocation, for it waits for the
//! answer; then its process is killed. It counts only when the proxy's record says that this call's
//! connection was closed from the caller's side before the answer, which the hold is too short
//! for in any other way: no client of ours gives up so soon.
//! **Not counted:** the one read with which a function warms up at its start, before it asks for an
//! invocation.
//! **Start reading at** [`Killer::strike`].

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::process::Command;
use tokio::time::Instant;

use crate::Trouble;
use crate::stack::{Call, Stack};

/// The functions whose processes are killed.
pub const FUNCTIONS: [&str; 5] = ["send", "enqueue", "promote", "feedback", "tally"];

/// How long a call is held: less than the shortest patience of a function's client, which is the
/// sender's with SES.
const HOLD_MS: u64 = 1000;

/// How long a rule waits for a call.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pause between two looks at the proxy's record.
const PAUSE: Duration = Duration::from_millis(40);

/// So many calls of a function go free at most before one is held.
const FREE: u64 = 40;

/// The same of `tally`, which counts many changes with few calls.
const FREE_OF_TALLY: u64 = 4;

/// A process that was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// The function.
    pub function: &'static str,
    /// The number of the call that was never answered.
    pub call: u64,
    /// What was called.
    pub action: String,
    /// Whether that took effect.
    pub effect: Effect,
}

/// What becomes of the call whose caller is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It never takes effect.
    None,
    /// It has taken effect.
    Before,
    /// It takes effect after its caller's death: it was on its way.
    After,
}

impl Effect {
    const ALL: [Self; 3] = [Self::None, Self::Before, Self::After];

    /// The fault that does so.
    fn fault(self) -> &'static str {
        match self {
            Self::None => "drop_before",
            Self::Before => "drop_after",
            Self::After => "delay_before",
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "which never took effect",
            Self::Before => "which had taken effect",
            Self::After => "which took effect later",
        }
    }
}

/// Kills processes of one function.
#[derive(Debug)]
pub struct Killer {
    /// Which.
    pub function: &'static str,
    /// How many are to be killed.
    pub wanted: usize,
    made: AtomicUsize,
}

impl Killer {
    /// Killers of all functions that make so many kills together.
    #[must_use]
    pub fn of_all(kills: usize) -> [Self; FUNCTIONS.len()] {
        let each = kills / FUNCTIONS.len();
        let mut rest = kills % FUNCTIONS.len();
        FUNCTIONS.map(|function| {
            let more = usize::from(rest > 0);
            rest = rest.saturating_sub(1);
            Self {
                function,
                wanted: each + more,
                made: AtomicUsize::new(0),
            }
        })
    }

    /// How many it has made.
    #[must_use]
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// How many of a hundred it has made.
    #[must_use]
    pub fn percent(&self) -> usize {
        (self.made() * 100).checked_div(self.wanted).unwrap_or(100)
    }

    /// Kills until all are made, or the run is over; as many of a hundred as `allowed` says.
    ///
    /// # Errors
    /// When the proxy does not do its part.
    pub async fn run(
        &self,
        stack: &Stack,
        seed: u64,
        allowed: impl Fn() -> usize,
        is_over: impl Fn() -> bool,
    ) -> Result<Vec<Kill>, Trouble> {
        let mut chance = Rng::with_seed(seed);
        let mut kills = Vec::new();
        while self.made() < self.wanted && !is_over() {
            if self.percent() > allowed() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            if let Some(kill) = self.strike(stack, &mut chance).await? {
                kills.push(kill);
                self.made.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(kills)
    }

    /// Aims at one call; `None` when that came to no kill.
    async fn strike(&self, stack: &Stack, chance: &mut Rng) -> Result<Option<Kill>, Trouble> {
        let caller = stack.function(self.function);
        let effect = chance.choice(Effect::ALL).unwrap_or(Effect::None);
        let free = if self.function == "tally" { FREE_OF_TALLY } else { FREE };
        let mut rule = json!({
            "kind": effect.fault(), "delay_ms": HOLD_MS, "count": 1, "caller": caller, "skip": chance.u64(0..free),
        });
        // What matters most is what SES was asked.
        if self.function == "send"
            && chance.bool()
            && let Some(rule) = rule.as_object_mut()
        {
            rule.extend([
                ("operation".to_owned(), json!("SendEmail")),
                ("skip".to_owned(), json!(chance.u64(0..5))),
            ]);
        }
        let id = stack.add_rule(&rule).await?;
        let Some(call) = held(stack, id).await? else {
            stack.remove_rule(id).await?;
            return Ok(None);
        };
        let Some(process) = call.process.filter(|_| !is_start(&call)) else {
            return Ok(None);
        };
        if effect == Effect::Before {
            // It is passed on first, and held then.
            tokio::time::sleep(Duration::from_millis(HOLD_MS / 4)).await;
        }
        if !is_function(process, &caller) || !kill(process).await {
            return Ok(None);
        }
        let outcome = ended(stack, call.number).await?;
        Ok((outcome == "gone").then(|| Kill {
            function: self.function,
            call: call.number,
            action: format!("{}:{}", call.service, call.operation),
            effect,
        }))
    }
}

/// Waits for the call that a rule holds.
async fn held(stack: &Stack, rule: u64) -> Result<Option<Call>, Trouble> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let calls = stack.calls_under_way().await?;
        if let Some(call) = calls.into_iter().find(|call| call.rules.contains(&rule)) {
            return Ok(Some(call));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(None)
}

/// Waits for a call's end; says what became of it.
async fn ended(stack: &Stack, number: u64) -> Result<String, Trouble> {
    let deadline = Instant::now() + Duration::from_millis(3 * HOLD_MS);
    loop {
        let call = stack.call(number).await?;
        if call.outcome != "open" || Instant::now() > deadline {
            return Ok(call.outcome);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether it may be a function's first read, which warms it up before any invocation.
fn is_start(call: &Call) -> bool {
    call.operation == "GetItem" && call.emails.is_empty()
}

/// Whether the process is still one of this function.
fn is_function(process: u32, name: &str) -> bool {
    let environment = fs::read(Path::new("/proc").join(process.to_string()).join("environ"));
    let wanted = format!("AWS_LAMBDA_FUNCTION_NAME={name}");
    let environment = environment.unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == wanted.as_bytes())
}

async fn kill(process: u32) -> bool {
    let killed = Command::new("kill")
        .arg("-KILL")
        .arg(process.to_string())
        .status()
        .await;
    killed.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_spread_over_the_functions_and_none_is_forgotten() {
        for kills in [0, 1, 4, 20, 23, 2000] {
            let killers = Killer::of_all(kills);
            let wanted: Vec<_> = killers.iter().map(|killer| killer.wanted).collect();
            assert_eq!(wanted.iter().sum::<usize>(), kills);
            assert!(
                wanted.iter().max().unwrap() - wanted.iter().min().unwrap() <= 1,
                "{wanted:?}"
            );
        }
    }

    #[test]
    fn who_has_nothing_to_do_is_done() {
        assert!(Killer::of_all(0).iter().all(|killer| killer.percent() == 100));
        assert!(Killer::of_all(8).iter().all(|killer| killer.percent() == 0));
    }
}
