//! Reports figures: outcomes in a period, failures by cause, the use of quotas, and the state of the account.
//! It also describes the API.
//!
//! **Role:** answers `/emails/metrics`, `/failures`, `/usage`, `/account`, `/metrics` and `/openapi.json` of the HTTP API.
//! **Invariant:** without a key only `GET /openapi.json` answers, which tells nothing about a deployment. It writes nothing but the hour in which an API key was used, and it reads no email and no content. A
//! report costs a bounded number of reads, whatever the number of emails. A tenant never sees another tenant's figures.
//! **Map:** [`routes`] is the route table, and [`settings`] connects the function to AWS. [`metrics`], [`failures`],
//! [`usage`] and [`account`] are one report each. [`throttles`] remembers CloudWatch's answer. `description` is the
//! description of the API.
//! **Start reading at** [`ReportsFunction::ROUTES`](routes). Why a function of its own: docs/adr/0044.

pub mod account;
mod description;
pub mod failures;
pub mod metrics;
pub mod routes;
pub mod settings;
pub mod throttles;
pub mod usage;

use aws::http::answer::Failure;
use domain::api::error::ApiError;
use domain::ports::access::{Keys, Tenants};
use domain::ports::{
    AccountQuotas, AccountRates, Clock, Counts, DueIndex, PortError, Queues, TableThrottles, Watermark,
};
use domain::reporting::cost::Prices;

use crate::throttles::RecentThrottles;

/// Ports of the function.
pub trait Ports: 'static {
    /// Items of the table.
    type Records: Counts + Keys + Tenants + Queues + AccountRates + Watermark + DueIndex;
    /// Limits of the SES account.
    type Account: AccountQuotas;
    /// Figures of CloudWatch.
    type Monitoring: TableThrottles;
    /// Clock.
    type System: Clock;
}

/// A backend with all ports, as tests use it.
impl<T> Ports for T
where
    T: Counts + Keys + Tenants + Queues + AccountRates + Watermark + DueIndex,
    T: AccountQuotas + TableThrottles + Clock + 'static,
{
    type Records = T;
    type Account = T;
    type Monitoring = T;
    type System = T;
}

/// The function and its ports.
#[derive(Debug)]
pub struct ReportsFunction<P: Ports> {
    /// Items of the table.
    pub records: P::Records,
    /// Limits of the SES account.
    pub account: P::Account,
    /// Figures of CloudWatch.
    pub monitoring: P::Monitoring,
    /// The latest throttling of the table.
    pub throttles: RecentThrottles,
    /// Clock.
    pub system: P::System,
    /// Prices of SES.
    pub prices: Prices,
}

/// Error of a request.
#[derive(Debug, thiserror::Error)]
pub enum ReportsError {
    /// The caller has to change the request.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// A backend call failed: the caller may repeat the request.
    #[error("the table could not be read")]
    Port(#[from] PortError),
}

impl Failure for ReportsError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) => None,
        }
    }
}
