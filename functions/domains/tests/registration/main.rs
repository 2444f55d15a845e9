//! Sending domains over HTTP, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod adoption;
mod crashes;
mod lost;
mod tenants;
mod verification;
mod webhooks;

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::ports::domains::{Domains, Identities};
use domain::tenant::domains::Tls;
use domain::tenant::domains::identity::{Identity, IdentityStatus};
use domain::tenant::domains::name::DomainName;
use domains::DomainsFunction;
use lambda_http::Body;
use memory::{MemoryBackend, samples};
use serde_json::{Value, json};

const EVENT: &str = include_str!("../../../../events/domains.json");

pub(crate) fn function(backend: &MemoryBackend) -> DomainsFunction<MemoryBackend> {
    DomainsFunction {
        records: backend.clone(),
        identities: backend.clone(),
        dns: backend.clone(),
        system: backend.clone(),
        region: "us-east-1".to_owned(),
        tls: Tls::Opportunistic,
    }
}

/// Sends a request with these headers; returns the status and the body.
pub(crate) async fn request(
    backend: &MemoryBackend,
    headers: &[(&str, &str)],
    route: (&str, &str),
    body: Option<Value>,
) -> (u16, String) {
    request_of(&function(backend), headers, route, body).await
}

async fn request_of(
    function: &DomainsFunction<MemoryBackend>,
    headers: &[(&str, &str)],
    (method, path): (&str, &str),
    body: Option<Value>,
) -> (u16, String) {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    event["requestContext"]["http"]["method"] = method.into();
    event["body"] = body.map_or(Value::Null, |body| body.to_string().into());
    for (name, value) in headers {
        event["headers"][*name] = (*value).into();
    }
    let event = serde_json::from_value(event).expect("an event has API Gateway's form");
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let request = gateway::request(event).expect("a request");
    let response = endpoint::handle(function, &authenticator, request).await;
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    (response.status().as_u16(), text.clone())
}

/// Sends a request of the tenant `main`.
pub(crate) async fn ask(backend: &MemoryBackend, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, text) = request(backend, &[], (method, path), body).await;
    (status, serde_json::from_str(&text).expect("an answer is JSON"))
}

pub(crate) async fn create(backend: &MemoryBackend, name: &str) -> (u16, Value) {
    ask(backend, "POST", "/domains", Some(json!({"name": name}))).await
}

/// Registers a domain, and returns its path.
pub(crate) async fn created(backend: &MemoryBackend, name: &str) -> String {
    let (status, domain) = create(backend, name).await;
    assert_eq!(status, 201, "{domain}");
    format!("/domains/{}", domain["id"].as_str().unwrap())
}

pub(crate) fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

/// Changes an identity as SES does.
pub(crate) fn at_ses(backend: &MemoryBackend, domain: &str, change: impl FnOnce(&mut Identity)) {
    change(backend.state().identities.get_mut(&name(domain)).unwrap());
}

pub(crate) fn verify_at_ses(backend: &MemoryBackend, domain: &str) {
    at_ses(backend, domain, |identity| {
        identity.status = IdentityStatus::Verified;
        identity.may_send = true;
    });
}

