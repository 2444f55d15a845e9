//! The route table.
//!
//! **Invariant:** a handler takes the principal that its route needs, and only authentication creates one
//! ([`aws::http::auth::Authenticator::authenticate`]). The URL of a preview has a token instead.
//! **Start reading at** [`ManageFunction::ROUTES`].
//!
//! A tenant's route:
//! ```
#![doc = include_str!("route_examples.txt")]
//! const ROUTE: Route<Manage> = delete("/emails/{id}", "erase_email").tenant(Action::Manage, |manage, caller, input| {
//!     answer(200, async move { manage.erase(caller, input.path.id()?).await })
//! });
//! ```
//! Without its principal it does not compile:
//! ```compile_fail,E0061
#![doc = include_str!("route_examples.txt")]
//! const ROUTE: Route<Manage> = delete("/emails/{id}", "erase_email").tenant(Action::Manage, |manage, caller, input| {
//!     answer(200, async move { manage.erase(input.path.id()?).await })
//! });
//! ```
//! Nor does it compile with a forged principal:
//! ```compile_fail,E0451
#![doc = include_str!("route_examples.txt")]
//! const ROUTE: Route<Manage> = delete("/emails/{id}", "erase_email").tenant(Action::Manage, |manage, caller, input| {
//!     answer(200, async move { manage.erase(&TenantPrincipal { ..caller.clone() }, input.path.id()?).await })
//! });
//! ```
//! The deployer, acting for a tenant, reads and cancels:
//! ```
#![doc = include_str!("route_examples.txt")]
//! const READS: HandlerFor<Manage, Operator> = |manage, operator, input| {
//!     answer(200, async move { manage.email_metadata(operator, input.path.id()?).await })
//! };
//! const CANCELS: HandlerFor<Manage, Operator> = |manage, operator, input| {
//!     answer(200, async move { manage.cancel_for(operator, input.path.id()?).await })
//! };
//! ```
//! An operator's handler that reads content does not compile:
//! ```compile_fail,E0308
#![doc = include_str!("route_examples.txt")]
//! const READS: HandlerFor<Manage, Operator> = |manage, operator, input| {
//!     answer(200, async move { manage.email(operator, input.path.id()?).await })
//! };
//! ```
//! A tenant's handler may send, and an operator's may not:
//! ```
#![doc = include_str!("route_examples.txt")]
//! const SENDS: HandlerFor<Manage, TenantPrincipal> = |manage, principal, input| {
//!     answer(200, async move { manage.retry(principal, input.path.id()?, false).await })
//! };
//! ```
//! ```compile_fail,E0308
#![doc = include_str!("route_examples.txt")]
//! const SENDS: HandlerFor<Manage, Operator> = |manage, principal, input| {
//!     answer(200, async move { manage.retry(principal, input.path.id()?, false).await })
//! };
//! ```

use aws::http::answer::{answer, answer_with_object, answer_with_page};
use aws::http::base_url::base_url;
use aws::http::query;
use aws::http::routing::{self, HttpFunction, Route, delete, elsewhere, get, patch, post};
use domain::api::attachments::parse_upload;
use domain::api::error::ApiError;
use domain::api::queue_api::{parse_change, parse_create, parse_pause, parse_redrive};
use domain::api::requests::{parse_reschedule, parse_retry};
use domain::id::{AttachmentId, EmailId, QueueName};
use domain::ports::Clock;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;

use crate::by_key::{object, parse_cancellation, parse_release};
use crate::commands::NO_SUCH_EMAIL;
use crate::downloads::{AttachmentPage, NO_SUCH_FILE};
use crate::paging::EmailPage;
use crate::queues::{NO_SUCH_JOB, NO_SUCH_QUEUE};
use crate::{ManageError, ManageFunction, Ports};

/// Values from a path.
#[derive(Debug, Default)]
pub struct Parameters {
    id: Option<EmailId>,
    attachment: Option<AttachmentId>,
    name: Option<QueueName>,
    /// A preview's token, of any form: a wrong one gets the answer of a late one.
    token: Option<String>,
}

impl routing::Parameters for Parameters {
    fn read(&mut self, name: &str, segment: &str) -> Option<()> {
        match name {
            "id" => self.id = Some(EmailId::parse(segment)?),
            "attachment_id" => self.attachment = Some(AttachmentId::parse(segment)?),
            "name" => self.name = Some(QueueName::parse(segment).ok()?),
            "token" => self.token = Some(segment.to_owned()),
            _ => return None,
        }
        Some(())
    }

