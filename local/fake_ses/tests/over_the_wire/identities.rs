//! Identities through the official SDK, whose records the fake DNS server has.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityOutput;
use aws_sdk_sesv2::types::{BehaviorOnMxFailure, MailFromDomainStatus, Tag, VerificationError, VerificationStatus};
use local_server::client::{Answer, Running, body_of};
use serde_json::{Value, json};

use crate::fake::{Fake, email, eventually};
use crate::sdk::client;

/// A fake DNS server and a fake SES that asks it.
struct World {
    dns: Running,
    fake: Fake,
    client: Client,
}

impl World {
    async fn start() -> Self {
        let settings = fake_dns::settings::Settings {
            dns_port: 0,
            control_port: 0,
        };
        let dns = Running::start(fake_dns::bind(settings).await.unwrap());
        let shown = call(&dns, "GET", "/server", &Value::Null).await.1;
        let fake = Fake::start_at(shown["address"].as_str().unwrap().parse().unwrap()).await;
        let client = client(&fake);
        Self { dns, fake, client }
    }

    async fn add(&self, records: Value) {
        assert_eq!(call(&self.dns, "POST", "/records", &records).await.0, 204);
    }

    async fn create(&self, name: &str) {
        self.client
            .create_email_identity()
            .email_identity(name)
            .send()
            .await
            .unwrap();
    }

    async fn show(&self, name: &str) -> GetEmailIdentityOutput {
        self.client
            .get_email_identity()
            .email_identity(name)
            .send()
            .await
            .unwrap()
    }

    /// Adds the aliases of a domain's keys.
    async fn publish(&self, name: &str) {
        let dkim = self.show(name).await.dkim_attributes.unwrap();
        let zone = dkim.signing_hosted_zone().unwrap();
        let record = |token: &String| {
            json!({
                "name": format!("{token}._domainkey.{name}"),
                "type": "CNAME",
                "value": format!("{token}.{zone}"),
            })
        };
        self.add(dkim.tokens().iter().map(record).collect()).await;
    }

    async fn becomes(&self, name: &str, status: VerificationStatus) {
        eventually(async || self.show(name).await.verification_status == Some(status.clone())).await;
    }

    async fn sends_from(&self, domain: &str) -> bool {
        let mut email = email("bob@example.com");
        email["FromEmailAddress"] = json!(format!("ann@{domain}"));
        self.fake.send(&email).await.0 == 200
    }
}

