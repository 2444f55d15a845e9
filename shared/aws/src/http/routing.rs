//! Route tables of the functions behind the HTTP API, and the search for a route.
//!
//! **Role:** a function's table has one entry per route. The router, the audit log and the test of `openapi.json`
//! read it.
//! **Invariant:** pure. A path is [`crate::http::paths::normalized`], then compared literally except for its
//! parameters. A path outside the table has no route. A handler takes the principal that its route needs, so a handler
//! without one does not compile. Only a handler of a temporary token takes none.
//! **Start reading at** [`HttpFunction`].

mod template;

use domain::api::error::ApiError;
use domain::limits;
use domain::ports::PortError;
use domain::ports::access::{Keys, Tenants};
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;
use lambda_http::http::{HeaderMap, Method};
use lambda_http::{Body, Request, Response};

pub use self::template::Parameters;
use self::template::{AnyValue, first_unreadable, values};
use crate::http::answer::{Answer, Failure};
use crate::http::auth::{ActsFor, Deployer, KeyAuthor, Operator, TenantPrincipal, Viewer};
use crate::http::paths::{misspelt_route, nearest_route, normalized};

/// A function behind the HTTP API.
pub trait HttpFunction: Sized + Sync + 'static {
    /// Values from a path.
    type Parameters: Parameters;

    /// Error of a request.
    type Error: Failure + From<ApiError> + From<PortError>;

    /// Table with keys and tenants.
    type Records: Keys + Tenants;

    /// The route table.
    const ROUTES: &'static [Route<Self>];

    /// First segments of paths that belong to other functions. API Gateway sends them here only in another spelling.
    const ELSEWHERE: &'static [&'static str] = &[];

    /// Returns the table with keys and tenants.
    fn records(&self) -> &Self::Records;

    /// Returns the time.
    fn now(&self) -> Timestamp;
}

/// Input of a handler.
#[derive(Debug)]
pub struct Input<'a, F: HttpFunction> {
    /// Values from the path.
    pub path: F::Parameters,
    /// Raw query.
    pub query: &'a str,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Body.
    pub body: &'a [u8],
}

impl<'a, F: HttpFunction> Input<'a, F> {
    /// Splits a request whose path has these values.
    pub fn new(path: F::Parameters, request: &'a Request) -> Self {
        Self {
            path,
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            body: request.body().as_ref(),
        }
    }
}

/// Handler of a route, which takes a principal `A`.
pub type HandlerFor<F, A> = for<'a> fn(&'a F, &'a A, Input<'a, F>) -> Answer<'a, <F as HttpFunction>::Error>;

/// Handler of a route without a key.
pub type HandlerWithToken<F> = for<'a> fn(&'a F, Input<'a, F>) -> Answer<'a, <F as HttpFunction>::Error>;

/// Handler of a route, by the keys that may call it.
#[derive(Debug)]
pub enum Handler<F: HttpFunction> {
    /// Without a key.
    Public(fn() -> Response<Body>),
    /// Without a key: the request has a temporary token, and the handler answers 404 for a wrong one.
    Token(HandlerWithToken<F>),
    /// With a tenant's key that has the permission.
    Tenant(Action, HandlerFor<F, TenantPrincipal>),
    /// As [`Self::Tenant`], and with the deployer's key for a named tenant.
    Either(Action, HandlerFor<F, dyn ActsFor>),
    /// As [`Self::Either`], with a response without content for the deployer.
    Each(Action, HandlerFor<F, TenantPrincipal>, HandlerFor<F, Operator>),
    /// With a tenant's key that may read, or with the deployer's key, for a named tenant or for none.
    Viewer(HandlerFor<F, Viewer>),
    /// With a tenant's key that has full access, or with the deployer's key.
    Author(HandlerFor<F, KeyAuthor>),
    /// With the deployer's key.
    Deployer(HandlerFor<F, Deployer>),
    /// Another function answers. This function lists the method in `Allow`.
    Elsewhere,
}

/// A route.
#[derive(Debug)]
pub struct Route<F: HttpFunction> {
    /// Method.
    pub method: &'static str,
    /// Path, with parameters in braces.
    pub path: &'static str,
    /// Name in the audit log; empty if another function answers.
    pub name: &'static str,
    /// Handler.
    pub handler: Handler<F>,
    /// Whether a repetition with the same idempotency key completes the request, and does nothing twice.
    pub is_completed_by_key: bool,
}

