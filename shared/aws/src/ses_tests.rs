//! Requests to SES, and the meaning of its answers.
//!
//! **Long, because** the table of refusals has a row for each error of SES.

use domain::api::requests::parse_email;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::records::samples::full;

const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the smallest possible email.
pub(super) fn email() -> EmailContent {
    parsed(&json!({"from": "a@example.com", "to": "b@example.com", "subject": "Hi", "text": "Hello"}))
}

fn parsed(email: &Value) -> EmailContent {
    parse_email(email.to_string().as_bytes()).unwrap().email
}

pub(super) fn settings() -> SesSettings {
    SesSettings {
        configuration_set: "mailqueue-events".to_owned(),
        tracked_configuration_set: "mailqueue-events-tracked".to_owned(),
        tracks_by_default: false,
        tenant_prefix: None,
        attempt_timeout: PATIENCE,
    }
}

async fn submit(replay: &Replay, email: &EmailContent) -> Attempt {
    let ses = Ses::new(replay.clients().ses(), &settings());
    ses.submit(&full(), email.clone(), PATIENCE).await
}

fn accepted() -> CannedResponse {
    CannedResponse::ok(&json!({"MessageId": "0100018f-1"}))
}

#[tokio::test]
async fn the_choice_about_tracking_selects_the_configuration_set() {
    let choice = |tracking: &Value| {
        parsed(&json!({
            "from": "a@example.com", "to": "b@example.com", "subject": "Hi", "text": "Hello", "tracking": tracking,
        }))
    };
    for (tracks_by_default, tracking, set) in [
        (false, json!(null), "mailqueue-events"),
        (false, json!(true), "mailqueue-events-tracked"),
        (true, json!(null), "mailqueue-events-tracked"),
        (true, json!(false), "mailqueue-events"),
    ] {
        let replay = Replay::new([accepted()]);
        let settings = SesSettings {
            tracks_by_default,
            ..settings()
        };
        let ses = Ses::new(replay.clients().ses(), &settings);
        ses.submit(&full(), choice(&tracking), PATIENCE).await;
        let sent = replay.only().json();
        assert_eq!(sent["ConfigurationSetName"], set, "{tracks_by_default} {tracking}");
    }
}

#[tokio::test]
async fn every_field_of_an_email_reaches_ses() {
    let email = parsed(&json!({
        "from": "Grüße <ada@bücher.example>",
        "to": ["\"Last, First\" <b@example.com>", "c@example.com"],
        "cc": "\"two, words\"@example.com",
        "bcc": ["Blind <\"a <b@c\"@example.com>"],
        "reply_to": "r@example.com",
        "subject": "Hällo ✉",
        "html": "<p>ä</p>",
        "text": "ä",
        "headers": {"X-Order": "7", "X-Name": "ä"},
        "tags": [{"name": "kind", "value": "receipt"}],
    }));
    let replay = Replay::new([accepted()]);
    let attempt = submit(&replay, &email).await;
    assert_eq!(
        attempt,
        Attempt::Accepted {
            message_id: "0100018f-1".to_owned()
        }
    );

    let sent_request = replay.only();
    assert_eq!(
        sent_request.line(),
        "POST https://email.us-east-1.amazonaws.com/v2/email/outbound-emails"
    );
    let id = "00000000-0000-4000-8000-000000000000";
    assert_eq!(
        sent_request.json(),
        json!({
            "FromEmailAddress": "=?UTF-8?B?R3LDvMOfZQ==?= <ada@xn--bcher-kva.example>",
            "Destination": {
                "ToAddresses": ["\"Last, First\" <b@example.com>", "c@example.com"],
                "CcAddresses": ["<\"two, words\"@example.com>"],
                "BccAddresses": ["Blind <\"a <b@c\"@example.com>"],
            },
            "ReplyToAddresses": ["r@example.com"],
            "Content": {"Simple": {
                "Subject": {"Charset": "UTF-8", "Data": "Hällo ✉"},
                "Body": {
                    "Html": {"Charset": "UTF-8", "Data": "<p>ä</p>"},
                    "Text": {"Charset": "UTF-8", "Data": "ä"},
                },
                "Headers": [
                    {"Name": "X-Email-Id", "Value": id},
                    {"Name": "X-Name", "Value": "=?UTF-8?B?w6Q=?="},
                    {"Name": "X-Order", "Value": "7"},
                ],
            }},
            "EmailTags": [
                {"Name": "mq_tenant", "Value": "main"},
                {"Name": "mq_id", "Value": id},
                {"Name": "mq_claim", "Value": "3"},
                {"Name": "mq_born", "Value": "1000"},
                {"Name": "kind", "Value": "receipt"},
            ],
            "ConfigurationSetName": "mailqueue-events",
        })
    );
}

