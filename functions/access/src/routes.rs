//! The route table.
//!
//! **Invariant:** a handler takes a value that only the right key gives, such as a
//! [`KeyAuthor`](aws::http::auth::KeyAuthor) or a [`Deployer`](aws::http::auth::Deployer). The exchange of a code of
//! the console takes none: the code stands for a key.

use aws::http::answer::{answer, answer_with_object};
use aws::http::base_url::base_url;
use aws::http::query;
use aws::http::routing::{self, HttpFunction, Route, delete, get, patch, post};
use domain::api::access_api::{parse_code, parse_key, parse_key_change, parse_tenant, parse_tenant_change};
use domain::api::error::ApiError;
use domain::id::{KeyId, TenantId};
use domain::ports::Clock;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;

use crate::api_keys::{KeyPage, NO_SUCH_KEY, Revocation};
use crate::tenants::{HoldChange, NO_SUCH_TENANT};
use crate::{AccessError, AccessFunction, Ports};

/// Values from a path.
#[derive(Debug, Default)]
pub struct Parameters {
    id: Option<KeyId>,
    name: Option<TenantId>,
}

impl routing::Parameters for Parameters {
    fn read(&mut self, name: &str, segment: &str) -> Option<()> {
        match name {
            "id" => self.id = Some(KeyId::parse(segment)?),
            "name" => self.name = Some(TenantId::parse(segment)?),
            _ => return None,
        }
        Some(())
    }

    fn unreadable(_: &str, name: &str) -> Option<&'static str> {
        Some(if name == "id" { NO_SUCH_KEY } else { NO_SUCH_TENANT })
    }

    fn object(&self) -> Option<String> {
        let name = self.name.as_ref().map(ToString::to_string);
        name.or_else(|| self.id.map(|id| id.to_string()))
    }
}

impl Parameters {
    fn id(&self) -> Result<KeyId, ApiError> {
        self.id.ok_or_else(routing::unknown_path)
    }

    fn name(&self) -> Result<&TenantId, ApiError> {
        self.name.as_ref().ok_or_else(routing::unknown_path)
    }
}

impl<P: Ports> HttpFunction for AccessFunction<P> {
    type Parameters = Parameters;
    type Error = AccessError;
    type Records = P::Records;

    const ROUTES: &'static [Route<Self>] = &[
        get("/api-keys", "list_api_keys").author(|access, maker, input| {
            answer(200, async move {
                let page = KeyPage::parse(input.query)?;
                access.keys(maker, &page).await
            })
        }),
        post("/api-keys", "create_api_key").author(|access, maker, input| {
            answer_with_object(201, async move {
                let key = access.create_key(maker, parse_key(input.body)?).await?;
                Ok((key.id().to_owned(), key))
            })
        }),
        patch("/api-keys/{id}", "change_api_key").author(|access, maker, input| {
            answer(200, async move {
                let hold = query::flag(input.query, "hold")?;
                access
                    .change_key(maker, input.path.id()?, parse_key_change(input.body)?, hold)
                    .await
            })
        }),
        delete("/api-keys/{id}", "revoke_api_key").author(|access, maker, input| {
            answer(200, async move {
                let revocation = Revocation::parse(input.query)?;
                access.revoke_key(maker, input.path.id()?, revocation).await
            })
        }),
        post("/console-codes", "create_console_code").each(
            Action::Read,
            |access, caller, input| {
                answer(201, async move {
                    access.create_code(caller, &base_url(input.headers)).await
                })
            },
            |access, operator, input| {
                answer(201, async move {
                    access.create_code_for(operator, &base_url(input.headers)).await
                })
            },
        ),
        post("/console-codes/exchange", "exchange_console_code").token(|access, input| {
            answer_with_object(201, async move {
                let key = access.exchange_code(&parse_code(input.body)?).await?;
                Ok((key.id().to_owned(), key))
            })
        }),
        get("/tenants", "list_tenants").deployer(|access, deployer, _| answer(200, access.tenants(*deployer))),
        post("/tenants", "create_tenant").deployer(|access, deployer, input| {
            answer_with_object(201, async move {
                let (name, settings) = parse_tenant(input.body)?;
                Ok((
                    name.to_string(),
                    access.create_tenant(*deployer, name, &settings).await?,
                ))
            })
        }),
        get("/tenants/{name}", "get_tenant").deployer(|access, deployer, input| {
            answer(200, async move { access.tenant(*deployer, input.path.name()?).await })
        }),
        patch("/tenants/{name}", "change_tenant").deployer(|access, deployer, input| {
            answer(200, async move {
                let (settings, with) = (parse_tenant_change(input.body)?, HoldChange::parse(input.query)?);
                access
                    .change_tenant(*deployer, input.path.name()?, &settings, with)
                    .await
            })
        }),
        delete("/tenants/{name}", "delete_tenant").deployer(|access, deployer, input| {
            answer(200, async move {
                let name = input.path.name()?;
                access.delete_tenant(*deployer, name).await
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
    use aws::http::routing::{NoRoute, Parameters, find};
    use lambda_http::http::Method;
    use memory::MemoryBackend;

    use crate::AccessFunction;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    /// Returns the name of a route, and its object or an empty text.
    fn of(method: &str, path: &str) -> Result<(&'static str, String), NoRoute> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = find::<AccessFunction<MemoryBackend>>(&method, path)?;
        Ok((found.route.name, found.path.object().unwrap_or_default()))
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let to = |name, object: &str| Ok((name, object.to_owned()));
        let only = |allow: &str| {
            Err(NoRoute::NotAllowed {
                allow: allow.to_owned(),
            })
        };
        let key = format!("/api-keys/{ID}");
        for (method, path, expected) in [
            ("GET", "/api-keys", to("list_api_keys", "")),
            ("POST", "/api-keys", to("create_api_key", "")),
            ("DELETE", &key, to("revoke_api_key", ID)),
            ("PATCH", &key, to("change_api_key", ID)),
            ("GET", &key, only("PATCH, DELETE")),
            ("PUT", "/api-keys", only("GET, POST")),
            ("GET", "/api-keys/x", Err(NoRoute::Unreadable(super::NO_SUCH_KEY))),
            (
                "PATCH",
                "/tenants/Acme",
                Err(NoRoute::Unreadable(super::NO_SUCH_TENANT)),
            ),
            ("POST", "/console-codes", to("create_console_code", "")),
            ("POST", "/console-codes/exchange", to("exchange_console_code", "")),
            ("GET", "/console-codes", only("POST")),
            ("GET", "/tenants", to("list_tenants", "")),
            ("POST", "/tenants", to("create_tenant", "")),
            ("GET", "/tenants/acme", to("get_tenant", "acme")),
            ("PATCH", "/tenants/acme", to("change_tenant", "acme")),
            ("DELETE", "/tenants/acme", to("delete_tenant", "acme")),
            ("POST", "/tenants/acme", only("GET, PATCH, DELETE")),
        ] {
            assert_eq!(of(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn an_unknown_path_has_no_route() {
        for path in [
            "",
            "/",
            "/api-keys/x",
            &format!("/api-keys/{ID} "),
            "/Api-Keys",
            "/tenants/Acme",
            "/tenants/a%23b",
            "/tenants/acme/keys",
            "/emails",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                let no_route = of(method, path).unwrap_err();
                assert!(
                    matches!(no_route, NoRoute::Unknown | NoRoute::Unreadable(_)),
                    "{method} {path}"
                );
            }
        }
    }
}
