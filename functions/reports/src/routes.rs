//! The route table.
//!
//! **Invariant:** every handler takes the principal that its route needs, and only authentication creates one
//! ([`aws::http::auth::Authenticator::authenticate`]). Only the description of the API is public.

use aws::http::answer::{answer, answer_with_text};
use aws::http::routing::{HttpFunction, Route, get};
use domain::api::open_metrics::OPEN_METRICS;
use domain::ports::Clock;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;

use crate::description::describe;
use crate::failures::FailuresQuery;
use crate::metrics::MetricsQuery;
use crate::{Ports, ReportsError, ReportsFunction};

impl<P: Ports> HttpFunction for ReportsFunction<P> {
    type Parameters = ();
    type Error = ReportsError;
    type Records = P::Records;

    const ROUTES: &'static [Route<Self>] = &[
        get("/openapi.json", "describe").public(describe),
        get("/emails/metrics", "metrics").either(Action::Read, |reports, party, input| {
            answer(200, async move {
                reports.metrics(party, &MetricsQuery::parse(input.query)?).await
            })
        }),
        get("/failures", "failures").either(Action::Read, |reports, party, input| {
            answer(200, async move {
                reports.failures(party, &FailuresQuery::parse(input.query)?).await
            })
        }),
        get("/usage", "usage").tenant(Action::Read, |reports, caller, _| answer(200, reports.usage(caller))),
        get("/account", "account").viewer(|reports, viewer, _| answer(200, reports.account(viewer))),
        get("/metrics", "open_metrics")
            .viewer(|reports, viewer, _| answer_with_text(OPEN_METRICS, reports.open_metrics(viewer))),
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
    use lambda_http::http::Method;
    use memory::MemoryBackend;

    use super::*;

    /// Returns the name of a route.
    fn found(method: &str, path: &str) -> Result<&'static str, NoRoute> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        find::<ReportsFunction<MemoryBackend>>(&method, path).map(|found| found.route.name)
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let only_get = NoRoute::NotAllowed {
            allow: "GET".to_owned(),
        };
        for (path, name) in [
            ("/openapi.json", "describe"),
            ("/emails/metrics", "metrics"),
            ("/failures", "failures"),
            ("/usage", "usage"),
            ("/account", "account"),
            ("/metrics", "open_metrics"),
        ] {
            assert_eq!(found("GET", path), Ok(name));
            for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE"] {
                assert_eq!(found(method, path), Err(only_get.clone()), "{method} {path}");
            }
        }
        for path in [
            "/",
            "/emails",
            "/failures/x",
            "/usage/x",
            "/queues",
            "/Usage",
            "/openapi",
        ] {
            assert_eq!(found("GET", path), Err(NoRoute::Unknown), "{path}");
        }
    }
}
