//! Finds what a method and a path mean, in a function's own table of paths.
//!
//! **Invariant:** pure. A path is compared as it is: nothing is found by another spelling, and what is in no
//! table names nothing.

use lambda_http::http::Method;

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

/// The methods of one path, each with what it asks for; nothing where another function answers.
pub type Methods<T> = Vec<(Method, Option<T>)>;

/// A method, and what it asks for.
pub fn on<T>(method: Method, route: impl Into<T>) -> (Method, Option<T>) {
    (method, Some(route.into()))
}

/// Finds the route. `methods`: what there is at a path of these segments, if anything.
///
/// # Errors
/// [`NoRoute`], which is a 404 or a 405.
pub fn find<T>(method: &Method, path: &str, methods: impl FnOnce(&[&str]) -> Option<Methods<T>>) -> Result<T, NoRoute> {
    let segments: Vec<&str> = path.strip_prefix('/').ok_or(NoRoute::Unknown)?.split('/').collect();
    let methods = methods(&segments).ok_or(NoRoute::Unknown)?;
    let allow: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    let allow = allow.join(", ");
    match methods.into_iter().find(|(allowed, _)| allowed == method) {
        // Another function's: it went past the API's own routes.
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
            // Another function's.
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
