//! The described routes are exactly the existing ones.

use std::collections::{BTreeMap, BTreeSet};

use access::AccessFunction;
use aws::http::paths::normalized;
use aws::http::routing::{self, Handler, HttpFunction, NoRoute};
use domain::api::error::{ApiError, ErrorName};
use domains::DomainsFunction;
use enqueue::EnqueueFunction;
use lambda_http::http::Method;
use manage::ManageFunction;
use memory::MemoryBackend;
use openapi::operation::Operation;
use openapi::refusals::REFUSALS;
use reports::ReportsFunction;
use suppressions::SuppressionsFunction;
use webhooks::WebhooksFunction;

use crate::caller::{Function, NoNames};

const ID: &str = "01010101-0101-4101-8101-010101010101";
const EVENT: &str = "msg_000000000000000000000000001";
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// Returns the functions to which API Gateway routes: by the routes' keys and targets in the template.
fn of_the_gateway() -> BTreeMap<String, Function> {
    let lines: Vec<&str> = TEMPLATE.lines().map(str::trim).collect();
    let routes = lines.iter().zip(lines.iter().skip(1)).filter_map(|(key, target)| {
        let key = key.strip_prefix("RouteKey: ")?;
        // The console has files, and no operations.
        if *target == r#"Target: !Sub "integrations/${ConsoleIntegration}""# {
            return None;
        }
        let function = match *target {
            r#"Target: !Sub "integrations/${EnqueueIntegration}""# => Function::Enqueue,
            r#"Target: !Sub "integrations/${AccessIntegration}""# => Function::Access,
            r#"Target: !Sub "integrations/${SuppressionsIntegration}""# => Function::Suppressions,
            r#"Target: !Sub "integrations/${DomainsIntegration}""# => Function::Domains,
            r#"Target: !Sub "integrations/${WebhooksIntegration}""# => Function::Webhooks,
            r#"Target: !Sub "integrations/${ReportsIntegration}""# => Function::Reports,
            r#"Target: !Sub "integrations/${ManageIntegration}""# => Function::Manage,
            other => panic!("{key} has an unknown target: {other}"),
        };
        Some((key.to_owned(), function))
    });
    routes.collect()
}

/// Returns the function that answers a method and a path. Source: Amazon API Gateway Developer Guide, "Routes for
/// HTTP APIs": a full match comes first, then `ANY`, then a greedy path variable, then `$default`.
fn answers(gateway: &BTreeMap<String, Function>, method: &str, path: &str) -> Function {
    let (root, _) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let keys = [
        format!("{method} {path}"),
        format!("ANY {path}"),
        format!("ANY /{root}/{{proxy+}}"),
        "$default".to_owned(),
    ];
    *keys
        .iter()
        .find_map(|key| gateway.get(key))
        .expect("every other call has the default route")
}

/// Returns the name of the route that a function finds.
fn found(function: Function, method: &Method, path: &str) -> Result<&'static str, NoRoute> {
    fn name<F: HttpFunction>(method: &Method, path: &str) -> Result<&'static str, NoRoute> {
        routing::find::<F>(method, path).map(|found| found.route.name)
    }
    match function {
        Function::Enqueue => name::<EnqueueFunction<MemoryBackend>>(method, path),
        Function::Access => name::<AccessFunction<MemoryBackend>>(method, path),
        Function::Suppressions => name::<SuppressionsFunction<MemoryBackend>>(method, path),
        Function::Domains => name::<DomainsFunction<MemoryBackend>>(method, path),
        Function::Webhooks => name::<WebhooksFunction<(MemoryBackend, NoNames)>>(method, path),
        Function::Reports => name::<ReportsFunction<MemoryBackend>>(method, path),
        Function::Manage => name::<ManageFunction<MemoryBackend>>(method, path),
    }
}

/// Returns the entries of a function's table, each as one line.
fn routes<F: HttpFunction>(function: Function) -> Vec<String> {
    let own = F::ROUTES
        .iter()
        .filter(|route| !matches!(route.handler, Handler::Elsewhere));
    let line = |route: &routing::Route<F>| {
        let is_public = matches!(route.handler, Handler::Public(_) | Handler::Token(_));
        let key = format!("{} {}", route.method, route.path);
        line(function, &key, route.name, is_public, route.is_for_operator())
    };
    own.map(line).collect()
}

fn line(function: Function, key: &str, name: &str, is_public: bool, is_for_operator: bool) -> String {
    format!("{function:?}: {key} is {name}, public: {is_public}, for an operator: {is_for_operator}")
}

fn key(operation: &Operation) -> String {
    format!("{} {}", operation.method.to_uppercase(), operation.path)
}

/// Returns a path with a value for each parameter.
fn filled(path: &str) -> String {
    let place = |segment: &str| match segment {
        "{name}" => "default".to_owned(),
        "{event}" => EVENT.to_owned(),
        place if place.starts_with('{') => ID.to_owned(),
        fixed => fixed.to_owned(),
    };
    path.split('/').map(place).collect::<Vec<_>>().join("/")
}