fn names(list: &Value) -> Vec<&str> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_new_domain_has_resends_form() {
    let backend = MemoryBackend::default();
    let (status, domain) = create(&backend, "Mail.Example.COM").await;
    assert_eq!(status, 201);
    assert_eq!(
        (&domain["object"], &domain["name"]),
        (&json!("domain"), &json!("mail.example.com"))
    );
    assert_eq!(
        (&domain["status"], &domain["verified"]),
        (&json!("pending"), &json!("never"))
    );
    assert_eq!(domain["region"], "us-east-1");
    let expected = json!({"record": "SPF", "name": "send.mail", "host": "send.mail.example.com", "type": "MX",
        "ttl": "Auto", "status": "pending", "value": "feedback-smtp.us-east-1.amazonses.com", "priority": 10});
    assert_eq!(
        domain["records"][0], expected,
        "no lookup: a DNS server would remember the missing record"
    );
    let kinds = domain["records"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds
        .map(|record| (record["record"].as_str().unwrap(), record["type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("SPF", "MX"),
            ("SPF", "TXT"),
            ("DKIM", "CNAME"),
            ("DKIM", "CNAME"),
            ("DKIM", "CNAME")
        ]
    );
    assert_eq!(domain["dmarc"]["host"], "_dmarc.mail.example.com");
    let registry = backend.registry().await.unwrap();
    assert!(registry.unverified.contains("mail.example.com"));
}

#[tokio::test]
async fn the_golden_event_registers_its_domain() {
    let backend = MemoryBackend::default();
    let body: Value = serde_json::from_str(EVENT).unwrap();
    let body = serde_json::from_str(body["body"].as_str().unwrap()).unwrap();
    let (status, domain) = ask(&backend, "POST", "/domains", Some(body)).await;
    assert_eq!((status, &domain["name"]), (201, &json!("golden.example")));
}

#[tokio::test]
async fn a_list_has_pages_newest_first() {
    let backend = MemoryBackend::default();
    let mut ids = Vec::new();
    for (number, name) in ["one.example", "two.example", "three.example"].into_iter().enumerate() {
        backend.state().now_ms = 1_000 * i64::try_from(number).unwrap();
        ids.push(created(&backend, name).await.replace("/domains/", ""));
    }
    for (query, expected, has_more) in [
        (
            String::new(),
            &["three.example", "two.example", "one.example"][..],
            false,
        ),
        ("?limit=2".to_owned(), &["three.example", "two.example"], true),
        (format!("?limit=1&after={}", ids[2]), &["two.example"], true),
        (format!("?limit=1&before={}", ids[0]), &["two.example"], true),
        (format!("?before={}", ids[1]), &["three.example"], false),
        (format!("?after={}", ids[0]), &[], false),
    ] {
        let (status, list) = ask(&backend, "GET", &format!("/domains{query}"), None).await;
        assert_eq!(
            (status, names(&list).as_slice(), &list["has_more"]),
            (200, expected, &json!(has_more)),
            "{query}"
        );
    }
    let (status, _) = ask(
        &backend,
        "GET",
        "/domains?after=d592d4b9-0d8e-89e0-a2ff-febbe05311a0",
        None,
    )
    .await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_deletion_removes_domain_and_identity() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    let (status, deleted) = ask(&backend, "DELETE", &path, None).await;
    assert_eq!((status, &deleted["deleted"]), (200, &json!(true)));
    assert!(backend.identity(&name("example.com")).await.unwrap().is_none());
    assert!(backend.registry().await.unwrap().unverified.is_empty());
    assert_eq!(ask(&backend, "GET", &path, None).await.0, 404);
    created(&backend, "example.com").await;
}

#[tokio::test]
async fn a_change_keeps_the_domain_as_it_is() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    let (status, changed) = ask(&backend, "PATCH", &path, Some(json!({"open_tracking": false}))).await;
    assert_eq!((status, &changed["object"]), (200, &json!("domain")));
    let (status, _) = ask(&backend, "PATCH", &path, Some(json!({"open_tracking": true}))).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_domain_shows_the_tls_of_the_deployment() {
    for (tls, word) in [(Tls::Opportunistic, "opportunistic"), (Tls::Enforced, "enforced")] {
        let backend = MemoryBackend::default();
        let function = DomainsFunction {
            tls,
            ..function(&backend)
        };
        let ask = async |method: &str, path: &str, body: Option<Value>| {
            let (status, text) = request_of(&function, &[], (method, path), body).await;
            (status, serde_json::from_str::<Value>(&text).unwrap())
        };
        let new = json!({"name": "example.com", "tls": word});
        let (status, domain) = ask("POST", "/domains", Some(new)).await;
        assert_eq!((status, &domain["tls"]), (201, &json!(word)), "{domain}");
        let path = format!("/domains/{}", domain["id"].as_str().unwrap());
        assert_eq!(ask("GET", &path, None).await.1["tls"], word);
        assert_eq!(ask("GET", "/domains", None).await.1["data"][0]["tls"], word);
        for given in ["opportunistic", "enforced"] {
            let (status, _) = ask("PATCH", &path, Some(json!({"tls": given}))).await;
            assert_eq!(status, if given == word { 200 } else { 422 }, "{word} {given}");
        }
    }
}

#[tokio::test]
async fn a_registered_name_is_a_conflict() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    let (status, error) = create(&backend, "example.com").await;
    assert_eq!((status, &error["name"]), (409, &json!("validation_error")));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains(&path.replace("/domains/", ""))
    );
    assert_eq!(
        create(&backend, "mail.example.com").await.0,
        201,
        "one's own domain above is no conflict"
    );
    let (status, error) = ask(
        &backend,
        "POST",
        "/domains",
        Some(json!({"name": "other.example", "region": "eu-west-1"})),
    )
    .await;
    assert_eq!(
        (status, error["message"].as_str().unwrap().starts_with("region: ")),
        (422, true)
    );
}

#[tokio::test]
async fn a_zone_file_can_be_imported() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    let (status, zone) = request(&backend, &[], ("GET", &format!("{path}?format=zone")), None).await;
    assert_eq!(status, 200);
    let record = "example-com1._domainkey.example.com. 3600 IN CNAME example-com1.dkim.amazonses.com.\n";
    assert!(zone.contains(record) && zone.lines().count() == 7, "{zone}");
    assert_eq!(ask(&backend, "GET", &format!("{path}?format=yaml"), None).await.0, 422);
}
