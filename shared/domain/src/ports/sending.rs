//! The priority queues, SES, and the rate limiter of the account.

use std::time::Duration;

use super::failure::PortError;
use crate::delivery::account_rate::{AccountRate, AccountRateChange, AccountState};
use crate::delivery::attempt::Attempt;
use crate::delivery::dead_letter_message::DeadLetterMessage;
use crate::delivery::priority_queue::Messages;
use crate::delivery::record::{EmailRecord, Priority};
use crate::delivery::send_task::SendTask;
use crate::lifecycle::Feedback;
use crate::message::email::EmailContent;
use crate::reporting::account::AccountQuota;
use crate::timestamp::Timestamp;

/// A request to enqueue a send task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendTaskRequest {
    /// The priority queue of the send task.
    pub priority: Priority,
    /// The send task.
    pub send_task: SendTask,
    /// Delay from now.
    pub delay: Duration,
}

/// The messages of each priority queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueuedMessages {
    /// In the high priority queue.
    pub high: Messages,
    /// In the normal priority queue.
    pub normal: Messages,
    /// In the low priority queue.
    pub low: Messages,
}

impl QueuedMessages {
    /// The messages of one priority queue.
    #[must_use]
    pub const fn of(&self, priority: Priority) -> Messages {
        match priority {
            Priority::High => self.high,
            Priority::Normal => self.normal,
            Priority::Low => self.low,
        }
    }
}

/// The load of the priority queues.
pub trait Backlog: Sync {
    /// The current numbers of messages.
    fn waiting(&self) -> impl Future<Output = Result<QueuedMessages, PortError>> + Send;
}

/// The three priority queues.
pub trait PriorityQueues: Sync {
    /// Sends send tasks in as few calls as possible; one result for each, in order.
    fn enqueue(&self, requests: &[SendTaskRequest]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// The dead-letter queue.
pub trait DeadLetters: Sync {
    /// Moves emails to the dead-letter queue; one result for each, in order.
    fn move_to_dead_letter(
        &self,
        emails: &[DeadLetterMessage],
    ) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// SES.
pub trait Provider: Sync {
    /// Submits a claimed email once, and never retries by itself. Its files are all loaded, and are moved out of it
    /// rather than copied.
    fn submit(
        &self,
        claimed: &EmailRecord,
        email: EmailContent,
        timeout: Duration,
    ) -> impl Future<Output = Attempt> + Send;
}

/// The result of a change of the rate limiter, with its state after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountRateOutcome {
    /// Changed.
    Done(AccountRate),
    /// The condition did not hold.
    Refused(AccountRate),
}

/// The rate limiter of the account, which all senders share.
pub trait AccountRates: Sync {
    /// Reads the state.
    fn account_rate(&self) -> impl Future<Output = Result<AccountRate, PortError>> + Send;

    /// Makes a change, under [`AccountRateChange::holds`].
    fn change_account_rate(
        &self,
        change: &AccountRateChange,
    ) -> impl Future<Output = Result<AccountRateOutcome, PortError>> + Send;
}

/// The account at SES.
pub trait Accounts: Sync {
    /// The state of the account, as SES reports it.
    fn account(&self) -> impl Future<Output = Result<AccountState, PortError>> + Send;
}

/// The limits of the account at SES, for people.
pub trait AccountQuotas: Sync {
    /// The limits and their use, as SES reports them.
    fn quota(&self) -> impl Future<Output = Result<AccountQuota, PortError>> + Send;
}

/// The queue of SES's events.
pub trait Evidence: Sync {
    /// The progress of processing it, measured at `now`.
    fn feedback(&self, now: Timestamp) -> impl Future<Output = Result<Feedback, PortError>> + Send;
}

/// The progress of processing SES's events, as `feedback` reports it.
pub trait Watermark: Sync {
    /// Reports that an event of the time `newest` was processed. A later reported time stays.
    fn raise_watermark(&self, newest: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The time of the newest processed event; `None` before the first one.
    fn watermark(&self) -> impl Future<Output = Result<Option<Timestamp>, PortError>> + Send;
}
