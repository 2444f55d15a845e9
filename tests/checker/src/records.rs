//! The table of all records, each once: a state names its records by number.

use domain::delivery::record::EmailRecord;
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::clock::relative;

/// The number of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(u16);

/// The records that have occurred.
#[derive(Debug, Default)]
pub(crate) struct RecordTable {
    known: IndexSet<EmailRecord, FxBuildHasher>,
}

impl RecordTable {
    /// Returns the number of a record with merged times ([`relative`]).
    ///
    /// # Panics
    /// When there are more records than a bounded configuration can have.
    pub(crate) fn id(&mut self, record: EmailRecord) -> RecordId {
        let (index, _) = self.known.insert_full(relative(record));
        RecordId(u16::try_from(index).expect("a bounded configuration has few records"))
    }

    /// Returns the record of a number.
    #[must_use]
    pub(crate) fn get(&self, id: RecordId) -> &EmailRecord {
        &self.known[usize::from(id.0)]
    }

    /// Returns the number of records.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.known.len()
    }
}
