//! Requests to DynamoDB: expressions, queries, and the writes of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;

use crate::storage::attributes::Item;
use crate::storage::mapping::to_value;

/// An update, a condition, or both, with the names and values of their placeholders.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Expression {
    /// The update; empty for none.
    pub(crate) update: String,
    /// The condition; empty for none.
    pub(crate) condition: String,
    /// The attributes by placeholder (`#..`).
    pub(crate) names: HashMap<String, String>,
    /// The values by placeholder (`:..`).
    pub(crate) values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// An update without a condition.
    pub(crate) fn update(update: impl Into<String>) -> Self {
        Self {
            update: update.into(),
            ..Self::default()
        }
    }

    /// A condition without an update.
    pub(crate) fn condition(condition: impl Into<String>) -> Self {
        Self::default().when(condition)
    }

    /// The same under a condition.
    pub(crate) fn when(self, condition: impl Into<String>) -> Self {
        Self {
            condition: condition.into(),
            ..self
        }
    }

    /// The same with the attribute of a placeholder.
    pub(crate) fn with_name(mut self, placeholder: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.names.insert(placeholder.into(), attribute.into());
        self
    }

    /// The same with the value of a placeholder.
    pub(crate) fn with_value(self, placeholder: impl Into<String>, value: impl Serialize) -> Self {
        self.with_attribute(placeholder, to_value(value))
    }

    /// The same with the encoded value of a placeholder.
    pub(crate) fn with_attribute(mut self, placeholder: impl Into<String>, value: AttributeValue) -> Self {
        self.values.insert(placeholder.into(), value);
        self
    }

    /// Returns the condition for writing a whole item as `version`: the stored item has the version before.
    /// Version 0 creates the item.
    pub(crate) fn if_version_before(version: u64) -> Self {
        let number = |condition: &str| {
            Self::condition(condition)
                .with_name("#no", "no")
                .with_value(":before", version.saturating_sub(1))
        };
        match version {
            0 => Self::condition("attribute_not_exists(pk)"),
            // The default queue need not be stored.
            1 => number("attribute_not_exists(pk) OR #no = :before"),
            _ => number("#no = :before"),
        }
    }
}

/// Omits an empty expression, which DynamoDB refuses.
pub(super) fn text(expression: String) -> Option<String> {
    Some(expression).filter(|text| !text.is_empty())
}

/// Omits an empty list of placeholders, which DynamoDB refuses.
pub(super) fn some<V>(placeholders: HashMap<String, V>) -> Option<HashMap<String, V>> {
    Some(placeholders).filter(|all| !all.is_empty())
}

/// A query of the table, or of one of its indexes. The table is read with strong consistency.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// The index; `None` for the table itself.
    pub(crate) index: Option<&'static str>,
    /// The condition on the keys.
    pub(crate) keys: Expression,
    /// The direction, if it matters.
    pub(crate) forward: Option<bool>,
    /// Maximum number of items per page; `None` for a megabyte.
    pub(crate) limit: Option<i32>,
    /// The attributes that are read; `None` for all.
    pub(crate) projection: Option<&'static str>,
    /// [`QueryPage::next`] of the previous page.
    pub(crate) from: Option<Item>,
}

impl Query {
    /// Returns the query of all items whose keys meet a condition.
    pub(crate) fn of(keys: Expression) -> Self {
        Self {
            keys,
            ..Self::default()
        }
    }

    /// Returns the query of a partition's items whose sort keys begin with a text.
    pub(crate) fn beginning(pk: String, beginning: &str) -> Self {
        let keys = Expression::condition("pk = :pk AND begins_with(sk, :beginning)");
        Self::of(keys.with_value(":pk", pk).with_value(":beginning", beginning))
    }
}

/// A page of a query.
#[derive(Debug, Default)]
pub(crate) struct QueryPage {
    /// The items of the page.
    pub(crate) items: Vec<Item>,
    /// The start of the next page; `None` after the last.
    pub(crate) next: Option<Item>,
}

/// A write within a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// Stores an item whole.
    Put {
        /// The item.
        item: Item,
        /// The condition on the stored item.
        when: Expression,
    },
    /// Changes an item; without an update it only checks the condition.
    Update {
        /// The item's key.
        key: Item,
        /// The change and its condition.
        change: Expression,
    },
    /// Deletes an item, whether it exists or not.
    Delete {
        /// The item's key.
        key: Item,
        /// The condition on the stored item.
        when: Expression,
    },
}

impl Write {
    pub(super) fn build(self, table: &str) -> Result<TransactWriteItem, BuildError> {
        const STORED: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
        let write = TransactWriteItem::builder();
        Ok(match self {
            Self::Put { item, when } => {
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .set_condition_expression(text(when.condition))
                    .set_expression_attribute_names(some(when.names))
                    .set_expression_attribute_values(some(when.values))
                    .return_values_on_condition_check_failure(STORED);
                write.put(put.build()?)
            }
            Self::Update { key, change } if change.update.is_empty() => {
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .condition_expression(change.condition)
                    .set_expression_attribute_names(some(change.names))
                    .set_expression_attribute_values(some(change.values))
                    .return_values_on_condition_check_failure(STORED);
                write.condition_check(check.build()?)
            }
            Self::Update { key, change } => {
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .update_expression(change.update)
                    .set_condition_expression(text(change.condition))
                    .set_expression_attribute_names(some(change.names))
                    .set_expression_attribute_values(some(change.values))
                    .return_values_on_condition_check_failure(STORED);
                write.update(update.build()?)
            }
            Self::Delete { key, when } => {
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .set_condition_expression(text(when.condition))
                    .set_expression_attribute_names(some(when.names))
                    .set_expression_attribute_values(some(when.values))
                    .return_values_on_condition_check_failure(STORED);
                write.delete(delete.build()?)
            }
        }
        .build())
    }
}