#[tokio::test]
async fn an_email_names_its_ses_tenant_if_there_are_some() {
    let with = SesSettings {
        tenant_prefix: Some("mail-".to_owned()),
        ..settings()
    };
    let replay = Replay::new([accepted()]);
    let ses = Ses::new(replay.clients().ses(), &with);
    ses.submit(&full(), email(), PATIENCE).await;
    assert_eq!(replay.only().json()["TenantName"], "mail-main");

    for (with, expected) in [(with, Cause::Unavailable), (settings(), Cause::AccountPaused)] {
        let replay = Replay::new([error(400, "SendingPausedException", "Sending is paused.")]);
        let ses = Ses::new(replay.clients().ses(), &with);
        let attempt = ses.submit(&full(), email(), PATIENCE).await;
        assert!(
            matches!(attempt, Attempt::NotAccepted { cause, .. } if cause == expected),
            "{attempt:?}"
        );
    }
}

#[tokio::test]
async fn html_alone_gets_a_text_unless_text_is_empty() {
    let mut email = json!({
        "from": "a@example.com", "to": "b@example.com", "subject": "Hi", "html": "<p>Hello <b>Ann</b></p>",
    });
    let html = json!({"Charset": "UTF-8", "Data": "<p>Hello <b>Ann</b></p>"});
    let replay = Replay::new([accepted()]);
    submit(&replay, &parsed(&email)).await;
    assert_eq!(
        replay.only().json()["Content"]["Simple"]["Body"],
        json!({"Html": html, "Text": {"Charset": "UTF-8", "Data": "Hello Ann"}})
    );
    email["text"] = json!("");
    let replay = Replay::new([accepted()]);
    submit(&replay, &parsed(&email)).await;
    assert_eq!(replay.only().json()["Content"]["Simple"]["Body"], json!({"Html": html}));
}

#[tokio::test]
async fn files_reach_ses_with_their_names_and_types() {
    let email = parsed(&json!({
        "from": "a@example.com", "to": "b@example.com", "subject": "Hi", "html": "<img src='cid:logo'>",
        "attachments": [
            {"filename": "Rechnung 7 – Ä.pdf", "content": "JVBERi0="},
            {"filename": "logo", "content": [137, 80], "content_type": "image/png", "content_id": "<logo>"},
        ],
    }));
    let replay = Replay::new([accepted()]);
    submit(&replay, &email).await;
    assert_eq!(
        replay.only().json()["Content"]["Simple"]["Attachments"],
        json!([
            {
                "RawContent": "JVBERi0=",
                "ContentDisposition": "ATTACHMENT",
                "FileName": "Rechnung 7 – Ä.pdf",
                "ContentTransferEncoding": "BASE64",
                "ContentType": "application/pdf",
            },
            {
                "RawContent": "iVA=",
                "ContentDisposition": "INLINE",
                "FileName": "logo",
                "ContentId": "logo",
                "ContentTransferEncoding": "BASE64",
                "ContentType": "image/png",
            },
        ])
    );
}

