//! The received events of webhooks, their verification, and the faults of the receiver.
//!
//! **Role:** an independent receiver: it checks signatures with its own code, not with that of the sender.
//! **Invariant:** no I/O, no clock, no randomness. A request is kept whole, also if a fault answered it.
//! A *box* has its own secrets, faults and requests, so that tests do not disturb each other.
//!
//! Source: Standard Webhooks, "Signature scheme" and "Verifying webhook authenticity", read 2026-11-29; HMAC: RFC 2104.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strum::{IntoStaticStr, VariantNames};

use crate::faults::Dice;
use crate::mailbox::Pair;

/// The largest difference between a signature's time and the receiver's clock, in seconds.
const TOLERANCE_SECS: u64 = 300;

/// The prefix of a signing secret.
const SECRET_PREFIX: &str = "whsec_";

/// The names of the three headers: the standard's, and those that Resend's SDKs read.
const FAMILIES: [[&str; 3]; 2] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["svix-id", "svix-timestamp", "svix-signature"],
];

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// The time of arrival: RFC 3339, UTC, milliseconds.
    pub received_at: String,
    /// The headers, with names in lower case.
    pub headers: Vec<Pair>,
    /// The body, exactly as it came.
    pub body: String,
    /// True if both families of headers have a valid signature of a known secret.
    pub verified: bool,
    /// The first reason against it.
    pub problem: Option<String>,
    /// The fault that answered; absent: the answer was 200.
    pub fault: Option<&'static str>,
}

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// An answer with `status` and `headers`.
    Status,
    /// No answer for 20 seconds, then a closed connection.
    Hang,
    /// A redirect to the box `redirected`.
    Redirect,
    /// An answer of 200 whose body never ends.
    Endless,
    /// The connection closes without an answer.
    Close,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind.
    pub kind: Kind,
    /// The status of the kind `status`; 500 by default.
    #[serde(default)]
    pub status: Option<u16>,
    /// The headers of the kind `status`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The remaining number of times; absent: no limit.
    #[serde(default)]
    pub count: Option<u64>,
    /// The probability from 0 to 1; absent: 1.
    #[serde(default)]
    pub share: Option<f64>,
}

/// The active faults of a box, in the order in which they are checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The faults.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// Checks the numbers.
    ///
    /// # Errors
    /// A sentence about the first wrong one.
    pub fn check(&self) -> Result<(), String> {
        for fault in &self.faults {
            if !fault.share.is_none_or(|share| (0.0..=1.0).contains(&share)) {
                return Err("`share` must be a number from 0 to 1.".to_owned());
            }
            if !fault.status.is_none_or(|status| (200..=599).contains(&status)) {
                return Err("`status` must be a number from 200 to 599.".to_owned());
            }
        }
        Ok(())
    }

    /// Chooses the fault of a request, and uses it up.
    pub fn choose(&mut self, dice: &mut Dice) -> Option<Fault> {
        for fault in &mut self.faults {
            let happens = fault.count != Some(0) && fault.share.is_none_or(|share| dice.roll() < share);
            if happens {
                fault.count = fault.count.map(|count| count.saturating_sub(1));
                return Some(fault.clone());
            }
        }
        None
    }
}

/// One receiver.
#[derive(Debug, Default)]
pub struct Receiver {
    /// The signing secrets, `whsec_` and base64 each.
    pub secrets: Vec<String>,
    /// The faults.
    pub plan: Plan,
    received: Vec<Arc<Received>>,
}

impl Receiver {
    /// Keeps a request.
    pub fn keep(&mut self, received: Received) {
        self.received.push(Arc::new(received));
    }

    /// All requests, newest first.
    pub fn newest_first(&self) -> Vec<Arc<Received>> {
        self.received.iter().rev().map(Arc::clone).collect()
    }
}

/// All boxes.
#[derive(Debug, Default)]
pub struct WebhookInbox {
    boxes: BTreeMap<String, Receiver>,
    revision: u64,
}

impl WebhookInbox {
    /// A box, for a change; it begins empty.
    pub fn change(&mut self, name: &str) -> &mut Receiver {
        self.revision += 1;
        self.boxes.entry(name.to_owned()).or_default()
    }

    /// A box, if something was done with it.
    pub fn get(&self, name: &str) -> Option<&Receiver> {
        self.boxes.get(name)
    }

    /// Forgets the requests of a box; its secrets and faults stay.
    pub fn clear(&mut self, name: &str) {
        self.change(name).received.clear();
    }

    /// The newest requests of all boxes, at most `limit`, and their number.
    pub fn newest(&self, limit: usize) -> (Vec<(&str, Arc<Received>)>, usize) {
        let boxes = self.boxes.iter();
        let mut all: Vec<_> = boxes
            .flat_map(|(name, receiver)| {
                receiver
                    .received
                    .iter()
                    .map(move |each| (name.as_str(), Arc::clone(each)))
            })
            .collect();
        let count = all.len();
        all.sort_by(|(_, a), (_, b)| b.received_at.cmp(&a.received_at));
        all.truncate(limit);
        (all, count)
    }