    fn unreadable(template: &str, name: &str) -> Option<&'static str> {
        match name {
            "attachment_id" => Some(NO_SUCH_FILE),
            "name" => Some(NO_SUCH_QUEUE),
            _ if template.starts_with("/queues") => Some(NO_SUCH_JOB),
            _ => Some(NO_SUCH_EMAIL),
        }
    }

    /// The object of the request for the log: the queue, or else the id of the email.
    fn object(&self) -> Option<String> {
        let name = self.name.as_ref().map(ToString::to_string);
        name.or_else(|| self.id.map(|id| id.to_string()))
    }
}

impl Parameters {
    /// Returns the id of an email or of a job.
    ///
    /// # Errors
    /// The path has no `{id}`.
    pub fn id(&self) -> Result<EmailId, ApiError> {
        self.id.ok_or_else(routing::unknown_path)
    }

    /// Returns the id of an attachment.
    ///
    /// # Errors
    /// The path has no `{attachment_id}`.
    pub fn attachment(&self) -> Result<AttachmentId, ApiError> {
        self.attachment.ok_or_else(routing::unknown_path)
    }

    /// Returns the token of a preview.
    ///
    /// # Errors
    /// The path has no `{token}`.
    pub fn token(&self) -> Result<&str, ApiError> {
        self.token.as_deref().ok_or_else(routing::unknown_path)
    }

    /// Returns the name of a queue.
    ///
    /// # Errors
    /// The path has no `{name}`.
    pub fn name(&self) -> Result<QueueName, ApiError> {
        self.name.clone().ok_or_else(routing::unknown_path)
    }
}

impl<P: Ports> HttpFunction for ManageFunction<P> {
    type Parameters = Parameters;
    type Error = ManageError;
    type Records = P::Records;

