//! The status and the answers of one identity.

use super::*;

fn tokens(text: &str) -> Tokens {
    [1, 2, 3].map(|number| format!("{text}{number}"))
}

fn domain() -> Identity {
    Identity::new("example.com", tokens("t"), DEFAULT_KEY_LENGTH, Timestamp::UNIX_EPOCH)
}

#[test]
fn an_unverified_address_may_not_send() {
    let identity = Identity::fixed("ann@example.org", false, tokens("t"), Timestamp::UNIX_EPOCH);
    let expected = json!({
        "IdentityType": "EMAIL_ADDRESS",
        "IdentityName": "ann@example.org",
        "SendingEnabled": false,
        "VerificationStatus": "PENDING",
    });
    assert_eq!(identity.listed(), expected);
    let shown = identity.shown();
    assert_eq!(
        shown["MailFromAttributes"],
        json!({"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"})
    );
    assert_eq!(shown["DkimAttributes"]["Status"], "NOT_STARTED");
    assert_eq!(identity.wanted("us-east-1"), None);
}

#[test]
fn a_new_domain_has_three_tokens_and_no_status() {
    let created = domain().created();
    let expected = json!({
        "SigningEnabled": true,
        "Status": "NOT_STARTED",
        "Tokens": ["t1", "t2", "t3"],
        "SigningHostedZone": "dkim.amazonses.com",
        "SigningAttributesOrigin": "AWS_SES",
        "NextSigningKeyLength": "RSA_2048_BIT",
        "CurrentSigningKeyLength": "RSA_2048_BIT",
        "LastKeyGenerationTimestamp": 0,
    });
    assert_eq!(created["DkimAttributes"], expected);
    assert_eq!(created["VerifiedForSendingStatus"], false);
    assert_eq!(domain().shown()["DkimAttributes"]["Status"], "PENDING");
}

#[test]
fn dns_decides_keys_and_mail_from_apart() {
    let mut identity = domain();
    identity.set_mail_from(Some("send.example.com".to_owned()), None, Timestamp::UNIX_EPOCH);
    let wanted = identity.wanted("eu-west-1").unwrap();
    assert_eq!(
        wanted.aliases[0],
        (
            "t1._domainkey.example.com".to_owned(),
            "t1.dkim.amazonses.com".to_owned()
        )
    );
    let server = "feedback-smtp.eu-west-1.amazonses.com".to_owned();
    assert_eq!(wanted.mail_from, Some(("send.example.com".to_owned(), server)));
    let (dkim, mail_from) = (Some(Seen::Right), Some(Seen::NoHost));
    identity.observe(&Looked { dkim, mail_from }, Timestamp::UNIX_EPOCH);
    let shown = identity.shown();
    assert_eq!(shown["VerificationStatus"], "SUCCESS");
    assert_eq!(shown["MailFromAttributes"]["MailFromDomainStatus"], "PENDING");
}

#[test]
fn a_restarted_verification_keeps_keys_of_equal_length() {
    let mut identity = domain();
    let three_days = Timestamp::from_second(72 * 3600).unwrap();
    let (dkim, mail_from) = (Some(Seen::NoHost), None);
    identity.observe(&Looked { dkim, mail_from }, three_days);
    assert_eq!(identity.shown()["VerificationStatus"], "FAILED");
    assert_eq!(identity.wanted("us-east-1"), None);
    identity.restart(Some(DEFAULT_KEY_LENGTH), tokens("u"), three_days);
    assert_eq!(identity.signing()["DkimTokens"], json!(["t1", "t2", "t3"]));
    assert_eq!(identity.shown()["VerificationStatus"], "PENDING");
    identity.restart(Some("RSA_1024_BIT"), tokens("u"), three_days);
    assert_eq!(identity.signing()["DkimTokens"], json!(["u1", "u2", "u3"]));
}
