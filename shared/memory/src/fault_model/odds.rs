//! The odds of random faults, and the deliberate defects.

/// The odds of faults, in ten thousandths of the calls that they can hit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    /// The call fails without an effect.
    pub before: u32,
    /// The call has its effect, and its answer is lost.
    pub after: u32,
    /// The answer is lost, and the adapter or the SDK repeats the call.
    pub repeated: u32,
    /// The call fails for its caller, and has its effect later.
    pub late: u32,
    /// The environment dies before the effect.
    pub die_before: u32,
    /// The environment dies after the effect.
    pub die_after: u32,
    /// A call in transit arrives although its caller crashes.
    pub detached: u32,
    /// The write conflicts with another one of the same item, and is refused.
    pub conflict: u32,
    /// The table gets too many requests.
    pub throttled: u32,
    /// The call takes up to [`Odds::slow_ms`].
    pub slow: u32,
    /// Longest duration of a slow call.
    pub slow_ms: u64,
    /// Longest time for a call to arrive, and for its answer to return.
    pub delay_ms: u64,
    /// Longest delay of the index behind the records.
    pub stale_ms: u64,
    /// One message of a batch call fails.
    pub partly: u32,
    /// A message is delivered twice.
    pub doubled: u32,
    /// A message is visible again while it is processed.
    pub seen_again: u32,
    /// The deletion of a processed message is lost.
    pub delete_lost: u32,
    /// SES throttles.
    pub throttle: u32,
    /// SES's quota is spent, for minutes.
    pub quota: u32,
    /// SES pauses the account, for minutes.
    pub pause: u32,
    /// SES refuses the email.
    pub reject: u32,
    /// SES denies access.
    pub unavailable: u32,
    /// SES is never reached, and the sender knows it.
    pub unreached: u32,
    /// The submission is lost, and so is the answer.
    pub lost_before: u32,
    /// SES accepts, and the answer is lost.
    pub lost_after: u32,
    /// SES accepts after its client has given up.
    pub accepts_late: u32,
    /// SES never answers, and never accepts.
    pub hangs: u32,
    /// An event is published twice.
    pub event_doubled: u32,
    /// An event takes up to half an hour.
    pub event_late: u32,
    /// An event is never published.
    pub event_lost: u32,
}

/// A deliberate defect, to check that the oracle finds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Broken {
    /// Nothing.
    #[default]
    Nothing,
    /// The table writes without checking any condition.
    Conditions,
    /// The table grants every claim.
    Claims,
    /// The submission is repeated after a lost answer, as the SDK does by default.
    AskedTwice,
    /// Events are acknowledged and not processed.
    EventsIgnored,
    /// Nothing reads the index.
    PromoteNeverRuns,
    /// A cancel is answered and not written.
    CancelNotWritten,
    /// A request is answered before its record is written.
    AnsweredTooEarly,
    /// A read returns another email's content.
    ContentsMixedUp,
    /// A write loses the flag `maybe_duplicate`.
    MarksLost,
    /// Dead-letter messages are acknowledged and not processed.
    DeadLettersIgnored,
    /// Senders treat every queue as neither paused nor purged.
    QueuesIgnored,
    /// Jobs of queues are never found.
    JobsForgotten,
    /// Tombstones are never found.
    TombstonesForgotten,
    /// The record of a batch expires after this many seconds, instead of the requested time.
    RecordsShort(u64),
    /// The table reserves every requested slot.
    RateLimitsIgnored,
    /// Queues with emails that wait for slots are never found.
    MarksOfQueuesForgotten,
    /// Webhooks are told that SES accepted an email which still waits.
    ToldEarly,
}
