use serde_json::{Value, json};

use super::*;
use crate::timestamp::Timestamp;

fn body(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

#[test]
fn a_key_is_read_from_resends_sdks_and_ours() {
    let plain = NewKey {
        name: "shop".to_owned(),
        permission: Permission::FullAccess,
        from_domains: Vec::new(),
        expires_at: None,
        tenant: None,
    };
    assert_eq!(parse_key(br#"{"name":"shop"}"#), Ok(plain.clone()));
    let resend = json!({"name": "shop", "permission": "full_access", "domain_id": null});
    assert_eq!(parse_key(&body(&resend)), Ok(plain));
    let narrow = json!({
        "name": "shop", "permission": "sending_access", "from_domains": ["Example.com", "*.example.com"],
        "expires_at": "2027-01-01T00:00:00Z", "tenant": "acme",
    });
    let narrow = parse_key(&body(&narrow)).unwrap();
    assert_eq!(narrow.permission, Permission::SendingAccess);
    assert_eq!(narrow.from_domains.len(), 2);
    assert_eq!(narrow.tenant, TenantId::parse("acme"));
    assert!(matches!(narrow.expires_at, Some(TimeInput::At(_))));
}

#[test]
fn a_code_of_the_console_is_read() {
    let code = "0a".repeat(32);
    assert_eq!(parse_code(&body(&json!({"code": code}))).unwrap().as_str(), code);
    for (request, path, status) in [
        // A wrong code is no malformed request.
        (json!({"code": "x"}), "code", 404),
        (json!({}), "code", 422),
        (json!({"code": 1}), "code", 422),
        (json!({"codes": "x"}), "codes", 422),
    ] {
        let error = parse_code(&body(&request)).unwrap_err();
        assert_eq!(error.status(), status, "{request}");
        assert!(
            error.message().starts_with(&format!("{path}: ")),
            "{request}: {error:?}"
        );
    }
}

#[test]
fn a_bad_key_is_refused_by_its_field() {
    for (key, path, name) in [
        (json!({}), "name", "missing_required_field"),
        (json!({"name": null}), "name", "missing_required_field"),
        (json!({"name": ""}), "name", "validation_error"),
        (json!({"name": " "}), "name", "validation_error"),
        (json!({"name": "a\nb"}), "name", "validation_error"),
        (json!({"name": "x".repeat(51)}), "name", "validation_error"),
        (json!({"name": 1}), "name", "validation_error"),
        (
            json!({"name": "x", "permission": "root"}),
            "permission",
            "validation_error",
        ),
        (json!({"name": "x", "permission": []}), "permission", "validation_error"),
        (
            json!({"name": "x", "from_domains": []}),
            "from_domains",
            "validation_error",
        ),
        (
            json!({"name": "x", "from_domains": "example.com"}),
            "from_domains",
            "validation_error",
        ),
        (
            json!({"name": "x", "from_domains": ["example.com", "a b"]}),
            "from_domains[1]",
            "validation_error",
        ),
        (
            json!({"name": "x", "from_domains": [1]}),
            "from_domains[0]",
            "validation_error",
        ),
        (
            json!({"name": "x", "from_domains": vec!["example.com"; 51]}),
            "from_domains",
            "validation_error",
        ),
        (
            json!({"name": "x", "expires_at": "soon"}),
            "expires_at",
            "validation_error",
        ),
        (json!({"name": "x", "tenant": "ACME"}), "tenant", "validation_error"),
        (json!({"name": "x", "tenant": "a#b"}), "tenant", "validation_error"),
        (
            json!({"name": "x", "domain_id": "4dd369bc-aa82-4ff3-97de-514ae3000ee0"}),
            "domain_id",
            "validation_error",
        ),
        (json!({"name": "x", "key": "mine"}), "key", "validation_error"),
    ] {
        let error = parse_key(&body(&key)).unwrap_err();
        assert_eq!((error.status(), error.name().as_str()), (422, name), "{key}");
        assert!(error.message().starts_with(&format!("{path}: ")), "{key}: {error:?}");
    }
    let change = parse_key_change(br#"{"name":"new","from_domains":["a.example"]}"#).unwrap();
    let from_domains = vec![FromDomain::parse("a.example").unwrap()];
    assert_eq!(
        (change.name.as_deref(), change.from_domains),
        (Some("new"), Some(from_domains))
    );
    let change = parse_key_change(br#"{"name":"new"}"#).unwrap();
    assert_eq!((change.name.as_deref(), change.from_domains), (Some("new"), None));
    for bad in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "x", "permission": "full_access"}),
        json!({"from_domains": []}),
        json!({"from_domains": null}),
        json!({"from_domains": ["a@b"]}),
    ] {
        assert_eq!(parse_key_change(&body(&bad)).unwrap_err().status(), 422, "{bad}");
    }
    assert_eq!(parse_key(b"[]").unwrap_err().status(), 400);
    assert_eq!(parse_key(br#"{"name":"a","name":"b"}"#).unwrap_err().status(), 422);
}

#[test]
fn two_spellings_of_a_domain_are_one_entry() {
    let given = json!([
        "b\u{fc}cher.example",
        "a.example",
        "XN--bcher-kva.example",
        "*.a.example",
        "A.example"
    ]);
    let expected = ["xn--bcher-kva.example", "a.example", "*.a.example"].map(|text| FromDomain::parse(text).unwrap());
    let (_, tenant) = parse_tenant(&body(&json!({"name": "acme", "from_domains": given}))).unwrap();
    assert_eq!(tenant.from_domains.as_deref(), Some(expected.as_slice()));
    let key = parse_key(&body(&json!({"name": "x", "from_domains": given}))).unwrap();
    assert_eq!(key.from_domains, expected);
}

#[test]
fn a_tenant_is_created_and_changed() {
    let (name, settings) = parse_tenant(&body(&json!({
        "name": "acme", "from_domains": ["acme.example"], "daily_cap": 1_000, "rate": 5,
    })))
    .unwrap();
    let tenant = Tenant {
        id: name,
        ..Tenant::main()
    };
    let tenant = settings.set(tenant, Timestamp::from_millis(5));
    assert_eq!(
        (tenant.daily_cap, tenant.rate, tenant.version),
        (Some(1_000), Some(5), 0)
    );
    assert!(tenant.may_send_from("acme.example") && !tenant.may_send_from("example.com"));

    let change = parse_tenant_change(br#"{"daily_cap":null,"suspended":true}"#).unwrap();
    let changed = change.on(&tenant, Timestamp::from_millis(7));
    assert_eq!(
        (changed.daily_cap, changed.rate, changed.suspended, changed.version),
        (None, Some(5), true, 1)
    );
    assert_eq!(changed.from_domains, tenant.from_domains);
    assert_eq!(parse_tenant_change(b"{}"), Ok(TenantSettings::default()));
}

#[test]
fn a_bad_tenant_is_refused_by_its_field() {
    let domains = json!(["*"]);
    for (tenant, path) in [
        (json!({"from_domains": domains}), "name"),
        (json!({"name": "acme"}), "from_domains"),
        (json!({"name": "Acme", "from_domains": domains}), "name"),
        (json!({"name": "", "from_domains": domains}), "name"),
        (json!({"name": "a".repeat(65), "from_domains": domains}), "name"),
        (json!({"name": "acme", "from_domains": null}), "from_domains"),
        (json!({"name": "acme", "from_domains": ["-"]}), "from_domains[0]"),
        (
            json!({"name": "acme", "from_domains": domains, "daily_cap": 0}),
            "daily_cap",
        ),
        (
            json!({"name": "acme", "from_domains": domains, "daily_cap": 1.5}),
            "daily_cap",
        ),
        (json!({"name": "acme", "from_domains": domains, "rate": -1}), "rate"),
        (
            json!({"name": "acme", "from_domains": domains, "suspended": "no"}),
            "suspended",
        ),
        (json!({"name": "acme", "from_domains": domains, "id": "x"}), "id"),
    ] {
        let error = parse_tenant(&body(&tenant)).unwrap_err();
        assert_eq!(error.status(), 422, "{tenant}");
        assert!(error.message().starts_with(&format!("{path}: ")), "{tenant}: {error:?}");
    }
}
