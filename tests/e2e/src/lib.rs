//! The tools of the end-to-end tests: a client of the stack, and waiting for conditions.
//!
//! **Role:** used by the tests beside it only. `make test` starts the stack, and the environment describes it.
//! **Invariant:** all tests share one stack at the same time. Each test writes only to recipients of its own
//! ([`unique`]), injects faults only for them, and reads nothing else.
//! **No fixed waits:** a test waits for a condition ([`eventually`]).
//! **Start reading at** [`Stack`].

#![expect(clippy::expect_used, clippy::panic, reason = "a failing test panics with its reason")]

mod account;
mod answer;
mod api;
mod call_faults;
mod dns;
mod faults;
mod functions;
mod hooks;
mod inbox;
mod processes;
mod queues;
mod stack;
mod storage;
mod wait;

pub use account::Account;
pub use answer::HttpResponse;
pub use api::Api;
pub use call_faults::{CallFault, CallFaults};
pub use dns::Dns;
pub use faults::{Fault, Faults};
pub use functions::Functions;
pub use hooks::{HookBox, HookRequest};
pub use inbox::{File, Inbox, Message, Pair};
pub use processes::Senders;
pub use queues::{Depth, StackQueue};
pub use stack::{ONLY_WAITING_TESTS_ARE_LEFT, Stack, root};
pub use storage::{StoredParts, make_attempt_due};
pub use wait::eventually;

/// Returns a name that no other test uses: `label-0123456789abcdef`.
#[must_use]
pub fn unique(label: &str) -> String {
    let random = getrandom::u64().expect("the system has randomness");
    format!("{label}-{random:016x}")
}
