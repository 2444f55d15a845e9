//! Writes the response of `POST /emails?dry_run=true`: a forecast for an email that is not stored.

use serde::Serialize;

use crate::api::headers::Warning;
use crate::api::times::EmailTimes;
use crate::delivery::cause::Cause;
use crate::delivery::record::Priority;
use crate::id::EmailId;
use crate::message::address::EmailAddress;
use crate::message::attachment::Attachment;
use crate::message::email::EmailContent;
use crate::message::mailbox::Mailbox;
use crate::reporting::cost::{Prices, Usd};
use crate::reporting::forecast::{Forecast, WaitsFor};

/// The expected handling of an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DryRun"))]
pub struct DryRunView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "dry_run")))]
    object: &'static str,
    /// The id of the email of an earlier, equal request. This request would repeat the response to the
    /// earlier one, and send nothing.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    replays: Option<String>,
    from: Parsed,
    to: Vec<Parsed>,
    cc: Vec<Parsed>,
    bcc: Vec<Parsed>,
    reply_to: Vec<Parsed>,
    /// The recipients on the suppression list. The email would not be sent to them.
    suppressed: Vec<String>,
    /// The estimated maximum size of the message in bytes: its text and its encoded attachments with their headers,
    /// without a generated text part. Amazon SES accepts 40 MB.
    bytes: u64,
    attachments: Vec<File>,
    queue: String,
    priority: Priority,
    scheduled_at: Option<String>,
    expires_at: String,
    /// The estimated sending time in the current state. Null while the queue is paused without an end.
    would_send_at: Option<String>,
    /// The last condition that the email would wait for.
    waits_for: Option<WaitsFor>,
    /// The number of emails ahead of it.
    ahead: u64,
    /// The current reason why the email would not be sent.
    cause: Option<Cause>,
    advice: Option<&'static str>,
    /// The parts of the request that have no effect, such as a header `Date`.
    warnings: Vec<Warning>,
    /// The cost of the email, at the deployment's prices for Amazon SES.
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    cost_usd: Usd,
}

/// A parsed mailbox, with the domain in its DNS form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DryRunMailbox"))]
struct Parsed {
    address: String,
    name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "DryRunAttachment")
)]
struct File {
    filename: String,
    content_type: String,
    /// The size in bytes.
    size: u64,
}

/// The results of checking an email.
#[derive(Debug)]
pub struct Tried<'a> {
    /// The email, with its files.
    pub email: &'a EmailContent,
    /// The email that an earlier equal request created.
    pub replays: Option<EmailId>,
    /// The suppressed recipients.
    pub suppressed: &'a [EmailAddress],
    /// The name of the queue.
    pub queue: &'a str,
    /// The priority of the email.
    pub priority: Priority,
    /// The times of the email.
    pub wanted: EmailTimes,
    /// The forecast of the email.
    pub forecast: Forecast,
    /// The parts of the request that have no effect.
    pub warnings: &'a [Warning],
}

/// Advice about an email that would expire; [`Cause::advice`] is about a stored one.
const WOULD_EXPIRE: &str = "The email would expire before it could be sent. Choose a later expires_at.";

impl DryRunView {
    /// The response for these results.
    #[must_use]
    pub fn new(tried: &Tried<'_>, prices: &Prices) -> Self {
        let Tried { email, forecast, .. } = tried;
        let lists = [email.to(), email.cc(), email.bcc()].into_iter().flatten();
        let left_out = |mailbox: &&Mailbox| tried.suppressed.contains(mailbox.address());
        let suppressed: Vec<_> = lists.filter(left_out).collect();
        let recipients = email.recipients().saturating_sub(suppressed.len());
        let is_late = forecast.at.is_some_and(|at| at >= tried.wanted.expires_at);
        let cause = match recipients {
            0 => Some(Cause::Suppressed),
            _ => is_late.then_some(Cause::Expired),
        };
        let recipients = if cause.is_none() { recipients } else { 0 };
        let sent = u64::try_from(recipients).unwrap_or(u64::MAX);
        let files = email.attachments().iter();
        let held: usize = files.clone().map(Attachment::held).sum();
        let text = u64::try_from(email.bytes().saturating_sub(held)).unwrap_or(u64::MAX);
        let attached = files.clone().fold(0_u64, |sum, file| sum.saturating_add(file.size()));
        Self {
            object: "dry_run",
            replays: tried.replays.map(|id| id.to_string()),
            from: Parsed::of(email.from()),
            to: Parsed::all(email.to()),
            cc: Parsed::all(email.cc()),
            bcc: Parsed::all(email.bcc()),
            reply_to: Parsed::all(email.reply_to()),
            suppressed: suppressed
                .into_iter()
                .map(|mailbox| mailbox.address().as_str().to_owned())
                .collect(),
            bytes: files.clone().fold(text, |sum, file| sum.saturating_add(file.encoded())),
            attachments: files.map(File::of).collect(),
            queue: tried.queue.to_owned(),
            priority: tried.priority,
            scheduled_at: tried.wanted.scheduled_at.map(|at| at.to_string()),
            expires_at: tried.wanted.expires_at.to_string(),
            would_send_at: forecast.at.map(|at| at.to_string()),
            waits_for: forecast.waits_for,
            ahead: forecast.ahead,
            cause,
            advice: cause.map(|cause| {
                if cause == Cause::Expired {
                    WOULD_EXPIRE
                } else {
                    cause.advice()
                }
            }),
            warnings: tried.warnings.to_vec(),
            cost_usd: prices.cost(sent, sent.saturating_mul(attached)),
        }
    }
}

impl Parsed {
    fn of(mailbox: &Mailbox) -> Self {
        Self {
            address: mailbox.address().as_str().to_owned(),
            name: mailbox.name().map(str::to_owned),
        }
    }

    fn all(mailboxes: &[Mailbox]) -> Vec<Self> {
        mailboxes.iter().map(Self::of).collect()
    }
}

impl File {
    fn of(file: &Attachment) -> Self {
        Self {
            filename: file.filename().to_owned(),
            content_type: file.content_type().to_owned(),
            size: file.size(),
        }
    }
}
