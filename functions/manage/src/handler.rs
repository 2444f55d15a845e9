//! HTTP: a request in, an answer out.
//!
//! **Invariant:** the key is looked at first, whatever the route.

use std::time::Instant;

use aws::http::{self, Caller};
use aws::settings::KeySettings;
use domain::api_error::ApiError;
use domain::ports::{Bodies, Clock, Lanes, Listing, Rows};
use domain::wire::api::{parse_reschedule, parse_retry};
use lambda_http::http::HeaderValue;
use lambda_http::http::header::ALLOW;
use lambda_http::{Body, Request, Response};

use crate::paging::Page;
use crate::routes::{NoRoute, Route, route};
use crate::{Manage, ManageError};

/// Carries out one request.
pub async fn handle<R, B, L, S>(manage: &Manage<R, B, L, S>, key: &KeySettings, request: Request) -> Response<Body>
where
    R: Rows + Listing,
    B: Bodies,
    L: Lanes,
    S: Clock,
{
    let began = Instant::now();
    let route = route(request.method(), request.uri().path());
    let response = match http::authenticate(request.headers(), key) {
        Ok(caller) => answer(manage, &caller, route, &request).await,
        Err(error) => http::refuse(&error),
    };
    tracing::info!(
        target: "mailqueue",
        route = route.map_or("none", Route::name),
        status = response.status().as_u16(),
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

async fn answer<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    caller: &Caller,
    route: Result<Route, NoRoute>,
    request: &Request,
) -> Response<Body>
where
    R: Rows + Listing,
    B: Bodies,
    L: Lanes,
    S: Clock,
{
    let body = request.body().as_ref();
    let answer = match route {
        Ok(Route::GetEmail(id)) => manage.email(caller, id).await.map(|email| http::json(200, &email)),
        Ok(Route::ListEmails) => list(manage, caller, request).await,
        Ok(Route::CancelEmail(id)) => manage.cancel(caller, id).await.map(|done| http::json(200, &done)),
        Ok(Route::RescheduleEmail(id)) => match parse_reschedule(body) {
            Ok(asked) => manage
                .reschedule(caller, id, asked)
                .await
                .map(|done| http::json(200, &done)),
            Err(error) => Err(ManageError::Refused(error)),
        },
        Ok(Route::RetryEmail(id)) => match parse_retry(body) {
            Ok(force) => manage.retry(caller, id, force).await.map(|done| http::json(200, &done)),
            Err(error) => Err(ManageError::Refused(error)),
        },
        Err(NoRoute::Unknown) => Err(ManageError::Refused(ApiError::not_found(
            "There is nothing here. An email is at /emails/{id}, the list of emails at /emails.",
        ))),
        Err(NoRoute::NotAllowed { allow }) => return not_allowed(allow),
    };
    match answer {
        Ok(response) => response,
        Err(ManageError::Refused(error)) => http::refuse(&error),
        Err(error @ (ManageError::Port(_) | ManageError::Write(_))) => http::fail(&error),
    }
}

async fn list<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    caller: &Caller,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Rows + Listing,
    B: Bodies,
    L: Lanes,
    S: Clock,
{
    let page = Page::parse(request.uri().query().unwrap_or_default()).map_err(ManageError::Refused)?;
    let emails = manage.emails(caller, &page).await?;
    Ok(http::json(200, &emails))
}

fn not_allowed(allow: &'static str) -> Response<Body> {
    let error = ApiError::method_not_allowed(format!("This method is not allowed here; use one of: {allow}."));
    let mut response = http::refuse(&error);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}
