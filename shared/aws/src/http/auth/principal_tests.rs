//! Permissions of each kind of key, with the records of keys and tenants in memory.

use domain::message::address::EmailAddress;
use domain::tenant::key::{Action, Permission};
use domain::tenant::sender::FromDomain;

use super::test_records::*;
use super::*;
use crate::storage::records::samples::at;

#[tokio::test]
async fn each_kind_of_key_has_its_own_permissions() {
    let token = token();
    for (permission, send, read, manage) in [
        (Permission::FullAccess, true, true, true),
        (Permission::SendingAccess, true, false, false),
        (Permission::ReadAccess, false, true, false),
    ] {
        let principal = at_the_door(&authenticator(), &records(permission), token.as_str(), at(0))
            .await
            .unwrap();
        for (action, allowed) in [(Action::Send, send), (Action::Read, read), (Action::Manage, manage)] {
            let done = principal.clone().to_do(action).map_err(|error| error.status());
            assert_eq!(done.is_ok(), allowed, "{permission:?} {action:?}");
            assert!(allowed || done == Err(401));
        }
        assert_eq!(principal.clone().key_maker().is_ok(), manage, "{permission:?}");
        assert!(principal.deployer().is_err());
    }
    let deployer = at_the_door(&authenticator(), &records(Permission::FullAccess), DEPLOYER, at(0))
        .await
        .unwrap();
    assert!(deployer.clone().deployer().is_ok() && deployer.clone().key_maker().is_ok());
    for action in [Action::Send, Action::Read, Action::Manage] {
        assert_eq!(deployer.clone().to_do(action).unwrap_err().status(), 401);
    }
}

#[tokio::test]
async fn a_foreign_sender_is_refused_by_key_or_tenant() {
    let domains = |names: &[&str]| {
        names
            .iter()
            .map(|name| FromDomain::parse(name).unwrap())
            .collect::<Vec<_>>()
    };
    let tenant = Tenant {
        id: TenantId::parse("acme").unwrap(),
        from_domains: domains(&["acme.example", "*.acme.example"]),
        ..Tenant::main()
    };
    let records = EmailRecords::default();
    *records.key.lock().unwrap() = Some(ApiKey {
        from_domains: domains(&["news.acme.example", "example.com"]),
        ..key(&tenant.id, Permission::SendingAccess)
    });
    *records.tenant.lock().unwrap() = Some(tenant);
    let principal = at_the_door(&authenticator(), &records, token().as_str(), at(0))
        .await
        .unwrap();
    let caller = principal.to_do(Action::Send).unwrap();
    for (from, answer) in [
        ("a@news.acme.example", Ok(())),
        ("a@acme.example", Err((401, "[2].from: "))),
        ("a@shop.acme.example", Err((401, "[2].from: "))),
        // A key never exceeds its tenant's domains.
        ("a@example.com", Err((422, "[2].from: "))),
        ("a@evil.example", Err((422, "[2].from: "))),
    ] {
        let checked = caller.check_from("[2].from", &EmailAddress::parse(from).unwrap());
        let checked = checked.map_err(|error| {
            (
                error.status(),
                error
                    .message()
                    .split_inclusive(": ")
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            )
        });
        assert_eq!(
            checked,
            answer.map_err(|(status, path)| (status, path.to_owned())),
            "{from}"
        );
    }
}

async fn acting(named: &[&str], records: &EmailRecords) -> Result<Operator, (u16, String)> {
    let mut headers = with(&[&format!("Bearer {DEPLOYER}")]);
    for value in named {
        headers.append(TENANT_HEADER, HeaderValue::from_str(value).unwrap());
    }
    let principal = authenticator()
        .authenticate(&headers, Network::default(), records, at(0))
        .await
        .unwrap();
    let Principal::Deployer(deployer, named) = principal else {
        panic!("it is the deployer's key")
    };
    let status_of = |denied| match denied {
        Denied::Refused(error) => (error.status(), error.message().to_owned()),
        Denied::Port(_) => (500, String::new()),
    };
    deployer.act_for(named, records).await.map_err(status_of)
}

#[tokio::test]
async fn the_deployer_acts_for_the_named_tenant() {
    let acme = Tenant {
        id: TenantId::parse("acme").unwrap(),
        // The deployer mainly acts for suspended tenants.
        suspended: true,
        ..Tenant::main()
    };
    let records = EmailRecords::default();
    *records.tenant.lock().unwrap() = Some(acme.clone());
    assert_eq!(acting(&["acme"], &records).await.unwrap().tenant(), &acme.id);
    assert_eq!(acting(&["main"], &records).await.unwrap().tenant(), &TenantId::main());
    for (named, status) in [
        (&[][..], 422),
        (&[""], 422),
        (&["Acme"], 422),
        (&["acme", "acme"], 422),
        (&["nobody"], 404),
    ] {
        let (got, message) = acting(named, &records).await.unwrap_err();
        assert_eq!(got, status, "{named:?}");
        assert!(message.starts_with("x-mailqueue-tenant: "), "{message}");
    }
    let broken = EmailRecords {
        broken: true,
        ..EmailRecords::default()
    };
    assert_eq!(acting(&["acme"], &broken).await.unwrap_err().0, 500);
}

#[tokio::test]
async fn a_key_names_its_own_tenant_or_none() {
    let records = records(Permission::FullAccess);
    for (named, expected) in [
        (&[][..], Ok(())),
        (&["main"], Ok(())),
        (&["acme"], Err(401)),
        (&[""], Err(401)),
        (&["main", "main"], Err(401)),
    ] {
        let mut headers = with(&[&format!("Bearer {}", token().as_str())]);
        for value in named {
            headers.append(TENANT_HEADER, HeaderValue::from_str(value).unwrap());
        }
        let status = match authenticator()
            .authenticate(&headers, Network::default(), &records, at(0))
            .await
        {
            Ok(_) => Ok(()),
            Err(Denied::Refused(error)) => Err(error.status()),
            Err(Denied::Port(_)) => Err(500),
        };
        assert_eq!(status, expected, "{named:?}");
    }
}
