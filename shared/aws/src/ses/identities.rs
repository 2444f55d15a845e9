//! Identities of the SES account: creates, reads, tags and deletes those of sending domains.
//!
//! **Role:** called by `domains`, and by `promote`, which only reads.
//! **Invariant:** a new identity gets the tags of its stack and its tenant in the same call. Every call may be
//! repeated, and the SDK does so after a failure. SES limits these calls to about one per second.
//!
//! Source: Amazon SES API v2 reference, `CreateEmailIdentity`, `GetEmailIdentity`,
//! `PutEmailIdentityMailFromAttributes`, `DeleteEmailIdentity`, `TagResource`, `UntagResource`, read 2026-11-29.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityOutput;
use aws_sdk_sesv2::types::{BehaviorOnMxFailure, MailFromDomainStatus, Tag};
use domain::id::TenantId;
use domain::ports::PortError;
use domain::ports::domains::Identities;
use domain::tenant::domains::identity::{Identity, IdentityCreation, IdentityStatus};
use domain::tenant::domains::name::DomainName;

use crate::runtime::failure::{call_error, port};
use crate::runtime::settings::IdentitySettings;

/// Tag with the name of the stack.
const STACK: &str = "mailqueue:stack";

/// Tag with the name of the tenant.
const TENANT: &str = "mailqueue:tenant";

/// Identities of the account.
#[derive(Debug, Clone)]
pub struct SesIdentities {
    client: Client,
    settings: IdentitySettings,
}

impl SesIdentities {
    /// Creates the adapter of the client's account and region.
    #[must_use]
    pub fn new(client: Client, settings: &IdentitySettings) -> Self {
        Self {
            client,
            settings: settings.clone(),
        }
    }

    /// The tags of a tenant's identity.
    fn tags(&self, tenant: &TenantId) -> Result<Vec<Tag>, PortError> {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let tags: Result<_, BuildError> = [(STACK, self.settings.stack.as_str()), (TENANT, tenant.as_str())]
            .into_iter()
            .map(|(key, value)| tag(key, value))
            .collect();
        tags.map_err(|error| port("marking an identity")(error.into()))
    }

    fn arn(&self, name: &DomainName) -> String {
        format!("{}{name}", self.settings.arn_prefix)
    }

    fn read(&self, said: &GetEmailIdentityOutput) -> Identity {
        let tag = |wanted: &str| said.tags().iter().find(|tag| tag.key() == wanted).map(Tag::value);
        let is_ours = tag(STACK) == Some(self.settings.stack.as_str());
        let dkim = said.dkim_attributes();
        let mail_from = said.mail_from_attributes();
        let mail_from = mail_from.filter(|mail_from| !mail_from.mail_from_domain().is_empty());
        let demanded =
            mail_from.filter(|mail_from| *mail_from.behavior_on_mx_failure() == BehaviorOnMxFailure::RejectMessage);
        let is_refused =
            demanded.is_some_and(|mail_from| *mail_from.mail_from_domain_status() != MailFromDomainStatus::Success);
        Identity {
            status: said
                .verification_status()
                .map(|status| status_of(status.as_str()))
                .unwrap_or_default(),
            may_send: said.verified_for_sending_status() && !is_refused,
            tokens: dkim.map(|dkim| dkim.tokens().to_vec()).unwrap_or_default(),
            dkim_zone: dkim.and_then(|dkim| dkim.signing_hosted_zone()).map(str::to_owned),
            mail_from: mail_from.map(|mail_from| {
                let status = status_of(mail_from.mail_from_domain_status().as_str());
                (mail_from.mail_from_domain().to_owned(), status)
            }),
            demands_mail_from: demanded.is_some(),
            owner: tag(TENANT).filter(|_| is_ours).and_then(TenantId::parse),
        }
    }
}

/// Reads a status; one that this code does not know is not verified.
fn status_of(text: &str) -> IdentityStatus {
    match text {
        "SUCCESS" => IdentityStatus::Verified,
        "PENDING" => IdentityStatus::Pending,
        "FAILED" => IdentityStatus::Failed,
        "TEMPORARY_FAILURE" => IdentityStatus::TemporaryFailure,
        _ => IdentityStatus::NotStarted,
    }
}

