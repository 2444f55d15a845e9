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
