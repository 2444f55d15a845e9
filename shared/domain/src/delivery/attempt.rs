//! The result of an attempt at SES.

use crate::delivery::cause::Cause;

/// The result of an attempt at SES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// SES accepted it.
    Accepted {
        /// SES's `MessageId`.
        message_id: String,
    },
    /// SES definitely did not accept it.
    NotAccepted {
        /// The cause.
        cause: Cause,
        /// The provider's message.
        detail: String,
    },
    /// SES may have accepted it: the answer was lost.
    Ambiguous,
}
