//! Every number that bounds a request, each with its source.
//!
//! **Role:** read by the parsers of this crate and by the code that renders for SES; calls nothing.
//! **Invariant:** a number for which a request is refused is written here or nowhere.
//! **Start reading at** [`RECIPIENTS_MAX`].
//!
//! Stored bodies are checked against these numbers when they are read back. Lowering a number would make accepted
//! bodies unreadable: raise, never lower.

mod webhook;

use std::time::Duration;

pub use webhook::*;

/// Most recipients of one email: `to`, `cc` and `bcc` together.
///
/// Source: Amazon SES Developer Guide, "Service quotas in Amazon SES": a message may have up to 50 recipients in To,
/// Cc and Bcc.
pub const RECIPIENTS_MAX: usize = 50;

/// Most addresses in `reply_to`.
///
/// Source: our choice, the same as [`RECIPIENTS_MAX`]; SES names no number.
pub const REPLY_TO_MAX: usize = 50;

/// Most custom headers that SES adds to one message.
///
/// Source: Amazon SES API v2 reference, `Message.Headers`: up to 15 headers.
pub const SES_HEADERS_MAX: usize = 15;

/// Headers that we add to every email ourselves: `X-Email-Id`.
///
/// Source: the promise that every email carries its id.
pub const OUR_HEADERS: usize = 1;

/// Most headers that a caller may add: SES's limit minus ours.
pub const HEADERS_MAX: usize = SES_HEADERS_MAX - OUR_HEADERS;

/// Most characters of a header's name.
///
/// Source: Amazon SES API v2 reference, `MessageHeader.Name`: 1 to 126.
pub const HEADER_NAME_MAX: usize = 126;

/// Most characters of a header's value as rendered (after RFC 2047).
///
/// Source: Amazon SES API v2 reference, `MessageHeader.Value`: 1 to 870. The Rust SDK's documentation says 995; 870
/// is stricter. With a name of 126 and `": "` it is exactly RFC 5322's line of 998.
pub const HEADER_VALUE_MAX: usize = 870;

/// Most bytes of `References` in a request: longer ones than [`HEADER_VALUE_MAX`] are shortened.
///
/// Source: our choice; 800 message ids of 80 characters.
pub const REFERENCES_MAX: usize = 65_536;

/// Most bytes of HTML that gets a text part. Longer HTML is sent without one.
///
/// Source: our choice: five times the size at which Gmail cuts a message off (102 KB), and a fraction of a second on a
/// small function.
pub const HTML_FOR_TEXT_MAX: usize = 512 * 1024;

/// Most tokens of HTML that gets a text part, with their attributes. HTML with more is sent without one.
///
/// Source: our choice: the densest of 355 HTML pages has 126 for each KiB, which makes 64,000 for
/// [`HTML_FOR_TEXT_MAX`]. Tags alone (`<b>`) would make 175,000.
pub const HTML_STEPS_MAX: usize = 100_000;

/// Most tags of one message.
///
/// Source: our reading of SES's event publishing: at most 50 message tags. The API reference names no number, so we
/// keep the smallest number found anywhere.
pub const SES_TAGS_MAX: usize = 50;

/// Tags that we add ourselves: `mq_tenant`, `mq_id`, `mq_claim`, `mq_born`.
///
/// Source: the values that `feedback` needs to find an email's record.
pub const OUR_TAGS: usize = 4;

/// Most tags that a caller may add: SES's limit minus ours.
pub const TAGS_MAX: usize = SES_TAGS_MAX - OUR_TAGS;

/// Most characters of a tag's name and of its value, each; at least one.
///
/// Source: Amazon SES API v2 reference, `MessageTag`: `[A-Za-z0-9_-]`, at most 256.
pub const TAG_MAX: usize = 256;

/// The prefix that a caller's tag must not have, in upper or lower case.
///
/// Source: our choice. Our own tags have it; they connect SES's events with our records.
pub const TAG_RESERVED_PREFIX: &str = "mq_";

/// Most emails in one `POST /emails/batch`.
///
/// Source: our choice (Resend takes 100): with bodies of 8 KB they fill [`REQUEST_BYTES`].
pub const BATCH_MAX: usize = 500;

