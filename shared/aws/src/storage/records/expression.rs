//! Differences between two records, and the condition of their write, as expressions of DynamoDB.
//!
//! **Invariant:** pure. Names and values are always placeholders: `#s` stands for the attribute `s`, `:s` for
//! its new value, and a condition's values are `:if_...`.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::policy::Policy;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::lifecycle::{Condition, EARLY};
use domain::timestamp::Timestamp;

use super::{item, waiting};
use crate::storage::attributes::{self, Item};
use crate::storage::table::Expression;

impl Expression {
    /// Returns the placeholder of an attribute's name.
    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, placeholder: &str, value: AttributeValue) -> String {
        self.values.insert(placeholder.to_owned(), value);
        placeholder.to_owned()
    }

    pub(crate) fn require(&mut self, condition: Condition) {
        self.condition = match condition {
            Condition::Claimable { now, epoch } => {
                let (status, not_before, expires) = (self.name("s"), self.name("n"), self.name("x"));
                let queued = self.value(":if_s", AttributeValue::S(attributes::name(&RecordStatus::Queued)));
                let due = self.value(":if_n", millis(now.after(EARLY)));
                let now = self.value(":if_x", millis(now));
                // A record of a newer format stays unchanged: this version could not read it afterwards.
                let (version, ours) = (self.name("v"), self.value(":if_v", item::version()));
                let claimable = format!(
                    "{status} = {queued} AND {not_before} <= {due} AND {expires} > {now} AND {version} = {ours}"
                );
                match epoch {
                    None => claimable,
                    Some(epoch) => {
                        let (born, retried, epoch) =
                            (self.name("b"), self.name("ra"), self.value(":if_b", millis(epoch)));
                        format!("{claimable} AND ({born} > {epoch} OR {retried} > {epoch})")
                    }
                }
            }
            // The condition on the queue is another item's part of the transaction.
            Condition::Unmoved {
                claim_no,
                status,
                not_before,
            }
            | Condition::UnmovedIn {
                claim_no,
                status,
                not_before,
                ..
            } => {
                let (claim, stored, time) = (self.name("c"), self.name("s"), self.name("n"));
                let claim_no = self.value(":if_c", AttributeValue::N(claim_no.to_string()));
                let status = self.value(":if_s", AttributeValue::S(attributes::name(&status)));
                let not_before = self.value(":if_n", millis(not_before));
                format!("{claim} = {claim_no} AND {stored} = {status} AND {time} = {not_before}")
            }
            Condition::DeliveryUnmoved { delivery_version } => {
                let delivery_statuses = self.name("fn");
                let delivery_version = self.value(":if_fn", AttributeValue::N(delivery_version.to_string()));
                format!("{delivery_statuses} = {delivery_version}")
            }
        };
    }

    /// Sets the new or changed attributes of `after`, and removes the missing ones.
    fn change(&mut self, before: &Item, after: &Item) {
        // Sorted, so that the same change gives the same text.
        let changed: BTreeMap<_, _> = after
            .iter()
            .filter(|(name, value)| before.get(*name) != Some(*value))
            .collect();
        let gone: BTreeMap<_, _> = before.iter().filter(|(name, _)| !after.contains_key(*name)).collect();
        let mut set = Vec::new();
        for (attribute, value) in changed {
            let name = self.name(attribute);
            let value = self.value(&format!(":{attribute}"), value.clone());
            set.push(format!("{name} = {value}"));
        }
        let remove: Vec<_> = gone.into_keys().map(|attribute| self.name(attribute)).collect();
        self.update = [("SET", set), ("REMOVE", remove)]
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")))
            .collect::<Vec<_>>()
            .join(" ");
    }
}

/// Returns the write of a transition; its update is empty when the records are equal.
///
/// `ttl`, in seconds, is set when the record gets a final status, also from another final status. It is removed when
/// the record is no longer final.
pub(crate) fn transition(
    before: &EmailRecord,
    after: &EmailRecord,
    condition: Condition,
    shards: u16,
    ttl: i64,
) -> Expression {
    let (mut old, mut new) = (item::from_record(before, shards), item::from_record(after, shards));
    if before.status != after.status {
        if after.status.is_final() {
            new.extend([attributes::n("ttl", ttl)]);
        } else if before.status.is_final() {
            old.extend([attributes::n("ttl", ttl)]);
        }
    }
    let mut update = Expression::default();
    update.require(condition);
    update.change(&old, &new);
    update
}

