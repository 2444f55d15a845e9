//! Every row that occurs, once: a state names its rows by number.

use domain::row::Row;
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::clock::relative;

/// The number of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(u16);

/// The rows that have occurred.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    known: IndexSet<Row, FxBuildHasher>,
}

impl Rows {
    /// The number of a row, its times taken as [`relative`] says.
    ///
    /// # Panics
    /// When there are more rows than a bounded configuration can have.
    pub(crate) fn id(&mut self, row: Row) -> RowId {
        let (index, _) = self.known.insert_full(relative(row));
        RowId(u16::try_from(index).expect("a bounded configuration has few rows"))
    }

    /// The row of a number.
    #[must_use]
    pub(crate) fn get(&self, id: RowId) -> &Row {
        &self.known[usize::from(id.0)]
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.known.len()
    }
}

/// What is stored after a write of what differs between `before` and `after`, as an adapter
/// makes it: a field that the decision left alone stays as it is stored.
#[must_use]
pub(crate) fn written(before: &Row, after: &Row, stored: &Row) -> Row {
    macro_rules! merged {
        ($($field:ident),* $(,)?) => {
            Row { $($field: if before.$field == after.$field { &stored.$field } else { &after.$field }.clone()),* }
        };
    }
    merged!(
        tenant,
        id,
        born,
        queue,
        lane,
        recipients,
        body,
        on_uncertain,
        status,
        not_before,
        scheduled_at,
        expires_at,
        expires_given,
        claim_no,
        attempts,
        lease,
        maybe_duplicate,
        duplicate,
        uncertain_since,
        cause,
        detail,
        sent,
        due,
        fates,
        fate_no,
        delivered_at,
        opened_at,
        clicked_at,
    )
}
