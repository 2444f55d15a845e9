//! The keys and indexes of a table, from `DescribeTable`.
//!
//! **Role:** read once for each table that a query filters or projects.
//! **Invariant:** pure. An unreadable description yields no schema. Source: Amazon DynamoDB API reference,
//! `TableDescription`, read 2026-11-28.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Names of attributes.
type Names = BTreeSet<String>;

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Index {
    keys: Names,
    /// Attributes beside the keys; absent: all.
    projected: Option<Names>,
}

/// The keys and indexes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    keys: Names,
    indexes: BTreeMap<String, Index>,
}

impl Schema {
    /// Reads the answer of `DescribeTable`.
    #[must_use]
    pub fn read(answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let table = answer.get("Table")?;
        let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_array);
        let named = |index: &Value| Some((index.get("IndexName")?.as_str()?.to_owned(), read(index)?));
        Some(Self {
            keys: keys(table)?,
            indexes: indexes.into_iter().flatten().filter_map(named).collect(),
        })
    }

    /// Returns the key attributes of the table or of one of its global indexes.
    #[must_use]
    pub fn keys(&self, index: Option<&str>) -> Option<&Names> {
        match index {
            Some(index) => Some(&self.indexes.get(index)?.keys),
            None => Some(&self.keys),
        }
    }

    /// Returns the attributes in an index; `None` for all, or for an unknown index.
    #[must_use]
    pub fn projected_names(&self, index: &str) -> Option<Names> {
        let index = self.indexes.get(index)?;
        let beside = index.projected.clone()?;
        Some(self.keys.iter().chain(&index.keys).cloned().chain(beside).collect())
    }
}

fn keys(of: &Value) -> Option<Names> {
    let schema = of.get("KeySchema")?.as_array()?;
    let name = |key: &Value| Some(key.get("AttributeName")?.as_str()?.to_owned());
    schema.iter().map(name).collect()
}

fn read(index: &Value) -> Option<Index> {
    let projection = index.get("Projection")?;
    let beside = projection.get("NonKeyAttributes").and_then(Value::as_array);
    let beside = beside.into_iter().flatten().filter_map(Value::as_str);
    let all = projection.get("ProjectionType")?.as_str()? == "ALL";
    Some(Index {
        keys: keys(index)?,
        projected: (!all).then(|| beside.map(str::to_owned).collect()),
    })
}
