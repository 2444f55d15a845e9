//! The posted requests: every kind of email and request that the guarantees cover.
//!
//! **Invariant:** pure; the same seed gives the same requests. Every email's subject is unique, so that two ids for
//! one email show at SES.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// A valid sender.
const FROM: &str = "shop@mailqueue.example";

/// A sender that SES refuses.
const UNVERIFIED: &str = "shop@unverified.example";

/// The beginning of the addresses for which SES's answers and events are lost more often.
pub const SILENT: &str = "silent-";

/// The maximum number of emails in a batch here.
const BATCH_MAX: usize = 20;

/// The length of a content that is too large for the table even when compressed. Random hexadecimal digits halve in
/// size, and the table takes 5 KB.
const LARGE: usize = 16 * 1024;

/// A client's step after the acceptance of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    Nothing,
    /// The email is canceled, long before it is due.
    Cancel,
    /// The email is rescheduled.
    Reschedule,
}

/// One email of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Email {
    /// The body of the email in the request.
    pub body: Value,
    /// Whether it must be held after an uncertain outcome.
    pub hold: bool,
    /// The client's next step.
    pub afterwards: Afterwards,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The idempotency key; a request without one is not repeated.
    pub key: Option<String>,
    /// Whether it goes to `/emails/batch`.
    pub batch: bool,
    /// Whether it is repeated although it was answered.
    pub repeated: bool,
    /// The emails; without a batch, a single one.
    pub emails: Vec<Email>,
}

impl Request {
    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &'static str {
        if self.batch { "/emails/batch" } else { "/emails" }
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut bodies = self.emails.iter().map(|email| email.body.clone());
        if self.batch {
            Value::Array(bodies.collect())
        } else {
            bodies.next().unwrap_or_default()
        }
    }
}

/// Returns requests with so many emails together.
#[must_use]
pub fn requests(emails: usize, seed: u64) -> Vec<Request> {
    let mut chance = Rng::with_seed(seed);
    let (mut requests, mut made) = (Vec::new(), 0);
    while made < emails {
        let batch = chance.f64() < 0.08;
        let size = if batch {
            chance.usize(2..=BATCH_MAX).min(emails - made)
        } else {
            1
        };
        let with_key = chance.f64() < 0.85;
        let emails = (made..made + size)
            .map(|index| email(index, seed, batch, &mut chance))
            .collect();
        requests.push(Request {
            batch,
            repeated: with_key && chance.f64() < 0.1,
            emails,
            key: with_key.then(|| format!("chaos-{seed}-{made}")),
        });
        made += size;
    }
    requests
}

fn email(index: usize, seed: u64, batch: bool, chance: &mut Rng) -> Email {
    let hold = chance.f64() < 0.15;
    let mut afterwards = Afterwards::Nothing;
    let mut body = Map::from_iter([
        ("from".to_owned(), json!(FROM)),
        ("to".to_owned(), json!([format!("reader-{index}@example.com")])),
        ("subject".to_owned(), json!(format!("Chaos {seed}, email {index}"))),
        ("text".to_owned(), json!(format!("Hello, reader {index}!"))),
    ]);
    let mut put = |field: &str, value: Value| body.insert(field.to_owned(), value);
    if hold {
        put("on_uncertain", json!("hold"));
    }
    match chance.u32(0..100) {
        // Each has its own address, because the bounce of another would suppress it.
        0..3 => put("to", json!(format!("bounce+{index}@simulator.amazonses.com"))),
        3..6 => put("to", json!(format!("complaint+{index}@simulator.amazonses.com"))),
        6..9 => put("from", json!(UNVERIFIED)),
        9..11 => put("text", json!((0..LARGE).map(|_| chance.digit(16)).collect::<String>())),
        11..16 => put(
            "to",
            json!([format!("one-{index}@example.com"), format!("two-{index}@example.com")]),
        ),
        33..39 => put("to", json!([format!("{SILENT}{index}@example.com")])),
        16..24 => put("scheduled_at", json!(format!("in {} seconds", chance.u32(1..12)))),
        24..30 if !batch => {
            afterwards = Afterwards::Cancel;
            put("scheduled_at", json!("in 40 seconds"))
        }
        30..33 if !batch => {
            afterwards = Afterwards::Reschedule;
            put("scheduled_at", json!("in 40 seconds"))
        }
        _ => None,
    };
    Email {
        body: Value::Object(body),
        hold,
        afterwards,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_repeats_all_requests() {
        assert_eq!(requests(200, 7), requests(200, 7));
        assert_ne!(requests(200, 7), requests(200, 8));
    }

    #[test]
    fn the_number_of_emails_is_exact_and_each_is_unique() {
        for emails in [0, 1, 499, 500] {
            let all: Vec<_> = requests(emails, 1)
                .into_iter()
                .flat_map(|request| request.emails)
                .collect();
            let subjects: BTreeSet<_> = all.iter().map(|email| email.body["subject"].to_string()).collect();
            assert_eq!((all.len(), subjects.len()), (emails, emails));
        }
    }

    #[test]
    fn five_hundred_emails_cover_every_kind() {
        let requests = requests(500, 1);
        let emails: Vec<_> = requests.iter().flat_map(|request| &request.emails).collect();
        let requests_that = |is: fn(&Request) -> bool| requests.iter().filter(|request| is(request)).count();
        let emails_that = |is: fn(&Email) -> bool| emails.iter().filter(|email| is(email)).count();
        for (what, count) in [
            ("batches", requests_that(|request| request.batch)),
            ("without a key", requests_that(|request| request.key.is_none())),
            ("repeated", requests_that(|request| request.repeated)),
            ("held", emails_that(|email| email.hold)),
            (
                "large",
                emails_that(|email| email.body["text"].to_string().len() > LARGE),
            ),
            ("unverified", emails_that(|email| email.body["from"] == UNVERIFIED)),
            (
                "bounced",
                emails_that(|email| email.body["to"].to_string().contains("bounce+")),
            ),
            (
                "silent",
                emails_that(|email| email.body["to"].to_string().contains(SILENT)),
            ),
            ("canceled", emails_that(|email| email.afterwards == Afterwards::Cancel)),
            (
                "rescheduled",
                emails_that(|email| email.afterwards == Afterwards::Reschedule),
            ),
        ] {
            assert!(count >= 3, "{what}: {count}");
        }
    }
}
