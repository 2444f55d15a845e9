//! Answers what is asked about emails, and everything that is no route at all.
//!
//! **Role:** behind every route of the HTTP API but `POST /emails` and `POST /emails/batch`.
//! **Invariant:** nobody is told anything without a key, not even which routes there are; and
//! nobody finds another tenant's email: to them it is not there.
//! **Deliberately absent:** writes. So nothing is lost when it ends in mid-request.
//! **Map:** [`handler`] is HTTP, [`routes`] says what a path means, [`paging`] what a query asks
//! for, [`emails`] answers.
//! **Start reading at** [`handler::handle`].

pub mod emails;
pub mod handler;
pub mod paging;
pub mod routes;

use domain::api_error::ApiError;
use domain::ports::PortError;

/// Answers with what the world offers.
#[derive(Debug, Clone)]
pub struct Manage<R, B, S> {
    /// The rows, and the list of them.
    pub rows: R,
    /// The contents.
    pub bodies: B,
    /// The clock.
    pub system: S,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller has to change something.
    #[error("refused: {0}")]
    Refused(ApiError),
    /// The world failed: the caller may ask again.
    #[error("an email could not be read")]
    Port(#[from] PortError),
}
