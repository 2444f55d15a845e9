//! What the end-to-end tests are written with: a stack to talk to, and patience.
//!
//! **Role:** used by `tests/e2e` only. The stack is started by `make test` and found by its
//! environment.
//! **Invariant:** all tests share one stack at the same time. Each writes to recipients of its
//! own ([`unique`]), its faults strike only them, and it looks at nothing else.
//! **No waiting for time:** whoever waits, waits for a condition ([`eventually`]).
//! **Start reading at** [`Stack`].

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test cannot do without ends it, with a sentence"
)]

mod account;
mod answer;
mod api;
mod call_faults;
mod faults;
mod functions;
mod inbox;
mod processes;
mod queues;
mod stack;
mod stored;
mod wait;

pub use account::Account;
pub use answer::Answer;
pub use api::Api;
pub use call_faults::{CallFault, CallFaults};
pub use faults::{Fault, Faults};
pub use functions::Functions;
pub use inbox::{File, Inbox, Message, Pair};
pub use processes::Senders;
pub use queues::{Depth, Queue};
pub use stack::{Stack, root};
pub use stored::Stored;
pub use wait::eventually;

/// A name that no other test uses: `label-0123456789abcdef`.
#[must_use]
pub fn unique(label: &str) -> String {
    let random = getrandom::u64().expect("the system has randomness");
    format!("{label}-{random:016x}")
}
