//! Releases the emails of queues with rate limits: one minute's worth per queue, each email with its slot.
//!
//! No record is written per email. One conditional write reserves the slots before any message is sent.
//! A crash in between wastes the slots, and two concurrent runs never reserve the same ones.
//! A released record stays in its place until it is claimed, so that a lost message is released again.
//!
//! **Role:** reads only marked queues ([`domain::queue::rate_limit::RateLimit::check_at`]), and of each only the emails
//! that it releases.
//! **Start reading at** [`PromoteFunction::release_limited`]; [`domain::queue::rate_limit::plan`] decides.

use domain::delivery::index::{DueCursor, RATE_LIMITED_SHARDS};
use domain::id::{EmailKey, QueueKey};
use domain::ports::rate_limits::{IndexRange, RateLimitOutcome, RateLimits, WaitingEmail};
use domain::ports::{Clock, PortError, PriorityQueues, Rounds, SendTaskRequest};
use domain::queue::rate_limit::{AHEAD, RateLimit, ReleasePlan, SlotCandidate, WaitingPage, plan, room};
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::iter;

use crate::{AT_ONCE, Ports, PromoteFunction, Promoted, Run};

/// Maximum number of emails that one run releases per queue: 500 a second, more than accounts begin with.
const RELEASED_AT_ONCE: usize = 30_000;

/// Maximum number of emails that one run ends or moves per queue because they expired or the queue lost its
/// rate limit.
const MOVED_AT_ONCE: usize = 10_000;

/// Waiting emails of a queue, read only as far as needed.
struct WaitingEmails {
    emails: Vec<WaitingEmail>,
    more: bool,
}