/// Returns the write of a claim without a read before: [`domain::lifecycle::claimed`] as an expression of
/// DynamoDB.
pub(crate) fn claim(id: domain::id::EmailId, policy: &Policy, nonce: u64, shards: u16, now: Timestamp) -> Expression {
    let until = now.after(policy.lease);
    let mut update = Expression::default();
    let epoch = policy.restore_epoch;
    update.require(Condition::Claimable { now, epoch });
    let mut after = Item::from(waiting::check_attributes(until, id, shards));
    after.extend([
        attributes::s("s", attributes::name(&RecordStatus::Sending)),
        attributes::n("lu", until.as_millis()),
        attributes::n("ln", nonce),
    ]);
    update.change(&Item::new(), &after);
    let (claims, attempts) = (update.name("c"), update.name("a"));
    let one = update.value(":one", AttributeValue::N("1".to_owned()));
    update.update = format!(
        "{}, {claims} = {claims} + {one}, {attempts} = {attempts} + {one}",
        update.update
    );
    update
}

fn millis(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millis().to_string())
}

#[cfg(test)]
mod tests {
    use domain::delivery::cause::Cause;
    use domain::delivery::delivery_status::DeliveryStatus;
    use domain::delivery::record::{Acceptance, Lease};
    use domain::lifecycle;

    use super::super::samples::{at, full, policy, record};
    use super::*;

    fn changed(change: impl FnOnce(&mut EmailRecord)) -> String {
        let mut after = full();
        change(&mut after);
        transition(
            &full(),
            &after,
            Condition::DeliveryUnmoved { delivery_version: 4 },
            16,
            77,
        )
        .update
    }

    #[test]
    fn only_differences_are_written() {
        assert_eq!(changed(|_| {}), "");
        assert_eq!(changed(|record| record.attempts = 9), "SET #a = :a");
        assert_eq!(changed(|record| record.lease = None), "REMOVE #ln, #lu");
        assert_eq!(changed(|record| record.due = None), "REMOVE #due_pk, #due_sk");
        assert_eq!(
            changed(|record| record.status = RecordStatus::Sent),
            "SET #s = :s, #ttl = :ttl"
        );
        assert_eq!(changed(|record| record.maybe_duplicate = false), "REMOVE #m");
        assert_eq!(
            changed(|record| {
                record
                    .delivery_statuses
                    .insert("x".to_owned(), DeliveryStatus::Delivered);
                record.delivery_version = 5;
            }),
            "SET #f = :f, #fn = :fn"
        );
        assert_eq!(
            changed(|record| {
                record.status = RecordStatus::Failed;
                record.due = None;
                record.lease = None;
                record.cause = Some(Cause::Rejected);
            }),
            "SET #e = :e, #s = :s, #ttl = :ttl REMOVE #due_pk, #due_sk, #ln, #lu"
        );
    }

    #[test]
    fn a_record_that_is_no_longer_final_is_kept() {
        let unmoved = Condition::Unmoved {
            claim_no: 1,
            status: RecordStatus::Failed,
            not_before: at(2_000),
        };
        let of = |before, after| {
            let records = [before, after].map(|status| EmailRecord { status, ..record() });
            let [before, after] = records;
            transition(&before, &after, unmoved, 16, 77).update
        };
        assert_eq!(
            of(RecordStatus::Failed, RecordStatus::Queued),
            "SET #s = :s REMOVE #ttl"
        );
        assert_eq!(of(RecordStatus::Failed, RecordStatus::Sent), "SET #s = :s, #ttl = :ttl");
        assert_eq!(of(RecordStatus::Sent, RecordStatus::Sent), "");
    }

