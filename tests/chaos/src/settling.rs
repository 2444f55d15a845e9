//! Waits until nothing changes any more.
//!
//! **Invariant:** no fixed sleep replaces a condition. The wait ends when every accepted email is finished and every
//! queue is empty, or when nothing has changed for longer than anything may take. It also waits for the send task of
//! a killed sender, which must find nothing to do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::Trouble;
use crate::oracle::{Accepted, StoredEmail};
use crate::stack::Stack;

/// The longest wait of any step, with the timings of `make chaos` (`local/timings.json`). The fifth wait of the retry
/// policy is four minutes, with jitter up to a tenth more, and then a guard may have to pass.
const LONGEST: Duration = Duration::from_secs(300);

/// The shortest pause between two checks.
const PAUSE: Duration = Duration::from_secs(2);

/// The observed state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    /// Accepted emails that are not finished, by status, with the sum of their claims.
    unfinished: BTreeMap<String, (usize, u64)>,
    /// Messages in the queues.
    queued: u64,
    /// The number of these messages that may remain. An email whose request broke off keeps a send task until its
    /// content can no longer arrive.
    unasked: u64,
    /// Events that the fake SES has not published yet.
    unpublished: u64,
}

impl Sight {
    fn of(accepted: &[Accepted], records: &BTreeMap<String, StoredEmail>, queued: u64, unpublished: u64) -> Self {
        let mut unfinished: BTreeMap<String, (usize, u64)> = BTreeMap::new();
        let accepted: BTreeSet<&str> = accepted.iter().map(|email| email.id.as_str()).collect();
        let mut unasked = 0;
        // An email without a record does not change; the oracle finds it afterwards.
        for (id, record) in records.iter().filter(|(_, record)| !record.is_finished()) {
            if accepted.contains(id.as_str()) {
                let (count, claims) = unfinished.entry(record.status.clone()).or_default();
                *count += 1;
                *claims += record.claim_no;
            } else {
                unasked += 1;
            }
        }
        Self {
            unfinished,
            queued,
            unasked,
            unpublished,
        }
    }

    fn is_still(&self) -> bool {
        self.unfinished.is_empty() && self.queued <= self.unasked && self.unpublished == 0
    }

    fn words(&self) -> String {
        let statuses: Vec<_> = self
            .unfinished
            .iter()
            .map(|(status, (count, _))| format!("{count} {status}"))
            .collect();
        let unfinished = if statuses.is_empty() {
            "none".to_owned()
        } else {
            statuses.join(", ")
        };
        let Self {
            queued, unpublished, ..
        } = self;
        format!("unfinished: {unfinished}; messages in queues: {queued}; events to publish: {unpublished}")
    }
}

/// Waits; returns the records at the end. `say` receives the current state.
///
/// # Errors
/// When the stack cannot be read.
pub async fn settle(
    stack: &Stack,
    queues: &[String],
    accepted: &[Accepted],
    mut say: impl FnMut(&str),
) -> Result<BTreeMap<String, StoredEmail>, Trouble> {
    let mut last: Option<(Sight, Instant)> = None;
    let mut said = Instant::now();
    loop {
        // Its schedule is one minute; a killed run counts as a failed one.
        stack.promote().await?;
        let began = Instant::now();
        let records = stack.records().await?;
        let (_, ses) = stack.counters().await?;
        let waiting = ses.pointer("/events/waiting").and_then(serde_json::Value::as_u64);
        let sight = Sight::of(accepted, &records, stack.depth(queues).await?, waiting.unwrap_or(0));
        if sight.is_still() {
            return Ok(records);
        }
        if said.elapsed() > Duration::from_secs(15) {
            said = Instant::now();
            say(&sight.words());
        }
        match &last {
            Some((before, since)) if *before == sight => {
                if since.elapsed() > LONGEST {
                    say(&format!(
                        "nothing has changed for {} s; {}",
                        LONGEST.as_secs(),
                        sight.words()
                    ));
                    return Ok(records);
                }
            }
            Some(_) | None => last = Some((sight, Instant::now())),
        }
        tokio::time::sleep(PAUSE.max(began.elapsed())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(status: &str, claim_no: u64, queued: u64, unpublished: u64) -> Sight {
        let accepted = [Accepted {
            id: "a".to_owned(),
            hold: false,
            canceled: false,
        }];
        let record = StoredEmail {
            status: status.to_owned(),
            claim_no,
            ..StoredEmail::default()
        };
        Sight::of(
            &accepted,
            &BTreeMap::from([("a".to_owned(), record)]),
            queued,
            unpublished,
        )
    }

    #[test]
    fn a_run_is_settled_only_without_emails_and_messages() {
        assert!(sight("sent", 1, 0, 0).is_still());
        for moving in [sight("queued", 1, 0, 0), sight("sent", 1, 1, 0), sight("sent", 1, 0, 1)] {
            assert!(!moving.is_still(), "{}", moving.words());
        }
    }

    #[test]
    fn the_run_waits_for_accepted_emails_only() {
        let queued = StoredEmail {
            status: "queued".to_owned(),
            ..StoredEmail::default()
        };
        let records = BTreeMap::from([("b".to_owned(), queued)]);
        assert!(Sight::of(&[], &records, 1, 0).is_still());
        assert!(!Sight::of(&[], &records, 2, 0).is_still(), "one is of a killed sender");
    }

    #[test]
    fn a_new_claim_is_a_change() {
        assert_ne!(sight("uncertain", 1, 0, 0), sight("uncertain", 2, 0, 0));
        assert_eq!(sight("uncertain", 2, 0, 0), sight("uncertain", 2, 0, 0));
    }
}
