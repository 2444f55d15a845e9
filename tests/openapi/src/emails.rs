//! Emails: sent, listed, shown, canceled, retried.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use std::collections::BTreeMap;

use domain::api::email_view::{EmailView, PageView};
use domain::api::events_view::EventsView;
use domain::api::metadata_view::{EmailMetadata, EmailMetadataPage, EventsMetadata};
use domain::api::preview::PreviewView;
use domain::delivery::record::{OnUncertain, Priority};
use domain::limits;
use enqueue::handler::{EmailResponse, Ids};
use manage::by_key::{Canceled, Released};
use manage::commands::CommandResponse;
use manage::erasure::Erased;
use schemars::JsonSchema;
use serde_json::json;

use crate::email_parameters::{BatchHeaders, CancelQuery, PageQuery, ReleaseQuery, SendHeaders, SendQuery};
use crate::operation::Operation;
use crate::times::When;

pub(crate) fn operations() -> Vec<Operation> {
    let email = json!({
        "from": "Shop <shop@example.com>",
        "to": ["ada@example.com"],
        "subject": "Your order",
        "text": "Thank you!",
    });
    vec![
        Operation::new("post", "/emails", "send_email", "Sends an email")
            .details("mailqueue stores the email before it responds, and sends it when it is due. With `dry_run=true`, the request is only checked: nothing is stored or sent.")
            .query::<SendQuery>()
            .headers::<SendHeaders>()
            .body::<NewEmail>(email.clone())
            .answers::<EmailResponse>(200, "The email is accepted and cannot be lost. For a dry run: the expected handling.")
            .replays()
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", "/emails", "list_emails", "Lists emails, newest first")
            .for_operator()
            .query::<PageQuery>()
            .answers::<AnyPage>(200, "A page of the list. With the deployer's key, the emails have no content, and `tag`, `from` and `to` are not allowed.")
            .refuses(&[422]),
        Operation::new("post", "/emails/batch", "send_emails", "Sends a batch of emails")
            .details("After a 5xx response, some emails may already be stored. The same request with the same key completes the batch.")
            .headers::<BatchHeaders>()
            .body::<NewEmails>(json!([email]))
            .answers::<Ids>(200, "All emails without an error are accepted.")
            .replays()
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", "/emails/{id}", "get_email", "Shows an email")
            .for_operator()
            .details("Includes the content while it is stored.")
            .answers::<AnyEmail>(200, "The email. With the deployer's key, without its content.")
            .refuses(&[404]),
        Operation::new("delete", "/emails/{id}", "erase_email", "Erases an email that has ended")
            .details("Deletes the content, attachments and recipients immediately. The idempotency key is kept, so a repeated request sends nothing.")
            .answers::<Erased>(200, "The email is erased.")
            .refuses(&[404, 409]),
        Operation::new("get", "/emails/{id}/events", "list_events", "Lists the events of an email, oldest first")
            .for_operator()
            .details("Shows each failed attempt and each recipient's delivery status, with the messages of the servers. The newest 12 attempts are stored.")
            .answers::<AnyEvents>(200, "The events. With the deployer's key, without recipients and server messages.")
            .refuses(&[404]),
        Operation::new("post", "/emails/{id}/preview", "create_preview", "Creates a preview of an email's content")
            .details("The URL shows the content in a browser for 60 seconds. It needs no key, so keep it secret. Show it in a sandboxed frame.")
            .answers::<PreviewView>(200, "The URL of the preview.")
            .refuses(&[404]),
        Operation::new("get", "/previews/{token}", "show_preview", "Shows the content of an email")
            .public()
            .details("Needs no key. Shows the HTML with its embedded images, or else the text. The policy of the response forbids scripts, forms, and requests to other servers. A wrong or late token is a 404.")
            .answers::<PreviewPage>(200, "The content, as a page.")
            .as_text("text/html; charset=utf-8")
            .refuses(&[404, 500, 503]),
        Operation::new(
            "patch",
            "/emails/{id}",
            "reschedule_email",
            "Reschedules an email",
        )
        .body::<Reschedule>(json!({"scheduled_at": "in 1 hour"}))
        .answers::<CommandResponse>(200, "The change is done.")
        .refuses(&[400, 404, 409, 413, 422]),
        Operation::new("post", "/emails/{id}/cancel", "cancel_email", "Cancels an email")
            .for_operator()
            .details("An email that is being sent cannot be canceled: 409.")
            .answers::<CommandResponse>(200, "The change is done.")
            .refuses(&[404, 409]),
        Operation::new("post", "/emails/release", "release_emails", "Releases the emails of a held API key or of a restored table")
            .details("With `key`, ends the hold of DELETE or PATCH /api-keys/{id}?hold=true. Sending continues within two minutes, or when a paused queue is resumed. Without a hold, the request has no effect. With `restored=true`, sends the emails that wait since the table was restored, flagged `maybe_duplicate`: about 500 per request. Repeat it with `after` while `has_more` is true. Not allowed with a key that is limited to From domains.")
            .query::<ReleaseQuery>()
            .answers::<Released>(202, "The emails are released.")
            .refuses(&[422]),
        Operation::new("post", "/emails/cancel", "cancel_emails", "Cancels the emails of an API key, a From domain or a restored table")
            .for_operator()
            .details("Cancels waiting emails, newest first, held or not. Requires `key`, `from_domain` or `restored=true`; an email must match all that are given. An email of a restored table may have been sent, so it ends as `unknown`. One request cancels at most about 500 emails and checks at most 5,000 emails of the tenant. Repeat it with `after` while `has_more` is true. Not allowed with a key that is limited to From domains.")
            .query::<CancelQuery>()
            .answers::<Canceled>(200, "The emails are canceled.")
            .refuses(&[422]),
        Operation::new(
            "post",
            "/emails/{id}/retry",
            "retry_email",
            "Retries an email that was not sent",
        )
        .optional_body::<Retry>(json!({"force": true}))
        .answers::<CommandResponse>(200, "The change is done.")
        .refuses(&[400, 404, 409, 413, 422]),
    ]
}

