//! Answers about sending domains, in Resend's form.
//!
//! **Role:** called by `domains`, and for events by `notify` and `webhooks`; calls [`crate::tenant::domains`].
//! **Invariant:** `records` has only the kinds of records that Resend's SDKs know: the Rust SDK refuses any other. The
//! DMARC record is beside them.
//!
//! Source: Resend's OpenAPI document, version 1.5.0, paths `/domains`, read 2026-11-29; `verified`, `tls`, `dmarc`,
//! `host` and `dns` are ours.

use serde::Serialize;
use serde_json::Value;

use crate::id::DomainId;
use crate::tenant::domains::dns::{DnsFinding, DnsStatus, Purpose, RecordType, WantedRecord, dmarc, wanted};
use crate::tenant::domains::identity::{Identity, IdentityStatus};
use crate::tenant::domains::name::DomainName;
use crate::tenant::domains::{SendingDomain, Tls, Verification};

const OBJECT: &str = "domain";

/// The status of a domain.
///
/// A lost verification is shown as `pending` while SES still looks for the records, because SDKs know no status for it. So
/// is a domain with DKIM whose identity demands a MAIL FROM domain that SES does not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum DomainStatus {
    /// Amazon SES has not looked for the records yet.
    NotStarted,
    /// Amazon SES looks for the records.
    Pending,
    /// Amazon SES sends for the domain.
    Verified,
    /// Amazon SES gave up after 72 hours. `POST /domains/{id}/verify` starts again.
    Failed,
}

impl From<IdentityStatus> for DomainStatus {
    fn from(status: IdentityStatus) -> Self {
        match status {
            IdentityStatus::NotStarted => Self::NotStarted,
            IdentityStatus::Pending | IdentityStatus::TemporaryFailure => Self::Pending,
            IdentityStatus::Verified => Self::Verified,
            IdentityStatus::Failed => Self::Failed,
        }
    }
}

/// Returns the shown status of a domain.
fn status(domain: &SendingDomain) -> DomainStatus {
    if has_lost_mail_from(domain) {
        return DomainStatus::Pending;
    }
    domain.status.into()
}

/// True if SES has found the DKIM records, and still does not send: its identity demands a MAIL FROM domain.
fn has_lost_mail_from(domain: &SendingDomain) -> bool {
    domain.status == IdentityStatus::Verified && domain.verification != Verification::Now
}

/// Capabilities of a domain: every domain sends, and none receives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Capabilities {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "enabled")))]
    sending: &'static str,
    #[cfg_attr(feature = "schema", schemars(extend("const" = "disabled")))]
    receiving: &'static str,
}

/// A domain in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DomainSummary"))]
pub struct DomainSummary {
    id: String,
    name: String,
    status: DomainStatus,
    /// Whether Amazon SES sends for the domain: never yet, now, or no longer. `lost`: emails are accepted, and wait
    /// until Amazon SES sends for the domain again.
    verified: Verification,
    /// The steps that let the waiting emails go. Only for a domain that is `lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    created_at: String,
    /// The region of Amazon SES.
    region: String,
    capabilities: Capabilities,
    open_tracking: bool,
    click_tracking: bool,
    tls: Tls,
}

impl DomainSummary {
    /// The entry of a domain.
    #[must_use]
    pub fn new(domain: &SendingDomain, region: &str, tls: Tls) -> Self {
        Self {
            id: domain.id.to_string(),
            name: domain.name.to_string(),
            status: status(domain),
            verified: domain.verification,
            hint: lost_hint(domain, &[]),
            created_at: domain.created_at.to_string(),
            region: region.to_owned(),
            capabilities: Capabilities {
                sending: "enabled",
                receiving: "disabled",
            },
            open_tracking: false,
            click_tracking: false,
            tls,
        }
    }
}

/// Returns the hint for a domain that lost its verification. It names the DKIM records that a lookup found missing or
/// different, because SES verifies a domain by them. If SES has found these, the MX record of the MAIL FROM domain is
/// missing.
fn lost_hint(domain: &SendingDomain, records: &[RecordView]) -> Option<String> {
    if domain.verification != Verification::Lost {
        return None;
    }
    let is_wrong = |record: &&RecordView| {
        let in_dns = record.dns.as_ref().map(|dns| dns.status);
        record.record == Purpose::Dkim && matches!(in_dns, Some(DnsStatus::Missing | DnsStatus::Different))
    };
    let wrong: Vec<_> = records
        .iter()
        .filter(is_wrong)
        .map(|record| record.host.as_str())
        .collect();
    let repair = match wrong.as_slice() {
        _ if has_lost_mail_from(domain) => {
            let host = records.iter().find(|record| record.record_type == RecordType::Mx);
            let host = host.map(|record| format!(": {}", record.host)).unwrap_or_default();
            format!("Restore the MX record of its MAIL FROM domain in DNS{host}")
        }
        [] => "Check its DKIM records in DNS".to_owned(),
        hosts => format!("Restore these DKIM records in DNS: {}", hosts.join(", ")),
    };
    // SES looks for the records of a failed or missing identity only after it was created again, and for a failed MAIL FROM
    // domain only after it was set again.
    let again = match domain.status {
        IdentityStatus::Failed | IdentityStatus::NotStarted | IdentityStatus::Verified => {
            " Then call POST /domains/{id}/verify."
        }
        IdentityStatus::Pending | IdentityStatus::TemporaryFailure => "",
    };
    Some(format!(
        "Amazon SES no longer sends for this domain. Emails from it are accepted and wait. {repair}.{again} The emails go when Amazon SES sends for the domain again."
    ))
}