#[tokio::test]
async fn missing_fields_are_not_sent_as_empty() {
    let replay = Replay::new([accepted()]);
    submit(&replay, &email()).await;
    let request = replay.only().json();
    assert_eq!(request["Destination"], json!({"ToAddresses": ["b@example.com"]}));
    assert_eq!(
        request["Content"]["Simple"]["Body"],
        json!({"Text": {"Charset": "UTF-8", "Data": "Hello"}})
    );
    assert_eq!(request.get("ReplyToAddresses"), None);
}

/// Answers of SES for refused emails. Statuses and names are from the sources named at [`cause`]. The deciding
/// words are from there too, or from answers that users of SES have published. Where no answer of API v2 was found, the
/// words are from API v1. Words that decide nothing are ours.
const REFUSALS: [(u16, &str, &str, Cause); 37] = [
    (
        429,
        "TooManyRequestsException",
        "Maximum sending rate exceeded.",
        Cause::Throttled,
    ),
    (429, "TooManyRequestsException", "Too many requests", Cause::Throttled),
    (400, "ThrottlingException", "Rate exceeded", Cause::Throttled),
    (
        400,
        "ThrottlingException",
        "Maximum sending rate exceeded",
        Cause::Throttled,
    ),
    (429, "SomethingNewException", "Slow down", Cause::Throttled),
    (429, "", "", Cause::Throttled),
    (
        429,
        "TooManyRequestsException",
        "Daily message quota exceeded.",
        Cause::QuotaExceeded,
    ),
    (
        400,
        "LimitExceededException",
        "Daily message quota exceeded.",
        Cause::QuotaExceeded,
    ),
    (
        400,
        "ThrottlingException",
        "Daily message quota exceeded",
        Cause::QuotaExceeded,
    ),
    (400, "LimitExceededException", "Too many of something", Cause::Throttled),
    (
        400,
        "SendingPausedException",
        "Sending paused for this account.",
        Cause::AccountPaused,
    ),
    (
        400,
        "SendingPausedException",
        "Sending paused for configuration set <mailqueue-events>.",
        Cause::AccountPaused,
    ),
    (
        400,
        "AccountSuspendedException",
        "The account's ability to send email has been suspended.",
        Cause::AccountPaused,
    ),
    (
        400,
        "MessageRejected",
        "Sending suspended for this account.",
        Cause::AccountPaused,
    ),
    (
        400,
        "MessageRejected",
        "Email address is not verified. The following identities failed the check in region US-EAST-1: a@example.com",
        Cause::UnverifiedSender,
    ),
    (
        400,
        "MailFromDomainNotVerifiedException",
        "The MAIL FROM domain isn't verified.",
        Cause::Unavailable,
    ),
    (
        400,
        "MessageRejected",
        "Message failed: contains a virus",
        Cause::Rejected,
    ),
    (400, "BadRequestException", "Illegal address", Cause::InvalidRecipient),
    (
        400,
        "BadRequestException",
        "Invalid email address .",
        Cause::InvalidRecipient,
    ),
    (
        400,
        "BadRequestException",
        "Local address contains control or whitespace",
        Cause::InvalidRecipient,
    ),
    (
        400,
        "BadRequestException",
        "Domain contains illegal character",
        Cause::InvalidRecipient,
    ),
    (
        400,
        "BadRequestException",
        "Missing final '@domain'",
        Cause::InvalidRecipient,
    ),
    (
        400,
        "BadRequestException:http://internal.amazon.com/coral/",
        "Domain starts with dot",
        Cause::InvalidRecipient,
    ),
    (
        400,
        "BadRequestException",
        "Message length is more than 41943040 bytes long",
        Cause::TooLarge,
    ),
    (
        413,
        "RequestEntityTooLargeException",
        "The request entity is too large.",
        Cause::TooLarge,
    ),
    (400, "MessageRejected", "Account is paused", Cause::AccountPaused),
    (
        400,
        "ConfigurationSetSendingPausedException",
        "Sending is paused for the configuration set.",
        Cause::AccountPaused,
    ),
    (
        400,
        "LimitExceededException",
        "Daily sending quota exceeded",
        Cause::QuotaExceeded,
    ),
    (400, "BadRequestException", "Invalid header name.", Cause::Rejected),
    (400, "ValidationException", "Member must not be null", Cause::Rejected),
    (
        400,
        "BadRequestException",
        "Configuration set <mailqueue-events> does not exist.",
        Cause::Unavailable,
    ),
    (
        404,
        "NotFoundException",
        "Configuration set <mailqueue-events> does not exist.",
        Cause::Unavailable,
    ),
    (
        403,
        "AccessDeniedException",
        "User is not authorized to perform: ses:SendEmail",
        Cause::Unavailable,
    ),
    (
        403,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        Cause::Unavailable,
    ),
    (403, "SignatureDoesNotMatch", "Signature expired", Cause::Unavailable),
    (400, "RequestExpired", "Request has expired.", Cause::Unavailable),
    (
        408,
        "RequestTimeoutException",
        "Reading the request timed out.",
        Cause::Unavailable,
    ),
];

