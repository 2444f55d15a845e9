//! Emails: sent, listed, shown, taken back, sent again.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use std::collections::BTreeMap;

use aws::query::{LIMIT_DEFAULT, LIMIT_MAX};
use domain::cause::Cause;
use domain::email_status::EmailStatus;
use domain::limits;
use domain::record::{OnUncertain, Priority};
use domain::wire::email_view::{EmailView, PageView};
use domain::wire::events_view::EventsView;
use domain::wire::metadata_view::{EmailMetadata, EmailMetadataPage, EventsMetadata};
use enqueue::handler::{Answer, Ids};
use manage::by_key::{Canceled, Released};
use manage::commands::CommandResponse;
use manage::erasure::Erased;
use schemars::JsonSchema;
use serde_json::json;

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
            .details("It is stored before the answer, and sent as soon as its time has come. With `dry_run=true` everything is checked, and nothing is stored or sent.")
            .query::<SendQuery>()
            .headers::<SendHeaders>()
            .body::<NewEmail>(email.clone())
            .answers::<Answer>(200, "The email is accepted: it will not be lost. Of a dry run: what would become of it.")
            .replays()
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", "/emails", "list_emails", "Lists emails, newest first")
            .for_operator()
            .query::<PageQuery>()
            .answers::<AnyPage>(200, "A page of the list; with the deployer's key without contents, and not by `tag`, `from` or `to`.")
            .refuses(&[422]),
        Operation::new("post", "/emails/batch", "send_emails", "Sends many emails")
            .details("After a 5xx some may still be sent; the same request with the same key completes it.")
            .headers::<BatchHeaders>()
            .body::<NewEmails>(json!([email]))
            .answers::<Ids>(200, "All emails that were not refused are accepted.")
            .replays()
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", "/emails/{id}", "get_email", "Shows an email")
            .for_operator()
            .details("With its content while that is kept.")
            .answers::<AnyEmail>(200, "The email; with the deployer's key without its content.")
            .refuses(&[404]),
        Operation::new("delete", "/emails/{id}", "erase_email", "Erases an email that has ended")
            .details("Its content, files and recipients are gone at once. Its idempotency key stays known, so that a repeated request sends nothing.")
            .answers::<Erased>(200, "It is erased.")
            .refuses(&[404, 409]),
        Operation::new("get", "/emails/{id}/events", "list_events", "Tells an email's past, oldest first")
            .for_operator()
            .details("Each attempt that failed, each recipient's fate, in the words of the servers. The newest 12 attempts are kept.")
            .answers::<AnyEvents>(200, "What happened; with the deployer's key without recipients and words.")
            .refuses(&[404]),
        Operation::new(
            "patch",
            "/emails/{id}",
            "reschedule_email",
            "Sends an email at another time",
        )
        .body::<Reschedule>(json!({"scheduled_at": "in 1 hour"}))
        .answers::<CommandResponse>(200, "It is so now.")
        .refuses(&[400, 404, 409, 413, 422]),
        Operation::new("post", "/emails/{id}/cancel", "cancel_email", "Takes an email back")
            .for_operator()
            .details("Too late once it is being sent: 409.")
            .answers::<CommandResponse>(200, "It is so now.")
            .refuses(&[404, 409]),
        Operation::new("post", "/emails/release", "release_emails", "Releases the emails of a held API key")
            .details("Ends the hold of DELETE or PATCH /api-keys/{id}?hold=true. The emails go their way within two minutes, those of paused queues when these are resumed. Without a hold nothing happens. Not with a key that is limited to From domains.")
            .query::<ReleaseQuery>()
            .answers::<Released>(202, "The hold is released.")
            .refuses(&[422]),
        Operation::new("post", "/emails/cancel", "cancel_emails", "Cancels the emails of an API key")
            .for_operator()
            .details("Those that wait, newest first, held or not. One request cancels about 500, and looks at 5,000 emails of the tenant: ask again with `after` while `has_more` is true. Not with a key that is limited to From domains.")
            .query::<CancelQuery>()
            .answers::<Canceled>(200, "They are canceled.")
            .refuses(&[422]),
        Operation::new(
            "post",
            "/emails/{id}/retry",
            "retry_email",
            "Sends an email again that ended unsent",
        )
        .optional_body::<Retry>(json!({"force": true}))
        .answers::<CommandResponse>(200, "It is so now.")
        .refuses(&[400, 404, 409, 413, 422]),
    ]
}

