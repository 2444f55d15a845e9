//! The DNS records of a sending domain: the wanted ones, and a comparison with the found ones.
//!
//! **Invariant:** pure. SES decides whether a record is verified; the comparison only explains.
//! **Start reading at** [`wanted`], then [`compare`].
//!
//! Source: Amazon SES Developer Guide, "Easy DKIM" and "Using a custom MAIL FROM domain"; RFC 7489 (DMARC).

use serde::Serialize;

use super::SendingDomain;
use super::identity::{Identity, IdentityStatus};

/// The purpose of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Purpose {
    /// The MAIL FROM domain: bounces, and the permission for SES to send.
    Spf,
    /// The signature.
    Dkim,
    /// The policy for emails that fail both checks.
    Dmarc,
}

/// The type of a DNS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// An alias.
    Cname,
    /// A mail server.
    Mx,
    /// A text.
    Txt,
}

impl RecordType {
    /// The name in DNS.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Txt => "TXT",
        }
    }
}

/// A record that the domain's zone should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRecord {
    /// Purpose.
    pub purpose: Purpose,
    /// Host, without a dot at its end.
    pub host: String,
    /// Type.
    pub record_type: RecordType,
    /// Value, without a dot at its end and without the priority.
    pub value: String,
    /// Priority of a mail server.
    pub priority: Option<u16>,
    /// Verification by SES.
    pub status: IdentityStatus,
}

/// The answer of DNS for a host and a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsAnswer {
    /// The values, none if there are no records. A mail server is without its priority, a text without quotes.
    Values(Vec<String>),
    /// The servers did not answer.
    Unknown,
}

impl DnsAnswer {
    /// The values; none without an answer.
    #[must_use]
    pub fn values(&self) -> &[String] {
        match self {
            Self::Values(values) => values,
            Self::Unknown => &[],
        }
    }
}

/// The state of a record in DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DnsStatus {
    /// DNS has the record.
    Found,
    /// DNS has no such record.
    Missing,
    /// DNS has another value.
    Different,
    /// The DNS servers did not answer.
    Unknown,
}

/// The state of a record in DNS, with the found values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsFinding {
    /// State.
    pub status: DnsStatus,
    /// Found values.
    pub found: Vec<String>,
    /// Probable mistake.
    pub hint: Option<String>,
}

/// The three DKIM records and the two records of the MAIL FROM domain. `region` is SES's.
#[must_use]
pub fn wanted(domain: &SendingDomain, identity: Option<&Identity>, region: &str) -> Vec<WantedRecord> {
    let mail_from = identity.and_then(|identity| identity.mail_from.as_ref());
    let mail_from_status = mail_from.map(|(_, status)| *status).unwrap_or_default();
    let record = |host: &str, record_type, value: String| WantedRecord {
        purpose: Purpose::Spf,
        host: host.to_owned(),
        record_type,
        value,
        priority: None,
        status: mail_from_status,
    };
    let host = mail_from.map_or_else(|| domain.mail_from(), |(host, _)| host.clone());
    let mut records = vec![
        WantedRecord {
            priority: Some(10),
            ..record(&host, RecordType::Mx, format!("feedback-smtp.{region}.amazonses.com"))
        },
        record(&host, RecordType::Txt, SPF.to_owned()),
    ];
    let zone = identity
        .and_then(|identity| identity.dkim_zone.as_deref())
        .unwrap_or(DKIM_ZONE);
    records.extend(domain.tokens.iter().map(|token| WantedRecord {
        purpose: Purpose::Dkim,
        status: identity.map(|identity| identity.status).unwrap_or_default(),
        ..record(
            &format!("{token}._domainkey.{}", domain.name),
            RecordType::Cname,
            format!("{token}.{zone}"),
        )
    }));
    records
}

/// The zone of the hosts that DKIM records point to, unless SES names another.
const DKIM_ZONE: &str = "dkim.amazonses.com";

