//! Routes, each with its kind of key and its permission.
//!
//! **Invariant:** a route belongs to the kind of key that it needs, and its function takes a value that only
//! such a key gives. A route without its principal does not compile. Permission, name and object are defined
//! for every route, so that none is open or missing in the log by accident.
//! **Start reading at** [`Route`]; [`crate::paths`] reads it from a path.
//!
//! This compiles:
//! ```
//! # use {aws::http::auth::TenantPrincipal, domain::id::EmailId, manage::{ManageFunction, ManageError}, memory::MemoryBackend};
//! async fn route(manage: &ManageFunction<MemoryBackend, MemoryBackend, MemoryBackend, MemoryBackend>, caller: &TenantPrincipal, id: EmailId) -> Result<(), ManageError> {
//!     manage.erase(caller, id).await.map(drop)
//! }
//! ```
//! This route has no principal, and does not compile:
//! ```compile_fail
//! # use {aws::http::auth::TenantPrincipal, domain::id::EmailId, manage::{ManageFunction, ManageError}, memory::MemoryBackend};
//! async fn route(manage: &ManageFunction<MemoryBackend, MemoryBackend, MemoryBackend, MemoryBackend>, caller: &TenantPrincipal, id: EmailId) -> Result<(), ManageError> {
//!     manage.erase(id).await.map(drop)
//! }
//! ```
//! Nor does this one, which forges its principal. Only authentication creates a caller
//! ([`aws::http::auth::Authenticator::authenticate`]):
//! ```compile_fail
//! # use {aws::http::auth::TenantPrincipal, domain::id::EmailId, manage::{ManageFunction, ManageError}, memory::MemoryBackend};
//! async fn route(manage: &ManageFunction<MemoryBackend, MemoryBackend, MemoryBackend, MemoryBackend>, caller: &TenantPrincipal, id: EmailId) -> Result<(), ManageError> {
//!     manage.erase(&TenantPrincipal { ..caller.clone() }, id).await.map(drop)
//! }
//! ```
//! The deployer, acting for a tenant ([`aws::http::auth::Operator`]), lists and cancels:
//! ```
//! # use {aws::http::auth::Operator, domain::id::EmailId, manage::{ManageFunction, ManageError}, memory::MemoryBackend};
//! async fn route(manage: &ManageFunction<MemoryBackend, MemoryBackend, MemoryBackend, MemoryBackend>, operator: &Operator, id: EmailId) -> Result<(), ManageError> {
//!     manage.email_metadata(operator, id).await?;
//!     manage.cancel_for(operator, id).await.map(drop)
//! }
//! ```
//! An operator's route that reads content does not compile:
//! ```compile_fail
//! # use {aws::http::auth::Operator, domain::id::EmailId, manage::{ManageFunction, ManageError}, memory::MemoryBackend};
//! async fn route(manage: &ManageFunction<MemoryBackend, MemoryBackend, MemoryBackend, MemoryBackend>, operator: &Operator, id: EmailId) -> Result<(), ManageError> {
//!     manage.email(operator, id).await.map(drop)
//! }
//! ```
//! Nor does one that sends:
//! ```compile_fail
//! # use {aws::http::auth::Operator, domain::id::EmailId, manage::{ManageFunction, ManageError}, memory::MemoryBackend};
//! async fn route(manage: &ManageFunction<MemoryBackend, MemoryBackend, MemoryBackend, MemoryBackend>, operator: &Operator, id: EmailId) -> Result<(), ManageError> {
//!     manage.retry(operator, id, false).await.map(drop)
//! }
//! ```

use aws::http::auth::not_for_the_deployer;
use aws::http::endpoint::Routed;
use domain::api::error::ApiError;
use domain::id::{EmailId, QueueName};
use domain::tenant::key::Action;

