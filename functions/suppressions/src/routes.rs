//! Routes of suppressions: path, method, and permission.
//!
//! **Invariant:** pure. Only an address in a path may contain escapes; every other path is compared literally.

use aws::http::endpoint::Routed;
use aws::http::routing::{self, Methods, NoRoute, on};
use domain::api::suppressions::SuppressionSelector;
use domain::tenant::key::Action;
use lambda_http::http::Method;
use percent_encoding::percent_decode_str;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /suppressions`.
    List,
    /// `POST /suppressions`.
    Add,
    /// `POST /suppressions/batch/add`.
    AddMany,
    /// `POST /suppressions/batch/remove`.
    RemoveMany,
    /// `GET /suppressions/{id or address}`.
    Get(SuppressionSelector),
    /// `DELETE /suppressions/{id or address}`.
    Remove(SuppressionSelector),
}

impl Route {
    /// Permission that a key needs.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self {
            Self::List | Self::Get(_) => Action::Read,
            Self::Add | Self::AddMany | Self::RemoveMany | Self::Remove(_) => Action::Manage,
        }
    }
}

impl Routed for Route {
    fn name(&self) -> &'static str {
        match self {
            Self::List => "list_suppressions",
            Self::Add => "add_suppression",
            Self::AddMany => "add_suppressions",
            Self::RemoveMany => "remove_suppressions",
            Self::Get(_) => "get_suppression",
            Self::Remove(_) => "remove_suppression",
        }
    }

    /// Always `None`: an address does not go into the log.
    fn object(&self) -> Option<String> {
        None
    }
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
        ["suppressions"] => vec![on(Method::GET, Route::List), on(Method::POST, Route::Add)],
        ["suppressions", "batch", "add"] => vec![on(Method::POST, Route::AddMany)],
        ["suppressions", "batch", "remove"] => vec![on(Method::POST, Route::RemoveMany)],
        ["suppressions", which] => {
            let which = suppression(which)?;
            vec![
                on(Method::GET, Route::Get(which.clone())),
                on(Method::DELETE, Route::Remove(which)),
            ]
        }
        _ => return None,
    })
}

/// Reads an id or an address. Clients escape some characters of addresses.
fn suppression(segment: &str) -> Option<SuppressionSelector> {
    SuppressionSelector::parse(&percent_decode_str(segment).decode_utf8().ok()?)
}

#[cfg(test)]
mod tests {
    use domain::message::address::EmailAddress;

    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    fn found(method: &str, path: &str) -> Result<Route, NoRoute> {
        route(&Method::from_bytes(method.as_bytes()).unwrap(), path)
    }

    #[test]
    fn an_address_in_a_path_may_be_escaped() {
        let id = format!("/suppressions/{ID}");
        let address = |text| Route::Get(SuppressionSelector::Address(EmailAddress::parse(text).unwrap()));
        for (path, expected) in [
            (&*id, Route::Get(SuppressionSelector::parse(ID).unwrap())),
            ("/suppressions/ann@example.com", address("ann@example.com")),
            ("/suppressions/ann+1%40example.com", address("ann+1@example.com")),
            ("/suppressions/ann%2B1%40example.com", address("ann+1@example.com")),
            ("/suppressions/a%2Fb%40example.com", address("a/b@example.com")),
            ("/suppressions/a%25b%40example.com", address("a%b@example.com")),
            ("/suppressions/a@b%C3%BCcher.example", address("a@bücher.example")),
        ] {
            assert_eq!(found("GET", path), Ok(expected), "{path}");
        }
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let id = format!("/suppressions/{ID}");
        let allow = |methods: &str| NoRoute::NotAllowed {
            allow: methods.to_owned(),
        };
        for (method, path, expected) in [
            ("GET", "/suppressions", Ok(Route::List)),
            ("POST", "/suppressions", Ok(Route::Add)),
            ("POST", "/suppressions/batch/add", Ok(Route::AddMany)),
            ("POST", "/suppressions/batch/remove", Ok(Route::RemoveMany)),
            (
                "DELETE",
                &id,
                Ok(Route::Remove(SuppressionSelector::parse(ID).unwrap())),
            ),
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
            ("GET", "/emails", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }
}