/// The value of the SPF record.
const SPF: &str = "v=spf1 include:amazonses.com ~all";

/// The DMARC record. SES does not check it; large mailbox providers expect one.
#[must_use]
pub fn dmarc(domain: &SendingDomain) -> WantedRecord {
    WantedRecord {
        purpose: Purpose::Dmarc,
        host: format!("_dmarc.{}", domain.name),
        record_type: RecordType::Txt,
        value: "v=DMARC1; p=none;".to_owned(),
        priority: None,
        status: IdentityStatus::NotStarted,
    }
}

/// Compares a wanted record with the answer for its host. `zone` is the name of the zone. `doubled` is the answer for
/// the host with that name added once more.
#[must_use]
pub fn compare(wanted: &WantedRecord, answer: &DnsAnswer, doubled: &DnsAnswer, zone: &str) -> DnsFinding {
    let finding = |status, found: &[String], hint: Option<String>| DnsFinding {
        status,
        found: found.to_vec(),
        hint,
    };
    let values = match answer {
        DnsAnswer::Unknown => return finding(DnsStatus::Unknown, &[], None),
        DnsAnswer::Values(values) => values,
    };
    let of_purpose: Vec<String> = values.iter().filter(|value| concerns(wanted, value)).cloned().collect();
    match of_purpose.as_slice() {
        [] if doubled.values().iter().any(|value| is_wanted(wanted, value)) => {
            let host = &wanted.host;
            let hint =
                format!("The record is at {host}.{zone}. Enter its name without {zone}, or with a dot at its end.");
            finding(DnsStatus::Missing, &[], Some(hint))
        }
        [] => finding(DnsStatus::Missing, &[], None),
        [only] if is_wanted(wanted, only) => finding(DnsStatus::Found, &of_purpose, None),
        [only] => {
            let hint = is_wanted(wanted, only.trim_end_matches(zone).trim_end_matches('.'))
                .then(|| format!("The DNS provider added {zone} to the value. Enter the value with a dot at its end."));
            finding(DnsStatus::Different, &of_purpose, hint)
        }
        [_, ..] => {
            let hint = format!(
                "There are several {} records. Keep only one.",
                wanted.record_type.as_str()
            );
            finding(DnsStatus::Different, &of_purpose, Some(hint))
        }
    }
}

/// True if a found value is about the purpose. A host may have texts of other purposes.
fn concerns(wanted: &WantedRecord, value: &str) -> bool {
    match (wanted.purpose, wanted.record_type) {
        (Purpose::Spf, RecordType::Txt) => begins_with(value, "v=spf1"),
        (Purpose::Dmarc, _) => begins_with(value, "v=DMARC1"),
        (Purpose::Spf | Purpose::Dkim, _) => true,
    }
}

fn is_wanted(wanted: &WantedRecord, value: &str) -> bool {
    match (wanted.purpose, wanted.record_type) {
        // Other senders may be permitted too.
        (Purpose::Spf, RecordType::Txt) => {
            begins_with(value, "v=spf1") && value.split_whitespace().any(|part| part == "include:amazonses.com")
        }
        // Any policy will do.
        (Purpose::Dmarc, _) => begins_with(value, "v=DMARC1"),
        (Purpose::Spf | Purpose::Dkim, _) => value.trim_end_matches('.').eq_ignore_ascii_case(&wanted.value),
    }
}

