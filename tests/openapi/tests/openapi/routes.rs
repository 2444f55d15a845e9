//! What is described is there, and what is there is described.

use std::collections::BTreeSet;

use domain::api_error::{ApiError, ErrorName};
use lambda_http::http::Method;
use manage::paths::{NoRoute, route};
use openapi::operation::Operation;
use openapi::refusals::REFUSALS;

const ID: &str = "01010101-0101-4101-8101-010101010101";
const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// What API Gateway gives to other functions than `manage`: the routes' keys in the template.
fn of_the_gateway() -> BTreeSet<String> {
    let keys = TEMPLATE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("RouteKey: "));
    keys.filter(|key| *key != "$default").map(str::to_owned).collect()
}

fn key(operation: &Operation) -> String {
    format!("{} {}", operation.method.to_uppercase(), operation.path)
}

/// A path with something in each place.
fn filled(path: &str) -> String {
    let place = |segment: &str| match segment {
        "{name}" => "default".to_owned(),
        place if place.starts_with('{') => ID.to_owned(),
        fixed => fixed.to_owned(),
    };
    path.split('/').map(place).collect::<Vec<_>>().join("/")
}

#[test]
fn every_operation_is_answered_by_the_function_that_has_it() {
    let gateway = of_the_gateway();
    for operation in openapi::operations() {
        let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
        let found = route(&method, &filled(operation.path)).map(|route| route.name());
        let expected = if gateway.contains(&key(&operation)) {
            Err(NoRoute::Unknown)
        } else {
            Ok(operation.name)
        };
        assert_eq!(found, expected, "{}", key(&operation));
    }
}

#[test]
fn every_route_of_the_template_is_described() {
    let described: BTreeSet<String> = openapi::operations().iter().map(key).collect();
    let gateway = of_the_gateway();
    assert!(!gateway.is_empty());
    assert_eq!(
        gateway.difference(&described).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[test]
fn every_method_of_a_described_path_is_described() {
    let operations = openapi::operations();
    for operation in &operations {
        let Err(NoRoute::NotAllowed { allow }) = route(&Method::TRACE, &filled(operation.path)) else {
            panic!("{} allows to be traced", operation.path)
        };
        let methods = operations.iter().filter(|other| other.path == operation.path);
        let described: BTreeSet<String> = methods.map(|other| other.method.to_uppercase()).collect();
        let allowed: BTreeSet<String> = allow.split(", ").map(str::to_owned).collect();
        assert_eq!(described, allowed, "{}", operation.path);
    }
}

#[test]
fn every_route_of_manage_is_described() {
    // Every variant has its name there: the match has no wildcard.
    let source = include_str!("../../../../functions/manage/src/routes.rs");
    let matches = source.split("const fn name").skip(1);
    let matches = matches.filter_map(|rest| rest.split("\n    }\n").next());
    let names: BTreeSet<&str> = matches.flat_map(|names| names.split('"').skip(1).step_by(2)).collect();
    for name in ["describe", "list_emails", "list_api_keys", "list_tenants"] {
        assert!(names.contains(name), "{names:?}");
    }
    let operations = openapi::operations();
    let described: BTreeSet<&str> = operations.iter().map(|operation| operation.name).collect();
    assert_eq!(names.difference(&described).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(described.len(), operations.len(), "a name is there twice");
}

#[test]
fn every_error_is_described_with_its_statuses() {
    let errors = [
        ApiError::malformed("x"),
        ApiError::validation("", "x"),
        ApiError::missing_field("", "x"),
        ApiError::invalid_from("", "x"),
        ApiError::invalid_attachment("", "x"),
        ApiError::too_large("x"),
        ApiError::invalid_idempotency_key("x"),
        ApiError::invalid_idempotent_request("x"),
        ApiError::not_found("x"),
        ApiError::method_not_allowed("x"),
        ApiError::conflict("x"),
        ApiError::missing_api_key("x"),
        ApiError::invalid_api_key("x"),
        ApiError::restricted_api_key("x"),
        ApiError::rate_limit_exceeded("x"),
        ApiError::daily_quota_exceeded("x"),
        ApiError::internal(),
    ];
    let mut made: Vec<(u16, &str)> = errors
        .iter()
        .map(|error| (error.status(), error.name().as_str()))
        .collect();
    let names = |names: &[ErrorName]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    let mut described: Vec<(u16, &str)> = REFUSALS
        .iter()
        .flat_map(|refusals| names(refusals.names).into_iter().map(|name| (refusals.status, name)))
        .collect();
    made.sort_unstable();
    described.sort_unstable();
    assert_eq!(described, made);
    // The list above is whole: it has every name that the type has.
    let document = openapi::document();
    let all: BTreeSet<&str> = made.iter().map(|(_, name)| *name).collect();
    let of_the_type = document["components"]["schemas"]["ErrorName"]["enum"]
        .as_array()
        .unwrap();
    assert_eq!(
        of_the_type
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect::<BTreeSet<_>>(),
        all
    );
}