/// The page of an email.
#[derive(JsonSchema)]
#[schemars(rename = "PreviewPage")]
struct PreviewPage(String);

/// An email: with its content for a tenant's key, without it for the deployer's key.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "EmailOrMetadata")]
enum AnyEmail {
    Whole(Box<EmailView>),
    Metadata(Box<EmailMetadata>),
}

/// A page of emails, for a tenant's key or for the deployer's key.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "EmailPageOrMetadata")]
enum AnyPage {
    Whole(PageView),
    Metadata(EmailMetadataPage),
}

/// The events of an email, for a tenant's key or for the deployer's key.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "EventsOrMetadata")]
enum AnyEvents {
    Whole(EventsView),
    Metadata(EventsMetadata),
}

/// An address, with or without a name: `ada@example.com`, `Ada <ada@example.com>`.
#[derive(JsonSchema)]
#[schemars(transparent, example = "Ada <ada@example.com>")]
struct Mailbox(#[schemars(length(min = 3), regex(pattern = "@"))] String);

/// An address. A blank text counts as no address.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct MaybeMailbox(#[schemars(regex(pattern = "@|^\\s*$"))] String);

/// One recipient or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Recipients {
    One(Mailbox),
    Many(#[schemars(length(max = limits::RECIPIENTS_MAX))] Vec<Option<MaybeMailbox>>),
    /// A blank text means no address.
    Nobody(#[schemars(regex(pattern = "^\\s*$"))] String),
}

/// At least one recipient.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum FirstRecipients {
    One(Mailbox),
    Many(#[schemars(length(min = 1, max = limits::RECIPIENTS_MAX))] Vec<Mailbox>),
}

/// The addresses for replies.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ReplyTo {
    One(Mailbox),
    Many(#[schemars(length(max = limits::REPLY_TO_MAX))] Vec<Option<MaybeMailbox>>),
    /// A blank text means no address.
    Nobody(#[schemars(regex(pattern = "^\\s*$"))] String),
}

/// A tag: a name and a value to find an email again. A name appears only once and does not start with `mq_`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewTag {
    #[schemars(length(min = 1, max = limits::TAG_MAX), regex(pattern = "^[A-Za-z0-9_-]*$"))]
    name: String,
    value: TagValue,
}

/// The value of a tag. A number counts as its text.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum TagValue {
    Text(#[schemars(length(min = 1, max = limits::TAG_MAX), regex(pattern = "^[A-Za-z0-9_-]*$"))] String),
    Number(f64),
}

/// A new email. `html` or `text` is required and must not be empty. `to`, `cc` and `bcc` together have at most 50
/// recipients.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewEmail {
    /// The sender. Its address or domain must be verified in Amazon SES.
    from: Mailbox,
    to: FirstRecipients,
    /// The recipients of copies.
    cc: Option<Recipients>,
    /// The recipients of blind copies.
    bcc: Option<Recipients>,
    reply_to: Option<ReplyTo>,
    /// The same as `reply_to`.
    #[schemars(rename = "replyTo")]
    reply_to_alias: Option<ReplyTo>,
    /// Not blank, without control characters. Spaces and line breaks at its ends are dropped.
    #[schemars(length(min = 1, max = limits::SUBJECT_MAX))]
    subject: String,
    html: Option<String>,
    /// The text part. Default: made from `html`, up to 512 KiB of it. An empty text sends no text part.
    text: Option<String>,
    /// Custom headers, at most 14. `Date`, `Message-ID`, `MIME-Version`, `Return-Path` and `Sender` are dropped. All
    /// other headers that mailqueue or Amazon SES writes are refused. Without `reply_to`, `Reply-To` is used;
    /// otherwise both must name the same addresses. Structured headers such as `List-Unsubscribe` keep their RFC syntax.
    /// `List-Unsubscribe-Post` needs one https URI in `List-Unsubscribe`. A long `References` is shortened.
    headers: Option<Headers>,
    #[schemars(length(max = limits::TAGS_MAX))]
    tags: Option<Vec<NewTag>>,
    /// The earliest sending time, at most ten years ahead. A time up to five minutes ago means now. Default: now.
    scheduled_at: Option<When>,
    /// The same as `scheduled_at`.
    #[schemars(rename = "scheduledAt")]
    scheduled_at_alias: Option<When>,
    /// The time after which the email is not sent. Default: 14 days after it is due.
    expires_at: Option<When>,
    /// The action when Amazon SES may have accepted the email and no evidence arrives. Default: `resend`.
    on_uncertain: Option<OnUncertain>,
    /// The name of an existing queue. Default: `default`.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
    /// The priority of the email. It overrides the priority of the queue.
    priority: Option<Priority>,
    /// Whether Amazon SES counts opens and clicks: it adds a pixel to the HTML and rewrites the links. Default: the
    /// template parameter `TrackOpensAndClicks`.
    tracking: Option<bool>,
    #[schemars(length(max = limits::ATTACHMENTS_MAX))]
    attachments: Option<Vec<NewAttachment>>,
}

/// An attachment: its `content`, or the `id` of an uploaded file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewAttachment {
    /// The id of an uploaded file.
    id: Option<String>,
    content: Option<Content>,
    /// The file name that recipients see. Required with `content`.
    filename: Option<String>,
    /// The media type. Default: derived from the file name.
    content_type: Option<String>,
    /// The same as `content_type`.
    #[schemars(rename = "contentType")]
    content_type_alias: Option<String>,
    /// The content id of an inline image: any text. The HTML refers to it as `cid:` and this id. An id that Amazon SES
    /// does not take gets a short form in the file and in the HTML.
    content_id: Option<String>,
    /// The same as `content_id`.
    inline_content_id: Option<String>,
    /// The same as `content_id`.
    #[schemars(rename = "contentId")]
    content_id_alias: Option<String>,
    /// Not supported: mailqueue does not fetch URLs. Send the content, or upload the file.
    #[schemars(extend("type" = "null"))]
    path: Option<String>,
}

