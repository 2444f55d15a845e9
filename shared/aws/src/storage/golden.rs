//! Every kind of stored item, as commit b1156e8 wrote it and as this version writes it.
//!
//! `golden/b1156e8/` and `golden/today/` have a file for each kind, with named items in DynamoDB's JSON.
//! `golden/README.md` describes their origin.
//! **Invariant:** an old item keeps its meaning, and today's form does not change by accident. An intended
//! change of a stored form changes its file in `golden/today/`, in the same commit.

mod access;
mod counters;
mod domains;
mod emails;
mod items;
pub(crate) mod queues;
mod rates;
mod suppressions;
mod webhooks;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::runtime::replay::{CannedResponse, Replay};
use items::GoldenTable;

/// Golden items of a kind, old and new.
struct Golden {
    kind: &'static str,
    old: Map<String, Value>,
    today: Map<String, Value>,
    seen: BTreeSet<String>,
}

impl Golden {
    /// Reads the items of a kind. A kind that is newer than b1156e8 has no old ones.
    fn of(kind: &'static str) -> Self {
        let read = |of: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/storage/golden/{of}/{kind}.json"));
            let text = fs::read_to_string(path).unwrap_or_else(|_| "{}".to_owned());
            serde_json::from_str(&text).unwrap()
        };
        Self {
            kind,
            old: read("b1156e8"),
            today: read("today"),
            seen: BTreeSet::new(),
        }
    }

    /// Compares a written item with today's form.
    fn check(&mut self, name: &str, written: &Value) {
        self.seen.insert(format!("today {name}"));
        let golden = self.today.get(name).unwrap_or(&Value::Null);
        let pretty = serde_json::to_string_pretty(written).unwrap();
        assert_eq!(written, golden, "{} {name} is now stored as\n{pretty}", self.kind);
    }

    /// Returns a table with one item, as b1156e8 wrote it.
    fn old(&mut self, name: &str) -> Replay {
        self.seen.insert(format!("b1156e8 {name}"));
        holding(&self.old[name])
    }

    /// Returns a table with one item, as this version writes it.
    fn today(&self, name: &str) -> Replay {
        holding(&self.today[name])
    }

    /// Checks that every item of the files was compared.
    fn assert_complete(&self) {
        let names = |of: &'static str, items: &Map<String, Value>| {
            let names = items.keys().map(|name| format!("{of} {name}"));
            names.collect::<BTreeSet<_>>()
        };
        let mut all = names("today", &self.today);
        all.extend(names("b1156e8", &self.old));
        assert_eq!(self.seen, all, "{}", self.kind);
    }
}

/// Returns a table that answers every read with this item.
fn holding(item: &Value) -> Replay {
    let item = item.clone();
    Replay::by(move |request| match request.operation() {
        "BatchGetItem" => CannedResponse::ok(&json!({"Responses": {"T": [item]}})),
        "Query" => CannedResponse::ok(&json!({"Items": [item], "Count": 1})),
        _ => CannedResponse::ok(&json!({"Item": item})),
    })
}

/// Returns the items of an empty table after some writes, whose conditions all hold.
async fn written_items(write: impl AsyncFnOnce(&Replay)) -> GoldenTable {
    // Writers read only this attribute of the answer.
    let replay = Replay::by(|_| CannedResponse::ok(&json!({"Attributes": {"drawn": {"N": "5"}}})));
    write(&replay).await;
    GoldenTable::after(&replay.requests())
}

/// Every golden file has a test, and every kind has a file.
#[test]
fn every_golden_file_has_a_test() {
    let sources = [
        include_str!("golden/access.rs"),
        include_str!("golden/counters.rs"),
        include_str!("golden/domains.rs"),
        include_str!("golden/emails.rs"),
        include_str!("golden/rates.rs"),
        include_str!("golden/queues.rs"),
        include_str!("golden/suppressions.rs"),
        include_str!("golden/webhooks.rs"),
    ];
    for of in ["b1156e8", "today"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/storage/golden")
            .join(of);
        let mut files = 0;
        for file in fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let kind = name.strip_suffix(".json").unwrap();
            let tested = |source: &&str| source.contains(&format!("Golden::of(\"{kind}\")"));
            assert!(sources.iter().any(tested), "{of}/{name}");
            files += 1;
        }
        assert!(files >= 17, "{of} has {files} files");
    }
}
