//! A sender that dies during a batch.

use std::io::Write as _;

use e2e::{Senders, Stack, eventually, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to};

/// Emails of each kind in the batch.
const EACH: usize = 5;

/// The time for which SES holds a submission: shorter than the sender's timeout.
const HOLD_MS: u64 = 2500;

/// SES accepts half of the batch although the sender died, and refuses the other half. A living sender would record
/// the refusals; only a kill during the attempt leaves these emails flagged.
#[tokio::test]
async fn a_killed_sender_causes_no_loss_or_unflagged_duplicate() {
    let stack = Stack::alone().await;
    if !Senders::can_be_seen() {
        writeln!(std::io::stderr(), "SKIPPED: this system does not show its processes").expect("stderr takes a line");
        return;
    }
    let (accepted, refused) = (unique("kill-accepted"), unique("kill-refused"));
    let held = stack.inbox.strikes("delay").await;
    let delay = ("delay", Some(HOLD_MS));
    let faults = [
        stack.faults.strike(&accepted, &[delay]).await,
        stack.faults.strike(&refused, &[delay, ("throttle", None)]).await,
    ];
    let names: Vec<String> = (0..EACH)
        .flat_map(|at| [format!("{accepted}-{at}@"), format!("{refused}-{at}@")])
        .collect();
    let batch: Vec<Value> = names
        .iter()
        .map(|name| email_to(&address(name.trim_end_matches('@'))))
        .collect();
    let ids = stack.api.send_batch(&batch).await;

    eventually("SES to hold half of the batch", || async {
        let now = stack.inbox.strikes("delay").await - held;
        if now >= 5 {
            Ok(())
        } else {
            Err(format!("it holds {now}"))
        }
    })
    .await;
    assert!(stack.senders.kill().await > 0, "a sender was running");
    for fault in faults {
        fault.lift().await;
    }
    let stack = stack.share();

    let mut marked = 0;
    for (name, id) in names.iter().zip(&ids) {
        let email = stack
            .api
            .wait_for(id, &json!({"status": "sent", "last_event": "delivered"}))
            .await;
        let copies = stack.inbox.to(name).await;
        assert!(copies.iter().all(|message| message.email_id() == id), "{name}");
        assert!(
            copies.len() == 1 || email["maybe_duplicate"] == true,
            "{} copies of {email}",
            copies.len()
        );
        if name.starts_with(&accepted) {
            assert_eq!(copies.len(), 1, "the event proves the acceptance");
        } else if email["maybe_duplicate"] == true {
            marked += 1;
        }
    }
    assert!(marked > 0, "the kill hit no attempt");
}
