//! The records of all names.
//!
//! **Invariant:** pure. A record that a real zone refuses is refused: a name with a CNAME has no other record.
//! **Start reading at** [`Zone::find`].
//!
//! Source: RFC 1034, sections 3.6.2 and 4.3.2; RFC 1035, section 3.3; RFC 8020 on names without records of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, TXT};
use hickory_proto::rr::{Name, RData, Record as Answer, RecordType};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Kind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// An alias; the value is its target.
    Cname,
    /// A mail server; the value is `10 mail.example.com`.
    Mx,
    /// A text of any length.
    Txt,
}

impl Kind {
    /// Returns the type on the wire.
    #[must_use]
    pub const fn on_the_wire(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
            Self::Cname => RecordType::CNAME,
            Self::Mx => RecordType::MX,
            Self::Txt => RecordType::TXT,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into())
    }
}

/// One record, in the form of the control.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The whole name, in ASCII.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The value.
    pub value: String,
}

/// The records of one question.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// The answers, each after the alias that leads to it.
    pub answers: Vec<Answer>,
    /// True if the name, or a name below it, has a record.
    pub exists: bool,
}

/// Seconds for which a resolver may cache a record: none, because tests change records.
const TTL_SECS: u32 = 0;

/// Maximum number of aliases that are followed. The answer to a longer chain ends with an alias.
const MAX_ALIASES: usize = 8;

/// Bytes of one string of a text.
const MAX_STRING: usize = 255;

/// All records.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    records: BTreeMap<Record, RData>,
}

impl Zone {
    /// Adds a record. A record that exists already is no error.
    ///
    /// # Errors
    /// One sentence that describes the fault in the record.
    pub fn add(&mut self, record: Record) -> Result<(), String> {
        let name = key(&parsed(&record.name)?);
        let data = match record.kind {
            Kind::A => RData::A(A(address(&record.value, "an IPv4 address")?)),
            Kind::Aaaa => RData::AAAA(AAAA(address(&record.value, "an IPv6 address")?)),
            Kind::Cname => RData::CNAME(CNAME(parsed(&record.value)?)),
            Kind::Mx => mail_server(&record.value)?,
            Kind::Txt => RData::TXT(text(&record.value)),
        };
        let record = Record { name, ..record };
        let is_alias = |kind| kind == Kind::Cname;
        let beside = self
            .of(&record.name)
            .find(|(other, _)| **other != record && (is_alias(other.kind) || is_alias(record.kind)));
        if let Some((other, _)) = beside {
            let (kind, name) = (other.kind, &other.name);
            return Err(format!(
                "{name} has a record of type {kind}, and a CNAME must be alone."
            ));
        }
        self.records.insert(record, data);
        Ok(())
    }

    /// Removes the records of a name, or all records without a name; `kind` removes only those of one type.
    /// Returns the number of removed records.
    pub fn remove(&mut self, name: Option<&str>, kind: Option<Kind>) -> usize {
        let name = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let before = self.records.len();
        self.records.retain(|record, _| {
            let is_meant =
                name.as_ref().is_none_or(|name| record.name == *name) && kind.is_none_or(|kind| record.kind == kind);
            !is_meant
        });
        before.saturating_sub(self.records.len())
    }

    /// Returns all records.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.keys()
    }

    /// Returns the answers to a question. Aliases are followed, as a resolver follows them.
    #[must_use]
    pub fn find(&self, name: &Name, wanted: RecordType) -> Found {
        let mut found = Found {
            answers: Vec::new(),
            exists: self.has(&key(name)),
        };
        let mut asked = name.clone();
        for _ in 0..=MAX_ALIASES {
            let records: Vec<_> = self.of(&key(&asked)).collect();
            let mut alias = None;
            for (record, data) in records {
                let kind = record.kind.on_the_wire();
                if kind == wanted || record.kind == Kind::Cname {
                    let answer = Answer::from_rdata(asked.clone(), TTL_SECS, data.clone());
                    found.answers.push(answer);
                }
                if let RData::CNAME(CNAME(target)) = data
                    && wanted != RecordType::CNAME
                {
                    alias = Some(target.clone());
                }
            }
            match alias {
                Some(target) => asked = target,
                None => break,
            }
        }
        found
    }

    fn of(&self, name: &str) -> impl Iterator<Item = (&Record, &RData)> {
        self.records.iter().filter(move |(record, _)| record.name == name)
    }

    fn has(&self, name: &str) -> bool {
        let is_below = |other: &str| {
            other
                .strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.records.keys().any(|record| is_below(&record.name))
    }
}

/// The name in the form of the records: in lower case, without the last dot.
#[must_use]
pub fn key(name: &Name) -> String {
    let mut text = name.to_lowercase().to_ascii();
    if text.ends_with('.') {
        text.pop();
    }
    text
}

/// Reads a whole name; its last dot may be missing.
///
/// # Errors
/// One sentence that describes the fault in the name.
pub fn parsed(text: &str) -> Result<Name, String> {
    let error = |reason: String| format!("{text:?} is no name of DNS: {reason}.");
    if text.trim_end_matches('.').is_empty() {
        return Err(error("it is empty".to_owned()));
    }
    let mut name = Name::from_ascii(text).map_err(|reason| error(reason.to_string()))?;
    name.set_fqdn(true);
    Ok(name)
}