async fn call(server: &Running, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let head = format!("Host: {}\r\nContent-Type: application/json\r\n", server.address);
    let answer = Answer::read(&server.raw(method, path, &head, &body_of(body)).await.unwrap());
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_domain_is_verified_by_its_records_and_loses_it() {
    let world = World::start().await;
    world.create("shop.example").await;
    let shown = world.show("shop.example").await;
    assert_eq!(shown.verification_status, Some(VerificationStatus::Pending));
    assert!(!shown.verified_for_sending_status && !world.sends_from("shop.example").await);
    world.publish("shop.example").await;
    world.becomes("shop.example", VerificationStatus::Success).await;
    assert!(world.sends_from("shop.example").await && world.sends_from("mail.shop.example").await);

    // An identity of the subdomain overrides the domain above it.
    world.create("mail.shop.example").await;
    assert!(!world.sends_from("mail.shop.example").await && world.sends_from("shop.example").await);

    call(&world.dns, "DELETE", "/records", &Value::Null).await;
    world
        .becomes("shop.example", VerificationStatus::TemporaryFailure)
        .await;
    let shown = world.show("shop.example").await;
    let error = shown.verification_info.unwrap().error_type;
    assert_eq!(error, Some(VerificationError::HostNotFound));
    assert!(shown.verified_for_sending_status && world.sends_from("shop.example").await);
    assert_eq!(
        world.fake.call("PUT", "/identity-clock", &json!({"hours": 72})).await.0,
        200
    );
    world.becomes("shop.example", VerificationStatus::Failed).await;
    assert!(!world.sends_from("shop.example").await);
}

#[tokio::test]
async fn a_mail_from_domain_has_only_the_mx_of_ses() {
    let world = World::start().await;
    world.create("shop.example").await;
    let put = world
        .client
        .put_email_identity_mail_from_attributes()
        .email_identity("shop.example");
    let put = put
        .mail_from_domain("send.shop.example")
        .behavior_on_mx_failure(BehaviorOnMxFailure::UseDefaultValue);
    put.send().await.unwrap();
    let status = async || {
        world
            .show("shop.example")
            .await
            .mail_from_attributes
            .unwrap()
            .mail_from_domain_status
    };
    let mail = |host: &str| json!([{"name": "send.shop.example", "type": "MX", "value": format!("10 {host}")}]);
    assert_eq!(status().await, MailFromDomainStatus::Pending);
    world.add(mail("feedback-smtp.us-east-1.amazonses.com")).await;
    eventually(async || status().await == MailFromDomainStatus::Success).await;
    world.add(mail("mail.shop.example")).await;
    eventually(async || status().await == MailFromDomainStatus::TemporaryFailure).await;
}

#[tokio::test]
async fn a_failing_dns_server_is_a_temporary_failure() {
    let world = World::start().await;
    let faults = json!({"faults": [{"kind": "servfail"}]});
    call(&world.dns, "PUT", "/faults", &faults).await;
    world.create("shop.example").await;
    world
        .becomes("shop.example", VerificationStatus::TemporaryFailure)
        .await;
    let error = world.show("shop.example").await.verification_info.unwrap().error_type;
    assert_eq!(error, Some(VerificationError::DnsServerError));
    call(&world.dns, "DELETE", "/faults", &Value::Null).await;
    world.becomes("shop.example", VerificationStatus::Pending).await;
}

#[tokio::test]
async fn the_sdk_manages_an_identity_and_its_tags() {
    let fake = Fake::start().await;
    let client = client(&fake);
    let tag = |key: &str| Tag::builder().key(key).value("mailqueue").build().unwrap();
    let create = || {
        client
            .create_email_identity()
            .email_identity("shop.example")
            .tags(tag("mailqueue:stack"))
    };
    let created = create().send().await.unwrap();
    assert_eq!(created.dkim_attributes.unwrap().tokens().len(), 3);
    let again = create().send().await.unwrap_err().into_service_error();
    assert!(again.is_already_exists_exception());
    assert_eq!(again.message(), Some("Email identity shop.example already exist."));

    let arn = "arn:aws:ses:us-east-1:000000000000:identity/shop.example";
    client
        .tag_resource()
        .resource_arn(arn)
        .tags(tag("other"))
        .send()
        .await
        .unwrap();
    client
        .untag_resource()
        .resource_arn(arn)
        .tag_keys("mailqueue:stack")
        .tag_keys("x")
        .send()
        .await
        .unwrap();
    let listed = client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(listed.tags(), [tag("other")]);
    let elsewhere = client
        .tag_resource()
        .resource_arn(arn.replace("us-east-1", "eu-west-1"))
        .tags(tag("x"));
    assert!(
        elsewhere
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_bad_request_exception()
    );

    let put = client
        .put_email_identity_configuration_set_attributes()
        .email_identity("shop.example");
    put.configuration_set_name("mailqueue").send().await.unwrap();
    let put = client
        .put_email_identity_dkim_attributes()
        .email_identity("shop.example");
    put.signing_enabled(false).send().await.unwrap();
    let put = client
        .put_email_identity_feedback_attributes()
        .email_identity("shop.example");
    put.email_forwarding_enabled(false).send().await.unwrap();
    let shown = client
        .get_email_identity()
        .email_identity("shop.example")
        .send()
        .await
        .unwrap();
    assert_eq!(shown.configuration_set_name(), Some("mailqueue"));
    assert!(!shown.feedback_forwarding_status && !shown.dkim_attributes().unwrap().signing_enabled);

    let page = client.list_email_identities().page_size(1).send().await.unwrap();
    assert_eq!(page.email_identities()[0].identity_name(), Some("example.com"));
    let rest = client
        .list_email_identities()
        .set_next_token(page.next_token)
        .send()
        .await
        .unwrap();
    assert_eq!(rest.email_identities()[0].identity_name(), Some("shop.example"));
    assert_eq!(rest.next_token(), None);

    client
        .delete_email_identity()
        .email_identity("shop.example")
        .send()
        .await
        .unwrap();
    let gone = client
        .delete_email_identity()
        .email_identity("shop.example")
        .send()
        .await
        .unwrap_err();
    assert!(gone.into_service_error().is_not_found_exception());
}

#[tokio::test]
async fn identity_faults_refuse_and_drop_calls() {
    let fake = Fake::start().await;
    let client = client(&fake);
    let plan = json!({"faults": [
        {"kind": "throttle", "operation": "GetEmailIdentity", "count": 1},
        {"kind": "concurrent", "operation": "DeleteEmailIdentity", "count": 1},
        {"kind": "limit", "operation": "CreateEmailIdentity", "count": 1},
        {"kind": "drop_after", "operation": "CreateEmailIdentity", "count": 1},
    ]});
    assert_eq!(fake.call("PUT", "/identity-faults", &plan).await.0, 200);
    let get = client
        .get_email_identity()
        .email_identity("example.com")
        .send()
        .await
        .unwrap_err();
    assert!(get.into_service_error().is_too_many_requests_exception());
    let delete = client
        .delete_email_identity()
        .email_identity("example.com")
        .send()
        .await
        .unwrap_err();
    assert!(delete.into_service_error().is_concurrent_modification_exception());
    let create = || client.create_email_identity().email_identity("shop.example").send();
    assert!(
        create()
            .await
            .unwrap_err()
            .into_service_error()
            .is_limit_exceeded_exception()
    );
    assert!(
        create().await.unwrap_err().as_service_error().is_none(),
        "the answer is lost"
    );
    assert!(
        create()
            .await
            .unwrap_err()
            .into_service_error()
            .is_already_exists_exception()
    );
    let counted = &fake.get("/stats").await["requests"]["CreateEmailIdentity"];
    assert_eq!(
        *counted,
        json!({"LimitExceededException": 1, "drop_after": 1, "AlreadyExistsException": 1})
    );
    assert_eq!(fake.get("/identity-faults").await["faults"][0]["count"], 0);
    let unlimited = fake
        .call("PUT", "/identity-faults", &json!({"faults": [], "max_per_second": 0}))
        .await;
    assert_eq!(unlimited.0, 400);
}
