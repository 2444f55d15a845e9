//! SES: one call per claim, and its answer as one of three outcomes.
//!
//! **Invariant:** neither this module nor the SDK repeats a call: SES has no token that identifies a
//! repetition. Every answer that is not known to be a refusal is ambiguous.
//! **Deliberately absent:** MIME. SES builds it from `Simple` content; no input of a caller is ever assembled
//! to a message here.
//! **May import:** `runtime`.
//! **Imported by:** no other folder of this crate.
//! **Start reading at** [`classify`].

pub mod account;
pub mod account_list;
pub mod identities;
mod tenant;

use std::error::Error;
use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    self, AttachmentContentDisposition, AttachmentContentTransferEncoding, Body, Content, Destination,
    EmailContent as SesContent, Message, MessageHeader, MessageTag,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::EmailRecord;
use domain::delivery::ses_event::{TAG_BORN, TAG_CLAIM, TAG_ID, TAG_TENANT};
use domain::message::attachment::{Attachment, Data};
use domain::message::email::EmailContent;
use domain::message::mailbox::Mailbox;
use domain::ports::Provider;

use self::tenant::{SesTenants, refusal_with_tenant};
use crate::runtime::metrics;
use crate::runtime::settings::SesSettings;

/// Header that every email carries.
const ID_HEADER: &str = "X-Email-Id";

/// Code of SES for a request that arrived incompletely.
const REQUEST_TIMEOUT: &str = "RequestTimeoutException";

/// The API of SES for sending.
#[derive(Debug, Clone)]
pub struct Ses {
    client: Client,
    /// The configuration set of emails without tracking.
    plain: String,
    /// The configuration set of emails with tracking.
    tracked: String,
    tracks_by_default: bool,
    tenants: SesTenants,
}

impl Ses {
    /// Creates the adapter of a client and its configuration sets.
    #[must_use]
    pub fn new(client: Client, settings: &SesSettings) -> Self {
        Self {
            client,
            plain: settings.configuration_set.clone(),
            tracked: settings.tracked_configuration_set.clone(),
            tracks_by_default: settings.tracks_by_default,
            tenants: SesTenants::with_prefix(settings.tenant_prefix.clone()),
        }
    }

    pub(crate) fn request(
        &self,
        claimed: &EmailRecord,
        mut email: EmailContent,
    ) -> Result<SendEmailFluentBuilder, BuildError> {
        // Generated before the files are taken out of the email, because their size limits the text.
        let generated = email.generated_text();
        let files = attachments(email.take_attachments())?;
        let email = &email;
        let addresses = |mailboxes: &[Mailbox]| {
            Some(mailboxes.iter().map(Mailbox::to_header).collect::<Vec<_>>()).filter(|list| !list.is_empty())
        };
        let destination = Destination::builder()
            .set_to_addresses(addresses(email.to()))
            .set_cc_addresses(addresses(email.cc()))
            .set_bcc_addresses(addresses(email.bcc()))
            .build();
        let content = SesContent::builder()
            .simple(message(claimed, email, generated, files)?)
            .build();
        Ok(self
            .client
            .send_email()
            .from_email_address(email.from().to_header())
            .destination(destination)
            .set_reply_to_addresses(addresses(email.reply_to()))
            .content(content)
            .set_email_tags(Some(tags(claimed, email)?))
            .configuration_set_name(self.configuration_set(email)))
    }

    /// SES tracks by configuration set, not by email.
    fn configuration_set(&self, email: &EmailContent) -> &str {
        if email.tracking().unwrap_or(self.tracks_by_default) {
            &self.tracked
        } else {
            &self.plain
        }
    }
}