impl<F: HttpFunction> Route<F> {
    /// Marks that an idempotency key completes a repeated request.
    #[must_use]
    pub const fn completed_by_key(mut self) -> Self {
        self.is_completed_by_key = true;
        self
    }

    /// Returns the handler of a route with a temporary token.
    pub(super) const fn handler_with_token(&self) -> Option<HandlerWithToken<F>> {
        if let Handler::Token(handler) = self.handler {
            Some(handler)
        } else {
            None
        }
    }

    /// Whether the deployer's key may call it for a named tenant.
    #[must_use]
    pub const fn is_for_operator(&self) -> bool {
        matches!(self.handler, Handler::Either(..) | Handler::Each(..))
    }
}

/// Entry of a route table, before it has a handler.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    method: &'static str,
    path: &'static str,
    name: &'static str,
}

/// Starts the entry of a `GET`.
#[must_use]
pub const fn get(path: &'static str, name: &'static str) -> Entry {
    Entry::new("GET", path, name)
}

/// Starts the entry of a `POST`.
#[must_use]
pub const fn post(path: &'static str, name: &'static str) -> Entry {
    Entry::new("POST", path, name)
}

/// Starts the entry of a `PATCH`.
#[must_use]
pub const fn patch(path: &'static str, name: &'static str) -> Entry {
    Entry::new("PATCH", path, name)
}

/// Starts the entry of a `DELETE`.
#[must_use]
pub const fn delete(path: &'static str, name: &'static str) -> Entry {
    Entry::new("DELETE", path, name)
}

/// Returns the entry of a method that another function answers.
#[must_use]
pub const fn elsewhere<F: HttpFunction>(method: &'static str, path: &'static str) -> Route<F> {
    Entry::new(method, path, "").with(Handler::Elsewhere)
}

impl Entry {
    const fn new(method: &'static str, path: &'static str, name: &'static str) -> Self {
        Self { method, path, name }
    }

    const fn with<F: HttpFunction>(self, handler: Handler<F>) -> Route<F> {
        Route {
            method: self.method,
            path: self.path,
            name: self.name,
            handler,
            is_completed_by_key: false,
        }
    }

    /// As [`Handler::Public`].
    #[must_use]
    pub const fn public<F: HttpFunction>(self, answer: fn() -> Response<Body>) -> Route<F> {
        self.with(Handler::Public(answer))
    }

    /// As [`Handler::Token`].
    #[must_use]
    pub const fn token<F: HttpFunction>(self, handler: HandlerWithToken<F>) -> Route<F> {
        self.with(Handler::Token(handler))
    }

    /// As [`Handler::Tenant`].
    #[must_use]
    pub const fn tenant<F: HttpFunction>(self, action: Action, handler: HandlerFor<F, TenantPrincipal>) -> Route<F> {
        self.with(Handler::Tenant(action, handler))
    }

    /// As [`Handler::Either`].
    #[must_use]
    pub const fn either<F: HttpFunction>(self, action: Action, handler: HandlerFor<F, dyn ActsFor>) -> Route<F> {
        self.with(Handler::Either(action, handler))
    }

    /// As [`Handler::Each`].
    #[must_use]
    pub const fn each<F: HttpFunction>(
        self,
        action: Action,
        tenant: HandlerFor<F, TenantPrincipal>,
        operator: HandlerFor<F, Operator>,
    ) -> Route<F> {
        self.with(Handler::Each(action, tenant, operator))
    }

    /// As [`Handler::Viewer`].
    #[must_use]
    pub const fn viewer<F: HttpFunction>(self, handler: HandlerFor<F, Viewer>) -> Route<F> {
        self.with(Handler::Viewer(handler))
    }

    /// As [`Handler::Author`].
    #[must_use]
    pub const fn author<F: HttpFunction>(self, handler: HandlerFor<F, KeyAuthor>) -> Route<F> {
        self.with(Handler::Author(handler))
    }

    /// As [`Handler::Deployer`].
    #[must_use]
    pub const fn deployer<F: HttpFunction>(self, handler: HandlerFor<F, Deployer>) -> Route<F> {
        self.with(Handler::Deployer(handler))
    }
}

