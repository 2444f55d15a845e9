//! Processes killed with SIGKILL during an invocation.
//!
//! **How this is proved:** a rule at the proxy holds one call of the function, before or after it takes effect.
//! Meanwhile its caller is in an invocation, because it waits for the answer; then its process is killed. A kill
//! counts only if the proxy's record says that the caller closed the connection before the answer. No living
//! caller does that: each of our clients waits longer than a call is held.
//! **Not counted:** the single read by which a function warms up at its start, before it asks for an invocation.
//! **Start reading at** [`Killer::strike`].

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use strum::VariantArray;
use tokio::process::Command;
use tokio::time::Instant;

use crate::Trouble;
use crate::stack::{Call, Stack};

/// The functions whose processes are killed.
pub const FUNCTIONS: [&str; 7] = ["send", "enqueue", "promote", "feedback", "tally", "notify", "deliver"];

/// The time for which a call is held. It is less than the shortest timeout of a function's client, the sender's with
/// SES.
const HOLD_MS: u64 = 1000;

/// The time for which a rule waits for a call.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pause between two reads of the proxy's record.
const PAUSE: Duration = Duration::from_millis(40);

/// The maximum number of a function's calls that pass before one is held.
const FREE: u64 = 40;

/// The same for `tally`, which counts many changes with few calls.
const FREE_OF_TALLY: u64 = 4;

/// A killed process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// The function.
    pub function: &'static str,
    /// The number of the unanswered call.
    pub call: u64,
    /// The operation of the call.
    pub action: String,
    /// Whether and when the call took effect.
    pub effect: Effect,
}

/// The effect of a call whose caller is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Effect {
    /// The call never takes effect.
    None,
    /// The call has taken effect.
    Before,
    /// The call takes effect after its caller's death, because it was on its way.
    After,
}

impl Effect {
    /// Returns the fault with this effect.
    fn fault(self) -> &'static str {
        match self {
            Self::None => "drop_before",
            Self::Before => "drop_after",
            Self::After => "delay_before",
        }
    }

    /// Describes the effect.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "which never took effect",
            Self::Before => "which had taken effect",
            Self::After => "which took effect later",
        }
    }
}

/// A killer of the processes of one function.
#[derive(Debug)]
pub struct Killer {
    /// The function.
    pub function: &'static str,
    /// The number of kills to make.
    pub wanted: usize,
    made: AtomicUsize,
}

impl Killer {
    /// Returns killers for all functions, with so many kills together.
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

    /// Returns the number of kills made.
    #[must_use]
    pub fn kills_made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Returns the percentage of kills made.
    #[must_use]
    pub fn percent(&self) -> usize {
        (self.kills_made() * 100).checked_div(self.wanted).unwrap_or(100)
    }

    /// Kills until all kills are made or the run is over, but at most the percentage that `allowed` returns.
    ///
    /// # Errors
    /// When the proxy does not answer as expected.
    pub async fn run(
        &self,
        stack: &Stack,
        seed: u64,
        allowed: impl Fn() -> usize,
        is_over: impl Fn() -> bool,
    ) -> Result<Vec<Kill>, Trouble> {
        let mut chance = Rng::with_seed(seed);
        let mut kills = Vec::new();
        while self.kills_made() < self.wanted && !is_over() {
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

    /// Aims at one call; `None` if no kill resulted.
    async fn strike(&self, stack: &Stack, chance: &mut Rng) -> Result<Option<Kill>, Trouble> {
        let caller = stack.function(self.function);
        let effect = chance.choice(Effect::VARIANTS).copied().unwrap_or(Effect::None);
        let free = if self.function == "tally" { FREE_OF_TALLY } else { FREE };
        let mut rule = json!({
            "kind": effect.fault(), "delay_ms": HOLD_MS, "count": 1, "caller": caller, "skip": chance.u64(0..free),
        });
        // A submission to SES is the most important call.
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
        let Some(call) = wait_for_held_call(stack, id).await? else {
            stack.remove_rule(id).await?;
            return Ok(None);
        };
        let Some(process) = call.process.filter(|_| !is_start(&call)) else {
            return Ok(None);
        };
        if effect == Effect::Before {
            // The call is forwarded first, and then held.
            tokio::time::sleep(Duration::from_millis(HOLD_MS / 4)).await;
        }
        if !is_function(process, &caller) || !kill(process).await {
            return Ok(None);
        }
        let outcome = wait_for_end(stack, call.number).await?;
        Ok((outcome == "gone").then(|| Kill {
            function: self.function,
            call: call.number,
            action: format!("{}:{}", call.service, call.operation),
            effect,
        }))
    }
}

/// Waits for the call that a rule holds.
async fn wait_for_held_call(stack: &Stack, rule: u64) -> Result<Option<Call>, Trouble> {
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

/// Waits for a call's end; returns its outcome.
async fn wait_for_end(stack: &Stack, number: u64) -> Result<String, Trouble> {
    let deadline = Instant::now() + Duration::from_millis(3 * HOLD_MS);
    loop {
        let call = stack.call(number).await?;
        if call.outcome != "open" || Instant::now() > deadline {
            return Ok(call.outcome);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells whether the call may be a function's first read, which warms it up before any invocation.
fn is_start(call: &Call) -> bool {
    call.operation == "GetItem" && call.emails.is_empty()
}

/// Tells whether the process still belongs to this function.
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
    fn all_kills_are_spread_over_the_functions() {
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
    fn a_killer_without_kills_is_done() {
        assert!(Killer::of_all(0).iter().all(|killer| killer.percent() == 100));
        assert!(Killer::of_all(8).iter().all(|killer| killer.percent() == 0));
    }
}
