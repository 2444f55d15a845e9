//! The fault run: emails through the real functions on the local stack, while their processes are
//! killed in mid-invocation, their calls fail, and SES fails; then the oracle compares the record of each with SES.
//!
//! **Role:** behind `make chaos`; nothing of it is ever deployed.
//! **Invariant:** the verdict is read where the truth is: at the fake SES, by `X-Email-Id`, and in
//! the table itself. The answers of our API prove nothing here.
//! **A seed repeats** the posted emails, which faults are likely and where a kill is aimed; not the
//! moments at which processes meet.
//!
//! | Module | Owns |
//! |---|---|
//! | [`settings`] | the environment, read once |
//! | [`run`] | the order of things |
//! | [`requests`] | the posted requests |
//! | [`client`] | a good client: repeats with the same key until it is answered |
//! | [`faults`] | the faults, and whether each has struck |
//! | [`kills`] | processes killed in mid-invocation, each proved by the proxy's record |
//! | [`stack`] | the doors of the stack: API, proxy, fake SES, Lambda, table, queues |
//! | [`settling`] | waits until nothing moves any more |
//! | [`oracle`] | records and messages in, verdict out |
//! | [`report`] | the verdict as JSON and for people |
//! | [`history`] | all that is known of an email that fared badly |
//!
//! **Start reading at** [`run::run`], or at [`oracle::compare`], which counts the defects.

pub mod client;
pub mod faults;
pub mod history;
pub mod kills;
pub mod oracle;
pub mod report;
pub mod requests;
pub mod run;
pub mod settings;
pub mod settling;
pub mod stack;

/// The reason why a run has no verdict, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);
