//! The edges between statuses that the design names.

use domain::record::Status;

/// Every edge between two statuses that the design names. A run of seeds has to go each of them.
pub const EDGES: [(Option<Status>, Status); 23] = [
    (None, Status::Queued),
    (Some(Status::Queued), Status::Sending),
    (Some(Status::Queued), Status::Canceled),
    (Some(Status::Queued), Status::Expired),
    (Some(Status::Queued), Status::Unknown),
    (Some(Status::Queued), Status::Sent),
    (Some(Status::Sending), Status::Sent),
    (Some(Status::Sending), Status::Queued),
    (Some(Status::Sending), Status::Failing),
    (Some(Status::Sending), Status::Uncertain),
    (Some(Status::Sending), Status::Unknown),
    (Some(Status::Sending), Status::Expired),
    (Some(Status::Sending), Status::Canceled),
    (Some(Status::Failing), Status::Failed),
    (Some(Status::Uncertain), Status::Queued),
    (Some(Status::Uncertain), Status::Sent),
    (Some(Status::Uncertain), Status::Unknown),
    (Some(Status::Failed), Status::Queued),
    (Some(Status::Unknown), Status::Queued),
    (Some(Status::Unknown), Status::Sent),
    (Some(Status::Canceled), Status::Queued),
    (Some(Status::Expired), Status::Queued),
    (Some(Status::Queued), Status::Queued),
];

/// Edges that only a sender goes who outlives its lease and is refused late: allowed, and so rare that a
/// run need not show them.
pub const RARE: [(Option<Status>, Status); 2] = [
    (Some(Status::Uncertain), Status::Failing),
    (Some(Status::Uncertain), Status::Expired),
];
