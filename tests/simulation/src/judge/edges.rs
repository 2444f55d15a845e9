//! The edges between statuses that the design names.

use domain::delivery::record::RecordStatus;

/// Every edge between two statuses that the design names. A run of seeds has to go each of them.
pub const EDGES: [(Option<RecordStatus>, RecordStatus); 23] = [
    (None, RecordStatus::Queued),
    (Some(RecordStatus::Queued), RecordStatus::Sending),
    (Some(RecordStatus::Queued), RecordStatus::Canceled),
    (Some(RecordStatus::Queued), RecordStatus::Expired),
    (Some(RecordStatus::Queued), RecordStatus::Unknown),
    (Some(RecordStatus::Queued), RecordStatus::Sent),
    (Some(RecordStatus::Sending), RecordStatus::Sent),
    (Some(RecordStatus::Sending), RecordStatus::Queued),
    (Some(RecordStatus::Sending), RecordStatus::Failing),
    (Some(RecordStatus::Sending), RecordStatus::Uncertain),
    (Some(RecordStatus::Sending), RecordStatus::Unknown),
    (Some(RecordStatus::Sending), RecordStatus::Expired),
    (Some(RecordStatus::Sending), RecordStatus::Canceled),
    (Some(RecordStatus::Failing), RecordStatus::Failed),
    (Some(RecordStatus::Uncertain), RecordStatus::Queued),
    (Some(RecordStatus::Uncertain), RecordStatus::Sent),
    (Some(RecordStatus::Uncertain), RecordStatus::Unknown),
    (Some(RecordStatus::Failed), RecordStatus::Queued),
    (Some(RecordStatus::Unknown), RecordStatus::Queued),
    (Some(RecordStatus::Unknown), RecordStatus::Sent),
    (Some(RecordStatus::Canceled), RecordStatus::Queued),
    (Some(RecordStatus::Expired), RecordStatus::Queued),
    (Some(RecordStatus::Queued), RecordStatus::Queued),
];

/// Edges that only a sender goes who outlives its lease and is refused late: allowed, and so rare that a
/// run need not show them.
pub const RARE: [(Option<RecordStatus>, RecordStatus); 2] = [
    (Some(RecordStatus::Uncertain), RecordStatus::Failing),
    (Some(RecordStatus::Uncertain), RecordStatus::Expired),
];