impl<P: Ports> PromoteFunction<P> {
    /// Releases the emails of all marked queues.
    ///
    /// While the breaker is open nothing is released, so that no burst follows.
    /// When a probe may pass, each queue releases one email: without any message in flight, nothing would
    /// probe.
    pub(crate) async fn release_limited(&self, run: &Run) -> Result<Promoted, PortError> {
        let most = match run.shut {
            Some(true) => return Ok(Promoted::default()),
            Some(false) => 1,
            None => RELEASED_AT_ONCE,
        };
        let queues = self.records.queues_to_check(self.system.now().after(AHEAD)).await?;
        let queues: Vec<_> = queues.iter().map(|queue| self.release_of(queue, most, run)).collect();
        let (mut done, mut error) = (Promoted::default(), None);
        let mut results = iter(queues).buffer_unordered(AT_ONCE);
        while let Some(result) = results.next().await {
            match result {
                Ok(promoted) => done += promoted,
                // The next run tries this queue again, and it does not block the others.
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        error.map_or(Ok(done), Err)
    }

    /// Releases emails of one queue.
    async fn release_of(&self, key: &QueueKey, most: usize, run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        let mut rounds = Rounds::of("releasing the emails of a queue");
        while rounds.begin().is_ok() {
            if run.time_is_over() {
                done.unfinished = true;
                break;
            }
            let now = self.system.now();
            if run.queue(&self.records, key, now).await?.is_paused(now) {
                break;
            }
            let limit = self.records.rate_limit(key).await?;
            if limit.check_at.is_none_or(|at| at > now.after(AHEAD)) {
                // The index is stale.
                break;
            }
            if limit.rate.is_none() {
                done += self.release_unlimited(key, &limit, run).await?;
                break;
            }
            let WaitingEmails { emails, more } = self.line(key, &limit, room(&limit, now).min(most), now).await?;
            let (expired, emails): (Vec<_>, Vec<_>) = emails.into_iter().partition(|email| email.expires_at <= now);
            done += self.recover(&keys(&expired), run).await?;
            // A slot would go unused in a priority queue that delivers nothing.
            let found = expired.len() + emails.len();
            let emails: Vec<_> = emails
                .into_iter()
                .filter(|email| !run.backlogs.stopping.has(email.due_email.priority))
                .collect();
            let waiting: Vec<_> = emails.iter().map(waiting).collect();
            let more = more || emails.len() < found;
            let found = WaitingPage { emails: &waiting, more };
            let ReleasePlan { slots, change } = plan(&limit, found, most, now);
            let Some(change) = change else { break };
            if let RateLimitOutcome::Done(_) = self.records.change_rate_limit(key, &change).await? {
                done += self.send_at_slots(&emails, &slots, now).await;
                break;
            }
        }
        Ok(done)
    }

    /// Sends the messages of the first emails. An email whose message failed has wasted its slot, and gets another one.
    async fn send_at_slots(&self, emails: &[WaitingEmail], slots: &[Timestamp], now: Timestamp) -> Promoted {
        let request = |(email, slot): (&WaitingEmail, &Timestamp)| SendTaskRequest {
            priority: email.due_email.priority,
            send_task: email.due_email.send_task.clone().at_slot(Some(*slot)),
            delay: slot.since(now),
        };
        let requests: Vec<_> = emails.iter().zip(slots).map(request).collect();
        let results = self.priority_queues.enqueue(&requests).await;
        let errors: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
        if let Some(error) = errors.first() {
            let error = aws::runtime::telemetry::chain(*error);
            tracing::warn!(
                error,
                "released emails could not be enqueued; the next run releases them again"
            );
        }
        Promoted {
            enqueued: requests.len() - errors.len(),
            failed: errors.len(),
            ..Promoted::default()
        }
    }

    /// Moves the emails of a queue that lost its rate limit to the place where they wait without one.
    async fn release_unlimited(&self, key: &QueueKey, limit: &RateLimit, run: &Run) -> Result<Promoted, PortError> {
        let line = self.all_line(key, MOVED_AT_ONCE).await?;
        let done = self.recover(&keys(&line.emails), run).await?;
        let found = WaitingPage {
            emails: &[],
            more: !line.emails.is_empty(),
        };
        if let Some(change) = plan(limit, found, 0, self.system.now()).change {
            // A refused write was too late: the next run looks again.
            self.records.change_rate_limit(key, &change).await?;
        }
        Ok(done)
    }

    /// Reads the first waiting emails, without those whose released messages are in flight.
    async fn line(
        &self,
        key: &QueueKey,
        limit: &RateLimit,
        count: usize,
        now: Timestamp,
    ) -> Result<WaitingEmails, PortError> {
        let Some(released) = limit.in_flight(now) else {
            return self.all_line(key, count).await;
        };
        let place = |place: &str| (!place.is_empty()).then(|| DueCursor(place.to_owned()));
        let left_behind = match place(&released.after) {
            // The release began with the first email: none was left behind.
            None => WaitingEmails {
                emails: Vec::new(),
                more: false,
            },
            until => {
                let range = IndexRange { after: None, until };
                self.read_range(key, &range, count).await?
            }
        };
        if left_behind.more {
            return Ok(left_behind);
        }
        let range = IndexRange {
            after: place(&released.until),
            until: None,
        };
        let fresh = self.read_range(key, &range, count).await?;
        let mut emails = left_behind.emails;
        emails.extend(fresh.emails);
        let more = fresh.more;
        Ok(WaitingEmails { emails, more })
    }

    async fn all_line(&self, key: &QueueKey, count: usize) -> Result<WaitingEmails, PortError> {
        self.read_range(key, &IndexRange::default(), count).await
    }

    /// Reads the first emails of a range in all shards: about `count`, in the order of their places.
    async fn read_range(&self, key: &QueueKey, range: &IndexRange, count: usize) -> Result<WaitingEmails, PortError> {
        // Ids are random, so that each shard holds about the same share.
        let share = count / usize::from(RATE_LIMITED_SHARDS) + count / 32 + 4;
        let shards = (0..RATE_LIMITED_SHARDS).map(|shard| self.shard(key, shard, range, share));
        let shards = try_join_all(shards).await?;
        let places = shards.iter().filter(|shard| shard.more);
        // A partly read shard may have more emails after this place.
        let known_to = places
            .filter_map(|shard| shard.emails.last())
            .map(place)
            .min()
            .map(str::to_owned);
        let more = shards.iter().any(|shard| shard.more);
        let mut emails: Vec<_> = shards.into_iter().flat_map(|shard| shard.emails).collect();
        emails.sort_by(|one, other| place(one).cmp(place(other)));
        if let Some(known_to) = known_to {
            emails.retain(|email| place(email) <= known_to.as_str());
        }
        Ok(WaitingEmails { emails, more })
    }

    async fn shard(
        &self,
        key: &QueueKey,
        shard: u16,
        range: &IndexRange,
        count: usize,
    ) -> Result<WaitingEmails, PortError> {
        let (mut range, mut emails) = (range.clone(), Vec::new());
        loop {
            let page = self
                .records
                .waiting_emails(key, shard, &range, count - emails.len())
                .await?;
            emails.extend(page.items);
            match page.next {
                Some(next) if emails.len() < count => range.after = Some(next),
                next => {
                    let more = next.is_some();
                    return Ok(WaitingEmails { emails, more });
                }
            }
        }
    }
}

fn place(email: &WaitingEmail) -> &str {
    &email.due_email.cursor.0
}

fn waiting(email: &WaitingEmail) -> SlotCandidate<'_> {
    SlotCandidate {
        not_before: email.due_email.not_before,
        recipients: email.due_email.send_task.recipients,
        place: place(email),
    }
}

fn keys(emails: &[WaitingEmail]) -> Vec<EmailKey> {
    let key = |email: &WaitingEmail| EmailKey {
        tenant: email.due_email.send_task.tenant.clone(),
        id: email.due_email.send_task.id,
    };
    emails.iter().map(key).collect()
}