/// Most bytes of a request's body: 4 MiB. Each number in a byte list counts as one byte.
///
/// Source: AWS Lambda quotas: an invocation's event is at most 6 MB, and the body arrives in it as an escaped or
/// base64 string (4 MiB x 4/3 = 5.6 MB).
pub const REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of the whole body of a request. In [`REQUEST_BYTES`], a list of bytes counts by its bytes alone.
///
/// Source: AWS Lambda quotas: an invocation's event is at most 6 MB. The rest is for the event's other parts: API
/// Gateway takes at most 10,240 bytes of request line and headers, and repeats some.
pub const PAYLOAD_BYTES: usize = 6 * 1024 * 1024 - 64 * 1024;

/// Most characters of an `Idempotency-Key`; at least one.
///
/// Source: Resend's API, "Idempotency keys": 1 to 256 characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 256;

/// The longest `DelaySeconds` of a message, in seconds.
///
/// Source: Amazon SQS API reference, `SendMessage`: 0 to 900.
pub const SQS_DELAY_MAX_SECS: u64 = 900;

/// Most octets of one line of a message, without its CRLF.
///
/// Source: RFC 5322, 2.1.1.
pub const LINE_MAX: usize = 998;

/// Most bytes of a subject as UTF-8: `Subject: ` and an ASCII subject are one unfolded line.
///
/// Source: RFC 5322, 2.1.1. A non-ASCII subject is longer when encoded, but then it may be folded between its encoded
/// words (RFC 2047, 2).
pub const SUBJECT_MAX: usize = LINE_MAX - "Subject: ".len();

/// Most bytes of one address with its display name as rendered. It fits, unfolded, into a line with our longest field
/// name for addresses.
///
/// Source: RFC 5322, 2.1.1.
pub const MAILBOX_MAX: usize = LINE_MAX - "Reply-To: ".len();

/// Most octets of an address's local part.
///
/// Source: RFC 5321, 4.5.3.1.1.
pub const LOCAL_PART_MAX: usize = 64;

/// Most octets of the label of a test address. The longest local part at SES's simulator has room for it.
pub const TEST_LABEL_MAX: usize = LOCAL_PART_MAX - "suppressionlist+resend.dev+".len();

/// Most octets of a domain as text, without a trailing dot.
///
/// Source: RFC 1035, 2.3.4: 255 octets on the wire, which is 253 as text.
pub const DOMAIN_MAX: usize = 253;

/// Most octets of an address.
///
/// Source: RFC 5321, 4.5.3.1.3: a path is 256 with its angle brackets (RFC 3696, erratum 1690). SES's own 320 (64 + 1
/// + 255) is wider.
pub const ADDRESS_MAX: usize = 254;

/// Most bytes of a domain as a caller writes it, before IDNA: bounds the work of mapping it.
///
/// Source: [`DOMAIN_MAX`] characters of at most four bytes of UTF-8.
pub const DOMAIN_INPUT_MAX: usize = DOMAIN_MAX * 4;

/// Most characters of an encoded word.
///
/// Source: RFC 2047, 2.
pub const ENCODED_WORD_MAX: usize = 75;

/// Depth of nested arrays and objects from which a request is refused.
///
/// Source: `serde_json`'s recursion limit, which enforces it. The error message and the tests name it.
pub const JSON_DEPTH: usize = 128;

/// Most JSON values in one request: bounds memory (about 60 bytes each) on a small function.
///
/// Source: a full batch needs 500 x (50 recipients + 46 tags x 3 + 14 headers + 12 fields) = 107,000; doubled and
/// rounded.
pub const JSON_VALUES: u32 = 250_000;

/// Unknown API keys of one network that an environment looks up within one second. For more it answers 429 without a
/// call.
///
/// Source: our choice. A client with a wrong key repeats one id, which is cached. Many ids are guesses.
pub const UNKNOWN_KEYS_PER_SECOND: u32 = 20;

/// Unknown API keys of all networks that an environment looks up within one second.
///
/// Source: our choice; five networks with the limit of one.
pub const UNKNOWN_KEYS_PER_SECOND_OF_ALL: u32 = 5 * UNKNOWN_KEYS_PER_SECOND;

/// Most characters of a caller's field name that an error message repeats.
///
/// Source: our choice; longer than any real field name.
pub const ECHO_MAX: usize = 64;

/// Most bytes of a provider's message in a record.
///
/// Source: our choice; a record with one recipient and its detail stays under 1 KB, which is one write unit of
/// DynamoDB.
pub const DETAIL_MAX: usize = 152;

