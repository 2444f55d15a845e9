//! The operations on identities, and the senders that may send.

use super::*;
use crate::tracking::Seen;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn tokens() -> Tokens {
    ["a", "b", "c"].map(str::to_owned)
}

fn create(body: Value) -> Create {
    serde_json::from_value(body).unwrap()
}

fn account(names: &[&str]) -> Identities {
    let mut account = Identities::default();
    for name in names {
        account
            .create(create(json!({"EmailIdentity": name})), tokens(), NOW)
            .unwrap();
    }
    account
}

fn given(identities: &[(&str, bool)]) -> Identities {
    let given = |(name, verified): &(&str, bool)| Given {
        name: (*name).to_owned(),
        verified: *verified,
    };
    let mut account = Identities::default();
    let identities: Vec<Given> = identities.iter().map(given).collect();
    account.replace(&identities, tokens, NOW);
    account
}

fn error<T: std::fmt::Debug>(result: Result<T, SesError>) -> (u16, &'static str, String) {
    let error = result.unwrap_err();
    (error.status.as_u16(), error.name, error.message)
}

#[test]
fn an_identity_exists_once_whatever_its_case() {
    let mut account = account(&["Example.com"]);
    let again = account.create(create(json!({"EmailIdentity": "example.COM"})), tokens(), NOW);
    let sentence = "Email identity example.COM already exist.".to_owned();
    assert_eq!(error(again), (400, "AlreadyExistsException", sentence));
    assert!(account.get("EXAMPLE.com").is_ok());
    account.delete("example.com").unwrap();
    let sentence = "Email identity example.com does not exist.".to_owned();
    assert_eq!(
        error(account.delete("example.com")),
        (404, "NotFoundException", sentence.clone())
    );
    assert_eq!(error(account.get("example.com")), (404, "NotFoundException", sentence));
}

#[test]
fn a_refused_creation_leaves_nothing_behind() {
    let mut account = Identities::default();
    account.set_configuration_sets(BTreeSet::from(["mailqueue".to_owned()]));
    let tag = |key: &str| json!({"Key": key, "Value": "x"});
    let many: Vec<Value> = (0..51).map(|number| tag(&format!("k{number}"))).collect();
    for (body, name) in [
        (json!({"EmailIdentity": "example"}), "BadRequestException"),
        (json!({"EmailIdentity": "a..example"}), "BadRequestException"),
        (json!({"EmailIdentity": "bücher.example"}), "BadRequestException"),
        (
            json!({"EmailIdentity": "a.example", "Tags": [tag("aws:x")]}),
            "BadRequestException",
        ),
        (
            json!({"EmailIdentity": "a.example", "Tags": [tag("k"), tag("k")]}),
            "BadRequestException",
        ),
        (
            json!({"EmailIdentity": "a.example", "Tags": [tag("")]}),
            "BadRequestException",
        ),
        (
            json!({"EmailIdentity": "a.example", "Tags": many}),
            "BadRequestException",
        ),
        (
            json!({"EmailIdentity": "a.example", "ConfigurationSetName": "other"}),
            "NotFoundException",
        ),
        (
            json!({"EmailIdentity": "a.example", "DkimSigningAttributes": {"NextSigningKeyLength": "RSA_1"}}),
            "BadRequestException",
        ),
    ] {
        assert_eq!(
            error(account.create(create(body.clone()), tokens(), NOW)).1,
            name,
            "{body}"
        );
    }
    assert_eq!(account.list(None, None).unwrap()["EmailIdentities"], json!([]));
    let body =
        json!({"EmailIdentity": "a.example", "ConfigurationSetName": "mailqueue", "Tags": [tag("mailqueue:stack")]});
    account.create(create(body), tokens(), NOW).unwrap();
    let shown = account.get("a.example").unwrap();
    assert_eq!(shown["Tags"], json!([tag("mailqueue:stack")]));
    assert_eq!(shown["ConfigurationSetName"], "mailqueue");
}

