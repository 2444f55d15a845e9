//! Routes of acceptance: path, method, and permission.
//!
//! **Invariant:** pure. Paths of other functions are unknown here.

use aws::http::endpoint::Routed;
use aws::http::routing::{self, Methods, NoRoute, on};
use lambda_http::http::Method;

/// A route for a key that may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /emails`.
    SendEmail,
    /// `POST /emails/batch`.
    SendEmails,
}

/// Finds the route of a method and a path.
///
/// # Errors
/// [`NoRoute`], answered as 404 or 405.
pub fn route(method: &Method, path: &str) -> Result<Route, NoRoute> {
    routing::find(method, path, methods)
}

/// Returns the methods of a path; `None` if the path does not exist.
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

    /// The log has the number of accepted emails; their records have the ids.
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
    fn both_paths_are_compared_literally() {
        let only = |allow: &str| {
            Err(NoRoute::NotAllowed {
                allow: allow.to_owned(),
            })
        };
        for (method, path, expected) in [
            (Method::POST, "/emails", Ok(Route::SendEmail)),
            (Method::POST, "/emails/batch", Ok(Route::SendEmails)),
            // Another function's route.
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