fn address<T: FromStr>(value: &str, wanted: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{value:?} must be {wanted}."))
}

fn mail_server(value: &str) -> Result<RData, String> {
    let parts = value
        .split_once(' ')
        .and_then(|(preference, host)| Some((preference.parse().ok()?, host)));
    let (preference, host) = parts.ok_or_else(|| format!("{value:?} must be a number, a space and a host."))?;
    Ok(RData::MX(MX::new(preference, parsed(host)?)))
}

fn text(value: &str) -> TXT {
    let bytes = value.as_bytes();
    let strings: Vec<&[u8]> = if bytes.is_empty() {
        vec![bytes]
    } else {
        bytes.chunks(MAX_STRING).collect()
    };
    TXT::from_bytes(strings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(records: &[(&str, Kind, &str)]) -> Zone {
        let mut zone = Zone::default();
        for (name, kind, value) in records {
            zone.add(record(name, *kind, value)).unwrap();
        }
        zone
    }

    fn record(name: &str, kind: Kind, value: &str) -> Record {
        let (name, value) = (name.to_owned(), value.to_owned());
        Record { name, kind, value }
    }

    fn find(zone: &Zone, name: &str, wanted: RecordType) -> (Vec<String>, bool) {
        let found = zone.find(&parsed(name).unwrap(), wanted);
        (
            found.answers.iter().map(|answer| answer.data.to_string()).collect(),
            found.exists,
        )
    }

    #[test]
    fn names_ignore_case_and_the_last_dot() {
        let zone = zone(&[("A.Example.com.", Kind::Txt, "x")]);
        assert_eq!(
            find(&zone, "a.eXample.com", RecordType::TXT),
            (vec!["x".to_owned()], true)
        );
    }

    #[test]
    fn a_name_with_other_records_exists() {
        let zone = zone(&[("a.b.example.com", Kind::Txt, "x")]);
        for name in ["a.b.example.com", "b.example.com", "example.com"] {
            assert_eq!(find(&zone, name, RecordType::MX), (vec![], true), "{name}");
        }
        for name in ["c.example.com", "xexample.com", "x.a.b.example.com"] {
            assert_eq!(find(&zone, name, RecordType::TXT), (vec![], false), "{name}");
        }
    }

    #[test]
    fn an_alias_is_followed_and_never_has_company() {
        let mut zone = zone(&[("a.example", Kind::Cname, "b.example"), ("b.example", Kind::Txt, "x")]);
        let followed = vec!["b.example.".to_owned(), "x".to_owned()];
        assert_eq!(find(&zone, "a.example", RecordType::TXT).0, followed);
        assert_eq!(find(&zone, "a.example", RecordType::CNAME).0, ["b.example."]);
        assert_eq!(zone.add(record("a.example", Kind::Cname, "b.example")), Ok(()));
        for (name, kind) in [
            ("a.example", Kind::Txt),
            ("a.example", Kind::Cname),
            ("b.example", Kind::Cname),
        ] {
            assert!(zone.add(record(name, kind, "c.example")).is_err(), "{name} {kind}");
        }
        zone.add(record("c.example", Kind::Cname, "c.example")).unwrap();
        let circle = find(&zone, "c.example", RecordType::TXT).0;
        assert!(circle.len() <= MAX_ALIASES + 1, "{circle:?}");
    }

    #[test]
    fn a_long_text_is_split_into_strings() {
        let zone = zone(&[("a.example", Kind::Txt, &"x".repeat(600))]);
        let found = zone.find(&parsed("a.example").unwrap(), RecordType::TXT);
        let RData::TXT(text) = &found.answers[0].data else {
            panic!("{found:?}");
        };
        let lengths: Vec<usize> = text.txt_data.iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [255, 255, 90]);
    }

    #[test]
    fn a_record_that_no_zone_accepts_is_refused() {
        let mut zone = Zone::default();
        for (name, kind, value) in [
            ("", Kind::Txt, "x"),
            (".", Kind::Txt, "x"),
            ("a..b", Kind::Txt, "x"),
            ("ä.example", Kind::Txt, "x"),
            (&"x".repeat(64), Kind::Txt, "x"),
            ("a.example", Kind::A, "2001:db8::1"),
            ("a.example", Kind::A, "127.1"),
            ("a.example", Kind::Aaaa, "192.0.2.1"),
            ("a.example", Kind::Mx, "mail.example"),
            ("a.example", Kind::Mx, "70000 mail.example"),
            ("a.example", Kind::Cname, ""),
        ] {
            assert!(zone.add(record(name, kind, value)).is_err(), "{name:?} {value:?}");
        }
        assert_eq!(zone.records().count(), 0);
    }

    #[test]
    fn records_are_removed_by_name_and_type() {
        let given = [
            ("a.example", Kind::Txt, "x"),
            ("a.example", Kind::Mx, "10 m.example"),
            ("b.example", Kind::Txt, "y"),
        ];
        let mut zone = zone(&given);
        assert_eq!(zone.remove(Some("A.example."), Some(Kind::Txt)), 1);
        assert_eq!(zone.remove(Some("a.example"), None), 1);
        assert_eq!(zone.remove(None, None), 1);
    }
}
