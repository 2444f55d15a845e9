//! Tests of the route table.

use aws::http::routing::{NoRoute, Parameters, find};
use lambda_http::http::Method;
use memory::MemoryBackend;

use crate::ManageFunction;

const ID: &str = "01010101-0101-4101-8101-010101010101";

/// Returns the name of a route, and its object or an empty text.
fn of(method: &str, path: &str) -> Result<(&'static str, String), NoRoute> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let found = find::<ManageFunction<MemoryBackend>>(&method, path)?;
    Ok((found.route.name, found.path.object().unwrap_or_default()))
}

#[test]
fn every_route_has_its_method_and_path() {
    let email = format!("/emails/{ID}");
    let to = |name, object: &str| Ok((name, object.to_owned()));
    let only = |allow: &str| {
        Err(NoRoute::NotAllowed {
            allow: allow.to_owned(),
        })
    };
    let elsewhere = |location: &str| {
        let location = location.to_owned();
        Err(NoRoute::Elsewhere { location })
    };
    for (method, path, expected) in [
        ("GET", "/emails", to("list_emails", "")),
        ("GET", &email, to("get_email", ID)),
        (
            "GET",
            &email.to_uppercase().replace("EMAILS", "emails"),
            to("get_email", ID),
        ),
        ("POST", "/openapi.json", only("GET")),
        ("HEAD", "/openapi.json", only("GET")),
        ("PUT", "/emails", only("GET, POST")),
        ("HEAD", "/emails", only("GET, POST")),
        ("GET", "/emails/batch", only("POST")),
        ("OPTIONS", "/emails/batch", only("POST")),
        ("PATCH", &email, to("reschedule_email", ID)),
        ("POST", &format!("{email}/cancel"), to("cancel_email", ID)),
        ("POST", &format!("{email}/retry"), to("retry_email", ID)),
        ("POST", &format!("{email}/preview"), to("create_preview", ID)),
        ("GET", &format!("{email}/preview"), only("POST")),
        ("GET", "/previews/x", to("show_preview", "")),
        ("POST", "/previews/x", only("GET")),
        ("GET", "//console-codes/", elsewhere("/console-codes")),
        ("POST", "/attachments", to("invite_upload", "")),
        ("GET", "/attachments", only("POST")),
        ("POST", &email, only("GET, PATCH, DELETE")),
        ("DELETE", &email, to("erase_email", ID)),
        ("GET", &format!("{email}/events"), to("list_events", ID)),
        ("POST", &format!("{email}/events"), only("GET")),
        ("GET", &format!("{email}/attachments"), to("list_attachments", ID)),
        ("GET", &format!("{email}/attachments/{ID}"), to("get_attachment", ID)),
        ("DELETE", &format!("{email}/attachments/{ID}"), only("GET")),
        ("BREW", &email, only("GET, PATCH, DELETE")),
        ("GET", &format!("{email}/cancel"), only("POST")),
        ("PATCH", &format!("{email}/retry"), only("POST")),
        ("POST", "/usage", only("GET")),
        ("POST", "/emails/metrics", only("GET")),
        ("POST", "/emails/release", to("release_emails", "")),
        ("POST", "/emails/cancel", to("cancel_emails", "")),
        ("GET", "/emails/cancel", only("POST")),
        ("DELETE", "/emails/release", only("POST")),
        ("DELETE", "/failures", only("GET")),
        ("GET", "/queues", to("list_queues", "")),
        ("POST", "/queues", to("create_queue", "")),
        ("DELETE", "/queues", only("GET, POST")),
        ("GET", "/queues/news", to("get_queue", "news")),
        ("PATCH", "/queues/news", to("change_queue", "news")),
        ("DELETE", "/queues/news", to("delete_queue", "news")),
        ("POST", "/queues/news", only("GET, PATCH, DELETE")),
        ("POST", "/queues/news/pause", to("pause_queue", "news")),
        ("POST", "/queues/news/resume", to("resume_queue", "news")),
        ("POST", "/queues/news/purge", to("purge_queue", "news")),
        ("POST", "/queues/news/restore", to("restore_queue", "news")),
        ("POST", "/queues/news/retry", to("redrive_queue", "news")),
        ("GET", "/queues/news/retry", only("POST")),
        ("GET", &format!("/queues/news/jobs/{ID}"), to("get_job", "news")),
        // Other spellings of a path.
        ("GET", "//openapi.json/", elsewhere("/openapi.json")),
        ("GET", "//emails", to("list_emails", "")),
        ("GET", "/email/", to("list_emails", "")),
        ("GET", &format!("/email/{ID}/"), to("get_email", ID)),
        ("POST", &format!("//emails/{ID}//cancel/"), to("cancel_email", ID)),
        ("PATCH", "/queues/news/", to("change_queue", "news")),
        ("PUT", "/emails/", only("GET, POST")),
        ("POST", "//emails", elsewhere("/emails")),
        ("POST", "/email/", elsewhere("/emails")),
        ("POST", "/emails/batch/", elsewhere("/emails/batch")),
        ("GET", "//api-keys", elsewhere("/api-keys")),
        ("GET", "/email/metrics", elsewhere("/emails/metrics")),
        ("GET", "/failures/", elsewhere("/failures")),
        ("GET", "//usage", elsewhere("/usage")),
        ("GET", "/account/", elsewhere("/account")),
        ("GET", "//metrics", elsewhere("/metrics")),
        (
            "DELETE",
            &format!("/suppressions/{ID}/"),
            elsewhere(&format!("/suppressions/{ID}")),
        ),
        // An id or a name that no object can have.
        (
            "GET",
            "/emails/x",
            Err(NoRoute::Unreadable("No email has this id. See GET /emails.")),
        ),
        (
            "GET",
            &format!("{email}/attachments/x"),
            Err(NoRoute::Unreadable(crate::downloads::NO_SUCH_FILE)),
        ),
        (
            "PATCH",
            "/queues/News",
            Err(NoRoute::Unreadable("No queue has this name. See GET /queues.")),
        ),
        (
            "GET",
            "/emails/x/attachments/x",
            Err(NoRoute::Unreadable(crate::commands::NO_SUCH_EMAIL)),
        ),
        (
            "GET",
            "/queues/news/jobs/x",
            Err(NoRoute::Unreadable(crate::queues::NO_SUCH_JOB)),
        ),
        (
            "GET",
            "/queues/News/jobs/x",
            Err(NoRoute::Unreadable(crate::queues::NO_SUCH_QUEUE)),
        ),
        (
            "PUT",
            "/emails/x",
            Err(NoRoute::Unreadable(crate::commands::NO_SUCH_EMAIL)),
        ),
        // A misspelt path is no id.
        ("GET", "/emails/metrisc", Err(NoRoute::Unknown)),
        ("POST", "/emails/bacth", Err(NoRoute::Unknown)),
        // Routes of other functions.
        ("POST", "/emails", Err(NoRoute::Unknown)),
        ("POST", "/emails/batch", Err(NoRoute::Unknown)),
        ("GET", "/api-keys", Err(NoRoute::Unknown)),
        ("POST", "/tenants", Err(NoRoute::Unknown)),
        ("GET", "/suppressions", Err(NoRoute::Unknown)),
        ("GET", "/emails/metrics", Err(NoRoute::Unknown)),
        ("GET", "/failures", Err(NoRoute::Unknown)),
        ("GET", "/usage", Err(NoRoute::Unknown)),
        ("GET", "/openapi.json", Err(NoRoute::Unknown)),
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
        "/openapi",
        "/emails/x",
        "/queues/News",
        "/queues/a%20b",
        "/queues/news/stop",
        "/queues/news/jobs",
        "/queues/news/jobs/x",
        "/emails/../emails",
        "/emails%2F",
        "/emails/%00",
        "/emails/..%2F..%2Fetc%2Fpasswd",
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
            let no_route = of(method, path).unwrap_err();
            assert!(
                matches!(no_route, NoRoute::Unknown | NoRoute::Unreadable(_)),
                "{method} {path}"
            );
        }
    }
}