/// Converts the files to the form of SES. A file that the HTML refers to is shown inline; the others are
/// attached. In base64 no part of a file can act as a part of the message.
fn attachments(files: Vec<Attachment>) -> Result<Option<Vec<types::Attachment>>, BuildError> {
    let file = |file: Attachment| {
        let shown = match file.content_id() {
            Some(_) => AttachmentContentDisposition::Inline,
            None => AttachmentContentDisposition::Attachment,
        };
        let part = types::Attachment::builder()
            .file_name(file.filename())
            .content_type(file.content_type())
            .set_content_id(file.content_id().map(str::to_owned))
            .content_disposition(shown)
            .content_transfer_encoding(AttachmentContentTransferEncoding::Base64);
        match file.into_data() {
            Data::Inline(content) => part.raw_content(Blob::new(content)).build(),
            Data::Uploaded { .. } => Err(BuildError::other("a file of the email was not loaded")),
        }
    };
    let files: Vec<_> = files.into_iter().map(file).collect::<Result<_, _>>()?;
    Ok(Some(files).filter(|files| !files.is_empty()))
}

fn message(
    claimed: &EmailRecord,
    email: &EmailContent,
    generated: Option<String>,
    files: Option<Vec<types::Attachment>>,
) -> Result<Message, BuildError> {
    let utf8 = |text: &str| Content::builder().charset("UTF-8").data(text).build();
    let body = Body::builder()
        .set_html(email.html().map(utf8).transpose()?)
        .set_text(email.text().or(generated.as_deref()).map(utf8).transpose()?)
        .build();
    let header = |name: &str, value: String| MessageHeader::builder().name(name).value(value).build();
    let ours = header(ID_HEADER, claimed.id.to_string());
    let theirs = email
        .headers()
        .iter()
        .map(|given| header(given.name().as_str(), given.to_header()));
    let headers = std::iter::once(ours).chain(theirs).collect::<Result<_, _>>()?;
    Ok(Message::builder()
        .subject(utf8(email.subject())?)
        .body(body)
        .set_headers(Some(headers))
        .set_attachments(files)
        .build())
}

fn tags(claimed: &EmailRecord, email: &EmailContent) -> Result<Vec<MessageTag>, BuildError> {
    let tag = |name: &str, value: &str| MessageTag::builder().name(name).value(value).build();
    let ours = [
        (TAG_TENANT, claimed.tenant.to_string()),
        (TAG_ID, claimed.id.to_string()),
        (TAG_CLAIM, claimed.claim_no.to_string()),
        (TAG_BORN, claimed.born.as_millis().to_string()),
    ];
    let ours = ours.iter().map(|(name, value)| tag(name, value));
    let theirs = email.tags().iter().map(|given| tag(given.name(), given.value()));
    ours.chain(theirs).collect()
}

impl Provider for Ses {
    async fn submit(&self, claimed: &EmailRecord, email: EmailContent, timeout: Duration) -> Attempt {
        let tenant = match self.tenants.name_of(&claimed.tenant) {
            Ok(tenant) => tenant,
            Err(refusal) => {
                metrics::access_denied("TenantNameTooLong");
                return refusal;
            }
        };
        let names_tenant = tenant.is_some();
        let request = match self.request(claimed, email) {
            Ok(request) => request.set_tenant_name(tenant),
            Err(error) => return refusal(Cause::Rejected, &error.to_string()),
        };
        let patience = TimeoutConfig::builder()
            .operation_attempt_timeout(timeout)
            .operation_timeout(timeout)
            .build();
        let patient = aws_sdk_sesv2::Config::builder().timeout_config(patience);
        match request.customize().config_override(patient).send().await {
            // An OK is a success: a missing or unreadable id makes it no refusal.
            Ok(answer) => Attempt::Accepted {
                message_id: answer.message_id.unwrap_or_default(),
            },
            Err(error) => {
                let mut attempt = classify(&error);
                if names_tenant {
                    attempt = refusal_with_tenant(attempt);
                }
                if is_denied(&attempt) {
                    metrics::access_denied(error.code().unwrap_or("none"));
                }
                attempt
            }
        }
    }
}

fn refusal(cause: Cause, detail: &str) -> Attempt {
    Attempt::NotAccepted {
        cause,
        detail: detail.to_owned(),
    }
}

