//! The gateway: requests to the functions behind the API.

use std::time::Duration;

use aws::http::endpoint;
use domain::reporting::cost::Prices;
use enqueue::{EnqueueFunction, EnqueueSettings};
use lambda_http::{Body, Request, Response};
use manage::{ManageFunction, ManageSettings};
use memory::MemoryBackend;
use suppressions::SuppressionsFunction;

use super::System;

/// The timeout of `enqueue` and `manage`. Source: `template.yaml`.
const HTTP_TIMEOUT: Duration = Duration::from_secs(29);

impl System {
    /// Passes a request to `enqueue`; `None` without an answer.
    pub(crate) async fn enqueue(&self, request: Request) -> Option<ApiResponse> {
        let environment = self.environment("enqueue");
        let backend = self.backend.within(&environment);
        let enqueue = EnqueueFunction::<MemoryBackend> {
            records: backend.clone(),
            bodies: backend.clone(),
            priority_queues: backend.clone(),
            system: backend,
            with: EnqueueSettings {
                guard: self.timings.policy.guard,
                expires_after: self.timings.expires_after,
                retention: self.timings.retention,
                prices: Prices::standard(),
                requires_domains: false,
            },
            queues: enqueue::queues::QueueCache::default(),
            quota_leases: enqueue::quota::QuotaLeases::default(),
            senders: enqueue::senders::KnownSenders::default(),
        };
        let work = endpoint::handle(&enqueue, &self.authenticator, request);
        self.invoke(&environment, HTTP_TIMEOUT, work).await.map(ApiResponse::of)
    }

    /// Passes a request about accepted emails to the function of its path; `None` without an answer.
    pub(crate) async fn request(&self, request: Request) -> Option<ApiResponse> {
        if request.uri().path().starts_with("/suppressions") {
            self.suppressions(request).await
        } else {
            self.manage(request).await
        }
    }

    async fn suppressions(&self, request: Request) -> Option<ApiResponse> {
        let environment = self.environment("suppressions");
        let backend = self.backend.within(&environment);
        let function = SuppressionsFunction::<MemoryBackend> {
            records: backend.clone(),
            account_list: backend.clone(),
            system: backend,
            releases_complaints: false,
        };
        let work = endpoint::handle(&function, &self.authenticator, request);
        self.invoke(&environment, HTTP_TIMEOUT, work).await.map(ApiResponse::of)
    }

    async fn manage(&self, request: Request) -> Option<ApiResponse> {
        let environment = self.environment("manage");
        let backend = self.backend.within(&environment);
        let manage = ManageFunction::<MemoryBackend> {
            records: backend.clone(),
            bodies: backend.clone(),
            priority_queues: backend.clone(),
            system: backend,
            with: ManageSettings {
                policy: self.policy(),
                expires_after: self.timings.expires_after,
                retention: self.timings.retention,
                region: "us-east-1".to_owned(),
                binds_after: domain::queue::BINDS_AFTER,
            },
        };
        let work = endpoint::handle(&manage, &self.authenticator, request);
        self.invoke(&environment, HTTP_TIMEOUT, work).await.map(ApiResponse::of)
    }
}

/// The answer to a caller.
#[derive(Debug, Clone)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    pub(crate) json: serde_json::Value,
}

impl ApiResponse {
    fn of(response: Response<Body>) -> Self {
        let json = serde_json::from_slice(response.body().as_ref());
        Self {
            status: response.status().as_u16(),
            json: json.unwrap_or_default(),
        }
    }
}
