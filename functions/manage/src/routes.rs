//! What a method and a path mean.
//!
//! **Invariant:** pure. A path is compared as it is: no route but an address of a suppression needs
//! escapes, ends with a slash or is found by another spelling, so that a path that is none of these names
//! nothing.

use domain::id::EmailId;
use domain::queue::QueueName;
use domain::wire::suppressions::Which;
use lambda_http::http::Method;
use percent_encoding::percent_decode_str;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /openapi.json`, the one route that needs no key.
    Describe,
    /// `GET /emails`.
    ListEmails,
    /// `GET /emails/{id}`.
    GetEmail(EmailId),
    /// `DELETE /emails/{id}`.
    EraseEmail(EmailId),
    /// `GET /emails/{id}/events`.
    ListEvents(EmailId),
    /// `PATCH /emails/{id}`.
    RescheduleEmail(EmailId),
    /// `POST /emails/{id}/cancel`.
    CancelEmail(EmailId),
    /// `POST /emails/{id}/retry`.
    RetryEmail(EmailId),
    /// `POST /attachments`.
    InviteUpload,
    /// `GET /emails/metrics`.
    Metrics,
    /// `GET /failures`.
    Failures,
    /// `GET /queues`.
    ListQueues,
    /// `POST /queues`.
    CreateQueue,
    /// `GET /queues/{name}`.
    GetQueue(QueueName),
    /// `PATCH /queues/{name}`.
    ChangeQueue(QueueName),
    /// `DELETE /queues/{name}`.
    DeleteQueue(QueueName),
    /// `POST /queues/{name}/pause`.
    PauseQueue(QueueName),
    /// `POST /queues/{name}/resume`.
    ResumeQueue(QueueName),
    /// `POST /queues/{name}/purge`.
    PurgeQueue(QueueName),
    /// `POST /queues/{name}/restore`.
    RestoreQueue(QueueName),
    /// `POST /queues/{name}/retry`.
    RedriveQueue(QueueName),
    /// `GET /queues/{name}/jobs/{id}`.
    GetJob(QueueName, EmailId),
    /// `GET /suppressions`.
    ListSuppressions,
    /// `POST /suppressions`.
    AddSuppression,
    /// `POST /suppressions/batch/add`.
    AddSuppressions,
    /// `POST /suppressions/batch/remove`.
    RemoveSuppressions,
    /// `GET /suppressions/{id or address}`.
    GetSuppression(Which),
    /// `DELETE /suppressions/{id or address}`.
    RemoveSuppression(Which),
}

/// Why nothing is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute {
    /// There is nothing at this path, or nothing that is answered here.
    Unknown,
    /// There is something, for other methods.
    NotAllowed {
        /// The methods, as the header `Allow` has them.
        allow: String,
    },
}

impl Route {
    /// The route's name in the log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::ListEmails => "list_emails",
            Self::GetEmail(_) => "get_email",
            Self::EraseEmail(_) => "erase_email",
            Self::ListEvents(_) => "list_events",
            Self::RescheduleEmail(_) => "reschedule_email",
            Self::CancelEmail(_) => "cancel_email",
            Self::RetryEmail(_) => "retry_email",
            Self::InviteUpload => "invite_upload",
            Self::Metrics => "metrics",
            Self::Failures => "failures",
            Self::ListQueues => "list_queues",
            Self::CreateQueue => "create_queue",
            Self::GetQueue(_) => "get_queue",
            Self::ChangeQueue(_) => "change_queue",
            Self::DeleteQueue(_) => "delete_queue",
            Self::PauseQueue(_) => "pause_queue",
            Self::ResumeQueue(_) => "resume_queue",
            Self::PurgeQueue(_) => "purge_queue",
            Self::RestoreQueue(_) => "restore_queue",
            Self::RedriveQueue(_) => "redrive_queue",
            Self::GetJob(..) => "get_job",
            Self::ListSuppressions => "list_suppressions",
            Self::AddSuppression => "add_suppression",
            Self::AddSuppressions => "add_suppressions",
            Self::RemoveSuppressions => "remove_suppressions",
            Self::GetSuppression(_) => "get_suppression",
            Self::RemoveSuppression(_) => "remove_suppression",
        }
    }
}

/// The methods of one path, each with what it asks for; nothing where another function answers.
type Methods = Vec<(Method, Option<Route>)>;

/// Finds the route.
///
/// # Errors
/// [`NoRoute`], which is a 404 or a 405.
pub fn route(method: &Method, path: &str) -> Result<Route, NoRoute> {
    let segments: Vec<&str> = path.strip_prefix('/').ok_or(NoRoute::Unknown)?.split('/').collect();
    let methods = methods(&segments).ok_or(NoRoute::Unknown)?;
    let allow: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    let allow = allow.join(", ");
    match methods.into_iter().find(|(allowed, _)| allowed == method) {
        // What comes here went past the API's own routes.
        Some((_, route)) => route.ok_or(NoRoute::Unknown),
        None => Err(NoRoute::NotAllowed { allow }),
    }
}

/// What there is at a path; `None` where there is nothing.
fn methods(segments: &[&str]) -> Option<Methods> {
    let email = EmailId::parse;
    let queue = |name| QueueName::parse(name).ok();
    let get = |route| (Method::GET, Some(route));
    let post = |route| vec![(Method::POST, Some(route))];
    Some(match *segments {
        ["openapi.json"] => vec![(Method::GET, Some(Route::Describe))],
        ["emails"] => vec![(Method::GET, Some(Route::ListEmails)), (Method::POST, None)],
        ["emails", "batch"] => vec![(Method::POST, None)],
        ["emails", "metrics"] => vec![(Method::GET, Some(Route::Metrics))],
        ["failures"] => vec![(Method::GET, Some(Route::Failures))],
        ["emails", id] => vec![
            (Method::GET, Some(Route::GetEmail(email(id)?))),
            (Method::PATCH, Some(Route::RescheduleEmail(email(id)?))),
            (Method::DELETE, Some(Route::EraseEmail(email(id)?))),
        ],
        ["emails", id, "cancel"] => vec![(Method::POST, Some(Route::CancelEmail(email(id)?)))],
        ["emails", id, "events"] => vec![get(Route::ListEvents(email(id)?))],
        ["attachments"] => vec![(Method::POST, Some(Route::InviteUpload))],
        ["emails", id, "retry"] => vec![(Method::POST, Some(Route::RetryEmail(email(id)?)))],
        ["queues"] => vec![get(Route::ListQueues), (Method::POST, Some(Route::CreateQueue))],
        ["queues", name] => vec![
            get(Route::GetQueue(queue(name)?)),
            (Method::PATCH, Some(Route::ChangeQueue(queue(name)?))),
            (Method::DELETE, Some(Route::DeleteQueue(queue(name)?))),
        ],
        ["queues", name, "pause"] => post(Route::PauseQueue(queue(name)?)),
        ["queues", name, "resume"] => post(Route::ResumeQueue(queue(name)?)),
        ["queues", name, "purge"] => post(Route::PurgeQueue(queue(name)?)),
        ["queues", name, "restore"] => post(Route::RestoreQueue(queue(name)?)),
        ["queues", name, "retry"] => post(Route::RedriveQueue(queue(name)?)),
        ["queues", name, "jobs", id] => vec![get(Route::GetJob(queue(name)?, email(id)?))],
        ["suppressions"] => vec![
            (Method::GET, Some(Route::ListSuppressions)),
            (Method::POST, Some(Route::AddSuppression)),
        ],
        ["suppressions", "batch", "add"] => vec![(Method::POST, Some(Route::AddSuppressions))],
        ["suppressions", "batch", "remove"] => vec![(Method::POST, Some(Route::RemoveSuppressions))],
        ["suppressions", which] => {
            let which = suppression(which)?;
            vec![
                (Method::GET, Some(Route::GetSuppression(which.clone()))),
                (Method::DELETE, Some(Route::RemoveSuppression(which))),
            ]
        }
        _ => return None,
    })
}

/// The one segment that may have escapes: an address has characters that clients escape.
fn suppression(segment: &str) -> Option<Which> {
    Which::parse(&percent_decode_str(segment).decode_utf8().ok()?)
}

#[cfg(test)]
mod tests {
    use domain::address::EmailAddress;

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
            ("GET", "/emails", Ok(Route::ListEmails)),
            ("GET", &email, Ok(Route::GetEmail(id))),
            (
                "GET",
                &email.to_uppercase().replace("EMAILS", "emails"),
                Ok(Route::GetEmail(id)),
            ),
            ("HEAD", "/openapi.json", only("GET")),
            ("POST", "/openapi.json", only("GET")),
            ("PUT", "/emails", only("GET, POST")),
            ("HEAD", "/emails", only("GET, POST")),
            ("GET", "/emails/batch", only("POST")),
            ("OPTIONS", "/emails/batch", only("POST")),
            ("PATCH", &email, Ok(Route::RescheduleEmail(id))),
            ("POST", &format!("{email}/cancel"), Ok(Route::CancelEmail(id))),
            ("POST", &format!("{email}/retry"), Ok(Route::RetryEmail(id))),
            ("POST", "/attachments", Ok(Route::InviteUpload)),
            ("GET", "/attachments", only("POST")),
            ("POST", &email, only("GET, PATCH, DELETE")),
            ("DELETE", &email, Ok(Route::EraseEmail(id))),
            ("GET", &format!("{email}/events"), Ok(Route::ListEvents(id))),
            ("POST", &format!("{email}/events"), only("GET")),
            ("BREW", &email, only("GET, PATCH, DELETE")),
            ("GET", &format!("{email}/cancel"), only("POST")),
            ("PATCH", &format!("{email}/retry"), only("POST")),
            ("GET", "/emails/metrics", Ok(Route::Metrics)),
            ("GET", "/failures", Ok(Route::Failures)),
            ("POST", "/emails/metrics", only("GET")),
            ("DELETE", "/failures", only("GET")),
            ("GET", "/queues", Ok(Route::ListQueues)),
            ("POST", "/queues", Ok(Route::CreateQueue)),
            ("DELETE", "/queues", only("GET, POST")),
            ("GET", "/queues/news", Ok(Route::GetQueue(news()))),
            ("PATCH", "/queues/news", Ok(Route::ChangeQueue(news()))),
            ("DELETE", "/queues/news", Ok(Route::DeleteQueue(news()))),
            ("POST", "/queues/news", only("GET, PATCH, DELETE")),
            ("POST", "/queues/news/pause", Ok(Route::PauseQueue(news()))),
            ("POST", "/queues/news/resume", Ok(Route::ResumeQueue(news()))),
            ("POST", "/queues/news/purge", Ok(Route::PurgeQueue(news()))),
            ("POST", "/queues/news/restore", Ok(Route::RestoreQueue(news()))),
            ("POST", "/queues/news/retry", Ok(Route::RedriveQueue(news()))),
            ("GET", "/queues/news/retry", only("POST")),
            ("GET", &format!("/queues/news/jobs/{ID}"), Ok(Route::GetJob(news(), id))),
            ("POST", "/emails", Err(NoRoute::Unknown)),
            ("POST", "/emails/batch", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(of(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_suppression_is_found_by_its_id_or_its_address_escaped_or_not() {
        let id = format!("/suppressions/{ID}");
        let address = |text| Route::GetSuppression(Which::Address(EmailAddress::parse(text).unwrap()));
        for (path, expected) in [
            (&*id, Route::GetSuppression(Which::parse(ID).unwrap())),
            ("/suppressions/ann@example.com", address("ann@example.com")),
            ("/suppressions/ann+1%40example.com", address("ann+1@example.com")),
            ("/suppressions/ann%2B1%40example.com", address("ann+1@example.com")),
            ("/suppressions/a%2Fb%40example.com", address("a/b@example.com")),
            ("/suppressions/a%25b%40example.com", address("a%b@example.com")),
            ("/suppressions/a@b%C3%BCcher.example", address("a@bücher.example")),
        ] {
            assert_eq!(of("GET", path), Ok(expected), "{path}");
        }
        let allow = |methods: &str| NoRoute::NotAllowed {
            allow: methods.to_owned(),
        };
        for (method, path, expected) in [
            ("GET", "/suppressions", Ok(Route::ListSuppressions)),
            ("POST", "/suppressions", Ok(Route::AddSuppression)),
            ("POST", "/suppressions/batch/add", Ok(Route::AddSuppressions)),
            ("POST", "/suppressions/batch/remove", Ok(Route::RemoveSuppressions)),
            ("DELETE", &id, Ok(Route::RemoveSuppression(Which::parse(ID).unwrap()))),
            ("DELETE", "/suppressions", Err(allow("GET, POST"))),
            ("PATCH", &id, Err(allow("GET, DELETE"))),
            ("GET", "/suppressions/batch/add", Err(allow("POST"))),
            ("GET", "/suppressions/", Err(NoRoute::Unknown)),
            ("GET", "/suppressions/batch", Err(NoRoute::Unknown)),
            ("GET", "/suppressions/ann", Err(NoRoute::Unknown)),
            ("GET", "/suppressions/a/b@example.com", Err(NoRoute::Unknown)),
            ("GET", "/suppressions/%FF@example.com", Err(NoRoute::Unknown)),
            ("GET", "/suppressions/a@example.com%00", Err(NoRoute::Unknown)),
            ("GET", &format!("{id}/"), Err(NoRoute::Unknown)),
        ] {
            assert_eq!(of(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_path_of_ours_names_nothing() {
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
