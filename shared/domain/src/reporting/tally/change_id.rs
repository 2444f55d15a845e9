//! The id of a change: its identity in every delivery.
//!
//! **Invariant:** two changes of one minute practically never have the same fingerprint.

use sha2::{Digest, Sha256};

use super::counter::floor;
use crate::id::EmailKey;
use crate::timestamp::Timestamp;

/// Milliseconds of the span whose markers share one key.
const SPAN_MS: i64 = 60_000;

/// Digits of the longest sequence number of AWS. Source: Amazon DynamoDB API reference, `StreamRecord`.
const SEQUENCE_DIGITS: usize = 40;

/// Digits of the longest sequence number that is read: LocalStack's own stream gives 56 (measured with 4.14.0).
const LONG_SEQUENCE_DIGITS: usize = 64;

/// The prefix of a sequence number of more than [`SEQUENCE_DIGITS`] digits: it sorts after every digit.
const LONG: char = ':';

/// The place of a change in its shard of the stream. It sorts as the numbers do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(String);

impl Sequence {
    /// Reads a sequence number: 1 to 64 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=LONG_SEQUENCE_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let digits = text.trim_start_matches('0');
        // The stored form of AWS's numbers stays the same: readers see markers of both forms side by side.
        fits.then(|| match digits.len() {
            ..=SEQUENCE_DIGITS => Self(format!("{digits:0>SEQUENCE_DIGITS$}")),
            _ => Self(format!("{LONG}{digits:0>LONG_SEQUENCE_DIGITS$}")),
        })
    }

    /// A text that sorts after every sequence number.
    pub const END: &str = ";";

    /// The stored text: the number with all its digits, with a prefix if it is long.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identity of a change: 64 bits of a hash. A lookup searches the changes of one minute only. At a million
/// changes an hour, two of them are alike once in a hundred thousand years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

/// The id of a change, the same in every delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeId {
    /// The minute of the change.
    pub minute: Timestamp,
    /// The place of the change in the stream.
    pub sequence: Sequence,
    /// The identity.
    pub fingerprint: Fingerprint,
}

impl ChangeId {
    /// The id of a change of an email. A sequence number alone is unique only in its shard. All changes of one
    /// email are in one shard and its successors, so the email's key makes the id unique.
    #[must_use]
    pub fn new(key: &EmailKey, sequence: Sequence, at: Timestamp) -> Self {
        let hash = Sha256::digest(format!("{}#{}#{}", key.tenant, key.id, sequence.0));
        let bits = hash.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Self {
            minute: floor(at, SPAN_MS),
            sequence,
            fingerprint: Fingerprint(bits),
        }
    }
}
