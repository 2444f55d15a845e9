//! What a method and a path mean.
//!
//! **Invariant:** pure. What another function answers is unknown here.

use aws::front::Routed;
use aws::routing::{self, Methods, NoRoute, on};
use lambda_http::http::Method;

/// What is asked for, with a key that may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /emails`.
    SendEmail,
    /// `POST /emails/batch`.
    SendEmails,
}

/// Finds the route.
///
/// # Errors
/// [`NoRoute`], which is a 404 or a 405.
pub fn route(method: &Method, path: &str) -> Result<Route, NoRoute> {
    routing::find(method, path, methods)
}

/// What there is at a path; `None` where there is nothing.
fn methods(segments: &[&str]) -> Option<Methods<Route>> {
    Some(match *segments {
        ["emails"] => vec![(Method::GET, None), on(Method::POST, Route::SendEmail)],
        ["emails", "batch"] => vec![on(Method::POST, Route::SendEmails)],
        _ => return None,
    })
}

impl Routed for Route {
    fn name(&self) -> &'static str {
        match self {
            Self::SendEmail => "send_email",
            Self::SendEmails => "send_emails",
        }
    }

    /// The log has how many were accepted; which, their records say.
    fn object(&self) -> Option<String> {
        None
    }

    fn is_completed_by_key(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_paths_are_known_as_they_are_written() {
        let only = |allow: &str| {
            Err(NoRoute::NotAllowed {
                allow: allow.to_owned(),
            })
        };
        for (method, path, expected) in [
            (Method::POST, "/emails", Ok(Route::SendEmail)),
            (Method::POST, "/emails/batch", Ok(Route::SendEmails)),
            // Another function's.
            (Method::GET, "/emails", Err(NoRoute::Unknown)),
            (Method::PUT, "/emails", only("GET, POST")),
            (Method::GET, "/emails/batch", only("POST")),
            (Method::POST, "/emails/", Err(NoRoute::Unknown)),
            (Method::POST, "/queues", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(route(&method, path), expected, "{method} {path}");
        }
    }
}
