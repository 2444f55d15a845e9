//! The route table.
//!
//! **Invariant:** every handler takes a [`TenantPrincipal`](aws::http::auth::TenantPrincipal) with full access, and
//! every use case an [`Owner`]. The deployer's key has neither.

use aws::http::answer::{answer, answer_with_object};
use aws::http::routing::{self, HttpFunction, Route, delete, get, patch, post};
use domain::api::error::ApiError;
use domain::api::webhook_api::{parse_change, parse_create, parse_recovery, parse_rotation, parse_test};
use domain::id::EmailId;
use domain::ports::Clock;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;
use domain::webhook::identity::EventId;
use domain::webhook::settings::WebhookId;

use crate::events::NO_EVENT;
use crate::owner::Owner;
use crate::page::{AttemptPage, EventPage, WebhookPage};
use crate::recovery::NO_JOB;
use crate::registration::NO_WEBHOOK;
use crate::{Ports, WebhooksError, WebhooksFunction};

/// Values from a path.
#[derive(Debug, Default)]
pub struct Parameters {
    webhook: Option<WebhookId>,
    event: Option<EventId>,
    job: Option<EmailId>,
}

impl routing::Parameters for Parameters {
    fn read(&mut self, name: &str, segment: &str) -> Option<()> {
        match name {
            "event" => self.event = Some(EventId::parse(segment).ok()?),
            "job" => self.job = Some(EmailId::parse(segment)?),
            _ => self.webhook = Some(WebhookId::parse(segment)?),
        }
        Some(())
    }

    fn unreadable(_: &str, name: &str) -> Option<&'static str> {
        Some(match name {
            "event" => NO_EVENT,
            "job" => NO_JOB,
            _ => NO_WEBHOOK,
        })
    }

    fn object(&self) -> Option<String> {
        let webhook = self.webhook?;
        Some(match (&self.event, self.job) {
            (Some(event), _) => format!("{webhook}/{event}"),
            (None, Some(job)) => format!("{webhook}/{job}"),
            (None, None) => webhook.to_string(),
        })
    }
}

impl Parameters {
    fn webhook(&self) -> Result<WebhookId, ApiError> {
        self.webhook.ok_or_else(routing::unknown_path)
    }

    fn event(&self) -> Result<&EventId, ApiError> {
        self.event.as_ref().ok_or_else(routing::unknown_path)
    }

    fn job(&self) -> Result<EmailId, ApiError> {
        self.job.ok_or_else(routing::unknown_path)
    }
}

impl<P: Ports> HttpFunction for WebhooksFunction<P> {
    type Parameters = Parameters;
    type Error = WebhooksError;
    type Records = P::Records;