/// Name in the log of the only route without a key.
pub const DESCRIBE: &str = "describe";

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /openapi.json`, the only route without a key.
    Describe,
    /// A route for a tenant's key with the permission.
    Tenant(TenantRoute),
}

/// A route about the tenant's own resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantRoute {
    /// `GET /emails`.
    ListEmails,
    /// `GET /emails/{id}`.
    GetEmail(EmailId),
    /// `DELETE /emails/{id}`.
    EraseEmail(EmailId),
    /// `GET /emails/{id}/events`.
    ListEvents(EmailId),
    /// `PATCH /emails/{id}`.
    RescheduleEmail(EmailId),
    /// `POST /emails/{id}/cancel`.
    CancelEmail(EmailId),
    /// `POST /emails/{id}/retry`.
    RetryEmail(EmailId),
    /// `POST /emails/release`.
    ReleaseEmails,
    /// `POST /emails/cancel`.
    CancelEmails,
    /// `POST /attachments`.
    InviteUpload,
    /// `GET /emails/metrics`.
    Metrics,
    /// `GET /failures`.
    Failures,
    /// `GET /queues`.
    ListQueues,
    /// `POST /queues`.
    CreateQueue,
    /// `GET /queues/{name}`.
    GetQueue(QueueName),
    /// `PATCH /queues/{name}`.
    ChangeQueue(QueueName),
    /// `DELETE /queues/{name}`.
    DeleteQueue(QueueName),
    /// `POST /queues/{name}/pause`.
    PauseQueue(QueueName),
    /// `POST /queues/{name}/resume`.
    ResumeQueue(QueueName),
    /// `POST /queues/{name}/purge`.
    PurgeQueue(QueueName),
    /// `POST /queues/{name}/restore`.
    RestoreQueue(QueueName),
    /// `POST /queues/{name}/retry`.
    RedriveQueue(QueueName),
    /// `GET /queues/{name}/jobs/{id}`.
    GetJob(QueueName, EmailId),
}

/// A request of the deployer for a named tenant. None reads content, and none sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorRoute {
    /// `GET /emails`.
    ListEmails,
    /// `GET /emails/{id}`.
    GetEmail(EmailId),
    /// `GET /emails/{id}/events`.
    ListEvents(EmailId),
    /// `POST /emails/{id}/cancel`.
    CancelEmail(EmailId),
    /// `POST /emails/cancel`.
    CancelEmails,
    /// `GET /emails/metrics`.
    Metrics,
    /// `GET /failures`.
    Failures,
    /// `GET /queues`.
    ListQueues,
    /// `GET /queues/{name}`.
    GetQueue(QueueName),
    /// `POST /queues/{name}/pause`.
    PauseQueue(QueueName),
    /// `POST /queues/{name}/resume`.
    ResumeQueue(QueueName),
    /// `POST /queues/{name}/purge`.
    PurgeQueue(QueueName),
    /// `GET /queues/{name}/jobs/{id}`.
    GetJob(QueueName, EmailId),
}

impl From<TenantRoute> for Route {
    fn from(route: TenantRoute) -> Self {
        Self::Tenant(route)
    }
}

impl TenantRoute {
    /// Permission that a key needs.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self {
            Self::ListEmails
            | Self::GetEmail(_)
            | Self::ListEvents(_)
            | Self::Metrics
            | Self::Failures
            | Self::ListQueues
            | Self::GetQueue(_)
            | Self::GetJob(..) => Action::Read,
            Self::InviteUpload => Action::Send,
            Self::EraseEmail(_)
            | Self::RescheduleEmail(_)
            | Self::CancelEmail(_)
            | Self::RetryEmail(_)
            | Self::ReleaseEmails
            | Self::CancelEmails
            | Self::CreateQueue
            | Self::ChangeQueue(_)
            | Self::DeleteQueue(_)
            | Self::PauseQueue(_)
            | Self::ResumeQueue(_)
            | Self::PurgeQueue(_)
            | Self::RestoreQueue(_)
            | Self::RedriveQueue(_) => Action::Manage,
        }
    }

    /// Returns the route of the deployer, acting for a tenant. No wildcard: every new route needs a decision.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when the route reads content, sends, or changes a tenant's settings.
    pub fn for_operator(self) -> Result<OperatorRoute, ApiError> {
        Ok(match self {
            Self::ListEmails => OperatorRoute::ListEmails,
            Self::GetEmail(id) => OperatorRoute::GetEmail(id),
            Self::ListEvents(id) => OperatorRoute::ListEvents(id),
            Self::CancelEmail(id) => OperatorRoute::CancelEmail(id),
            Self::CancelEmails => OperatorRoute::CancelEmails,
            Self::Metrics => OperatorRoute::Metrics,
            Self::Failures => OperatorRoute::Failures,
            Self::ListQueues => OperatorRoute::ListQueues,
            Self::GetQueue(name) => OperatorRoute::GetQueue(name),
            Self::PauseQueue(name) => OperatorRoute::PauseQueue(name),
            Self::ResumeQueue(name) => OperatorRoute::ResumeQueue(name),
            Self::PurgeQueue(name) => OperatorRoute::PurgeQueue(name),
            Self::GetJob(name, id) => OperatorRoute::GetJob(name, id),
            Self::EraseEmail(_)
            | Self::RescheduleEmail(_)
            | Self::RetryEmail(_)
            | Self::ReleaseEmails
            | Self::InviteUpload
            | Self::CreateQueue
            | Self::ChangeQueue(_)
            | Self::DeleteQueue(_)
            | Self::RestoreQueue(_)
            | Self::RedriveQueue(_) => return Err(not_for_the_deployer()),
        })
    }
}

impl Routed for TenantRoute {
    fn name(&self) -> &'static str {
        match self {
            Self::ListEmails => "list_emails",
            Self::GetEmail(_) => "get_email",
            Self::EraseEmail(_) => "erase_email",
            Self::ListEvents(_) => "list_events",
            Self::RescheduleEmail(_) => "reschedule_email",
            Self::CancelEmail(_) => "cancel_email",
            Self::RetryEmail(_) => "retry_email",
            Self::ReleaseEmails => "release_emails",
            Self::CancelEmails => "cancel_emails",
            Self::InviteUpload => "invite_upload",
            Self::Metrics => "metrics",
            Self::Failures => "failures",
            Self::ListQueues => "list_queues",
            Self::CreateQueue => "create_queue",
            Self::GetQueue(_) => "get_queue",
            Self::ChangeQueue(_) => "change_queue",
            Self::DeleteQueue(_) => "delete_queue",
            Self::PauseQueue(_) => "pause_queue",
            Self::ResumeQueue(_) => "resume_queue",
            Self::PurgeQueue(_) => "purge_queue",
            Self::RestoreQueue(_) => "restore_queue",
            Self::RedriveQueue(_) => "redrive_queue",
            Self::GetJob(..) => "get_job",
        }
    }

    fn object(&self) -> Option<String> {
        Some(match self {
            Self::GetEmail(id)
            | Self::EraseEmail(id)
            | Self::ListEvents(id)
            | Self::RescheduleEmail(id)
            | Self::CancelEmail(id)
            | Self::RetryEmail(id) => id.to_string(),
            Self::GetQueue(name)
            | Self::ChangeQueue(name)
            | Self::DeleteQueue(name)
            | Self::PauseQueue(name)
            | Self::ResumeQueue(name)
            | Self::PurgeQueue(name)
            | Self::RestoreQueue(name)
            | Self::RedriveQueue(name)
            | Self::GetJob(name, _) => name.to_string(),
            Self::ListEmails
            | Self::ReleaseEmails
            | Self::CancelEmails
            | Self::InviteUpload
            | Self::Metrics
            | Self::Failures
            | Self::ListQueues
            | Self::CreateQueue => return None,
        })
    }
}