impl Identities for SesIdentities {
    async fn identity(&self, name: &DomainName) -> Result<Option<Identity>, PortError> {
        let request = self.client.get_email_identity().email_identity(name.as_str());
        match request.send().await {
            Ok(said) => Ok(Some(self.read(&said))),
            Err(error) => match error.as_service_error() {
                Some(said) if said.is_not_found_exception() => Ok(None),
                Some(_) | None => Err(call_error("reading an identity")(error)),
            },
        }
    }

    async fn create_identity(&self, name: &DomainName, tenant: &TenantId) -> Result<IdentityCreation, PortError> {
        let request = self
            .client
            .create_email_identity()
            .email_identity(name.as_str())
            .configuration_set_name(&self.settings.configuration_set)
            .set_tags(Some(self.tags(tenant)?));
        match request.send().await {
            Ok(_) => Ok(IdentityCreation::Created),
            Err(error) => match error.as_service_error() {
                Some(said) if said.is_already_exists_exception() => Ok(IdentityCreation::Existed),
                Some(_) | None => Err(call_error("creating an identity")(error)),
            },
        }
    }

    async fn adopt_identity(&self, name: &DomainName, tenant: &TenantId) -> Result<(), PortError> {
        let request = self.client.tag_resource().resource_arn(self.arn(name));
        let adopted = request.set_tags(Some(self.tags(tenant)?)).send().await;
        adopted.map(drop).map_err(call_error("adopting an identity"))
    }

    async fn release_identity(&self, name: &DomainName) -> Result<(), PortError> {
        let request = self.client.untag_resource().resource_arn(self.arn(name));
        let released = request.tag_keys(STACK).tag_keys(TENANT).send().await;
        released.map(drop).map_err(call_error("releasing an identity"))
    }

    async fn set_mail_from(&self, name: &DomainName, mail_from: &str, is_demanded: bool) -> Result<(), PortError> {
        let without_the_record = if is_demanded {
            BehaviorOnMxFailure::RejectMessage
        } else {
            // SES sends with a MAIL FROM domain of its own.
            BehaviorOnMxFailure::UseDefaultValue
        };
        let request = self
            .client
            .put_email_identity_mail_from_attributes()
            .email_identity(name.as_str())
            .mail_from_domain(mail_from)
            .behavior_on_mx_failure(without_the_record);
        let set = request.send().await;
        set.map(drop).map_err(call_error("setting the MAIL FROM domain"))
    }