fn begins_with(value: &str, beginning: &str) -> bool {
    let start = value.trim_start().get(..beginning.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// The records as a zone file (BIND).
///
/// Source: RFC 1035, 5.1.
#[must_use]
pub fn zone_file(domain: &SendingDomain, records: &[WantedRecord]) -> String {
    let mut file = format!("; DNS records of {}\n", domain.name);
    for record in records {
        let value = match (record.record_type, record.priority) {
            (RecordType::Txt, _) => format!("\"{}\"", record.value),
            (RecordType::Mx, Some(priority)) => format!("{priority} {}.", record.value),
            (RecordType::Mx | RecordType::Cname, _) => format!("{}.", record.value),
        };
        let (host, record_type) = (&record.host, record.record_type.as_str());
        file.push_str(&format!("{host}. 3600 IN {record_type} {value}\n"));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::domains::samples::domain;

    fn records() -> Vec<WantedRecord> {
        let mut records = wanted(&domain(), None, "eu-west-1");
        records.push(dmarc(&domain()));
        records
    }

    fn answer(values: &[&str]) -> DnsAnswer {
        DnsAnswer::Values(values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn the_zone_file_has_every_record() {
        let expected = "; DNS records of mail.example.com\n\
            send.mail.example.com. 3600 IN MX 10 feedback-smtp.eu-west-1.amazonses.com.\n\
            send.mail.example.com. 3600 IN TXT \"v=spf1 include:amazonses.com ~all\"\n\
            t1._domainkey.mail.example.com. 3600 IN CNAME t1.dkim.amazonses.com.\n\
            t2._domainkey.mail.example.com. 3600 IN CNAME t2.dkim.amazonses.com.\n\
            t3._domainkey.mail.example.com. 3600 IN CNAME t3.dkim.amazonses.com.\n\
            _dmarc.mail.example.com. 3600 IN TXT \"v=DMARC1; p=none;\"\n";
        assert_eq!(zone_file(&domain(), &records()), expected);
    }

    #[test]
    fn a_found_record_is_compared_by_its_purpose() {
        use DnsStatus::{Different, Found, Missing};
        let records = records();
        for (place, values, status) in [
            (0, &["FEEDBACK-SMTP.eu-west-1.amazonses.com."][..], Found),
            (0, &["mx.example.org"], Different),
            (
                0,
                &["feedback-smtp.eu-west-1.amazonses.com", "mx.example.org"],
                Different,
            ),
            (1, &["v=spf1 a include:amazonses.com -all", "other=1"], Found),
            (1, &["v=spf1 include:example.org ~all"], Different),
            (1, &["v=spf1 include:amazonses.com ~all", "v=spf1 a ~all"], Different),
            (1, &["google-site-verification=1"], Missing),
            (2, &["t1.dkim.amazonses.com"], Found),
            (2, &["t2.dkim.amazonses.com"], Different),
            (5, &["v=DMARC1; p=reject"], Found),
            (5, &["é"], Missing),
            (5, &[], Missing),
        ] {
            let finding = compare(&records[place], &answer(values), &answer(&[]), "example.com");
            assert_eq!(finding.status, status, "{place} {values:?}");
        }
        let unknown = compare(&records[2], &DnsAnswer::Unknown, &DnsAnswer::Unknown, "example.com");
        assert_eq!(unknown.status, DnsStatus::Unknown);
    }

    #[test]
    fn usual_mistakes_have_a_hint() {
        let records = records();
        let hint = |values: &[&str], doubled: &[&str]| {
            compare(&records[2], &answer(values), &answer(doubled), "example.com").hint
        };
        let doubled_name = "The record is at t1._domainkey.mail.example.com.example.com. \
             Enter its name without example.com, or with a dot at its end.";
        let doubled_value = "The DNS provider added example.com to the value. Enter the value with a dot at its end.";
        for (found, doubled, expected) in [
            (&[][..], &["t1.dkim.amazonses.com"][..], Some(doubled_name)),
            (&["t1.dkim.amazonses.com.example.com"], &[], Some(doubled_value)),
            (
                &["a.example", "b.example"],
                &[],
                Some("There are several CNAME records. Keep only one."),
            ),
            (&["a.example"], &[], None),
            (&[], &["a.example"], None),
        ] {
            assert_eq!(hint(found, doubled).as_deref(), expected, "{found:?} {doubled:?}");
        }
    }
}
