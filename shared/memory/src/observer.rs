//! An observer of the backend, which sees everything as it really is.

use std::fmt::Debug;

use domain::delivery::record::EmailRecord;
use domain::delivery::ses_event::SesEvent;
use domain::id::EmailKey;
use domain::message::email::EmailContent;
use domain::timestamp::Timestamp;

/// The result of an email's submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// SES was called, with any result.
    Called,
    /// SES has accepted it.
    Accepted,
    /// SES has refused it, and the sender received the answer. The attempt counts, or it is given back.
    Refused {
        /// True if the attempt counts.
        spent: bool,
    },
}

/// An observer.
pub trait Observer: Send + Debug {
    /// A record was written.
    fn on_write(&mut self, now: Timestamp, before: Option<&EmailRecord>, after: &EmailRecord);

    /// A finished record has expired.
    fn on_expiry(&mut self, record: &EmailRecord);

    /// SES received an email, with this claim; `stored` is the record at that moment.
    fn on_submission(
        &mut self,
        now: Timestamp,
        stored: Option<&EmailRecord>,
        claimed: &EmailRecord,
        email: &EmailContent,
    );

    /// The result of that submission.
    fn on_result(&mut self, now: Timestamp, stored: Option<&EmailRecord>, key: &EmailKey, claim_no: u32, how: Arrived);

    /// SES has published an event, or it is lost forever.
    fn on_event(&mut self, event: &SesEvent, lost: bool);
}