/// An email, with its content for a tenant's key and without it for the deployer's.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "EmailOrMetadata")]
enum AnyEmail {
    Whole(Box<EmailView>),
    Metadata(Box<EmailMetadata>),
}

/// A page of emails, for a tenant's key or for the deployer's.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "EmailPageOrMetadata")]
enum AnyPage {
    Whole(PageView),
    Metadata(EmailMetadataPage),
}

/// An email's past, for a tenant's key or for the deployer's.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "EventsOrMetadata")]
enum AnyEvents {
    Whole(EventsView),
    Metadata(EventsMetadata),
}

/// An address, alone or with a name: `ada@example.com`, `Ada <ada@example.com>`.
#[derive(JsonSchema)]
#[schemars(transparent, example = "Ada <ada@example.com>")]
struct Mailbox(#[schemars(length(min = 3), regex(pattern = "@"))] String);

/// One recipient, or some.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Recipients {
    One(Mailbox),
    Many(#[schemars(length(max = limits::RECIPIENTS_MAX))] Vec<Mailbox>),
}

/// At least one recipient.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum FirstRecipients {
    One(Mailbox),
    Many(#[schemars(length(min = 1, max = limits::RECIPIENTS_MAX))] Vec<Mailbox>),
}

/// Where answers go.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ReplyTo {
    One(Mailbox),
    Many(#[schemars(length(max = limits::REPLY_TO_MAX))] Vec<Mailbox>),
}

/// A name and a value, by which an email is found again. The name may not begin with `mq_`, and is
/// there once.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewTag {
    #[schemars(length(min = 1, max = limits::TAG_MAX), regex(pattern = "^[A-Za-z0-9_-]*$"))]
    name: String,
    #[schemars(length(min = 1, max = limits::TAG_MAX), regex(pattern = "^[A-Za-z0-9_-]*$"))]
    value: String,
}

/// An email as it is to be sent. `html` or `text` is needed, and not empty; `to`, `cc` and `bcc`
/// have 50 recipients together at most.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewEmail {
    /// The sender, of a domain or an address that is verified in Amazon SES.
    from: Mailbox,
    to: FirstRecipients,
    /// Copies.
    cc: Option<Recipients>,
    /// Blind copies.
    bcc: Option<Recipients>,
    reply_to: Option<ReplyTo>,
    /// Not blank, and without control characters.
    #[schemars(length(min = 1, max = limits::SUBJECT_MAX))]
    subject: String,
    html: Option<String>,
    text: Option<String>,
    /// Headers of your own. None that the queue or Amazon SES write, such as `Date`.
    headers: Option<Headers>,
    #[schemars(length(max = limits::TAGS_MAX))]
    tags: Option<Vec<NewTag>>,
    /// Not before then; at once when it is absent. Within ten years.
    scheduled_at: Option<When>,
    /// Not from then on; 14 days after it is due when it is absent.
    expires_at: Option<When>,
    /// What is done when Amazon SES may have accepted it, and no evidence comes; `resend` when it is absent.
    on_uncertain: Option<OnUncertain>,
    /// The name of a queue that was made; `default` when it is absent.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
    /// Goes before the queue's.
    priority: Option<Priority>,
    #[schemars(length(max = limits::ATTACHMENTS_MAX))]
    attachments: Option<Vec<NewAttachment>>,
}

/// A file: its `content`, or the `id` of one that was uploaded.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewAttachment {
    /// Of an upload.
    id: Option<String>,
    content: Option<Content>,
    /// Its name, as recipients see it. Needed beside a content.
    filename: Option<String>,
    /// Its media type; by its name when it is absent.
    content_type: Option<String>,
    /// Makes it an inline image, which the HTML refers to as `cid:` and this.
    content_id: Option<String>,
    /// The same as `content_id`.
    inline_content_id: Option<String>,
    /// Refused: nothing fetches the URLs of callers. Send the content, or upload the file.
    #[schemars(extend("type" = "null"))]
    path: Option<String>,
}

