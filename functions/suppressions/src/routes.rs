//! The route table.
//!
//! **Invariant:** every handler takes a [`TenantPrincipal`](aws::http::auth::TenantPrincipal), so that it is reachable
//! only with a tenant's key that has the permission. Only an address in a path may contain escapes.

use aws::http::answer::answer;
use aws::http::routing::{self, HttpFunction, Route, delete, get, post};
use domain::api::error::ApiError;
use domain::api::suppressions::{SuppressionSelector, parse_add, parse_add_many, parse_remove_many};
use domain::ports::Clock;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;
use percent_encoding::percent_decode_str;

use crate::page::SuppressionPage;
use crate::{Ports, SuppressionsError, SuppressionsFunction};

/// The answer to a path with another text in the place of a suppression.
const NEITHER_ID_NOR_ADDRESS: &str =
    "The path must name a suppression by its id or its address. See GET /suppressions.";

/// Values from a path.
#[derive(Debug, Default)]
pub struct Parameters {
    suppression: Option<SuppressionSelector>,
}

impl routing::Parameters for Parameters {
    /// Reads an id or an address. Clients escape some characters of addresses.
    fn read(&mut self, _: &str, segment: &str) -> Option<()> {
        let text = percent_decode_str(segment).decode_utf8().ok()?;
        self.suppression = Some(SuppressionSelector::parse(&text)?);
        Some(())
    }

    fn unreadable(_: &str, _: &str) -> Option<&'static str> {
        Some(NEITHER_ID_NOR_ADDRESS)
    }

    /// Always `None`: an address does not go into the log.
    fn object(&self) -> Option<String> {
        None
    }
}

impl Parameters {
    fn suppression(&self) -> Result<&SuppressionSelector, ApiError> {
        self.suppression.as_ref().ok_or_else(routing::unknown_path)
    }
}

impl<P: Ports> HttpFunction for SuppressionsFunction<P> {
    type Parameters = Parameters;
    type Error = SuppressionsError;
    type Records = P::Records;

    const ROUTES: &'static [Route<Self>] = &[
        get("/suppressions", "list_suppressions").tenant(Action::Read, |function, caller, input| {
            answer(200, async move {
                let page = SuppressionPage::parse(input.query)?;
                function.suppressions(caller, &page).await
            })
        }),
        post("/suppressions", "add_suppression").tenant(Action::Manage, |function, caller, input| {
            answer(201, async move {
                function.add_suppression(caller, parse_add(input.body)?).await
            })
        }),
        post("/suppressions/batch/add", "add_suppressions").tenant(Action::Manage, |function, caller, input| {
            answer(201, async move {
                let addresses = parse_add_many(input.body)?;
                function.add_suppressions(caller, &addresses).await
            })
        }),
        post("/suppressions/batch/remove", "remove_suppressions").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let which = parse_remove_many(input.body)?;
                function.remove_suppressions(caller, &which).await
            })
        }),
        get("/suppressions/{suppression}", "get_suppression").tenant(Action::Read, |function, caller, input| {
            answer(200, async move {
                function.suppression(caller, input.path.suppression()?).await
            })
        }),
        delete("/suppressions/{suppression}", "remove_suppression").tenant(
            Action::Manage,
            |function, caller, input| {
                answer(200, async move {
                    function.remove_suppression(caller, input.path.suppression()?).await
                })
            },
        ),
    ];

    fn records(&self) -> &P::Records {
        &self.records
    }

    fn now(&self) -> Timestamp {
        self.system.now()
    }
}

#[cfg(test)]
mod tests {
    use aws::http::routing::{NoRoute, find};
    use domain::message::address::EmailAddress;
    use lambda_http::http::Method;
    use memory::MemoryBackend;

    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    /// Returns the name of a route, and the suppression in its path.
    fn found(method: &str, path: &str) -> Result<(&'static str, Option<SuppressionSelector>), NoRoute> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = find::<SuppressionsFunction<MemoryBackend>>(&method, path)?;
        Ok((found.route.name, found.path.suppression))
    }

    #[test]
    fn an_address_in_a_path_may_be_escaped() {
        let id = format!("/suppressions/{ID}");
        let address = |text| SuppressionSelector::Address(EmailAddress::parse(text).unwrap());
        for (path, expected) in [
            (&*id, SuppressionSelector::parse(ID).unwrap()),
            ("/suppressions/ann@example.com", address("ann@example.com")),
            ("/suppressions/ann+1%40example.com", address("ann+1@example.com")),
            ("/suppressions/ann%2B1%40example.com", address("ann+1@example.com")),
            ("/suppressions/a%2Fb%40example.com", address("a/b@example.com")),
            ("/suppressions/a%25b%40example.com", address("a%b@example.com")),
            ("/suppressions/a@b%C3%BCcher.example", address("a@bücher.example")),
            (
                "/suppressions/%22two%20w%40rds%22@example.com",
                address("\"two w@rds\"@example.com"),
            ),
        ] {
            assert_eq!(found("GET", path), Ok(("get_suppression", Some(expected))), "{path}");
        }
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let id = format!("/suppressions/{ID}");
        let allow = |methods: &str| NoRoute::NotAllowed {
            allow: methods.to_owned(),
        };
        let unnamed = || Err(NoRoute::Unreadable(NEITHER_ID_NOR_ADDRESS));
        for (method, path, expected) in [
            ("GET", "/suppressions", Ok(("list_suppressions", None))),
            ("POST", "/suppressions", Ok(("add_suppression", None))),
            ("POST", "/suppressions/batch/add", Ok(("add_suppressions", None))),
            ("POST", "/suppressions/batch/remove", Ok(("remove_suppressions", None))),
            (
                "DELETE",
                &id,
                Ok(("remove_suppression", SuppressionSelector::parse(ID))),
            ),
            ("DELETE", "/suppressions", Err(allow("GET, POST"))),
            ("PATCH", &id, Err(allow("GET, DELETE"))),
            ("GET", "/suppressions/batch/add", Err(allow("POST"))),
            ("GET", "/suppressions/", Ok(("list_suppressions", None))),
            ("GET", "/suppressions/batch", unnamed()),
            ("GET", "/suppressions/ann", unnamed()),
            ("POST", "/suppressions/ann", unnamed()),
            ("POST", "/suppressions/batch/ad", Err(NoRoute::Unknown)),
            ("GET", "/suppressions/a/b@example.com", Err(NoRoute::Unknown)),
            ("GET", "/suppressions/%FF@example.com", unnamed()),
            ("GET", "/suppressions/a@example.com%00", unnamed()),
            (
                "GET",
                &format!("{id}//"),
                Ok(("get_suppression", SuppressionSelector::parse(ID))),
            ),
            ("GET", "/emails", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }
}
