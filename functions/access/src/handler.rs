//! HTTP handler: takes a request, and returns a response.
//!
//! **Invariant:** each function behind authentication takes a value that only authentication gives: a
//! [`KeyAuthor`] or a [`Deployer`].

use aws::http;
use aws::http::auth::{Authenticator, Deployer, KeyAuthor, Principal};
use aws::http::endpoint::{self, Authentication, made};
use aws::http::query;
use domain::api::access_api::{parse_key, parse_key_change, parse_tenant, parse_tenant_change};
use domain::ports::{Clock, Random};
use lambda_http::{Body, Request, Response};

use crate::api_keys::{KeyPage, Revocation};
use crate::routes::{DeployerRoute, KeyRoute, Route, route};
use crate::tenants::HoldChange;
use crate::{AccessError, AccessFunction, Store};

/// Carries out one request.
pub async fn handle<R, S>(
    access: &AccessFunction<R, S>,
    authenticator: &Authenticator,
    request: Request,
) -> Response<Body>
where
    R: Store,
    S: Clock + Random,
{
    let route = route(request.method(), request.uri().path());
    let authentication = Authentication {
        authenticator,
        records: &access.records,
        now: access.system.now(),
    };
    endpoint::answer(
        authentication,
        route,
        &request,
        async |principal: Principal, route| match route {
            Route::Keys(route) => access.of_keys(&principal.key_maker()?, route, &request).await,
            Route::Deployer(route) => access.of_tenants(principal.deployer()?, route, &request).await,
        },
    )
    .await
}

impl<R, S> AccessFunction<R, S>
where
    R: Store,
    S: Clock + Random,
{
    async fn of_keys(
        &self,
        maker: &KeyAuthor,
        route: KeyRoute,
        request: &Request,
    ) -> Result<Response<Body>, AccessError> {
        let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
        Ok(match route {
            KeyRoute::ListKeys => http::json(200, &self.keys(maker, &KeyPage::parse(query)?).await?),
            KeyRoute::CreateKey => {
                let key = self.create_key(maker, parse_key(body)?).await?;
                made(key.id().to_owned(), http::json(201, &key))
            }
            KeyRoute::ChangeKey(id) => {
                let hold = query::flag(query, "hold")?;
                http::json(200, &self.change_key(maker, id, parse_key_change(body)?, hold).await?)
            }
            KeyRoute::RevokeKey(id) => http::json(200, &self.revoke_key(maker, id, Revocation::parse(query)?).await?),
        })
    }

    async fn of_tenants(
        &self,
        deployer: Deployer,
        route: DeployerRoute,
        request: &Request,
    ) -> Result<Response<Body>, AccessError> {
        let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
        Ok(match route {
            DeployerRoute::ListTenants => http::json(200, &self.tenants(deployer).await?),
            DeployerRoute::CreateTenant => {
                let (name, settings) = parse_tenant(body)?;
                let tenant = self.create_tenant(deployer, name.clone(), &settings).await?;
                made(name.to_string(), http::json(201, &tenant))
            }
            DeployerRoute::GetTenant(name) => http::json(200, &self.tenant(deployer, &name).await?),
            DeployerRoute::ChangeTenant(name) => {
                let (settings, with) = (parse_tenant_change(body)?, HoldChange::parse(query)?);
                http::json(200, &self.change_tenant(deployer, &name, &settings, with).await?)
            }
            DeployerRoute::DeleteTenant(name) => http::json(200, &self.delete_tenant(deployer, &name).await?),
        })
    }
}
