//! The history of a defective email: its record, its messages, and every call about it through the proxy, with the
//! kills among them.
//!
//! **Invariant:** the log of calls is read line by line, because that of a long run does not fit into memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use crate::kills::Kill;
use crate::oracle::{Defect, SentCopy, StoredEmail};

/// The maximum number of emails with a history.
const EMAILS_MAX: usize = 10;

/// The maximum number of calls in one history.
const CALLS_MAX: usize = 60;

/// The data for the histories.
#[derive(Debug)]
pub struct HistoryInput<'a> {
    /// The findings.
    pub findings: &'a [(String, Defect)],
    /// The records in the table.
    pub records: &'a BTreeMap<String, StoredEmail>,
    /// The messages at SES.
    pub copies: &'a BTreeMap<String, Vec<SentCopy>>,
    /// The kills.
    pub kills: &'a [Kill],
}

impl HistoryInput<'_> {
    /// Returns the history of each defective email, as lines.
    ///
    /// # Errors
    /// When the log of calls cannot be read.
    pub fn describe(&self, calls: &Path) -> io::Result<Vec<String>> {
        let shown: Vec<_> = self.findings.iter().take(EMAILS_MAX).collect();
        let mut about: BTreeMap<&str, Vec<String>> = shown.iter().map(|(id, _)| (id.as_str(), Vec::new())).collect();
        let killed: BTreeMap<u64, &Kill> = self.kills.iter().map(|kill| (kill.call, kill)).collect();
        for line in BufReader::new(File::open(calls)?).lines() {
            let line = line?;
            for (id, in_words) in &mut about {
                if in_words.len() < CALLS_MAX && line.contains(*id) {
                    in_words.push(call_in_words(&line, &killed));
                }
            }
        }
        let mut lines = Vec::new();
        for (id, defect) in shown {
            lines.push(defect.violation(id).to_string());
            match self.records.get(id) {
                Some(record) => lines.push(format!("  record   {}", record_in_words(record))),
                None => lines.push("  record   none".to_owned()),
            }
            for copy in self.copies.get(id).into_iter().flatten() {
                let SentCopy {
                    message_id,
                    received_at,
                    claim,
                    subject,
                } = copy;
                lines.push(format!(
                    "  message  {received_at}  claim {claim}  {subject:?}  {message_id}"
                ));
            }
            lines.extend(about.remove(id.as_str()).unwrap_or_default());
        }
        if self.findings.len() > EMAILS_MAX {
            lines.push(format!("... and {} more.", self.findings.len() - EMAILS_MAX));
        }
        Ok(lines)
    }
}

fn record_in_words(record: &StoredEmail) -> String {
    let StoredEmail {
        status,
        claim_no,
        attempts,
        ..
    } = record;
    let mut words = format!("{status}, claims {claim_no}, attempts {attempts}");
    if let Some(cause) = &record.cause {
        words += &format!(", cause {cause}");
    }
    if let Some(claim) = record.sent_by {
        words += &format!(", sent by claim {claim}");
    }
    for (is_so, word) in [
        (record.flagged, ", maybe_duplicate"),
        (record.duplicate, ", duplicate"),
        (record.indexed, ", in the index"),
    ] {
        if is_so {
            words += word;
        }
    }
    words
}

fn call_in_words(line: &str, killed: &BTreeMap<u64, &Kill>) -> String {
    let Ok(call) = serde_json::from_str::<Value>(line) else {
        return format!("  call     {line}");
    };
    let text = |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default();
    let faults = call.get("faults").and_then(Value::as_array);
    let faults: Vec<_> = faults.into_iter().flatten().filter_map(Value::as_str).collect();
    let mut words = format!(
        "  call     {}  {}[{}] {}:{} {}",
        text("at"),
        text("caller"),
        call.get("process").unwrap_or(&Value::Null),
        text("service"),
        text("operation"),
        text("outcome"),
    );
    if let Some(status) = call.get("status") {
        words += &format!(" {status}");
    }
    if !faults.is_empty() {
        words += &format!("  struck by {}", faults.join(", "));
    }
    let number = call.get("number").and_then(Value::as_u64);
    if let Some(kill) = number.and_then(|number| killed.get(&number)) {
        words += &format!("  KILLED in this call, {}", kill.effect.words());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kills::Effect;

    #[test]
    fn a_history_has_record_messages_calls_and_kills() {
        let directory = std::env::temp_dir().join(format!("chaos-history-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let log = directory.join("calls.jsonl");
        let call = r#"{"number":7,"at":"T1","caller":"mailqueue-send","process":9,"service":"ses","operation":"SendEmail","emails":["a-1"],"faults":["drop_after"],"rules":[3],"outcome":"gone"}"#;
        let other = call.replace("a-1", "b-2");
        std::fs::write(&log, format!("{other}\n{call}\n")).unwrap();
        let record = StoredEmail {
            status: "sent".to_owned(),
            claim_no: 2,
            ..StoredEmail::default()
        };
        let copy = SentCopy {
            message_id: "m".to_owned(),
            subject: "s".to_owned(),
            received_at: "T0".to_owned(),
            claim: "1".to_owned(),
        };
        let known = HistoryInput {
            findings: &[("a-1".to_owned(), Defect::Unflagged)],
            records: &BTreeMap::from([("a-1".to_owned(), record)]),
            copies: &BTreeMap::from([("a-1".to_owned(), vec![copy])]),
            kills: &[Kill {
                function: "send",
                call: 7,
                action: "ses:SendEmail".to_owned(),
                effect: Effect::Before,
            }],
        };
        let lines = known.describe(&log).unwrap();
        std::fs::remove_dir_all(directory).unwrap();
        assert_eq!(
            lines,
            [
                "I3 Duplicates is broken (email a-1): SES has the email more than once, and its record has no flag.",
                "  record   sent, claims 2, attempts 0",
                "  message  T0  claim 1  \"s\"  m",
                "  call     T1  mailqueue-send[9] ses:SendEmail gone  struck by drop_after  KILLED in this call, which had taken effect",
            ]
        );
    }
}