#[test]
fn a_list_has_pages() {
    let names: Vec<String> = (10..40).map(|number| format!("d{number}.example")).collect();
    let account = account(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let page = account.list(None, None).unwrap();
    assert_eq!(page["EmailIdentities"].as_array().unwrap().len(), 25);
    let rest = account.list(Some(1000), page["NextToken"].as_str()).unwrap();
    assert_eq!(rest["EmailIdentities"][0]["IdentityName"], "d35.example");
    assert_eq!(
        (rest["EmailIdentities"].as_array().unwrap().len(), &rest["NextToken"]),
        (5, &Value::Null)
    );
    let whole = account.list(Some(30), None).unwrap();
    assert_eq!(whole["NextToken"], Value::Null);
    for size in [-1, 0, 1001] {
        assert_eq!(error(account.list(Some(size), None)).1, "BadRequestException");
    }
    assert_eq!(error(account.list(None, Some("x"))).2, "Invalid NextToken <x>.");
}

#[test]
fn a_mail_from_domain_lies_below_its_identity() {
    let mut account = account(&["example.com"]);
    for domain in ["example.com", "xexample.com", "send.example.org", "com"] {
        let refused = account.set_mail_from("example.com", Some(domain), None, NOW);
        assert_eq!(error(refused).1, "BadRequestException", "{domain}");
    }
    let unknown = account.set_mail_from("example.org", Some("send.example.org"), None, NOW);
    let sentence = "Identity <example.org> does not exist.".to_owned();
    assert_eq!(error(unknown), (400, "BadRequestException", sentence));
    let refused = account.set_mail_from("example.com", Some("send.example.com"), Some("REJECT"), NOW);
    assert_eq!(error(refused).1, "BadRequestException");
    account
        .set_mail_from("example.com", Some("Send.example.com"), Some("REJECT_MESSAGE"), NOW)
        .unwrap();
    let shown = account.get("example.com").unwrap();
    let expected = json!({
        "MailFromDomain": "send.example.com",
        "MailFromDomainStatus": "PENDING",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    });
    assert_eq!(shown["MailFromAttributes"], expected);
    account.set_mail_from("example.com", None, None, NOW).unwrap();
    let cleared = account.get("example.com").unwrap();
    assert_eq!(
        cleared["MailFromAttributes"],
        json!({"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"})
    );
}

#[test]
fn tags_are_merged_listed_and_removed() {
    let mut account = account(&["example.com"]);
    let tags = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(key, value)| Tag {
                key: (*key).to_owned(),
                value: (*value).to_owned(),
            })
            .collect()
    };
    account.tag("example.com", tags(&[("a", "1"), ("b", "2")])).unwrap();
    account.tag("example.com", tags(&[("a", "3")])).unwrap();
    account.untag("example.com", &["b".to_owned(), "c".to_owned()]).unwrap();
    assert_eq!(
        account.tags("example.com").unwrap(),
        json!({"Tags": [{"Key": "a", "Value": "3"}]})
    );
    let sentence = "No EmailIdentity present with name: example.org".to_owned();
    assert_eq!(
        error(account.tag("example.org", vec![])),
        (404, "NotFoundException", sentence)
    );
}

#[test]
fn a_verified_domain_covers_its_subdomains() {
    let account = given(&[
        ("example.com", true),
        ("own.example.com", false),
        ("Ann@example.org", true),
    ]);
    let may = |from: &str| account.sender(from, "us-east-1").is_ok();
    for from in [
        "a@example.com",
        "A <a@Mail.Example.COM>",
        "a@x.y.example.com",
        "Ann@example.org",
    ] {
        assert!(may(from), "{from}");
    }
    for from in [
        "a@own.example.com",
        "a@x.own.example.com",
        "a@xexample.com",
        "a@com",
        "bob@example.org",
    ] {
        assert!(!may(from), "{from}");
    }
    let (status, name, sentence) = error(account.sender("X <x@Own.example.com>", "us-east-1"));
    assert_eq!((status, name), (400, "MessageRejected"));
    assert_eq!(
        sentence,
        "Email address is not verified. The following identities failed the check in region US-EAST-1: X <x@Own.example.com>"
    );
}

#[test]
fn the_records_of_the_domain_decide_about_its_sender() {
    let mut account = account(&["example.com"]);
    assert!(account.sender("a@example.com", "us-east-1").is_err());
    let [wanted] = account.wanted("us-east-1").try_into().unwrap();
    let looked = |seen| Looked {
        dkim: Some(seen),
        mail_from: None,
    };
    account.observe(&wanted, &looked(Seen::Right), "us-east-1", NOW);
    assert!(account.sender("a@example.com", "us-east-1").is_ok());
    account
        .set_mail_from("example.com", Some("send.example.com"), Some("REJECT_MESSAGE"), NOW)
        .unwrap();
    let refused = account.sender("a@example.com", "us-east-1");
    assert_eq!(error(refused).1, "MailFromDomainNotVerifiedException");
    account.observe(&wanted, &looked(Seen::NoHost), "us-east-1", NOW);
    let shown = account.get("example.com").unwrap();
    assert_eq!(
        shown["VerificationStatus"], "SUCCESS",
        "the look is older than the MAIL FROM domain"
    );
}

#[test]
fn the_clock_of_the_searches_can_be_put_forward() {
    let mut account = account(&["example.com"]);
    let [wanted] = account.wanted("us-east-1").try_into().unwrap();
    account.advance(SignedDuration::from_hours(72));
    let (dkim, mail_from) = (Some(Seen::NoHost), None);
    account.observe(&wanted, &Looked { dkim, mail_from }, "us-east-1", NOW);
    assert_eq!(account.get("example.com").unwrap()["VerificationStatus"], "FAILED");
    account
        .restart("example.com", &Signing::default(), tokens(), NOW)
        .unwrap();
    assert_eq!(account.get("example.com").unwrap()["VerificationStatus"], "PENDING");
    assert_eq!(
        error(account.restart("a@b.example", &Signing::default(), tokens(), NOW)).1,
        "BadRequestException"
    );
}

#[test]
fn only_known_configuration_sets_exist() {
    let mut account = account(&["example.com"]);
    account.set_default_set("example.com", Some("any".to_owned())).unwrap();
    account.set_configuration_sets(BTreeSet::from(["mailqueue".to_owned()]));
    let refused = account.set_default_set("example.com", Some("other".to_owned()));
    let sentence = "Configuration set <other> does not exist.".to_owned();
    assert_eq!(error(refused), (404, "NotFoundException", sentence));
    assert_eq!(account.get("example.com").unwrap()["ConfigurationSetName"], "any");
    account.set_default_set("example.com", None).unwrap();
    assert_eq!(account.get("example.com").unwrap()["ConfigurationSetName"], Value::Null);
}