#[test]
fn every_operation_reaches_its_function() {
    let gateway = of_the_gateway();
    for operation in openapi::operations() {
        let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
        let answering = answers(&gateway, method.as_str(), operation.path);
        assert_eq!(Function::of(&operation), answering, "{}", key(&operation));
        for function in [
            Function::Enqueue,
            Function::Access,
            Function::Suppressions,
            Function::Domains,
            Function::Webhooks,
            Function::Reports,
            Function::Manage,
        ] {
            let expected = if function == answering {
                Ok(operation.name)
            } else {
                Err(NoRoute::Unknown)
            };
            let found = found(function, &method, &filled(operation.path));
            assert_eq!(found, expected, "{function:?}: {}", key(&operation));
        }
    }
}

#[test]
fn every_route_of_the_template_is_described() {
    let operations = openapi::operations();
    let gateway = of_the_gateway();
    let functions: BTreeSet<_> = gateway.values().map(|function| format!("{function:?}")).collect();
    assert_eq!(functions.len(), 7, "{functions:?}");
    for route in gateway.keys().filter(|route| *route != "$default") {
        let (method, path) = route.split_once(' ').unwrap();
        let described = |operation: &Operation| {
            let is_below = path
                .strip_suffix("{proxy+}")
                .is_some_and(|root| operation.path.starts_with(root));
            (operation.path == normalized(path) || is_below)
                && (method == "ANY" || operation.method.to_uppercase() == method)
        };
        assert!(operations.iter().any(described), "{route}");
    }
}

/// Returns the spellings of a path that clients produce.
fn spellings(path: &str) -> Vec<String> {
    let mut all = vec![
        path.to_owned(),
        format!("/{path}"),
        format!("{path}/"),
        format!("//{path}//"),
    ];
    all.push(path.replacen("/emails", "/email", 1));
    all.push(format!("/{}/", path.replacen("/emails", "/email", 1)));
    all
}

#[test]
fn every_spelling_of_a_path_ends_at_its_function() {
    let gateway = of_the_gateway();
    for operation in openapi::operations() {
        let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
        let path = filled(operation.path);
        for (key, spelling) in spellings(operation.path).iter().zip(spellings(&path)) {
            let mut answer = found(answers(&gateway, method.as_str(), key), &method, &spelling);
            if let Err(NoRoute::Elsewhere { location }) = answer {
                assert_eq!(location, path, "{spelling}");
                let function = answers(&gateway, method.as_str(), operation.path);
                answer = found(function, &method, &location);
            }
            assert_eq!(answer, Ok(operation.name), "{method} {spelling}");
        }
    }
}

#[test]
fn no_throttle_can_apply_to_accepted_emails() {
    // Some SDKs take the gateway's 429 for success.
    assert!(!TEMPLATE.contains("DefaultRouteSettings"));
    let throttled = TEMPLATE.lines().filter(|line| line.contains("ThrottlingRateLimit"));
    assert!(throttled.clone().count() > 0);
    for line in throttled {
        assert!(!line.contains("POST"), "{line}");
    }
}

#[test]
fn every_method_of_a_described_path_is_described() {
    let gateway = of_the_gateway();
    let operations = openapi::operations();
    for operation in &operations {
        let function = answers(&gateway, "TRACE", operation.path);
        let Err(NoRoute::NotAllowed { allow }) = found(function, &Method::TRACE, &filled(operation.path)) else {
            panic!("{} allows TRACE", operation.path)
        };
        let methods = operations.iter().filter(|other| other.path == operation.path);
        let described: BTreeSet<String> = methods.map(|other| other.method.to_uppercase()).collect();
        let allowed: BTreeSet<String> = allow.split(", ").map(str::to_owned).collect();
        assert_eq!(described, allowed, "{}", operation.path);
    }
}

#[test]
fn the_description_has_the_routes_of_the_tables() {
    let operations = openapi::operations();
    let described = operations.iter().map(|operation| {
        let function = Function::of(operation);
        let (is_public, is_for_operator) = (operation.public, operation.for_operator);
        line(function, &key(operation), operation.name, is_public, is_for_operator)
    });
    let mut described: Vec<String> = described.collect();
    let mut routed = [
        routes::<EnqueueFunction<MemoryBackend>>(Function::Enqueue),
        routes::<AccessFunction<MemoryBackend>>(Function::Access),
        routes::<SuppressionsFunction<MemoryBackend>>(Function::Suppressions),
        routes::<ReportsFunction<MemoryBackend>>(Function::Reports),
        routes::<DomainsFunction<MemoryBackend>>(Function::Domains),
        routes::<WebhooksFunction<(MemoryBackend, NoNames)>>(Function::Webhooks),
        routes::<ManageFunction<MemoryBackend>>(Function::Manage),
    ]
    .concat();
    described.sort();
    routed.sort();
    assert_eq!(described, routed);
    let names: BTreeSet<&str> = operations.iter().map(|operation| operation.name).collect();
    assert_eq!(names.len(), operations.len(), "a name occurs twice");
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
        ApiError::forbidden("x"),
        ApiError::restricted_api_key("x"),
        ApiError::rate_limit_exceeded("x"),
        ApiError::daily_quota_exceeded("x"),
        ApiError::internal(),
        ApiError::overloaded(),
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
    // The list above is complete: it has every name of the type.
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