/// Base64, a list of bytes, or Node's Buffer.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Content {
    Base64(String),
    Bytes(Vec<u8>),
    Buffer(Buffer),
}

/// A Buffer of Node, as it writes itself as JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Buffer {
    #[schemars(rename = "type", extend("const" = "Buffer"))]
    kind: String,
    data: Vec<u8>,
}

/// Names with their values. An empty list, as PHP writes an empty map, is none.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Headers {
    Named(#[schemars(extend("maxProperties" = limits::HEADERS_MAX))] BTreeMap<String, HeaderValue>),
    Empty(#[schemars(length(max = 0))] Vec<HeaderValue>),
}

/// A header's value: not blank, and without control characters.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct HeaderValue(#[schemars(length(min = 1, max = limits::HEADER_VALUE_MAX))] String);

/// Emails as they are to be sent.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct NewEmails(#[schemars(length(min = 1, max = limits::BATCH_MAX))] Vec<NewEmail>);

#[derive(JsonSchema)]
struct SendHeaders {
    /// The same key with the same request gives the first answer again, and sends nothing twice. With
    /// another request it is refused. Kept for 24 hours at least.
    #[schemars(rename = "Idempotency-Key", length(min = 1, max = limits::IDEMPOTENCY_KEY_MAX))]
    idempotency_key: Option<String>,
}

#[derive(JsonSchema)]
struct BatchHeaders {
    #[schemars(flatten)]
    same: SendHeaders,
    /// `strict`, which is the default, refuses the whole batch for one bad email; `permissive` accepts
    /// the good ones and reports the others.
    #[schemars(rename = "x-batch-validation", extend("enum" = ["strict", "permissive"]))]
    validation: Option<String>,
}

/// How an email is sent.
#[derive(JsonSchema)]
struct SendQuery {
    /// Check everything, and tell when the email would go, to whom and for how much, without storing or sending it.
    dry_run: Option<bool>,
}

#[derive(JsonSchema)]
struct PageQuery {
    /// How many emails a page has.
    #[schemars(range(min = 1, max = LIMIT_MAX), extend("default" = LIMIT_DEFAULT))]
    limit: Option<u32>,
    /// The id of an email: the page has what comes after it, older emails.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
    /// The id of an email: the page has what comes before it, newer emails. Not together with `after`.
    #[schemars(extend("format" = "uuid"))]
    before: Option<String>,
    /// Only emails of this status. A filtered page looks at 1,000 emails at most, and at 200 contents: it may
    /// hold fewer than `limit`, and says in `next` where to go on.
    status: Option<EmailStatus>,
    /// Only emails of this queue.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
    /// Only emails that were not sent for this.
    cause: Option<Cause>,
    /// Only emails that were accepted with this API key, by its id.
    #[schemars(extend("format" = "uuid"))]
    key: Option<String>,
    /// Only emails with a tag of this name, or of this `name:value`.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$"))]
    tag: Option<String>,
    /// Only emails from this address.
    #[schemars(length(min = 3), regex(pattern = "@"))]
    from: Option<String>,
    /// Only emails to this address, in `to`, `cc` or `bcc`.
    #[schemars(length(min = 3), regex(pattern = "@"))]
    to: Option<String>,
    /// Only emails accepted then or later: a day such as `2026-11-24`, or a time with its offset.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[0-9]"))]
    since: Option<String>,
    /// Only emails accepted before.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[0-9]"))]
    until: Option<String>,
}

/// When an email is to be sent instead.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Reschedule {
    /// The email's id once more, as in the path.
    id: Option<String>,
    scheduled_at: When,
    /// Not from then on. When it is absent, what was given before, or 14 days after it is due.
    expires_at: Option<When>,
}

/// Whether a second copy is accepted.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Retry {
    /// Sends also an email that Amazon SES may have accepted.
    force: Option<bool>,
}

#[derive(JsonSchema)]
struct ReleaseQuery {
    /// The id of the API key, revoked or not.
    #[schemars(extend("format" = "uuid"))]
    key: String,
}

#[derive(JsonSchema)]
struct CancelQuery {
    /// The id of the API key that the emails were accepted with, revoked or not.
    #[schemars(extend("format" = "uuid"))]
    key: String,
    /// The `next` of an earlier answer: the emails behind it are looked at.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
}