    const ROUTES: &'static [Route<Self>] = &[
        get("/webhooks", "list_webhooks").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let owner = Owner::of(caller)?;
                function.webhooks(&owner, &WebhookPage::parse(input.query)?).await
            })
        }),
        post("/webhooks", "create_webhook").tenant(Action::Manage, |function, caller, input| {
            answer_with_object(201, async move {
                let owner = Owner::of(caller)?;
                function.create(&owner, parse_create(input.body)?).await
            })
        }),
        get("/webhooks/{webhook}", "get_webhook").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let owner = Owner::of(caller)?;
                function.webhook(&owner, input.path.webhook()?).await
            })
        }),
        patch("/webhooks/{webhook}", "update_webhook").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                let (repeated, change) = parse_change(input.body)?;
                if repeated.is_some_and(|given| WebhookId::parse(&given) != Some(id)) {
                    return Err(ApiError::validation("webhook_id", "must equal the id in the path").into());
                }
                function.change(&owner, id, &change).await
            })
        }),
        delete("/webhooks/{webhook}", "delete_webhook").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let owner = Owner::of(caller)?;
                function.delete(&owner, input.path.webhook()?).await
            })
        }),
        post("/webhooks/{webhook}/signing-secret/rotate", "rotate_signing_secret").tenant(
            Action::Manage,
            |function, caller, input| {
                answer(200, async move {
                    let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                    function.rotate(&owner, id, parse_rotation(input.body)?).await
                })
            },
        ),
        post("/webhooks/{webhook}/test", "test_webhook").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                function.test(&owner, id, parse_test(input.body)?).await
            })
        }),
        post("/webhooks/{webhook}/recover", "recover_webhook").tenant(Action::Manage, |function, caller, input| {
            answer(202, async move {
                let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                function.recover(&owner, id, parse_recovery(input.body)?).await
            })
        }),
        get("/webhooks/{webhook}/jobs/{job}", "get_recovery").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                function.recovery(&owner, id, input.path.job()?).await
            })
        }),
        get("/webhooks/{webhook}/events", "list_webhook_events").tenant(Action::Manage, |function, caller, input| {
            answer(200, async move {
                let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                function.events(&owner, id, &EventPage::parse(input.query)?).await
            })
        }),
        get("/webhooks/{webhook}/events/{event}", "get_webhook_event").tenant(
            Action::Manage,
            |function, caller, input| {
                answer(200, async move {
                    let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                    function.event(&owner, id, input.path.event()?).await
                })
            },
        ),
        post("/webhooks/{webhook}/events/{event}/replay", "replay_webhook_event").tenant(
            Action::Manage,
            |function, caller, input| {
                answer(200, async move {
                    let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                    function.replay(&owner, id, input.path.event()?).await
                })
            },
        ),
        get("/webhooks/{webhook}/events/{event}/attempts", "list_webhook_attempts").tenant(
            Action::Manage,
            |function, caller, input| {
                answer(200, async move {
                    let (owner, id) = (Owner::of(caller)?, input.path.webhook()?);
                    let page = AttemptPage::parse(input.query)?;
                    function.attempts(&owner, id, input.path.event()?, &page).await
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
    use std::net::IpAddr;

    use aws::http::routing::{NoRoute, find};
    use lambda_http::http::Method;
    use memory::MemoryBackend;
    use outgoing::failure::DnsError;
    use outgoing::resolve::Resolve;

    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";
    const EVENT: &str = "msg_000000000000000000000000001";

    /// A DNS without names.
    struct NoNames;

    impl Resolve for NoNames {
        async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, DnsError> {
            Err(DnsError::NoAddress)
        }
    }

    fn found(method: &str, path: &str) -> Result<&'static str, NoRoute> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        find::<WebhooksFunction<(MemoryBackend, NoNames)>>(&method, path).map(|found| found.route.name)
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let one = format!("/webhooks/{ID}");
        let event = format!("{one}/events/{EVENT}");
        let below = |rest: &str| format!("{one}/{rest}");
        for (method, path, expected) in [
            ("GET", "/webhooks", Ok("list_webhooks")),
            ("POST", "/webhooks/", Ok("create_webhook")),
            ("GET", &one, Ok("get_webhook")),
            ("PATCH", &one, Ok("update_webhook")),
            ("DELETE", &one, Ok("delete_webhook")),
            ("POST", &below("signing-secret/rotate"), Ok("rotate_signing_secret")),
            ("POST", &below("test"), Ok("test_webhook")),
            ("POST", &below("recover"), Ok("recover_webhook")),
            ("GET", &below(&format!("jobs/{ID}")), Ok("get_recovery")),
            ("GET", &below("events"), Ok("list_webhook_events")),
            ("GET", &event, Ok("get_webhook_event")),
            ("POST", &format!("{event}/replay"), Ok("replay_webhook_event")),
            ("GET", &format!("{event}/attempts"), Ok("list_webhook_attempts")),
            ("GET", "/webhooks/x", Err(NoRoute::Unreadable(NO_WEBHOOK))),
            ("GET", &below("events/x"), Err(NoRoute::Unreadable(NO_EVENT))),
            ("GET", &below("jobs/x"), Err(NoRoute::Unreadable(NO_JOB))),
            ("GET", &below("other"), Err(NoRoute::Unknown)),
            ("GET", "/emails", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_log_names_webhook_event_and_job() {
        use aws::http::routing::Parameters as _;
        let object = |names: &[(&str, &str)]| {
            let mut parameters = Parameters::default();
            for (name, segment) in names {
                parameters.read(name, segment).unwrap();
            }
            parameters.object()
        };
        assert_eq!(object(&[]), None);
        assert_eq!(object(&[("webhook", ID)]).as_deref(), Some(ID));
        let event = object(&[("webhook", ID), ("event", EVENT)]);
        assert_eq!(event, Some(format!("{ID}/{EVENT}")));
    }
}