    /// The revision, which increases with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// Verifies a request as a receiver does.
///
/// # Errors
/// The first reason why it is not genuine.
pub fn verify(headers: &[Pair], body: &[u8], secrets: &[String], now_secs: i64) -> Result<(), String> {
    for family in FAMILIES {
        let [id, timestamp, signatures] = family.map(|name| one(headers, name));
        let (id, timestamp, signatures) = (id?, timestamp?, signatures?);
        let said: i64 = timestamp.parse().map_err(|_| "the timestamp is no number".to_owned())?;
        if said.abs_diff(now_secs) > TOLERANCE_SECS {
            return Err("the timestamp is not within five minutes".to_owned());
        }
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let mut known = secrets.iter().filter_map(|secret| key(secret));
        let is_genuine = known.any(|key| {
            let expected = STANDARD.encode(hmac_sha256(&key, &signed));
            let mut given = signatures.split(' ').filter_map(|part| part.strip_prefix("v1,"));
            given.any(|given| given == expected)
        });
        if !is_genuine {
            return Err(match secrets.is_empty() {
                true => "no secret is known; set one with PUT /webhook-inbox".to_owned(),
                false => "no signature fits a known secret".to_owned(),
            });
        }
    }
    Ok(())
}

/// The value of a header that must be given once.
fn one<'a>(headers: &'a [Pair], name: &str) -> Result<&'a str, String> {
    let mut values = headers.iter().filter(|header| header.name == name);
    match (values.next(), values.next()) {
        (Some(header), None) => Ok(&header.value),
        (None, _) => Err(format!("the header {name} is missing")),
        (Some(_), Some(_)) => Err(format!("the header {name} is given twice")),
    }
}

/// The bytes of a signing secret; none if it is malformed.
pub fn key(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()
}

/// The HMAC with SHA-256.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let key = match key.len() > BLOCK {
        true => Sha256::digest(key).to_vec(),
        false => key.to_vec(),
    };
    let padded = |with: u8| -> Vec<u8> {
        let filled = key.iter().copied().chain(std::iter::repeat(0)).take(BLOCK);
        filled.map(|byte| byte ^ with).collect()
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner);
    outer.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const AT: i64 = 1_614_265_330;

    /// The example of Standard Webhooks' own libraries.
    fn example() -> Vec<Pair> {
        let values = [
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ];
        let pair = |(name, value): (&str, &str)| Pair {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        FAMILIES
            .iter()
            .flat_map(|family| family.iter().copied().zip(values))
            .map(pair)
            .collect()
    }

    fn verified(headers: &[Pair], body: &[u8], secret: &str, now: i64) -> Result<(), String> {
        verify(headers, body, &[secret.to_owned()], now)
    }

    /// The first test case of RFC 4231.
    #[test]
    fn the_hash_is_that_of_the_standard() {
        let found = hmac_sha256(&[0x0b; 20], b"Hi There");
        let hex: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn a_genuine_request_is_verified() {
        assert_eq!(verified(&example(), BODY, SECRET, AT + 299), Ok(()));
    }

    #[test]
    fn a_signature_of_either_secret_suffices() {
        let both = ["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(), SECRET.to_owned()];
        assert_eq!(verify(&example(), BODY, &both, AT), Ok(()));
        let mut two = example();
        for header in two.iter_mut().filter(|header| header.name.ends_with("-signature")) {
            header.value = format!("v1,AAAA {}", header.value);
        }
        assert_eq!(verified(&two, BODY, SECRET, AT), Ok(()));
    }

    #[test]
    fn a_changed_request_is_not_verified() {
        let changed = |change: &dyn Fn(&mut Vec<Pair>)| {
            let mut headers = example();
            change(&mut headers);
            verified(&headers, BODY, SECRET, AT).unwrap_err()
        };
        assert!(verified(&example(), b"{}", SECRET, AT).is_err());
        assert!(
            verified(&example(), BODY, SECRET, AT + 301)
                .unwrap_err()
                .contains("five minutes")
        );
        assert!(
            verified(&example(), BODY, "whsec_AAAA", AT)
                .unwrap_err()
                .contains("known secret")
        );
        assert!(
            verify(&example(), BODY, &[], AT)
                .unwrap_err()
                .contains("PUT /webhook-inbox")
        );
        let missing = changed(&|headers| headers.retain(|header| header.name != "svix-id"));
        assert!(missing.contains("svix-id is missing"), "{missing}");
        let twice = changed(&|headers| headers.push(headers[0].clone()));
        assert!(twice.contains("twice"), "{twice}");
        let other = changed(&|headers| headers[0].value = "msg_other".to_owned());
        assert!(other.contains("known secret"), "{other}");
    }

    #[test]
    fn a_fault_is_used_up() {
        let mut plan: Plan = serde_json::from_str(
            r#"{"faults": [{"kind": "status", "status": 503, "count": 2}, {"kind": "close", "share": 0}]}"#,
        )
        .unwrap();
        let mut dice = Dice::from_seed(1);
        let chosen: Vec<_> = (0..4).map(|_| plan.choose(&mut dice).map(|fault| fault.kind)).collect();
        assert_eq!(chosen, [Some(Kind::Status), Some(Kind::Status), None, None]);
    }

    #[test]
    fn a_wrong_fault_is_refused() {
        for text in [
            r#"{"faults": [{"kind": "status", "share": 2}]}"#,
            r#"{"faults": [{"kind": "status", "status": 99}]}"#,
        ] {
            let plan: Plan = serde_json::from_str(text).unwrap();
            assert!(plan.check().is_err(), "{text}");
        }
    }

    #[test]
    fn the_document_lists_every_kind() {
        let document = include_str!("../../../docs/FAULTS.md");
        let section = document
            .split("\n## ")
            .find(|part| part.starts_with("Endpoints of webhooks\n"));
        let rows = section.unwrap().lines();
        let rows = rows.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let listed: Vec<_> = rows.take(Kind::VARIANTS.len()).collect();
        assert_eq!(listed, Kind::VARIANTS);
    }
}