/// Most outcomes of claims in a record; the newest are kept.
///
/// Source: our choice; more than the standard budget of attempts, so that only attempts that were given back push one
/// out.
pub const OUTCOMES_MAX: usize = 12;

/// Most bytes of a provider's message in one of the [`OUTCOMES_MAX`] outcomes.
///
/// Source: our choice; all of them together stay under 2 KB.
pub const OUTCOME_WORDS_MAX: usize = 120;

/// Most bytes of all messages in a record about recipients that were not reached.
///
/// Source: our choice; 50 recipients have 40 each, which is an SMTP reply with its enhanced code.
pub const DIAGNOSTICS_MAX: usize = 2_000;

/// Most bytes of the messages about recipients that were reached.
///
/// Source: our choice; a record with one recipient stays under 1 KB, which is one write unit of DynamoDB.
pub const DELIVERY_WORDS_MAX: usize = 136;

/// Most bytes of the messages about replaced delivery statuses and other reports (`Fact`) in a record.
pub const FACT_WORDS_MAX: usize = 400;

/// Fewest bytes of a message: a message that would be cut shorter is not kept at all.
pub const WORDS_MIN: usize = 25;

/// Most bytes of a time as a caller writes it.
///
/// Source: our choice; RFC 3339 with nine digits of a second and an offset has 35.
pub const TIME_MAX: usize = 64;

/// Longest time until a scheduled email is due, and from due to expiry: ten years.
///
/// Source: the API's promise; ten years have at most three leap days.
pub const SCHEDULE_MAX: Duration = Duration::from_secs(3653 * 86_400);

/// Longest delay of a caller's clock behind ours.
///
/// Source: our choice; a time is refused as past only if it is past by every clock.
pub const CLOCKS_APART: Duration = Duration::from_secs(60);

/// Longest time in the past that still means now.
///
/// Source: our choice; callers compute a time and then wait for other work, and their clocks are behind.
pub const SCHEDULE_LATE: Duration = Duration::from_secs(5 * 60);

/// Most attachments of one email.
///
/// Source: our choice; SES names no number for `Attachments`, and accepting each uploaded one costs two calls.
pub const ATTACHMENTS_MAX: usize = 50;

/// Most uploaded attachments of a batch, over all of its emails.
///
/// Source: our choice; each is copied for its email while the caller waits, 50 at a time, and the HTTP API waits for
/// 30 s.
pub const BATCH_UPLOADS_MAX: usize = 1000;

/// Most bytes of an attachment's file name as UTF-8.
///
/// Source: Amazon SES API v2 reference, `Attachment.FileName`: at most 255, the limit of file systems.
pub const FILE_NAME_MAX: usize = 255;

/// Most characters of an attachment's media type with its parameters.
///
/// Source: Amazon SES API v2 reference, `Attachment.ContentType`: 1 to 78.
pub const MEDIA_TYPE_MAX: usize = 78;

/// Most characters of a type's and of a subtype's name, each.
///
/// Source: RFC 6838, 4.2.
pub const MEDIA_NAME_MAX: usize = 127;

/// Most characters of a Content-ID without its angle brackets.
///
/// Source: Amazon SES API v2 reference, `Attachment.ContentId`: 1 to 78. It does not say whether that includes the
/// brackets.
pub const CONTENT_ID_MAX: usize = 78 - "<>".len();

/// Most characters of a Content-ID in a request. One that SES does not take gets a short form.
///
/// Source: Resend's API reference, "Send email": any text with fewer than 128 characters.
pub const CONTENT_ID_INPUT_MAX: usize = 128;

/// Most bytes of a message as SES sends it.
///
/// Source: Amazon SES Developer Guide, "Service quotas in Amazon SES": 40 MB, after base64; the smaller reading of
/// MB.
pub const MESSAGE_BYTES: u64 = 40_000_000;

/// Most bytes of one attachment's headers in a message.
///
/// Source: our choice; a file name of [`FILE_NAME_MAX`] bytes, three characters each by RFC 2231, in two headers, and
/// the other headers.
pub const ATTACHMENT_HEADERS: u64 = 2048;

/// Characters of a line of base64 in a message.
///
/// Source: RFC 2045, 6.8.
pub const BASE64_LINE: u64 = 76;
/// Highest rate limit of a queue, in recipients per second. Our choice: above the largest rate of SES that we know
/// of.
pub const QUEUE_RATE_MAX: i64 = 100_000;

