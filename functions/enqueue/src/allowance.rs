//! Quota leases of this environment: recipients that it may still accept for tenants with limits.
//!
//! **Invariant:** a tenant without limits costs no call. A tenant with limits costs one call per leased block,
//! not per request. After its window is spent, requests are refused without a call until the window ends.
//! **Start reading at** [`Purses::take`]; [`domain::access::allowance`] decides.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::access::allowance::{Limit, Purse, Take, Window};
use domain::access::tenant::Tenant;
use domain::api_error::ApiError;
use domain::id::TenantId;
use domain::ports::PortError;
use domain::ports::access::{Allowances, Drawn};
use domain::timestamp::Timestamp;
use lambda_http::http::{HeaderMap, HeaderValue};

/// Capacity of the cache, in tenants and limits.
const MOST: usize = 1_000;

/// Attempts to lease a block while other environments contend.
const ROUNDS: usize = 8;

/// Quota leases of an environment.
#[derive(Debug, Default)]
pub struct Purses(Mutex<HashMap<(TenantId, Limit), Purse>>);

/// A limit that a request would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beyond {
    purse: Purse,
    wanted: u64,
}

impl Purses {
    /// Takes this many recipients from each of the tenant's limits, or from none.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn take<R: Allowances>(
        &self,
        records: &R,
        tenant: &Tenant,
        wanted: u64,
        now: Timestamp,
    ) -> Result<Result<(), Beyond>, PortError> {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            let Some(window) = Window::of(tenant, limit, now) else {
                continue;
            };
            if let Err(beyond) = self.take_of(records, tenant, window, wanted).await? {
                for taken in Limit::ALL.into_iter().take(place) {
                    self.give_back_of(tenant, taken, wanted, now);
                }
                return Ok(Err(beyond));
            }
        }
        Ok(Ok(()))
    }

    /// Returns whether this many recipients fit into each of the tenant's limits. Takes and leases nothing.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn would_take<R: Allowances>(
        &self,
        records: &R,
        tenant: &Tenant,
        wanted: u64,
        now: Timestamp,
    ) -> Result<Result<(), Beyond>, PortError> {
        for limit in Limit::ALL {
            let Some(window) = Window::of(tenant, limit, now) else {
                continue;
            };
            let purse = self.purse(tenant, window);
            let purse = purse.refused(records.drawn(&tenant.id, &window).await?);
            if purse.take(wanted) == Take::Spent {
                return Ok(Err(Beyond { purse, wanted }));
            }
        }
        Ok(Ok(()))
    }

    async fn take_of<R: Allowances>(
        &self,
        records: &R,
        tenant: &Tenant,
        window: Window,
        wanted: u64,
    ) -> Result<Result<(), Beyond>, PortError> {
        let mut purse = self.purse(tenant, window);
        for _ in 0..ROUNDS {
            match purse.take(wanted) {
                Take::Taken(rest) => {
                    self.keep(tenant, rest);
                    return Ok(Ok(()));
                }
                Take::Spent => break,
                Take::Draw(ask) => {
                    purse = match records.draw(&tenant.id, &window, ask).await? {
                        Drawn::Granted(drawn) => purse.filled(ask, drawn),
                        Drawn::Refused(drawn) => purse.refused(drawn),
                    };
                    self.keep(tenant, purse);
                }
            }
        }
        Ok(Err(Beyond { purse, wanted }))
    }

    /// Gives back recipients for which nothing was accepted.
    pub fn give_back(&self, tenant: &Tenant, taken: u64, now: Timestamp) {
        for limit in Limit::ALL {
            self.give_back_of(tenant, limit, taken, now);
        }
    }

    fn give_back_of(&self, tenant: &Tenant, limit: Limit, taken: u64, now: Timestamp) {
        if let Some(window) = Window::of(tenant, limit, now) {
            self.keep(tenant, self.purse(tenant, window).with(taken));
        }
    }

    /// Returns the headers of a response, for the limit that renews first; none for a tenant without limits.
    #[must_use]
    pub fn headers(&self, tenant: &Tenant, now: Timestamp) -> HeaderMap {
        let window = Limit::ALL.into_iter().find_map(|limit| Window::of(tenant, limit, now));
        window.map_or_else(HeaderMap::new, |window| headers(&self.purse(tenant, window), now))
    }

    /// Returns the rest of a window's lease. A lease of an earlier window or of another limit is void.
    fn purse(&self, tenant: &Tenant, window: Window) -> Purse {
        let known = self.lock().get(&(tenant.id.clone(), window.limit)).copied();
        known
            .filter(|purse| purse.window == window)
            .unwrap_or_else(|| Purse::empty(window))
    }

    fn keep(&self, tenant: &Tenant, purse: Purse) {
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert((tenant.id.clone(), purse.window.limit), purse);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(TenantId, Limit), Purse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Source: draft-ietf-httpapi-ratelimit-headers, as Resend sends them.
fn headers(purse: &Purse, now: Timestamp) -> HeaderMap {
    let window = purse.window;
    let mut headers = HeaderMap::new();
    headers.insert("ratelimit-limit", HeaderValue::from(window.most));
    headers.insert("ratelimit-remaining", HeaderValue::from(purse.remaining()));
    headers.insert("ratelimit-reset", HeaderValue::from(seconds_left(&window, now)));
    headers
}

/// Returns the seconds until a window ends, rounded up.
fn seconds_left(window: &Window, now: Timestamp) -> u64 {
    let left = window.ends().since(now);
    left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0))
}

impl Beyond {
    /// Returns the error for the caller.
    #[must_use]
    pub fn error(&self) -> ApiError {
        let most = self.purse.window.most;
        let span = match self.purse.window.limit {
            Limit::Day => "a day",
            Limit::Rate => "ten seconds",
        };
        if self.wanted > most {
            let wanted = self.wanted;
            return ApiError::validation(
                "",
                format_args!(
                    "The request has {wanted} recipients, and this tenant may send to {most} in {span}: send less at once."
                ),
            );
        }
        let (left, wanted) = (self.purse.remaining(), self.wanted);
        let told = format!(
            "This tenant may send to {most} recipients in {span}: {left} are left, and the request has {wanted}."
        );
        match self.purse.window.limit {
            Limit::Day => ApiError::daily_quota_exceeded(format!("{told} The daily cap begins anew at midnight UTC.")),
            Limit::Rate => ApiError::rate_limit_exceeded(format!("{told} Wait for retry-after seconds.")),
        }
    }

    /// Returns the headers of the error response.
    #[must_use]
    pub fn headers(&self, now: Timestamp) -> HeaderMap {
        let mut headers = headers(&self.purse, now);
        if self.wanted <= self.purse.window.most {
            let wait = HeaderValue::from(seconds_left(&self.purse.window, now));
            headers.insert("retry-after", wait);
        }
        headers
    }
}