    async fn delete_identity(&self, name: &DomainName) -> Result<(), PortError> {
        let request = self.client.delete_email_identity().email_identity(name.as_str());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(said) if said.is_not_found_exception() => Ok(()),
                Some(_) | None => Err(call_error("deleting an identity")(error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay};

    fn identities(replay: &Replay) -> SesIdentities {
        let settings = IdentitySettings {
            stack: "mail".to_owned(),
            arn_prefix: "arn:aws:ses:us-east-1:123456789012:identity/".to_owned(),
            configuration_set: "set".to_owned(),
        };
        SesIdentities::new(replay.clients().ses_account(), &settings)
    }

    fn name() -> DomainName {
        DomainName::parse("example.com").unwrap()
    }

    fn said(stack: &str, tenant: &str) -> Value {
        json!({
            "IdentityType": "DOMAIN",
            "VerifiedForSendingStatus": true,
            "VerificationStatus": "SUCCESS",
            "DkimAttributes": {"Status": "SUCCESS", "Tokens": ["a", "b", "c"], "SigningEnabled": true},
            "MailFromAttributes": {
                "MailFromDomain": "send.example.com",
                "MailFromDomainStatus": "PENDING",
                "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
            },
            "Tags": [{"Key": "mailqueue:stack", "Value": stack}, {"Key": "mailqueue:tenant", "Value": tenant}],
        })
    }

    #[tokio::test]
    async fn an_identity_is_ours_by_both_marks() {
        for (stack, tenant, owner) in [
            ("mail", "main", TenantId::parse("main")),
            ("mail", "Not a name", None),
            ("other", "main", None),
        ] {
            let replay = Replay::new([CannedResponse::ok(&said(stack, tenant))]);
            let identity = identities(&replay).identity(&name()).await.unwrap().unwrap();
            let expected = Identity {
                status: IdentityStatus::Verified,
                may_send: true,
                tokens: ["a", "b", "c"].map(str::to_owned).to_vec(),
                dkim_zone: None,
                mail_from: Some(("send.example.com".to_owned(), IdentityStatus::Pending)),
                demands_mail_from: false,
                owner,
            };
            assert_eq!(identity, expected);
            let line = replay.only().line();
            assert!(
                line.starts_with("GET ") && line.ends_with("/v2/email/identities/example.com"),
                "{line}"
            );
        }
    }

    /// Source: Amazon SES API v2 reference, `MailFromAttributes`, `BehaviorOnMxFailure`, read 2026-11-29.
    #[tokio::test]
    async fn a_demanded_mail_from_domain_decides_about_sending() {
        for (behavior, status, may_send) in [
            ("USE_DEFAULT_VALUE", "FAILED", true),
            ("REJECT_MESSAGE", "SUCCESS", true),
            ("REJECT_MESSAGE", "PENDING", false),
            ("REJECT_MESSAGE", "FAILED", false),
            ("REJECT_MESSAGE", "TEMPORARY_FAILURE", false),
        ] {
            let mut said = said("mail", "main");
            said["MailFromAttributes"]["BehaviorOnMxFailure"] = behavior.into();
            said["MailFromAttributes"]["MailFromDomainStatus"] = status.into();
            let replay = Replay::new([CannedResponse::ok(&said)]);
            let identity = identities(&replay).identity(&name()).await.unwrap().unwrap();
            assert_eq!(
                (identity.may_send, identity.demands_mail_from),
                (may_send, behavior == "REJECT_MESSAGE"),
                "{behavior} {status}"
            );
            assert_eq!(identity.status, IdentityStatus::Verified, "by its DKIM records");
        }
    }

    #[tokio::test]
    async fn a_demand_of_the_mail_from_domain_is_kept() {
        for (is_demanded, behavior) in [(false, "USE_DEFAULT_VALUE"), (true, "REJECT_MESSAGE")] {
            let replay = Replay::new([CannedResponse::ok(&json!({}))]);
            let (identities, name) = (identities(&replay), name());
            let set = identities.set_mail_from(&name, "send.example.com", is_demanded);
            set.await.unwrap();
            let expected = json!({"MailFromDomain": "send.example.com", "BehaviorOnMxFailure": behavior});
            assert_eq!(replay.only().json(), expected);
        }
    }

    #[tokio::test]
    async fn a_missing_identity_is_no_error() {
        let missing = || (404, r#"{"__type":"NotFoundException","message":"none"}"#.to_owned());
        let replay = Replay::new([missing()]);
        assert_eq!(identities(&replay).identity(&name()).await.unwrap(), None);
        let replay = Replay::new([missing()]);
        identities(&replay).delete_identity(&name()).await.unwrap();
    }

    #[tokio::test]
    async fn a_new_identity_is_marked_at_once() {
        let replay = Replay::new([CannedResponse::ok(&json!({}))]);
        let tenant = TenantId::main();
        let created = identities(&replay).create_identity(&name(), &tenant).await.unwrap();
        assert_eq!(created, IdentityCreation::Created);
        let expected = json!({
            "EmailIdentity": "example.com",
            "ConfigurationSetName": "set",
            "Tags": [
                {"Key": "mailqueue:stack", "Value": "mail"},
                {"Key": "mailqueue:tenant", "Value": "main"},
            ],
        });
        assert_eq!(replay.only().json(), expected);
        let exists = (
            400,
            r#"{"__type":"AlreadyExistsException","message":"exists"}"#.to_owned(),
        );
        let replay = Replay::new([exists]);
        let created = identities(&replay).create_identity(&name(), &tenant).await.unwrap();
        assert_eq!(created, IdentityCreation::Existed);
    }

    #[tokio::test]
    async fn a_tag_names_the_identity_by_its_arn() {
        let replay = Replay::new([CannedResponse::ok(&json!({})), CannedResponse::ok(&json!({}))]);
        let identities = identities(&replay);
        identities.adopt_identity(&name(), &TenantId::main()).await.unwrap();
        identities.release_identity(&name()).await.unwrap();
        let requests = replay.sent_requests();
        let arn = "arn:aws:ses:us-east-1:123456789012:identity/example.com";
        assert_eq!(requests[0].json()["ResourceArn"], arn);
        assert!(
            requests[1].line().contains("identity%2Fexample.com"),
            "{}",
            requests[1].line()
        );
    }
}