    const ELSEWHERE: &'static [&'static str] = &[
        "api-keys",
        "console-codes",
        "domains",
        "suppressions",
        "tenants",
        "webhooks",
    ];

    const ROUTES: &'static [Route<Self>] = &[
        elsewhere("GET", "/openapi.json"),
        get("/emails", "list_emails").each(
            Action::Read,
            |manage, caller, input| {
                answer(200, async move {
                    let page = EmailPage::parse(input.query)?;
                    manage.emails(caller, &page).await
                })
            },
            |manage, operator, input| {
                answer(200, async move {
                    let page = EmailPage::parse(input.query)?.without_content()?;
                    manage.emails_metadata(operator, &page).await
                })
            },
        ),
        elsewhere("POST", "/emails"),
        elsewhere("POST", "/emails/batch"),
        elsewhere("GET", "/emails/metrics"),
        post("/emails/release", "release_emails").tenant(Action::Manage, |manage, caller, input| {
            answer_with_object(202, async move {
                let release = parse_release(input.query)?;
                Ok((release.object(), manage.release(caller, &release).await?))
            })
        }),
        post("/emails/cancel", "cancel_emails").either(Action::Manage, |manage, party, input| {
            answer_with_object(200, async move {
                let selection = parse_cancellation(input.query)?;
                Ok((object(&selection), manage.cancel_emails(party, &selection).await?))
            })
        }),
        get("/emails/{id}", "get_email").each(
            Action::Read,
            |manage, caller, input| answer(200, async move { manage.email(caller, input.path.id()?).await }),
            |manage, operator, input| {
                answer(200, async move {
                    let id = input.path.id()?;
                    manage.email_metadata(operator, id).await
                })
            },
        ),
        patch("/emails/{id}", "reschedule_email").tenant(Action::Manage, |manage, caller, input| {
            answer(200, async move {
                let request = parse_reschedule(input.body)?;
                manage.reschedule(caller, input.path.id()?, request).await
            })
        }),
        delete("/emails/{id}", "erase_email").tenant(Action::Manage, |manage, caller, input| {
            answer(200, async move { manage.erase(caller, input.path.id()?).await })
        }),
        post("/emails/{id}/cancel", "cancel_email").each(
            Action::Manage,
            |manage, caller, input| answer(200, async move { manage.cancel(caller, input.path.id()?).await }),
            |manage, operator, input| answer(200, async move { manage.cancel_for(operator, input.path.id()?).await }),
        ),
        get("/emails/{id}/events", "list_events").each(
            Action::Read,
            |manage, caller, input| answer(200, async move { manage.events(caller, input.path.id()?).await }),
            |manage, operator, input| {
                answer(200, async move {
                    let id = input.path.id()?;
                    manage.events_metadata(operator, id).await
                })
            },
        ),
        post("/emails/{id}/retry", "retry_email").tenant(Action::Manage, |manage, caller, input| {
            answer(200, async move {
                manage.retry(caller, input.path.id()?, parse_retry(input.body)?).await
            })
        }),
        get("/emails/{id}/attachments", "list_attachments").tenant(Action::Read, |manage, caller, input| {
            answer(200, async move {
                let page = AttachmentPage::parse(input.query)?;
                manage.email_attachments(caller, input.path.id()?, page).await
            })
        }),
        get("/emails/{id}/attachments/{attachment_id}", "get_attachment").tenant(
            Action::Read,
            |manage, caller, input| {
                answer(200, async move {
                    let attachment = input.path.attachment()?;
                    manage.email_attachment(caller, input.path.id()?, attachment).await
                })
            },
        ),
        post("/emails/{id}/preview", "create_preview").tenant(Action::Read, |manage, caller, input| {
            answer(200, async move {
                let base_url = base_url(input.headers);
                manage.create_preview(caller, input.path.id()?, &base_url).await
            })
        }),
        get("/previews/{token}", "show_preview")
            .token(|manage, input| answer_with_page(async move { manage.preview(input.path.token()?).await })),
        post("/attachments", "invite_upload").tenant(Action::Send, |manage, caller, input| {
            answer(200, async move {
                let upload = parse_upload(input.body)?;
                manage.invite(caller, &upload).await
            })
        }),
        elsewhere("GET", "/failures"),
        elsewhere("GET", "/usage"),
        elsewhere("GET", "/account"),
        elsewhere("GET", "/metrics"),
        get("/queues", "list_queues").either(Action::Read, |manage, party, _| answer(200, manage.queues(party))),
        post("/queues", "create_queue").tenant(Action::Manage, |manage, caller, input| {
            answer_with_object(201, async move {
                let (name, settings) = parse_create(input.body)?;
                Ok((name.to_string(), manage.create_queue(caller, name, &settings).await?))
            })
        }),
        get("/queues/{name}", "get_queue").either(Action::Read, |manage, party, input| {
            answer(200, async move { manage.queue(party, input.path.name()?).await })
        }),
        patch("/queues/{name}", "change_queue").tenant(Action::Manage, |manage, caller, input| {
            answer(200, async move {
                let settings = parse_change(input.body)?;
                manage.change_queue(caller, input.path.name()?, &settings).await
            })
        }),
        delete("/queues/{name}", "delete_queue").tenant(Action::Manage, |manage, caller, input| {
            answer(200, async move {
                let cancel = query::flag(input.query, "cancel")?;
                manage.delete_queue(caller, input.path.name()?, cancel).await
            })
        }),
        post("/queues/{name}/pause", "pause_queue").either(Action::Manage, |manage, party, input| {
            answer(200, async move {
                manage.pause(party, input.path.name()?, parse_pause(input.body)?).await
            })
        }),
        post("/queues/{name}/resume", "resume_queue").either(Action::Manage, |manage, party, input| {
            answer(200, async move { manage.resume(party, input.path.name()?).await })
        }),
        post("/queues/{name}/purge", "purge_queue").either(Action::Manage, |manage, party, input| {
            answer(202, async move { manage.purge(party, input.path.name()?).await })
        }),
        post("/queues/{name}/restore", "restore_queue").tenant(Action::Manage, |manage, caller, input| {
            answer(202, async move { manage.restore(caller, input.path.name()?).await })
        }),
        post("/queues/{name}/retry", "redrive_queue").tenant(Action::Manage, |manage, caller, input| {
            answer(202, async move {
                manage
                    .redrive(caller, input.path.name()?, parse_redrive(input.body)?)
                    .await
            })
        }),
        get("/queues/{name}/jobs/{id}", "get_job").either(Action::Read, |manage, party, input| {
            answer(200, async move {
                manage.job(party, input.path.name()?, input.path.id()?).await
            })
        }),
    ];

    fn records(&self) -> &P::Records {
        &self.records
    }

    fn now(&self) -> Timestamp {
        self.system.now()
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
