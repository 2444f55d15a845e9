//! The turn of one shard of due deliveries in a run: the share of each webhook, and the room that is left.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::index::DueCursor;
use domain::ports::webhook_events::DueDelivery;
use domain::ports::webhooks::WebhookKey;

use crate::Promoted;

/// Most deliveries of a shard in a run. The four shards together have 1,000; the others are found a minute later.
pub(super) const MOST_OF_A_SHARD: usize = 250;

/// Deliveries of a webhook that come before room is given to webhooks with more: 100 in the four shards together.
const SHARE: usize = 25;

/// Most deliveries of a webhook in a shard: 400 in the four shards together. Our choice: a dead endpoint with many
/// deliveries costs less than $3 a day.
const MOST_OF_A_WEBHOOK: usize = 100;

/// The turn of a shard.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The result so far.
    pub(super) done: Promoted,
    count: usize,
    of_webhooks: BTreeMap<WebhookKey, usize>,
    sent: BTreeSet<DueCursor>,
    /// Entries of webhooks that have had their share.
    spare: Vec<DueDelivery>,
    has_left_some: bool,
}

impl Turn {
    /// The number of deliveries so far.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// True while a webhook has not had its share.
    pub(super) fn has_room(&self, key: &WebhookKey) -> bool {
        self.of_webhooks.get(key).is_none_or(|count| *count < SHARE)
    }

    /// Counts a delivery that is sent.
    pub(super) fn count_one(&mut self, due: &DueDelivery) {
        self.count += 1;
        *self.of_webhooks.entry(due.key.clone()).or_default() += 1;
        self.sent.insert(due.cursor.clone());
    }

    /// Keeps an entry in case room is left: its webhook has had its share.
    pub(super) fn keep_spare(&mut self, due: DueDelivery) {
        self.spare.push(due);
    }

    /// Takes entries for the room that is left, the oldest first, up to the most of each webhook.
    pub(super) fn take_spare(&mut self) -> Vec<DueDelivery> {
        let mut spare = std::mem::take(&mut self.spare);
        spare.sort_by(|one, other| one.cursor.cmp(&other.cursor));
        spare.dedup_by(|one, other| one.cursor == other.cursor);
        spare.retain(|due| !self.sent.contains(&due.cursor));
        let mut taken = Vec::new();
        for due in spare {
            let of_webhook = self.of_webhooks.get(&due.key).copied().unwrap_or_default();
            if self.count < MOST_OF_A_SHARD && of_webhook < MOST_OF_A_WEBHOOK {
                self.count_one(&due);
                taken.push(due);
            } else {
                self.has_left_some = true;
            }
        }
        taken
    }

    /// True if entries were read that this run does not send.
    pub(super) const fn has_left_some(&self) -> bool {
        self.has_left_some
    }
}
