//! Paths of the routes.
//!
//! **Invariant:** pure. Paths are compared literally: no route needs escapes, ends with a slash, or has another
//! spelling.

use aws::http::routing::{self, Methods, NoRoute, on};
use domain::id::{EmailId, QueueName};
use lambda_http::http::Method;

use crate::routes::{Route, TenantRoute};

/// Finds the route of a method and a path.
///
/// # Errors
/// [`NoRoute`], answered as 404 or 405.
pub fn route(method: &Method, path: &str) -> Result<Route, NoRoute> {
    routing::find(method, path, methods)
}

/// Returns the methods of a path; `None` if the path does not exist.
fn methods(segments: &[&str]) -> Option<Methods<Route>> {
    let email = EmailId::parse;
    let queue = |name| QueueName::parse(name).ok();
    let post = |route| vec![on(Method::POST, route)];
    Some(match *segments {
        ["openapi.json"] => vec![on(Method::GET, Route::Describe)],
        ["emails"] => vec![on(Method::GET, TenantRoute::ListEmails), (Method::POST, None)],
        ["emails", "batch"] => vec![(Method::POST, None)],
        ["emails", "metrics"] => vec![on(Method::GET, TenantRoute::Metrics)],
        ["emails", "release"] => post(TenantRoute::ReleaseEmails),
        ["emails", "cancel"] => post(TenantRoute::CancelEmails),
        ["failures"] => vec![on(Method::GET, TenantRoute::Failures)],
        ["emails", id] => vec![
            on(Method::GET, TenantRoute::GetEmail(email(id)?)),
            on(Method::PATCH, TenantRoute::RescheduleEmail(email(id)?)),
            on(Method::DELETE, TenantRoute::EraseEmail(email(id)?)),
        ],
        ["emails", id, "cancel"] => post(TenantRoute::CancelEmail(email(id)?)),
        ["emails", id, "events"] => vec![on(Method::GET, TenantRoute::ListEvents(email(id)?))],
        ["attachments"] => post(TenantRoute::InviteUpload),
        ["emails", id, "retry"] => post(TenantRoute::RetryEmail(email(id)?)),
        ["queues"] => vec![
            on(Method::GET, TenantRoute::ListQueues),
            on(Method::POST, TenantRoute::CreateQueue),
        ],
        ["queues", name] => vec![
            on(Method::GET, TenantRoute::GetQueue(queue(name)?)),
            on(Method::PATCH, TenantRoute::ChangeQueue(queue(name)?)),
            on(Method::DELETE, TenantRoute::DeleteQueue(queue(name)?)),
        ],
        ["queues", name, "pause"] => post(TenantRoute::PauseQueue(queue(name)?)),
        ["queues", name, "resume"] => post(TenantRoute::ResumeQueue(queue(name)?)),
        ["queues", name, "purge"] => post(TenantRoute::PurgeQueue(queue(name)?)),
        ["queues", name, "restore"] => post(TenantRoute::RestoreQueue(queue(name)?)),
        ["queues", name, "retry"] => post(TenantRoute::RedriveQueue(queue(name)?)),
        ["queues", name, "jobs", id] => vec![on(Method::GET, TenantRoute::GetJob(queue(name)?, email(id)?))],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    fn news() -> QueueName {
        QueueName::parse("news").unwrap()
    }

    fn of(method: &str, path: &str) -> Result<Route, NoRoute> {
        route(&Method::from_bytes(method.as_bytes()).unwrap(), path)
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let email = format!("/emails/{ID}");
        let id = EmailId::parse(ID).unwrap();
        let only = |allow: &str| {
            Err(NoRoute::NotAllowed {
                allow: allow.to_owned(),
            })
        };
        for (method, path, expected) in [
            ("GET", "/openapi.json", Ok(Route::Describe)),
            ("GET", "/emails", Ok(TenantRoute::ListEmails.into())),
            ("GET", &email, Ok(TenantRoute::GetEmail(id).into())),
            (
                "GET",
                &email.to_uppercase().replace("EMAILS", "emails"),
                Ok(TenantRoute::GetEmail(id).into()),
            ),
            ("HEAD", "/openapi.json", only("GET")),
            ("POST", "/openapi.json", only("GET")),
            ("PUT", "/emails", only("GET, POST")),
            ("HEAD", "/emails", only("GET, POST")),
            ("GET", "/emails/batch", only("POST")),
            ("OPTIONS", "/emails/batch", only("POST")),
            ("PATCH", &email, Ok(TenantRoute::RescheduleEmail(id).into())),
            (
                "POST",
                &format!("{email}/cancel"),
                Ok(TenantRoute::CancelEmail(id).into()),
            ),
            (
                "POST",
                &format!("{email}/retry"),
                Ok(TenantRoute::RetryEmail(id).into()),
            ),
            ("POST", "/attachments", Ok(TenantRoute::InviteUpload.into())),
            ("GET", "/attachments", only("POST")),
            ("POST", &email, only("GET, PATCH, DELETE")),
            ("DELETE", &email, Ok(TenantRoute::EraseEmail(id).into())),
            (
                "GET",
                &format!("{email}/events"),
                Ok(TenantRoute::ListEvents(id).into()),
            ),
            ("POST", &format!("{email}/events"), only("GET")),
            ("BREW", &email, only("GET, PATCH, DELETE")),
            ("GET", &format!("{email}/cancel"), only("POST")),
            ("PATCH", &format!("{email}/retry"), only("POST")),
            ("GET", "/emails/metrics", Ok(TenantRoute::Metrics.into())),
            ("GET", "/failures", Ok(TenantRoute::Failures.into())),
            ("POST", "/emails/metrics", only("GET")),
            ("POST", "/emails/release", Ok(TenantRoute::ReleaseEmails.into())),
            ("POST", "/emails/cancel", Ok(TenantRoute::CancelEmails.into())),
            ("GET", "/emails/cancel", only("POST")),
            ("DELETE", "/emails/release", only("POST")),
            ("DELETE", "/failures", only("GET")),
            ("GET", "/queues", Ok(TenantRoute::ListQueues.into())),
            ("POST", "/queues", Ok(TenantRoute::CreateQueue.into())),
            ("DELETE", "/queues", only("GET, POST")),
            ("GET", "/queues/news", Ok(TenantRoute::GetQueue(news()).into())),
            ("PATCH", "/queues/news", Ok(TenantRoute::ChangeQueue(news()).into())),
            ("DELETE", "/queues/news", Ok(TenantRoute::DeleteQueue(news()).into())),
            ("POST", "/queues/news", only("GET, PATCH, DELETE")),
            ("POST", "/queues/news/pause", Ok(TenantRoute::PauseQueue(news()).into())),
            (
                "POST",
                "/queues/news/resume",
                Ok(TenantRoute::ResumeQueue(news()).into()),
            ),
            ("POST", "/queues/news/purge", Ok(TenantRoute::PurgeQueue(news()).into())),
            (
                "POST",
                "/queues/news/restore",
                Ok(TenantRoute::RestoreQueue(news()).into()),
            ),
            (
                "POST",
                "/queues/news/retry",
                Ok(TenantRoute::RedriveQueue(news()).into()),
            ),
            ("GET", "/queues/news/retry", only("POST")),
            (
                "GET",
                &format!("/queues/news/jobs/{ID}"),
                Ok(TenantRoute::GetJob(news(), id).into()),
            ),
            // Routes of other functions.
            ("POST", "/emails", Err(NoRoute::Unknown)),
            ("POST", "/emails/batch", Err(NoRoute::Unknown)),
            ("GET", "/api-keys", Err(NoRoute::Unknown)),
            ("POST", "/tenants", Err(NoRoute::Unknown)),
            ("GET", "/suppressions", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(of(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn an_unknown_path_has_no_route() {
        for path in [
            "",
            "/",
            "*",
            "emails",
            "/Emails",
            "/emails/",
            "//emails",
            "/emails//",
            "/openapi.json/",
            "/openapi",
            "/emails/x",
            "/emails/batch/",
            "/queues/",
            "/queues/News",
            "/queues/a%20b",
            "/queues/news/",
            "/queues/news/stop",
            "/queues/news/jobs",
            "/queues/news/jobs/x",
            "/emails/../emails",
            "/emails%2F",
            "/emails/%00",
            "/emails/..%2F..%2Fetc%2Fpasswd",
            &format!("/emails/{ID}/"),
            &format!("/emails/{ID}/cancel/"),
            &format!("/emails/{ID}/Cancel"),
            &format!("/emails/{ID}/cancel/retry"),
            &format!("/emails/{ID}/send"),
            &format!("/emails/{ID} "),
            &format!("/emails/%20{ID}"),
            &format!("/emails/{{{ID}}}"),
            &format!("/emails/urn:uuid:{ID}"),
            &format!("/emails/{}", ID.replace('-', "")),
            &format!("/emails/{}", "é".repeat(18)),
            &"/emails/x".repeat(5_000),
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(of(method, path), Err(NoRoute::Unknown), "{method} {path}");
            }
        }
    }
}
