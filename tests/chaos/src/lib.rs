//! The fault run: emails through the real functions on the local stack, while their processes are
//! killed in mid-invocation, their calls fail, and SES fails; then what became of each is judged.
//!
//! **Role:** behind `make chaos`; nothing of it is ever deployed.
//! **Invariant:** the verdict is read where the truth is: at the fake SES, by `X-Email-Id`, and in
//! the table itself. What our API says of an email proves nothing here.
//! **A seed repeats** what is posted, which faults are likely and where a kill is aimed; not the
//! moments at which processes meet.
//!
//! | Module | Owns |
//! |---|---|
//! | [`settings`] | the environment, read once |
//! | [`run`] | the order of things |
//! | [`requests`] | what is posted |
//! | [`client`] | a good client: repeats with the same key until it is answered |
//! | [`faults`] | what goes wrong, and whether all of it has |
//! | [`kills`] | processes killed in mid-invocation, each proved by the proxy's record |
//! | [`stack`] | the doors of the stack: API, proxy, fake SES, Lambda, table, queues |
//! | [`settling`] | waits until nothing moves any more |
//! | [`judge`] | records and messages in, verdict out |
//! | [`report`] | the verdict as JSON and for people |
//! | [`history`] | all that is known of an email that fared badly |
//!
//! **Start reading at** [`run::run`], or at [`judge::judge`] for what counts as what.

pub mod client;
pub mod faults;
pub mod history;
pub mod judge;
pub mod kills;
pub mod report;
pub mod requests;
pub mod run;
pub mod settings;
pub mod settling;
pub mod stack;

/// What keeps a run from coming to a verdict, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);
