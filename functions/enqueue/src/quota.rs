//! Quota leases of this environment: recipients that it may still accept for tenants with limits.
//!
//! **Invariant:** a tenant without limits costs no call. A tenant with limits costs one call per leased block,
//! not per request. After the quota of a window is spent, requests are refused without a call until the window ends.
//! **Start reading at** [`QuotaLeases::take`]; [`domain::tenant::quota`] decides.

use aws::runtime::cache::Cached;
use domain::api::error::ApiError;
use domain::id::TenantId;
use domain::ports::access::{QuotaOutcome, Quotas};
use domain::ports::{PortError, Rounds};
use domain::tenant::Tenant;
use domain::tenant::quota::{LeaseDecision, Limit, QuotaLease, Window};
use domain::timestamp::Timestamp;
use lambda_http::http::{HeaderMap, HeaderValue};

/// Quota leases of an environment, by tenant and limit, each with its window.
#[derive(Debug, Default)]
pub struct QuotaLeases(Cached<(TenantId, Limit), QuotaLease, Window>);

/// A limit that a request would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaExceeded {
    lease: QuotaLease,
    wanted: u64,
}

/// Answer of a tenant's limits to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaDecision {
    /// Every limit admits the request.
    Within,
    /// A limit refuses the request.
    Exceeded(QuotaExceeded),
}

impl QuotaLeases {
    /// Takes this many recipients from each of the tenant's limits, or from none.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn take<R: Quotas>(
        &self,
        records: &R,
        tenant: &Tenant,
        wanted: u64,
        now: Timestamp,
    ) -> Result<QuotaDecision, PortError> {
        for (place, limit) in Limit::ALL.iter().copied().enumerate() {
            let Some(window) = Window::of(tenant, limit, now) else {
                continue;
            };
            if let QuotaDecision::Exceeded(exceeded) = self.take_of(records, tenant, window, wanted).await? {
                for taken in Limit::ALL.iter().copied().take(place) {
                    self.give_back_of(tenant, taken, wanted, now);
                }
                return Ok(QuotaDecision::Exceeded(exceeded));
            }
        }
        Ok(QuotaDecision::Within)
    }

    /// Returns whether this many recipients fit into each of the tenant's limits. Takes and leases nothing.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn would_take<R: Quotas>(
        &self,
        records: &R,
        tenant: &Tenant,
        wanted: u64,
        now: Timestamp,
    ) -> Result<QuotaDecision, PortError> {
        for &limit in Limit::ALL {
            let Some(window) = Window::of(tenant, limit, now) else {
                continue;
            };
            let lease = self.lease(tenant, window);
            let lease = lease.after_refusal(records.leased_quota(&tenant.id, &window).await?);
            if lease.take(wanted) == LeaseDecision::Spent {
                return Ok(QuotaDecision::Exceeded(QuotaExceeded { lease, wanted }));
            }
        }
        Ok(QuotaDecision::Within)
    }

    async fn take_of<R: Quotas>(
        &self,
        records: &R,
        tenant: &Tenant,
        window: Window,
        wanted: u64,
    ) -> Result<QuotaDecision, PortError> {
        let mut lease = self.lease(tenant, window);
        let mut rounds = Rounds::of("leasing a block of a quota");
        while rounds.begin().is_ok() {
            match lease.take(wanted) {
                LeaseDecision::Taken(rest) => {
                    self.cache(tenant, rest);
                    return Ok(QuotaDecision::Within);
                }
                LeaseDecision::Spent => break,
                LeaseDecision::Draw(ask) => {
                    lease = match records.lease_quota(&tenant.id, &window, ask).await? {
                        QuotaOutcome::Granted(drawn) => lease.after_grant(ask, drawn),
                        QuotaOutcome::Refused(drawn) => lease.after_refusal(drawn),
                    };
                    self.cache(tenant, lease);
                }
            }
        }
        Ok(QuotaDecision::Exceeded(QuotaExceeded { lease, wanted }))
    }

    /// Gives back recipients for which nothing was accepted.
    pub fn give_back(&self, tenant: &Tenant, taken: u64, now: Timestamp) {
        for &limit in Limit::ALL {
            self.give_back_of(tenant, limit, taken, now);
        }
    }

    fn give_back_of(&self, tenant: &Tenant, limit: Limit, taken: u64, now: Timestamp) {
        if let Some(window) = Window::of(tenant, limit, now) {
            self.cache(tenant, self.lease(tenant, window).with(taken));
        }
    }

    /// Returns the headers of a response, for the limit that renews first; none for a tenant without limits.
    #[must_use]
    pub fn headers(&self, tenant: &Tenant, now: Timestamp) -> HeaderMap {
        let window = Limit::ALL
            .iter()
            .copied()
            .find_map(|limit| Window::of(tenant, limit, now));
        window.map_or_else(HeaderMap::new, |window| headers(&self.lease(tenant, window), now))
    }

    /// Returns the rest of a window's lease. A lease of an earlier window or of another limit is void.
    fn lease(&self, tenant: &Tenant, window: Window) -> QuotaLease {
        let key = (tenant.id.clone(), window.limit);
        let cached = self.0.get(&key, |of| *of == window);
        cached.unwrap_or_else(|| QuotaLease::empty(window))
    }

    fn cache(&self, tenant: &Tenant, lease: QuotaLease) {
        self.0.put((tenant.id.clone(), lease.window.limit), lease.window, lease);
    }
}

/// Returns the headers of a lease's limit. Source: draft-ietf-httpapi-ratelimit-headers, as Resend sends them.
fn headers(lease: &QuotaLease, now: Timestamp) -> HeaderMap {
    let window = lease.window;
    let mut headers = HeaderMap::new();
    headers.insert("ratelimit-limit", HeaderValue::from(window.most));
    headers.insert("ratelimit-remaining", HeaderValue::from(lease.remaining()));
    headers.insert("ratelimit-reset", HeaderValue::from(seconds_left(&window, now)));
    headers
}

/// Returns the seconds until a window ends, rounded up.
fn seconds_left(window: &Window, now: Timestamp) -> u64 {
    let left = window.ends().since(now);
    left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0))
}

impl QuotaExceeded {
    /// Returns the error for the caller.
    #[must_use]
    pub fn error(&self) -> ApiError {
        let most = self.lease.window.most;
        let span = match self.lease.window.limit {
            Limit::Day => "a day",
            Limit::Rate => "ten seconds",
        };
        if self.wanted > most {
            let wanted = self.wanted;
            return ApiError::validation(
                "",
                format_args!(
                    "The request has {wanted} recipients, but this tenant may send to at most {most} in {span}. Split the request."
                ),
            );
        }
        let (left, wanted) = (self.lease.remaining(), self.wanted);
        let usage = format!(
            "This tenant may send to {most} recipients in {span}. {left} are left, and the request has {wanted}."
        );
        match self.lease.window.limit {
            Limit::Day => ApiError::daily_quota_exceeded(format!("{usage} The daily limit resets at midnight UTC.")),
            Limit::Rate => {
                ApiError::rate_limit_exceeded(format!("{usage} Retry after the time in the header retry-after."))
            }
        }
    }

    /// Returns the headers of the error response.
    #[must_use]
    pub fn headers(&self, now: Timestamp) -> HeaderMap {
        let mut headers = headers(&self.lease, now);
        if self.wanted <= self.lease.window.most {
            let wait = HeaderValue::from(seconds_left(&self.lease.window, now));
            headers.insert("retry-after", wait);
        }
        headers
    }
}