/// A domain with its DNS records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Domain"))]
pub struct DomainView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "domain")))]
    object: &'static str,
    #[serde(flatten)]
    summary: DomainSummary,
    records: Vec<RecordView>,
    /// The DMARC record, which Amazon SES does not check. Large mailbox providers expect one.
    dmarc: RecordView,
}

impl DomainView {
    /// A domain, its records, and its DMARC record.
    #[must_use]
    pub fn new(domain: &SendingDomain, region: &str, tls: Tls, records: Vec<RecordView>, dmarc: RecordView) -> Self {
        let summary = DomainSummary {
            hint: lost_hint(domain, &records),
            ..DomainSummary::new(domain, region, tls)
        };
        Self {
            object: OBJECT,
            summary,
            records,
            dmarc,
        }
    }

    /// The data of an event about a domain. SES and DNS are not asked: the state of a record is that of the domain. The
    /// DMARC record and the deployment's TLS are left out, because no change of a domain changes them.
    #[must_use]
    pub fn of_event(domain: &SendingDomain, region: &str) -> Value {
        let identity = Identity {
            status: domain.status,
            mail_from: Some((domain.mail_from(), domain.status)),
            ..Identity::default()
        };
        let view = |record: &WantedRecord| RecordView::new(&domain.name, record, None);
        let records = wanted(domain, Some(&identity), region).iter().map(view).collect();
        let shown = Self::new(domain, region, Tls::default(), records, view(&dmarc(domain)));
        // Every part of an answer has a JSON form.
        let mut shown = serde_json::to_value(shown).unwrap_or_default();
        if let Value::Object(fields) = &mut shown {
            for left_out in ["object", "dmarc", "tls"] {
                fields.remove(left_out);
            }
        }
        shown
    }
}

/// A DNS record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DomainRecord"))]
pub struct RecordView {
    record: Purpose,
    /// The name within the zone of the registrable domain.
    name: String,
    /// The whole name of the host.
    host: String,
    #[serde(rename = "type")]
    record_type: RecordType,
    ttl: &'static str,
    /// The verification by Amazon SES. For DMARC: `verified` if DNS has a policy.
    status: IdentityStatus,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u16"))]
    priority: Option<u16>,
    /// The record in DNS now. Absent in the answer to `POST /domains`: an early lookup would make DNS servers remember
    /// that the record is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<DnsView>,
}

/// The state of a record in DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "DomainRecordInDns")
)]
struct DnsView {
    status: DnsStatus,
    /// The found values.
    found: Vec<String>,
    /// The probable mistake.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl RecordView {
    /// A record, and its state in DNS if it was looked up.
    #[must_use]
    pub fn new(name: &DomainName, record: &WantedRecord, finding: Option<DnsFinding>) -> Self {
        let has_policy = record.purpose == Purpose::Dmarc
            && finding
                .as_ref()
                .is_some_and(|finding| finding.status == DnsStatus::Found);
        Self {
            record: record.purpose,
            name: name.within_zone(&record.host).to_owned(),
            host: record.host.clone(),
            record_type: record.record_type,
            ttl: "Auto",
            status: if has_policy {
                IdentityStatus::Verified
            } else {
                record.status
            },
            value: record.value.clone(),
            priority: record.priority,
            dns: finding.map(|DnsFinding { status, found, hint }| DnsView { status, found, hint }),
        }
    }
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DomainPage"))]
pub struct DomainsView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<DomainSummary>,
}

impl DomainsView {
    /// A page, newest first. `has_more`: there are more in the direction of reading.
    #[must_use]
    pub fn new(data: Vec<DomainSummary>, has_more: bool) -> Self {
        Self {
            object: "list",
            has_more,
            data,
        }
    }
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DomainChanged"))]
pub struct DomainChanged {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "domain")))]
    object: &'static str,
    id: String,
}

impl DomainChanged {
    /// The answer for a domain.
    #[must_use]
    pub fn new(id: DomainId) -> Self {
        Self {
            object: OBJECT,
            id: id.to_string(),
        }
    }
}

/// The answer to a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DomainDeleted"))]
pub struct DomainDeleted {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "domain")))]
    object: &'static str,
    id: String,
    deleted: bool,
}

impl DomainDeleted {
    /// The answer for a deleted domain.
    #[must_use]
    pub fn new(id: DomainId) -> Self {
        Self {
            object: OBJECT,
            id: id.to_string(),
            deleted: true,
        }
    }
}
