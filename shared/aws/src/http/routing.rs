//! Finds the route of a method and a path in a function's table of paths.
//!
//! **Invariant:** pure. A path is compared literally, and a path outside the table has no route.

use lambda_http::http::Method;

/// Reason why a request has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute {
    /// The path does not exist, or another function answers it.
    Unknown,
    /// The path has other methods.
    NotAllowed {
        /// The methods, as in the header `Allow`.
        allow: String,
    },
}

/// Methods of one path, each with its route; `None` where another function answers.
pub type Methods<T> = Vec<(Method, Option<T>)>;

/// Pairs a method with its route.
pub fn on<T>(method: Method, route: impl Into<T>) -> (Method, Option<T>) {
    (method, Some(route.into()))
}

/// Finds the route. `methods` returns the methods of a path's segments, if it exists.
///
/// # Errors
/// [`NoRoute`], answered as 404 or 405.
pub fn find<T>(method: &Method, path: &str, methods: impl FnOnce(&[&str]) -> Option<Methods<T>>) -> Result<T, NoRoute> {
    let segments: Vec<&str> = path.strip_prefix('/').ok_or(NoRoute::Unknown)?.split('/').collect();
    let methods = methods(&segments).ok_or(NoRoute::Unknown)?;
    let allow: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    let allow = allow.join(", ");
    match methods.into_iter().find(|(allowed, _)| allowed == method) {
        // Another function's route: this request missed the API's own routes.
        Some((_, route)) => route.ok_or(NoRoute::Unknown),
        None => Err(NoRoute::NotAllowed { allow }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Result<u8, NoRoute> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        find(&method, path, |segments| match segments {
            ["a"] => Some(vec![on(Method::GET, 1), (Method::POST, None)]),
            ["a", "b"] => Some(vec![on(Method::DELETE, 2)]),
            _ => None,
        })
    }

    #[test]
    fn a_path_has_methods_and_a_method_a_route() {
        let only = |allow: &str| {
            Err(NoRoute::NotAllowed {
                allow: allow.to_owned(),
            })
        };
        for (method, path, expected) in [
            ("GET", "/a", Ok(1)),
            ("DELETE", "/a/b", Ok(2)),
            // Another function's route.
            ("POST", "/a", Err(NoRoute::Unknown)),
            ("PUT", "/a", only("GET, POST")),
            ("get", "/a", only("GET, POST")),
            ("GET", "/a/b", only("DELETE")),
            ("GET", "a", Err(NoRoute::Unknown)),
            ("GET", "/a/", Err(NoRoute::Unknown)),
            ("GET", "//a", Err(NoRoute::Unknown)),
            ("GET", "/A", Err(NoRoute::Unknown)),
            ("GET", "", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }
}
