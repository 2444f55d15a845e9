//! Who watches the backend, and is told of everything as it really is.

use std::fmt::Debug;

use domain::email::EmailContent;
use domain::ports::EmailKey;
use domain::record::EmailRecord;
use domain::timestamp::Timestamp;
use domain::wire::ses_event::SesEvent;

/// How the submission of an email ended that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// SES was asked. Whatever comes of it.
    Asked,
    /// SES has accepted it.
    Accepted,
    /// SES has refused it, and the sender was told so. The attempt counts, or it is given back.
    Refused {
        /// It counts.
        spent: bool,
    },
}

/// A watcher.
pub trait Observer: Send + Debug {
    /// A record was written.
    fn written(&mut self, now: Timestamp, before: Option<&EmailRecord>, after: &EmailRecord);

    /// A finished record was forgotten.
    fn forgotten(&mut self, record: &EmailRecord);

    /// SES was given an email, with this claim; the record as it is stored at that moment.
    fn submitted(&mut self, now: Timestamp, stored: Option<&EmailRecord>, claimed: &EmailRecord, email: &EmailContent);

    /// How that ended.
    fn arrived(&mut self, now: Timestamp, stored: Option<&EmailRecord>, key: &EmailKey, claim_no: u32, how: Arrived);

    /// SES has published an event, or it is lost for ever.
    fn published(&mut self, event: &SesEvent, lost: bool);
}
