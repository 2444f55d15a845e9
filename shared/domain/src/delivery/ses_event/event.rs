//! An event about one of our emails.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::Fact;
use crate::delivery::record::EmailRecord;
use crate::id::{EmailId, TenantId};
use crate::message::address::EmailAddress;
use crate::timestamp::Timestamp;

/// The tag with the tenant.
pub const TAG_TENANT: &str = "mq_tenant";

/// The tag with the email's id.
pub const TAG_ID: &str = "mq_id";

/// The tag with the number of the claim that submitted it.
pub const TAG_CLAIM: &str = "mq_claim";

/// The tag with the record's birth, which is its time of acceptance, in milliseconds since 1970.
pub const TAG_BORN: &str = "mq_born";

/// The message that SES publishes, instead of an event, when an event destination is created.
///
/// Source: recordings of SES in LocalStack's snapshots and in django-anymail, read 2026-11-24.
pub const GREETING: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

/// The content of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SesEventKind {
    /// SES accepted the email, and nothing more.
    Accepted,
    /// The delivery statuses of some recipients, by `recipient_key`. Addresses do not leave this module, except
    /// those for suppression lists.
    DeliveryStatuses(BTreeMap<String, DeliveryStatus>),
    /// A report about some recipients that is no delivery status.
    Reported {
        /// The recipients, by `recipient_key`.
        recipients: BTreeSet<String>,
        /// The report.
        fact: Fact,
    },
    /// A recipient opened it.
    Opened,
    /// A recipient clicked a link in it.
    Clicked,
}

/// The type of a bounce, in SES's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BounceType {
    /// `Permanent`, `Transient` or `Undetermined`.
    pub bounce_type: String,
    /// Such as `General` or `MailboxFull`.
    pub sub_type: String,
}

/// The client of a recipient that opened an email or clicked a link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The IP address.
    pub ip_address: String,
    /// The user agent.
    pub user_agent: String,
}

/// Parts of an event that no decision reads; webhooks tell them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SesDetails {
    /// The type of a bounce.
    pub bounce: Option<BounceType>,
    /// The type of a complaint, such as `abuse`.
    pub complaint: Option<String>,
    /// The client of an opening or a click.
    pub agent: Agent,
    /// The clicked link.
    pub link: Option<String>,
}

/// An event about one of our emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SesEvent {
    /// Tenant of the email.
    pub tenant: TenantId,
    /// Id of the email.
    pub id: EmailId,
    /// Number of the claim that submitted it.
    pub claim_no: u32,
    /// The birth of the record that submitted it.
    pub born: Timestamp,
    /// SES's `MessageId`.
    pub message_id: String,
    /// Time of SES's acceptance.
    pub accepted_at: Timestamp,
    /// Time of the event.
    pub at: Timestamp,
    /// The kind of the event, with its content.
    pub kind: SesEventKind,
    /// Addresses for the tenant's suppression list: each bounced for good, or its owner complained.
    pub suppresses: Vec<EmailAddress>,
    /// True if the complaint names several recipients, of whom some may not have complained.
    pub suspected: bool,
    /// Addresses to which SES did not send, because they are on the account's suppression list.
    pub on_account_list: Vec<EmailAddress>,
    /// The message about each recipient, by `recipient_key`: from its server, or from SES.
    pub diagnostics: BTreeMap<String, String>,
    /// Further parts.
    pub details: SesDetails,
}

impl SesEvent {
    /// True if it is about this record, and about one of its claims.
    ///
    /// An event of an erased and re-used id has another birth and says nothing about this record.
    #[must_use]
    pub fn concerns(&self, record: &EmailRecord) -> bool {
        record.born == self.born
            && record.id == self.id
            && record.tenant == self.tenant
            && (1..=record.claim_no).contains(&self.claim_no)
    }

    /// The message about a recipient; empty without one.
    #[must_use]
    pub fn message_about(&self, recipient: &str) -> String {
        self.diagnostics.get(recipient).cloned().unwrap_or_default()
    }
}

/// The reason why a message is no event of ours.
#[derive(Debug, thiserror::Error)]
pub enum SesEventError {
    /// Not JSON, or not of SES's form. Only the place is kept: the library's message may repeat an address from the
    /// content.
    #[error("not an SES event: at line {line}, column {column}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The message that SES publishes when a topic becomes an event destination.
    #[error("SES has validated the topic")]
    Greeting,
    /// The type says nothing about delivery, or is newer than this code.
    #[error("SES event of an unsupported type: {0}")]
    OtherType(String),
    /// Not submitted by this queue, or its tags were changed.
    #[error("SES event without a usable tag {0}")]
    Tag(&'static str),
    /// An invalid time, or a missing part that its type requires.
    #[error("SES event without a usable {0}")]
    Missing(&'static str),
}
