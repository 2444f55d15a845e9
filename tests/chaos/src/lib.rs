//! The fault run: emails pass through the real functions on the local stack. Meanwhile processes are killed during
//! invocations, calls fail, and SES fails. Then the oracle compares each record with SES.
//!
//! **Role:** behind `make chaos`; nothing of it is ever deployed.
//! **Invariant:** the verdict comes from the fake SES, by `X-Email-Id`, and from the table itself. Our API's own
//! answers prove nothing here.
//! **A seed repeats** the posted requests, the probabilities of faults and the targets of kills. It does not repeat
//! the timing of the processes.
//!
//! | Module | Owns |
//! |---|---|
//! | [`settings`] | the environment, read once |
//! | [`run`] | the order of the steps |
//! | [`requests`] | the posted requests |
//! | [`client`] | a well-behaved client: repeats with the same key until it is answered |
//! | [`faults`] | the faults, and the check that all of them happened |
//! | [`kills`] | processes killed during an invocation, each proved by the proxy's record |
//! | [`stack`] | access to the stack: API, proxy, fake SES, Lambda, table, queues |
//! | [`receiver`] | the receiver of the webhook: its deaths and its faults |
//! | [`readers`] | the recipients' openings and clicks |
//! | [`deliveries`] | waits until the receiver has every event |
//! | [`settling`] | waits until nothing changes any more |
//! | [`oracle`] | compares records and messages, and returns the verdict |
//! | [`report`] | the verdict as JSON and for people |
//! | [`hooks`] | the events of webhooks: the ids that the table implies, and the received requests |
//! | [`history`] | the record, messages and calls of a defective email |
//!
//! **Start reading at** [`run::run`], or at [`oracle::compare`], which counts the defects.

pub mod client;
pub mod deliveries;
pub mod faults;
pub mod history;
pub mod hooks;
pub mod kills;
pub mod oracle;
pub mod readers;
pub mod receiver;
pub mod report;
pub mod requests;
pub mod run;
pub mod settings;
pub mod settling;
pub mod stack;

/// The reason for which a run has no verdict, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);
