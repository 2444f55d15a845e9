//! The official SDK as the client: it reads each answer as SES's own.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::{SendEmailError, SendEmailOutput};
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    Attachment, Body, Content, Destination, EmailContent, IdentityType, Message, MessageHeader, MessageTag, RawMessage,
    SuppressionListReason,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use serde_json::json;

use crate::fake::Fake;

pub(crate) fn client(fake: &Fake) -> Client {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_sdk_sesv2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(fake.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(http)
        .build();
    Client::from_conf(config)
}

fn text(data: &str) -> Content {
    Content::builder().data(data).charset("UTF-8").build().unwrap()
}

fn simple() -> EmailContent {
    let file = Attachment::builder()
        .raw_content(Blob::new("hi"))
        .file_name("ü.txt")
        .content_type("text/plain")
        .build()
        .unwrap();
    let header = MessageHeader::builder().name("X-Email-Id").value("7").build().unwrap();
    let message = Message::builder()
        .subject(text("Grüße"))
        .body(Body::builder().text(text("Hello")).html(text("<p>Hello</p>")).build())
        .headers(header)
        .attachments(file)
        .build();
    EmailContent::builder().simple(message).build()
}

async fn send(
    client: &Client,
    from: &str,
    to: &str,
    content: EmailContent,
) -> Result<SendEmailOutput, SdkError<SendEmailError>> {
    client
        .send_email()
        .from_email_address(from)
        .destination(Destination::builder().to_addresses(to).build())
        .content(content)
        .email_tags(MessageTag::builder().name("mq_id").value("7").build().unwrap())
        .send()
        .await
}

#[tokio::test]
async fn the_sdk_submits_a_message_and_reads_the_answer() {
    let fake = Fake::start().await;
    let client = client(&fake);
    let sent = send(&client, "ann@example.com", "bob@example.com", simple())
        .await
        .unwrap();
    let message = fake.get("/messages").await[0].take();
    assert_eq!(message["id"].as_str(), sent.message_id());
    assert_eq!(
        (&message["subject"], &message["text"], &message["html"]),
        (&json!("Grüße"), &json!("Hello"), &json!("<p>Hello</p>"))
    );
    assert_eq!(message["headers"], json!([{"name": "X-Email-Id", "value": "7"}]));
    assert_eq!(message["tags"], json!([{"name": "mq_id", "value": "7"}]));
    assert_eq!(
        (
            &message["attachments"][0]["filename"],
            &message["attachments"][0]["size"]
        ),
        (&json!("ü.txt"), &json!(2))
    );

    let data = Blob::new("Subject: Raw\r\nReceived: from a\r\n\r\nBody");
    let raw = EmailContent::builder()
        .raw(RawMessage::builder().data(data).build().unwrap())
        .build();
    send(&client, "ann@example.com", "bob@example.com", raw).await.unwrap();
    let message = fake.get("/messages").await[0].take();
    assert_eq!((&message["subject"], &message["text"]), (&json!("Raw"), &json!("Body")));

    let quota = client.get_account().send().await.unwrap().send_quota.unwrap();
    assert_eq!(quota.sent_last24_hours, 2.0);
}

#[tokio::test]
async fn an_unknown_ses_tenant_is_refused() {
    let fake = Fake::start().await;
    let client = client(&fake);
    let send = async || {
        client
            .send_email()
            .from_email_address("ann@example.com")
            .destination(Destination::builder().to_addresses("bob@example.com").build())
            .content(simple())
            .tenant_name("mail-acme")
            .send()
            .await
    };
    let refused = send().await.unwrap_err().into_service_error();
    assert!(refused.is_not_found_exception(), "{refused:?}");
    let (status, ..) = fake.call("PUT", "/tenants", &json!(["mail-acme"])).await;
    assert_eq!(status, 200);
    send().await.unwrap();
    assert_eq!(fake.get("/messages").await[0]["tenant"], "mail-acme");
    let (status, ..) = fake.call("PUT", "/tenants", &json!({"mail-acme": []})).await;
    assert_eq!(status, 200);
    let refused = send().await.unwrap_err().into_service_error();
    assert!(refused.is_bad_request_exception(), "{refused:?}");
}

#[tokio::test]
async fn the_sdk_knows_every_refusal_by_name() {
    let fake = Fake::start().await;
    fake.faults(json!([
        {"kind": "throttle", "to": "throttle"}, {"kind": "quota", "to": "quota"},
        {"kind": "pause", "to": "pause"}, {"kind": "reject", "to": "reject"},
    ]))
    .await;
    let client = client(&fake);
    type Known = fn(&SendEmailError) -> bool;
    let refusals: [(&str, &str, Known, &str); 6] = [
        (
            "ann@example.com",
            "throttle@example.com",
            SendEmailError::is_too_many_requests_exception,
            "Maximum sending rate exceeded.",
        ),
        (
            "ann@example.com",
            "quota@example.com",
            SendEmailError::is_too_many_requests_exception,
            "Daily message quota exceeded.",
        ),
        (
            "ann@example.com",
            "pause@example.com",
            SendEmailError::is_sending_paused_exception,
            "Sending paused for this account.",
        ),
        (
            "ann@example.com",
            "reject@example.com",
            SendEmailError::is_message_rejected,
            "Message content rejected.",
        ),
        (
            "ann@unverified.example",
            "bob@example.com",
            SendEmailError::is_message_rejected,
            "Email address is not verified.",
        ),
        (
            "ann@example.com",
            "bob@bücher.example",
            SendEmailError::is_bad_request_exception,
            "Domain contains control or whitespace",
        ),
    ];
    for (from, to, known, sentence) in refusals {
        let error = send(&client, from, to, simple())
            .await
            .unwrap_err()
            .into_service_error();
        assert!(known(&error), "{error:?}");
        assert!(error.message().unwrap().starts_with(sentence), "{error:?}");
    }
}

#[tokio::test]
async fn the_sdk_sees_no_answer_on_a_dropped_connection() {
    let fake = Fake::start().await;
    fake.faults(json!([{"kind": "drop_after"}])).await;
    let error = send(&client(&fake), "ann@example.com", "bob@example.com", simple())
        .await
        .unwrap_err();
    assert!(error.as_service_error().is_none(), "{error:?}");
    assert_eq!(fake.kept().await, 1);
}

#[tokio::test]
async fn a_suppressed_destination_is_read_and_deleted() {
    let fake = Fake::start().await;
    let client = client(&fake);
    fake.faults(json!([{"kind": "complaint"}])).await;
    send(&client, "ann@example.com", "bob+x@example.com", simple())
        .await
        .unwrap();
    let read = || {
        client
            .get_suppressed_destination()
            .email_address("bob+x@example.com")
            .send()
    };
    let found = read().await.unwrap().suppressed_destination.unwrap();
    assert_eq!(found.reason, SuppressionListReason::Complaint);
    let delete = || {
        client
            .delete_suppressed_destination()
            .email_address("bob+x@example.com")
            .send()
    };
    delete().await.unwrap();
    assert!(
        delete()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found_exception()
    );
    assert!(read().await.unwrap_err().into_service_error().is_not_found_exception());
}

#[tokio::test]
async fn the_sandbox_and_identities_are_reported() {
    let fake = Fake::start().await;
    let client = client(&fake);
    let account = client.get_account().send().await.unwrap();
    assert!(account.production_access_enabled && account.sending_enabled);
    let listed = client.list_email_identities().send().await.unwrap();
    assert_eq!(listed.email_identities()[0].identity_name(), Some("example.com"));
    for (path, body) in [
        ("/account", json!({"sandbox": true, "stopped": true})),
        ("/identities", json!([{"name": "ann@example.org", "verified": false}])),
    ] {
        assert_eq!(fake.call("PUT", path, &body).await.0, 200);
    }
    let account = client.get_account().send().await.unwrap();
    assert!(!account.production_access_enabled && !account.sending_enabled);
    assert_eq!(account.enforcement_status(), Some("SHUTDOWN"));
    let listed = client.list_email_identities().send().await.unwrap();
    let identity = &listed.email_identities()[0];
    assert_eq!(identity.identity_type(), Some(&IdentityType::EmailAddress));
    assert!(!identity.sending_enabled());
    let show = async |name: &str| client.get_email_identity().email_identity(name).send().await;
    let shown = show("ann@example.org").await.unwrap();
    assert!(!shown.verified_for_sending_status());
    assert!(shown.dkim_attributes().is_some());
    assert_eq!(shown.mail_from_attributes().unwrap().mail_from_domain(), "");
    let missing = show("example.com").await.unwrap_err().into_service_error();
    assert!(missing.is_not_found_exception());
}