/// Returns the error of an unknown path, also for a handler that reads a parameter which its path lacks.
#[must_use]
pub fn unknown_path() -> ApiError {
    ApiError::not_found("Not found. See /openapi.json for the available endpoints.")
}

/// Returns the error of a path without a route: it names the path and the nearest route.
#[must_use]
pub fn no_such_path<F: HttpFunction>(path: &str) -> ApiError {
    let path = normalized(path);
    // A path may have an address, which no message repeats.
    if path.contains('@') || path.contains("%40") || path.len() > limits::ECHO_MAX {
        return unknown_path();
    }
    let nearest = nearest_route(F::ROUTES.iter().map(|route| route.path), &path)
        .map(|route| format!(" The nearest path is {route}."));
    let nearest = nearest.unwrap_or_default();
    ApiError::not_found(format!(
        "The API has no path {path}.{nearest} See /openapi.json for the available endpoints."
    ))
}

/// Reason why a request has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute {
    /// The path does not exist, or another function answers it.
    Unknown,
    /// A segment of the path cannot be the value of its parameter: no object has this name.
    Unreadable(&'static str),
    /// Another function answers the path in its normal spelling.
    Elsewhere {
        /// The path in its normal spelling, without the query.
        location: String,
    },
    /// The path has other methods.
    NotAllowed {
        /// The methods, as in the header `Allow`.
        allow: String,
    },
}

/// Route of a request.
#[derive(Debug)]
pub struct Found<F: HttpFunction> {
    /// Entry of the table.
    pub route: &'static Route<F>,
    /// Values from the path.
    pub path: F::Parameters,
}

/// Finds the route of a method and a path.
///
/// # Errors
/// [`NoRoute`], answered as 404, 405 or 307.
pub fn find<F: HttpFunction>(method: &Method, path: &str) -> Result<Found<F>, NoRoute> {
    let normal = normalized(path);
    find_normal::<F>(method, &normal).map_err(|no_route| {
        let root = normal.split('/').nth(1).unwrap_or_default();
        let is_elsewhere =
            no_route == NoRoute::Unknown && (is_elsewhere::<F>(method, &normal) || F::ELSEWHERE.contains(&root));
        if is_elsewhere && *normal != *path {
            NoRoute::Elsewhere {
                location: normal.into_owned(),
            }
        } else {
            no_route
        }
    })
}

fn is_elsewhere<F: HttpFunction>(method: &Method, path: &str) -> bool {
    F::ROUTES.iter().any(|route| {
        matches!(route.handler, Handler::Elsewhere) && route.method == method.as_str() && route.path == path
    })
}

fn find_normal<F: HttpFunction>(method: &Method, path: &str) -> Result<Found<F>, NoRoute> {
    let of_path = || {
        F::ROUTES
            .iter()
            .filter_map(|route| Some((route, values(route.path, path)?)))
    };
    match of_path().find(|(route, _)| route.method == method.as_str()) {
        Some((
            Route {
                handler: Handler::Elsewhere,
                ..
            },
            _,
        )) => Err(NoRoute::Unknown),
        Some((route, path)) => Ok(Found { route, path }),
        None => {
            let methods: Vec<&str> = of_path().map(|(route, _): (_, F::Parameters)| route.method).collect();
            let allow = methods.join(", ");
            Err(if allow.is_empty() {
                unreadable::<F>(method, path).map_or(NoRoute::Unknown, NoRoute::Unreadable)
            } else {
                NoRoute::NotAllowed { allow }
            })
        }
    }
}

/// Returns the sentence about a path that has a route's form, but a segment that cannot be its parameter's value. If
/// several routes have the form, a route of the request's method is preferred.
fn unreadable<F: HttpFunction>(method: &Method, path: &str) -> Option<&'static str> {
    if misspelt_route(F::ROUTES.iter().map(|route| route.path), path).is_some() {
        return None;
    }
    let of_form = || {
        let of_form = |route: &&Route<F>| values::<AnyValue>(route.path, path).is_some();
        F::ROUTES.iter().filter(of_form)
    };
    let is_of_method = |route: &&Route<F>| route.method == method.as_str();
    let route = of_form().find(is_of_method).or_else(|| of_form().next())?;
    F::Parameters::unreadable(route.path, first_unreadable::<F::Parameters>(route.path, path)?)
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
