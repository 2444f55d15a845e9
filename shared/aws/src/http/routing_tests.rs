//! The search for a route, and the spellings of a path.

use super::*;
use crate::http::auth::Denied;
use crate::storage::table::Table;

/// A function whose parameter is a number.
#[derive(Debug)]
struct Numbers;

#[derive(Debug, Default)]
struct Number(Option<u8>);

impl Parameters for Number {
    fn read(&mut self, _: &str, segment: &str) -> Option<()> {
        self.0 = segment.parse().ok();
        self.0.map(drop)
    }

    fn unreadable(template: &str, name: &str) -> Option<&'static str> {
        (template.starts_with("/a/{n}") && name == "n").then_some("No number is this.")
    }

    fn object(&self) -> Option<String> {
        self.0.map(|number| number.to_string())
    }
}

fn nothing() -> Response<Body> {
    Response::new(Body::Empty)
}

impl HttpFunction for Numbers {
    type Parameters = Number;
    type Error = Denied;
    type Records = Table;
    const ELSEWHERE: &'static [&'static str] = &["other"];
    const ROUTES: &'static [Route<Self>] = &[
        get("/a", "list").public(nothing),
        elsewhere("POST", "/a"),
        get("/a/{n}", "get").public(nothing),
        delete("/a/{n}", "delete").public(nothing),
        post("/a/{n}/b", "add").public(nothing),
    ];

    fn records(&self) -> &Table {
        panic!("no request is authenticated here")
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

fn found(method: &str, path: &str) -> Result<(&'static str, Option<u8>), NoRoute> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    find::<Numbers>(&method, path).map(|found| (found.route.name, found.path.0))
}

#[test]
fn a_path_has_methods_and_a_method_a_route() {
    let only = |allow: &str| {
        Err(NoRoute::NotAllowed {
            allow: allow.to_owned(),
        })
    };
    let elsewhere_at = |location: &str| {
        let location = location.to_owned();
        Err(NoRoute::Elsewhere { location })
    };
    for (method, path, expected) in [
        ("GET", "/a", Ok(("list", None))),
        ("GET", "/a/7", Ok(("get", Some(7)))),
        ("DELETE", "/a/7", Ok(("delete", Some(7)))),
        ("POST", "/a/7/b", Ok(("add", Some(7)))),
        // Another function's route.
        ("POST", "/a", Err(NoRoute::Unknown)),
        ("PUT", "/a", only("GET, POST")),
        ("get", "/a", only("GET, POST")),
        ("POST", "/a/7", only("GET, DELETE")),
        // A value that cannot be the parameter's: the path does not exist.
        ("GET", "/a/x", Err(NoRoute::Unreadable("No number is this."))),
        ("PUT", "/a/x/b", Err(NoRoute::Unreadable("No number is this."))),
        ("GET", "a", Err(NoRoute::Unknown)),
        // Other spellings of a path.
        ("GET", "/a/", Ok(("list", None))),
        ("GET", "/a//7/", Ok(("get", Some(7)))),
        ("GET", "//a", Ok(("list", None))),
        ("GET", "//a///", Ok(("list", None))),
        ("PUT", "//a", only("GET, POST")),
        ("POST", "//a", elsewhere_at("/a")),
        ("POST", "/a/", elsewhere_at("/a")),
        ("GET", "//other/x/", elsewhere_at("/other/x")),
        ("GET", "/other/x", Err(NoRoute::Unknown)),
        ("GET", "//b", Err(NoRoute::Unknown)),
        ("GET", "/A", Err(NoRoute::Unknown)),
        ("GET", "/a/{n}", Err(NoRoute::Unreadable("No number is this."))),
        ("GET", "", Err(NoRoute::Unknown)),
    ] {
        assert_eq!(found(method, path), expected, "{method} {path}");
    }
}

#[test]
fn a_path_is_normalized() {
    for (path, normal) in [
        ("/emails", "/emails"),
        ("//emails", "/emails"),
        ("/emails/", "/emails"),
        ("///emails//batch//", "/emails/batch"),
        ("/email", "/emails"),
        ("//email/", "/emails"),
        ("/email/7", "/emails/7"),
        ("/email/email", "/emails/email"),
        ("/emailx", "/emailx"),
        ("/x/email", "/x/email"),
        ("/", "/"),
        ("//", "/"),
        ("", ""),
        ("*", "*"),
        ("emails/", "emails/"),
        ("/emails/..//x", "/emails/../x"),
    ] {
        assert_eq!(normalized(path), normal, "{path}");
        assert_eq!(normalized(normal), normal, "{path}");
    }
}

#[test]
fn an_unknown_path_is_named_with_the_nearest_one() {
    let said = |path: &str| no_such_path::<Numbers>(path).message().to_owned();
    let see = "See /openapi.json for the available endpoints.";
    for (path, nearest) in [
        ("/v1/a", " The nearest path is /a."),
        ("/A/7/c", " The nearest path is /a/{n}/b."),
        ("/nothing", ""),
    ] {
        assert_eq!(said(path), format!("The API has no path {path}.{nearest} {see}"));
    }
    // Neither an address nor a long text is repeated.
    for path in ["/x/ann@example.com", "/x/ann%40example.com", &"/x".repeat(40)] {
        assert_eq!(said(path), format!("Not found. {see}"));
    }
}