/// Converts a call without an OK to one of three outcomes.
///
/// Only a refusal by SES and a request that never reached SES count as not accepted.
pub fn classify<E>(error: &SdkError<E, HttpResponse>) -> Attempt
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ConstructionFailure(_) = error {
        return refusal(Cause::Rejected, &crate::runtime::telemetry::chain(error));
    }
    if let SdkError::DispatchFailure(failure) = error
        && failure
            .as_connector_error()
            .is_some_and(|error| failed_to_connect(error))
    {
        return refusal(Cause::Unreached, "Amazon SES could not be reached");
    }
    if let SdkError::ServiceError(said) = error {
        let status = said.raw().status().as_u16();
        let (code, message) = (
            said.err().code().unwrap_or_default(),
            said.err().message().unwrap_or_default(),
        );
        if let Some(cause) = cause(status, code, message) {
            return refusal(cause, &format!("{code}: {message}"));
        }
    }
    // A timeout, a broken connection, an unreadable answer, or a failure inside SES.
    Attempt::Ambiguous
}

/// Whether SES refuses the deployment instead of the email: a permission, the identity, the configuration set or the
/// clock is wrong.
fn is_denied(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::NotAccepted { cause: Cause::Unavailable, detail } if !detail.starts_with(REQUEST_TIMEOUT))
}

/// Whether connecting failed, so that nothing can have been submitted.
fn failed_to_connect(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        next = error.source();
    }
    false
}

/// Returns why SES refused an email; `None` when it may have accepted it.
///
/// Codes alone do not suffice: the rate and the daily quota share one code, and so do an unverified sender and
/// refused content.
///
/// Source: Amazon SES API v2 reference, `SendEmail`, "Errors", and "Common Errors"; Amazon SES
/// Developer Guide, "Errors related to the sending quotas for your Amazon SES account"; read
/// 2026-11-24.
fn cause(status: u16, code: &str, message: &str) -> Option<Cause> {
    let says = |parts: &[&str]| {
        let message = message.to_ascii_lowercase();
        parts.iter().any(|part| message.contains(part))
    };
    if !(400..500).contains(&status) {
        // SES failed internally: it may have accepted the email before.
        return None;
    }
    Some(match code {
        _ if says(&["daily message quota exceeded", "daily sending quota exceeded"]) => Cause::QuotaExceeded,
        _ if says(&["maximum sending rate exceeded"]) => Cause::Throttled,
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" | "LimitExceededException" => {
            Cause::Throttled
        }
        "AccountSuspendedException" => Cause::AccountPaused,
        _ if code.ends_with("SendingPausedException") => Cause::AccountPaused,
        // The identity demands a MAIL FROM domain whose record SES does not find. It sends again when the record is back.
        "MailFromDomainNotVerifiedException" => Cause::Unavailable,
        "MessageRejected" if says(&["not verified"]) => Cause::UnverifiedSender,
        // If a pause counted as a refusal of the content, every email of the queue would fail. The opposite mistake
        // only makes an email wait.
        "MessageRejected" if says(&["paused", "suspended"]) => Cause::AccountPaused,
        "MessageRejected" => Cause::Rejected,
        "BadRequestException" if says(&["configuration set"]) => Cause::Unavailable,
        "BadRequestException" if says(&["message length", "too large"]) => Cause::TooLarge,
        "BadRequestException" if says(&["address", "domain", "user name"]) => Cause::InvalidRecipient,
        "BadRequestException" => Cause::Rejected,
        // The deployment is at fault (permissions, its clock, a missing configuration set): after a repair the
        // same email can be sent. Some of these errors have status 400.
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "NotAuthorized"
        | "RequestExpired" => Cause::Unavailable,
        _ if matches!(status, 401 | 403 | 404) => Cause::Unavailable,
        // The request arrived incompletely.
        REQUEST_TIMEOUT => Cause::Unavailable,
        "RequestAbortedException" => return None,
        _ if status == 413 => Cause::TooLarge,
        _ if status == 429 => Cause::Throttled,
        // An answer without a code is not from SES.
        "" => return None,
        _ => Cause::Rejected,
    })
}

#[cfg(test)]
#[path = "ses_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "ses_connection_tests.rs"]
mod connection_tests;