/// Answers that leave the outcome open.
const AMBIGUOUS: [(u16, &str, &str); 8] = [
    (500, "InternalServiceErrorException", ""),
    (500, "InternalFailure", "Maximum sending rate exceeded."),
    (502, "", ""),
    (
        503,
        "ServiceUnavailable",
        "The request has failed due to a temporary failure of the server.",
    ),
    (504, "", ""),
    (
        400,
        "RequestAbortedException",
        "The request was aborted before a reply was sent back.",
    ),
    (400, "", ""),
    (307, "", ""),
];

/// Returns an error as SES's API v2 sends it: its code is in a header.
fn error(status: u16, name: &'static str, message: &str) -> CannedResponse {
    let headers = vec![("content-type", "application/json"), ("x-amzn-errortype", name)];
    let headers = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    CannedResponse::Says {
        status,
        headers,
        body: json!({"message": message}).to_string().into_bytes(),
    }
}

#[tokio::test]
async fn a_refusal_has_its_cause_after_one_call() {
    for (status, name, message, cause) in REFUSALS {
        let replay = Replay::new([error(status, name, message)]);
        let short = name.split(':').next().unwrap();
        let expected = Attempt::NotAccepted {
            cause,
            detail: format!("{short}: {message}"),
        };
        assert_eq!(submit(&replay, &email()).await, expected, "{status} {name}: {message}");
    }
}

#[tokio::test]
async fn an_unknown_error_is_ambiguous_after_one_call() {
    for (status, name, message) in AMBIGUOUS {
        let replay = Replay::new([error(status, name, message)]);
        assert_eq!(
            submit(&replay, &email()).await,
            Attempt::Ambiguous,
            "{status} {name}: {message}"
        );
    }
}

/// A proxy's page or a truncated answer has neither code nor message.
#[tokio::test]
async fn the_status_decides_a_refusal_without_a_code() {
    for (status, expected) in [
        (400, None),
        (403, Some(Cause::Unavailable)),
        (429, Some(Cause::Throttled)),
        (500, None),
    ] {
        for body in ["<html>Bad Request</html>", "{\"mess", ""] {
            let answer = CannedResponse::Says {
                status,
                headers: vec![],
                body: body.as_bytes().to_vec(),
            };
            let cause = match submit(&Replay::new([answer]), &email()).await {
                Attempt::NotAccepted { cause, .. } => Some(cause),
                Attempt::Ambiguous => None,
                Attempt::Accepted { message_id } => panic!("accepted as {message_id}"),
            };
            assert_eq!(cause, expected, "{status} {body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_answer_is_ambiguous_after_the_timeout() {
    let (began, replay) = (tokio::time::Instant::now(), Replay::new([CannedResponse::Lost]));
    assert_eq!(submit(&replay, &email()).await, Attempt::Ambiguous);
    assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
}
