//! The route table.
//!
//! **Invariant:** every handler takes the principal that its route needs, and only authentication creates one
//! ([`aws::http::auth::Authenticator::authenticate`]). The deployer's key acts for the tenant that the request names.

use aws::http;
use aws::http::answer::{answer, answer_with_object};
use aws::http::auth::{ActsFor as _, TenantPrincipal};
use aws::http::routing::{self, HttpFunction, Route, delete, get, patch, post};
use domain::api::domain_api::{check_change, parse_create};
use domain::api::domain_view::DomainChanged;
use domain::api::error::ApiError;
use domain::id::DomainId;
use domain::ports::Clock;
use domain::tenant::domains::name::DomainName;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;

use crate::reading::{DomainPage, Format};
use crate::registration::Registrar;
use crate::{DomainsError, DomainsFunction, Ports};

/// The media type of a zone file. Source: RFC 4027.
const ZONE: &str = "text/dns";

/// The answer to a path with another text in the place of a domain's id.
const NO_ID: &str = "No domain has this id. See GET /domains.";

/// Values from a path.
#[derive(Debug, Default)]
pub struct Parameters {
    domain: Option<DomainId>,
}

impl routing::Parameters for Parameters {
    fn read(&mut self, _: &str, segment: &str) -> Option<()> {
        self.domain = Some(DomainId::parse(segment)?);
        Some(())
    }

    fn unreadable(_: &str, _: &str) -> Option<&'static str> {
        Some(NO_ID)
    }

    fn object(&self) -> Option<String> {
        self.domain.map(|domain| domain.to_string())
    }
}

impl Parameters {
    fn domain(&self) -> Result<DomainId, ApiError> {
        self.domain.ok_or_else(routing::unknown_path)
    }
}

/// Checks that a key, and its tenant, may use a domain.
fn check_scope(caller: &TenantPrincipal, name: &DomainName) -> Result<(), ApiError> {
    if caller.scope().covers(name.as_str()) {
        return Ok(());
    }
    Err(ApiError::restricted_api_key(
        "The From domains of this API key or of its tenant do not cover this domain.",
    ))
}

impl<P: Ports> DomainsFunction<P> {
    /// Checks that a caller may change a domain.
    async fn check_change_by(&self, caller: &TenantPrincipal, id: DomainId) -> Result<(), DomainsError> {
        let domain = self.domain_of(caller.tenant(), id).await?;
        Ok(check_scope(caller, &domain.name)?)
    }
}

impl<P: Ports> HttpFunction for DomainsFunction<P> {
    type Parameters = Parameters;
    type Error = DomainsError;
    type Records = P::Records;

    const ROUTES: &'static [Route<Self>] = &[
        get("/domains", "list_domains").either(Action::Read, |function, party, input| {
            answer(200, async move {
                function.list(party.tenant(), &DomainPage::parse(input.query)?).await
            })
        }),
        post("/domains", "create_domain").each(
            Action::Manage,
            |function, caller, input| {
                answer_with_object(201, async move {
                    let new = parse_create(input.body, function.tls)?;
                    check_scope(caller, &new.name)?;
                    function.register(caller.tenant(), Registrar::Tenant, new).await
                })
            },
            |function, operator, input| {
                answer_with_object(201, async move {
                    let new = parse_create(input.body, function.tls)?;
                    function.register(operator.tenant(), Registrar::Deployer, new).await
                })
            },
        ),
        get("/domains/{domain}", "get_domain").either(Action::Read, |function, party, input| {
            Box::pin(async move {
                let id = input.path.domain()?;
                Ok(match Format::parse(input.query)? {
                    Format::Json => http::json(200, &function.show(party.tenant(), id).await?),
                    Format::Zone => http::text(ZONE, function.zone(party.tenant(), id).await?),
                })
            })
        }),
        patch("/domains/{domain}", "update_domain").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let id = input.path.domain()?;
                let repeated = check_change(input.body, function.tls)?;
                if repeated.is_some_and(|given| DomainId::parse(&given) != Some(id)) {
                    return Err(ApiError::validation("id", "must equal the id in the path").into());
                }
                function.check_change_by(caller, id).await?;
                Ok(DomainChanged::new(id))
            })
        }),
        delete("/domains/{domain}", "delete_domain").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let id = input.path.domain()?;
                function.check_change_by(caller, id).await?;
                function.delete(caller.tenant(), id).await
            })
        }),
        post("/domains/{domain}/verify", "verify_domain").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let id = input.path.domain()?;
                function.check_change_by(caller, id).await?;
                function.verify(caller.tenant(), id).await
            })
        }),
    ];

    fn records(&self) -> &P::Records {
        &self.records
    }

    fn now(&self) -> Timestamp {
        self.system.now()
    }
}

#[cfg(test)]
mod tests {
    use aws::http::routing::{NoRoute, find};
    use lambda_http::http::Method;
    use memory::MemoryBackend;

    use super::*;

    const ID: &str = "d592d4b9-0d8e-89e0-a2ff-febbe05311a0";

    fn found(method: &str, path: &str) -> Result<&'static str, NoRoute> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        find::<DomainsFunction<MemoryBackend>>(&method, path).map(|found| found.route.name)
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let one = format!("/domains/{ID}");
        let verify = format!("{one}/verify");
        let claim = format!("{one}/claim");
        for (method, path, expected) in [
            ("GET", "/domains", Ok("list_domains")),
            ("POST", "/domains", Ok("create_domain")),
            ("GET", &one, Ok("get_domain")),
            ("PATCH", &one, Ok("update_domain")),
            ("DELETE", &one, Ok("delete_domain")),
            ("POST", &verify, Ok("verify_domain")),
            ("GET", &claim, Err(NoRoute::Unknown)),
            ("POST", "/domains/claim", Err(NoRoute::Unreadable(NO_ID))),
            ("GET", "/domains/example.com", Err(NoRoute::Unreadable(NO_ID))),
            ("GET", "/emails", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }
}