/// Base64, a list of bytes, Node's Buffer, or the text of a calendar with the type `text/calendar`.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Content {
    Base64(String),
    Bytes(Vec<u8>),
    Buffer(Buffer),
}

/// A Buffer of Node.js in its JSON form.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Buffer {
    #[schemars(rename = "type", extend("const" = "Buffer"))]
    kind: String,
    data: Vec<u8>,
}

/// Header names with their values, or a list of names and values. A value of null means no header.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Headers {
    Named(BTreeMap<String, Option<HeaderValue>>),
    Listed(Vec<NewHeader>),
}

/// A header: a name and a value.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewHeader {
    name: String,
    value: Option<HeaderValue>,
}

/// A header value. Not blank, without control characters. A number counts as its text.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum HeaderValue {
    Text(String),
    Number(f64),
}

/// A batch of new emails.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct NewEmails(#[schemars(length(min = 1, max = limits::BATCH_MAX))] Vec<NewEmail>);

/// The new times of an email.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Reschedule {
    /// The id of the email, equal to the id in the path.
    id: Option<String>,
    /// The same as `id`.
    email_id: Option<String>,
    scheduled_at: When,
    /// The time after which the email is not sent. Default: the value that a caller gave earlier; without one, 14 days
    /// after the email is due.
    expires_at: Option<When>,
}

/// The options of a retry.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Retry {
    /// Also retries an email that Amazon SES may have accepted.
    force: Option<bool>,
}