    #[test]
    fn each_condition_names_its_attributes() {
        let of = |condition| {
            let update = transition(&record(), &full(), condition, 16, 77);
            let mut values: Vec<_> = update
                .values
                .iter()
                .filter(|(name, _)| name.starts_with(":if_"))
                .map(|(name, value)| format!("{name}={}", value.as_s().or(value.as_n()).unwrap()))
                .collect();
            values.sort();
            (update.condition, values.join(" "))
        };
        let expected = |condition: &str, values: &str| (condition.to_owned(), values.to_owned());
        assert_eq!(
            of(Condition::Claimable {
                now: at(5_000),
                epoch: None
            }),
            expected(
                "#s = :if_s AND #n <= :if_n AND #x > :if_x AND #v = :if_v",
                ":if_n=6000 :if_s=queued :if_v=1 :if_x=5000"
            )
        );
        assert_eq!(
            of(Condition::Claimable {
                now: at(5_000),
                epoch: Some(at(4_000))
            }),
            expected(
                "#s = :if_s AND #n <= :if_n AND #x > :if_x AND #v = :if_v AND (#b > :if_b OR #ra > :if_b)",
                ":if_b=4000 :if_n=6000 :if_s=queued :if_v=1 :if_x=5000"
            )
        );
        assert_eq!(
            of(Condition::Unmoved {
                claim_no: 7,
                status: RecordStatus::Uncertain,
                not_before: at(4_000),
            }),
            expected(
                "#c = :if_c AND #s = :if_s AND #n = :if_n",
                ":if_c=7 :if_n=4000 :if_s=uncertain"
            )
        );
        assert_eq!(
            of(Condition::DeliveryUnmoved { delivery_version: 3 }),
            expected("#fn = :if_fn", ":if_fn=3")
        );
    }

    #[test]
    fn every_placeholder_is_defined_and_used() {
        let sent = EmailRecord {
            status: RecordStatus::Sent,
            due: None,
            sent: Some(Acceptance {
                claim_no: 1,
                message_id: "m".to_owned(),
                at: at(1),
            }),
            ..record()
        };
        let unmoved = Condition::Unmoved {
            claim_no: 0,
            status: RecordStatus::Queued,
            not_before: at(2_000),
        };
        let claimable = |epoch| Condition::Claimable { now: at(1), epoch };
        let restored = Policy {
            restore_epoch: Some(at(1)),
            ..policy()
        };
        for update in [
            transition(&record(), &full(), claimable(None), 16, 77),
            transition(&record(), &full(), claimable(Some(at(1))), 16, 77),
            transition(&record(), &sent, unmoved, 16, 77),
            claim(record().id, &policy(), 1, 16, at(3_000)),
            claim(record().id, &restored, 1, 16, at(3_000)),
        ] {
            let text = format!("{} {}", update.update, update.condition);
            let mut used: Vec<_> = text
                .split(|c: char| !(c.is_ascii_alphanumeric() || "#:_".contains(c)))
                .filter(|word| word.starts_with(['#', ':']))
                .collect();
            used.sort_unstable();
            used.dedup();
            let mut known: Vec<_> = update
                .names
                .keys()
                .chain(update.values.keys())
                .map(String::as_str)
                .collect();
            known.sort_unstable();
            assert_eq!(used, known);
        }
    }

    /// A claim is written without reading the record first, so this test compares it with the state machine.
    #[test]
    fn a_claim_agrees_with_the_state_machine() {
        let now = at(3_000);
        let before = record();
        let after = lifecycle::claim_record(before.clone(), &policy(), 42, now);
        let expected = transition(&before, &after, Condition::Claimable { now, epoch: None }, 16, 77);
        let claim = claim(before.id, &policy(), 42, 16, now);
        assert_eq!(claim.condition, expected.condition);
        assert_eq!(claim.names, {
            let mut names = expected.names.clone();
            // `transition` omits it, because `before` is already in that partition of the due index.
            names.insert("#due_pk".to_owned(), "due_pk".to_owned());
            names
        });
        for (placeholder, value) in &expected.values {
            if ![":a", ":c"].contains(&placeholder.as_str()) {
                assert_eq!(claim.values.get(placeholder), Some(value), "{placeholder}");
            }
        }
        assert_eq!(
            (after.claim_no, after.attempts),
            (before.claim_no + 1, before.attempts + 1)
        );
        assert_eq!(
            after.lease,
            Some(Lease {
                until: at(183_000),
                nonce: 42
            })
        );
        assert_eq!(
            claim.update,
            "SET #due_pk = :due_pk, #due_sk = :due_sk, #ln = :ln, #lu = :lu, #s = :s, #c = #c + :one, #a = #a + :one"
        );
    }
}