/// Most waits in a queue's retry policy. Our choice.
pub const RETRY_WAITS_MAX: usize = 20;

/// Longest wait in a queue's retry policy, in seconds. Our choice: a week.
pub const RETRY_WAIT_MAX: i64 = 604_800;

/// Longest default expiry of a queue's emails, in seconds: ten years of 365 days, within [`SCHEDULE_MAX`].
pub const QUEUE_EXPIRY_MAX: i64 = 315_360_000;

/// Most bytes of the reason of a pause. Our choice.
pub const REASON_MAX: usize = 500;

/// Most queues of a tenant. Our choice: they are shown on one page.
pub const QUEUES_MAX: usize = 1_000;
/// Most suppressed addresses of a tenant whose hash prefixes every sender caches. Beyond this number each email's
/// recipients are looked up.
///
/// Source: our choice. A prefix has 8 bytes, so that all of them are an item of 32 KB. Reading it costs an environment
/// 8 read units after each change of a setting. Writing it costs 64 write units for each further address (twice 32:
/// in a transaction). The look-up instead costs each recipient of each email one read unit. That is a fiftieth of the
/// ten write units of an email, and negligible beside SES's price.
pub const SUPPRESSED_PREFIXES: usize = 4096;

/// Most addresses that one request suppresses or releases.
///
/// Source: Resend's OpenAPI document, version 1.5.0, `BatchAddSuppressionsOptions`, read 2026-11-24.
pub const SUPPRESSIONS_BATCH: usize = 100;

/// Duration of a suppression after a complaint that may come from another recipient.
///
/// Source: our choice. SES lists every recipient at the complaining provider, because SES does not know which one
/// complained.
pub const SUSPECTED_COMPLAINT: Duration = Duration::from_secs(7 * 86_400);

/// Retention of the fact that an address was released: longer than any event can be in transit.
///
/// Source: Amazon SQS Developer Guide, "message retention period": 14 days at most, which a move to the dead-letter
/// queue does not extend; doubled.
pub const RELEASE_REMEMBERED: Duration = Duration::from_secs(28 * 86_400);

/// Most characters of an API key's name.
///
/// Source: Resend's API reference, "Create API key": at most 50.
pub const KEY_NAME_MAX: usize = 50;

/// Duration for which a temporary token works: the URL of a preview, or a code of the console.
///
/// Source: our choice. A browser opens it at once, and a leaked URL is soon worthless.
pub const TEMPORARY_TOKEN_VALID_FOR: Duration = Duration::from_secs(60);

/// Longest duration of a key that the console gets for its code.
///
/// Source: our choice: a working day.
pub const CONSOLE_KEY_VALID_FOR: Duration = Duration::from_secs(12 * 3_600);

/// Most bytes of a preview with the images that are put into it, and of a preview of a text.
///
/// Source: AWS Lambda quotas, "Invocation payload": 6 MB for a response, and base64 takes four bytes for three.
pub const PREVIEW_MAX: usize = 4_000_000;

/// Most API keys of a tenant that are not revoked.
///
/// Source: our choice: a list of all of them is one page of DynamoDB.
pub const KEYS_MAX: usize = 100;

/// Most From domains of a key or a tenant.
///
/// Source: our choice: with the longest domains they fit into a tenth of an item.
pub const FROM_DOMAINS_MAX: usize = 50;

/// Most bytes of a sending domain's name.
///
/// Source: RFC 1035, 2.3.4: a name has at most 253 characters. A DKIM record adds a token of 32 and `._domainkey.`.
pub const SENDING_DOMAIN_MAX: usize = 253 - 32 - "._domainkey.".len();

/// Most labels of a sending domain before its registrable domain.
///
/// Source: our choice: a registration asks SES about each domain above it.
pub const SENDING_DOMAIN_LABELS: usize = 4;

/// Most sending domains of a tenant.
///
/// Source: our choice: a list of all of them takes five reads of a hundred items.
pub const SENDING_DOMAINS_MAX: usize = 500;

/// Most sending domains of a deployment that were never verified.
///
/// Source: our choice: with the longest names they fit into an item of 400 KB.
pub const UNVERIFIED_DOMAINS_MAX: usize = 1_000;

/// The highest daily cap of a tenant.
///
/// Source: our choice, far above SES's quota of any account.
pub const DAILY_CAP_MAX: i64 = 1_000_000_000;
