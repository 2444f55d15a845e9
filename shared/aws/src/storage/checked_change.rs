//! An update of numbers that requires other numbers to be as they were read.
//!
//! **Why not fixed expressions:** the health of an endpoint and the permits have many numbers, and a change names
//! only those that differ.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::storage::table::Expression;

/// An update under conditions, built attribute by attribute.
#[derive(Default)]
pub(crate) struct Change {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    expression: Expression,
}

impl Change {
    /// Requires that a number is as it was read.
    pub(super) fn require(&mut self, name: &str, seen: Option<&str>) {
        let expression = std::mem::take(&mut self.expression).with_name(format!("#{name}"), name);
        self.expression = match seen {
            None => expression,
            Some(seen) => expression.with_attribute(format!(":s{name}"), number(seen)),
        };
        self.conditions.push(match seen {
            None => format!("attribute_not_exists(#{name})"),
            Some(_) => format!("#{name} = :s{name}"),
        });
    }

    /// Sets or removes a number whose name is given already.
    pub(super) fn write(&mut self, name: &str, next: Option<&str>) {
        match next {
            None => self.removes.push(format!("#{name}")),
            Some(next) => {
                self.sets.push(format!("#{name} = :x{name}"));
                let expression = std::mem::take(&mut self.expression);
                self.expression = expression.with_attribute(format!(":x{name}"), number(next));
            }
        }
    }

    /// The expression; `None` if it changes nothing.
    pub(super) fn into_expression(self) -> Option<Expression> {
        let clause = |verb: &str, parts: &[String]| (!parts.is_empty()).then(|| format!("{verb} {}", parts.join(", ")));
        let clauses = [clause("SET", &self.sets), clause("REMOVE", &self.removes)];
        let update = clauses.into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!update.is_empty()).then(|| Expression {
            update,
            condition: self.conditions.join(" AND "),
            ..self.expression
        })
    }
}

fn number(digits: &str) -> AttributeValue {
    AttributeValue::N(digits.to_owned())
}
