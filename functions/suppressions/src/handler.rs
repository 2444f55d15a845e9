//! HTTP handler: takes a request, and returns a response.
//!
//! **Invariant:** every route takes a [`TenantPrincipal`], so that it is reachable only with a tenant's key that allows
//! it.

use aws::http;
use aws::http::auth::{Authenticator, Principal, TenantPrincipal};
use aws::http::endpoint::{self, Authentication};
use domain::api::suppressions::{parse_add, parse_add_many, parse_remove_many};
use domain::ports::{AccountList, Clock};
use lambda_http::{Body, Request, Response};

use crate::page::SuppressionPage;
use crate::routes::{Route, route};
use crate::{Store, SuppressionsError, SuppressionsFunction};

/// Carries out one request.
pub async fn handle<R, S, A>(
    function: &SuppressionsFunction<R, S, A>,
    authenticator: &Authenticator,
    request: Request,
) -> Response<Body>
where
    R: Store,
    S: Clock,
    A: AccountList,
{
    let route = route(request.method(), request.uri().path());
    let authentication = Authentication {
        authenticator,
        records: &function.records,
        now: function.system.now(),
    };
    endpoint::answer(
        authentication,
        route,
        &request,
        async |principal: Principal, route: Route| {
            function
                .carry_out(&principal.to_do(route.action())?, route, &request)
                .await
        },
    )
    .await
}

impl<R, S, A> SuppressionsFunction<R, S, A>
where
    R: Store,
    S: Clock,
    A: AccountList,
{
    async fn carry_out(
        &self,
        caller: &TenantPrincipal,
        route: Route,
        request: &Request,
    ) -> Result<Response<Body>, SuppressionsError> {
        let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
        Ok(match route {
            Route::List => http::json(200, &self.suppressions(caller, &SuppressionPage::parse(query)?).await?),
            Route::Add => http::json(201, &self.add_suppression(caller, parse_add(body)?).await?),
            Route::AddMany => http::json(201, &self.add_suppressions(caller, &parse_add_many(body)?).await?),
            Route::RemoveMany => http::json(200, &self.remove_suppressions(caller, &parse_remove_many(body)?).await?),
            Route::Get(which) => http::json(200, &self.suppression(caller, &which).await?),
            Route::Remove(which) => http::json(200, &self.remove_suppression(caller, &which).await?),
        })
    }
}
