//! HTTP: a request in, an answer out.
//!
//! **Invariant:** the key is looked at first, whatever the route; only the description of the API is
//! for everybody.

use std::time::Instant;

use aws::http::{self, Caller};
use aws::settings::KeySettings;
use domain::api_error::ApiError;
use domain::ports::erasure::Erasing;
use domain::ports::{Bodies, Clock, Lanes, Random};
use domain::wire::api::{parse_reschedule, parse_retry};
use domain::wire::attachments::parse_upload;
use domain::wire::queue_api;
use domain::wire::suppressions::{parse_add, parse_add_many, parse_remove_many};
use lambda_http::http::HeaderValue;
use lambda_http::http::header::ALLOW;
use lambda_http::{Body, Request, Response};

use crate::failures::FailuresQuery;
use crate::metrics::MetricsQuery;
use crate::paging::{Page, parse_flag};
use crate::routes::{NoRoute, Route, route};
use crate::suppressions::SuppressionPage;
use crate::{Manage, ManageError, Store};

/// The description of the API, made by `make openapi` and packed by `build.rs`: a tenth of its size in what a
/// cold start loads.
const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.zst"));

/// Larger than it will ever be.
const DESCRIPTION_MAX: usize = 1 << 20;

/// Carries out one request.
pub async fn handle<R, B, L, S>(manage: &Manage<R, B, L, S>, key: &KeySettings, request: Request) -> Response<Body>
where
    R: Store,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    let began = Instant::now();
    let route = route(request.method(), request.uri().path());
    let name = route.as_ref().map_or("none", Route::name);
    let response = match (route, http::authenticate(request.headers(), key)) {
        (Ok(Route::Describe), _) => describe(),
        (route, Ok(caller)) => answer(manage, &caller, route, &request).await,
        (_, Err(error)) => http::refuse(&error),
    };
    tracing::info!(
        target: "mailqueue",
        route = name,
        status = response.status().as_u16(),
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

fn describe() -> Response<Body> {
    let unpacked = zstd::bulk::decompress(DESCRIPTION, DESCRIPTION_MAX);
    match unpacked.map(String::from_utf8) {
        Ok(Ok(text)) => http::written(200, text),
        Ok(Err(error)) => http::fail(&error),
        Err(error) => http::fail(&error),
    }
}

async fn answer<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    caller: &Caller,
    route: Result<Route, NoRoute>,
    request: &Request,
) -> Response<Body>
where
    R: Store,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    let answer = match route {
        Ok(route) => carry_out(manage, caller, route, request).await,
        Err(NoRoute::Unknown) => Err(ManageError::Refused(ApiError::not_found(
            "There is nothing here. What there is says /openapi.json.",
        ))),
        Err(NoRoute::NotAllowed { allow }) => return not_allowed(&allow),
    };
    match answer {
        Ok(response) => response,
        Err(ManageError::Refused(error)) => http::refuse(&error),
        Err(error @ (ManageError::Port(_) | ManageError::Write(_) | ManageError::Busy)) => http::fail(&error),
    }
}

async fn carry_out<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    caller: &Caller,
    route: Route,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
    Ok(match route {
        Route::Describe => describe(),
        Route::ListEmails => http::json(200, &manage.emails(caller, &Page::parse(query)?).await?),
        Route::GetEmail(id) => http::json(200, &manage.email(caller, id).await?),
        Route::EraseEmail(id) => http::json(200, &manage.erase(caller, id).await?),
        Route::ListEvents(id) => http::json(200, &manage.events(caller, id).await?),
        Route::RescheduleEmail(id) => http::json(200, &manage.reschedule(caller, id, parse_reschedule(body)?).await?),
        Route::CancelEmail(id) => http::json(200, &manage.cancel(caller, id).await?),
        Route::RetryEmail(id) => http::json(200, &manage.retry(caller, id, parse_retry(body)?).await?),
        Route::InviteUpload => http::json(200, &manage.invite(caller, &parse_upload(body)?).await?),
        Route::Metrics => http::json(200, &manage.metrics(caller, &MetricsQuery::parse(query)?).await?),
        Route::Failures => http::json(200, &manage.failures(caller, &FailuresQuery::parse(query)?).await?),
        Route::ListQueues => http::json(200, &manage.queues(caller).await?),
        Route::CreateQueue => {
            let (name, settings) = queue_api::parse_create(body)?;
            http::json(201, &manage.create_queue(caller, name, &settings).await?)
        }
        Route::GetQueue(name) => http::json(200, &manage.queue(caller, name).await?),
        Route::ChangeQueue(name) => {
            let settings = queue_api::parse_change(body)?;
            http::json(200, &manage.change_queue(caller, name, &settings).await?)
        }
        Route::DeleteQueue(name) => {
            let cancel = parse_flag(query, "cancel")?;
            http::json(200, &manage.delete_queue(caller, name, cancel).await?)
        }
        Route::PauseQueue(name) => {
            let pause = queue_api::parse_pause(body)?;
            http::json(200, &manage.pause(caller, name, pause).await?)
        }
        Route::ResumeQueue(name) => http::json(200, &manage.resume(caller, name).await?),
        Route::PurgeQueue(name) => http::json(202, &manage.purge(caller, name).await?),
        Route::RestoreQueue(name) => http::json(202, &manage.restore(caller, name).await?),
        Route::RedriveQueue(name) => {
            let redrive = queue_api::parse_redrive(body)?;
            http::json(202, &manage.redrive(caller, name, redrive).await?)
        }
        Route::GetJob(name, id) => http::json(200, &manage.job(caller, name, id).await?),
        Route::ListSuppressions => {
            let page = SuppressionPage::parse(query)?;
            http::json(200, &manage.suppressions(caller, &page).await?)
        }
        Route::AddSuppression => http::json(201, &manage.add_suppression(caller, parse_add(body)?).await?),
        Route::AddSuppressions => http::json(201, &manage.add_suppressions(caller, &parse_add_many(body)?).await?),
        Route::RemoveSuppressions => {
            let which = parse_remove_many(body)?;
            http::json(200, &manage.remove_suppressions(caller, &which).await?)
        }
        Route::GetSuppression(which) => http::json(200, &manage.suppression(caller, &which).await?),
        Route::RemoveSuppression(which) => http::json(200, &manage.remove_suppression(caller, &which).await?),
    })
}

fn not_allowed(allow: &str) -> Response<Body> {
    let error = ApiError::method_not_allowed(format!("This method is not allowed here; use one of: {allow}."));
    let mut response = http::refuse(&error);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}
