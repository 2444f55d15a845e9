//! Shows sending domains, with SES's and DNS's view of their records.
//!
//! **Invariant:** the list asks neither SES nor DNS. A request for one domain asks SES, and stores a changed answer. Only
//! its JSON form also asks DNS.
//! **Start reading at** [`DomainsFunction::show`].

use aws::http::query::{self, Cursor};
use domain::api::domain_view::{DomainSummary, DomainView, DomainsView, RecordView};
use domain::api::error::ApiError;
use domain::id::{DomainId, TenantId};
use domain::limits::SENDING_DOMAINS_MAX;
use domain::ports::Clock;
use domain::ports::domains::{Dns, Domains};
use domain::tenant::domains::SendingDomain;
use domain::tenant::domains::dns::{DnsAnswer, DnsFinding, DnsStatus, WantedRecord, compare, dmarc, wanted, zone_file};
use domain::tenant::domains::identity::Identity;
use futures::future::{join, join_all};
use workflow::domains::{Observed, Wait, observe};

use crate::{DomainsError, DomainsFunction, Ports};

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainPage {
    /// Maximum number of domains, 1 to [`query::LIMIT_MAX`]; without a limit, all domains of the tenant.
    pub limit: usize,
    /// Domain beside which the page lies; `None`: the page begins with the newest.
    pub cursor: Option<Cursor<DomainId>>,
}

impl DomainPage {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [limit, after, before] = query::parameters(query, ["limit", "after", "before"])?;
        Ok(Self {
            limit: query::limit_or(limit.as_deref(), SENDING_DOMAINS_MAX)?,
            cursor: Cursor::read(after.as_deref(), before.as_deref(), DomainId::parse, "a domain")?,
        })
    }
}

/// The form of an answer about one domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, with the state of each record.
    Json,
    /// A zone file with the records.
    Zone,
}

impl Format {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [format] = query::parameters(query, ["format"])?;
        match format.as_deref() {
            None | Some("json") => Ok(Self::Json),
            Some("zone") => Ok(Self::Zone),
            Some(_) => Err(ApiError::validation("format", "must be json or zone")),
        }
    }
}

impl<P: Ports> DomainsFunction<P> {
    /// Returns a domain of a tenant.
    ///
    /// # Errors
    /// 404 when the tenant has no domain with this id. Or a backend call failed.
    pub async fn domain_of(&self, tenant: &TenantId, id: DomainId) -> Result<SendingDomain, DomainsError> {
        let found = self.records.domain(id).await?;
        let own = found.filter(|domain| domain.tenant == *tenant);
        own.ok_or_else(not_there)
    }

    /// Shows a page of a tenant's domains, newest first in either direction.
    ///
    /// # Errors
    /// 422 when there is no domain at the page's cursor. Or a backend call failed.
    pub async fn list(&self, tenant: &TenantId, page: &DomainPage) -> Result<DomainsView, DomainsError> {
        let domains = self.records.domains_of(tenant).await?;
        let place = |cursor: &Cursor<DomainId>| domains.iter().position(|domain| domain.id == cursor.id());
        let (from, until) = match &page.cursor {
            None => (0, page.limit),
            Some(cursor) => {
                let place = place(cursor).ok_or_else(|| cursor.not_there("domain"))?;
                match cursor {
                    Cursor::After(_) => (place.saturating_add(1), place.saturating_add(1 + page.limit)),
                    Cursor::Before(_) => (place.saturating_sub(page.limit), place),
                }
            }
        };
        let has_more = match &page.cursor {
            Some(Cursor::Before(_)) => from > 0,
            None | Some(Cursor::After(_)) => domains.len() > until,
        };
        let shown = domains.iter().skip(from).take(until.saturating_sub(from));
        let data = shown.map(|domain| DomainSummary::new(domain, &self.region, self.tls));
        let data = data.collect();
        Ok(DomainsView::new(data, has_more))
    }

    /// Shows a domain with its records, as SES and DNS see them now.
    ///
    /// # Errors
    /// 404 when the tenant has no domain with this id. Or a backend call failed.
    pub async fn show(&self, tenant: &TenantId, id: DomainId) -> Result<DomainView, DomainsError> {
        let Observed { domain, identity } = self.observed(tenant, id).await?;
        let mut records = wanted(&domain, identity.as_ref(), &self.region);
        records.push(dmarc(&domain));
        let looks = records.iter().map(|record| self.find(&domain, record));
        let mut findings = join_all(looks).await;
        if let (Some(of_dmarc), Some(record)) = (findings.last_mut(), records.last())
            && of_dmarc.status == DnsStatus::Missing
        {
            *of_dmarc = self
                .policy_of_zone(&domain, record)
                .await
                .unwrap_or_else(|| of_dmarc.clone());
        }
        Ok(self.view(&domain, identity.as_ref(), Some(findings)))
    }

    /// Returns the records of a domain as a zone file.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub async fn zone(&self, tenant: &TenantId, id: DomainId) -> Result<String, DomainsError> {
        let Observed { domain, identity } = self.observed(tenant, id).await?;
        let mut records = wanted(&domain, identity.as_ref(), &self.region);
        records.push(dmarc(&domain));
        Ok(zone_file(&domain, &records))
    }

    async fn observed(&self, tenant: &TenantId, id: DomainId) -> Result<Observed, DomainsError> {
        let domain = self.domain_of(tenant, id).await?;
        let now = self.system.now();
        let observed = observe(&self.records, &self.identities, domain, Wait::Continued, now).await?;
        observed.ok_or_else(not_there)
    }

    /// Returns the answer for a domain. `findings` has one entry for each record, the DMARC record last.
    pub(crate) fn view(
        &self,
        domain: &SendingDomain,
        identity: Option<&Identity>,
        findings: Option<Vec<DnsFinding>>,
    ) -> DomainView {
        let mut findings = findings.unwrap_or_default().into_iter();
        let mut view = |record: &WantedRecord| RecordView::new(&domain.name, record, findings.next());
        let records = wanted(domain, identity, &self.region).iter().map(&mut view).collect();
        let dmarc = view(&dmarc(domain));
        DomainView::new(domain, &self.region, self.tls, records, dmarc)
    }

    /// Looks up a record, also under the name with a doubled zone: some DNS providers append the zone to a name that
    /// has it.
    async fn find(&self, domain: &SendingDomain, record: &WantedRecord) -> DnsFinding {
        let zone = domain.name.apex();
        let doubled = format!("{}.{zone}", record.host);
        let look_up = |host: String| async move { self.dns.look_up(&host, record.record_type).await };
        let (answer, doubled) = join(look_up(record.host.clone()), look_up(doubled)).await;
        compare(record, &answer, &doubled, zone)
    }

    /// Returns the finding of the zone's own DMARC policy, which also applies to the domains below; `None` without one.
    async fn policy_of_zone(&self, domain: &SendingDomain, record: &WantedRecord) -> Option<DnsFinding> {
        let zone = domain.name.apex();
        let answer = self.dns.look_up(&format!("_dmarc.{zone}"), record.record_type).await;
        let finding = compare(record, &answer, &DnsAnswer::Values(Vec::new()), zone);
        (finding.status == DnsStatus::Found).then_some(finding)
    }
}

fn not_there() -> DomainsError {
    ApiError::not_found("No domain has this id. See GET /domains.").into()
}
