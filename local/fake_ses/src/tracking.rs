//! The search of SES for the DNS records of an identity.
//!
//! **Invariant:** pure, without a clock. A search that failed has ended; only its restart looks again.
//! **Start reading at** [`Tracking::observe`].
//!
//! Source: Amazon SES API v2 Reference, `DkimAttributes`, `MailFromAttributes` and `VerificationInfo`; Amazon SES
//! Developer Guide, "Verifying a domain identity": SES searches for 72 hours. The wait before a lost verification is
//! revoked is the same in SES's notices of a revocation. Read 2026-11-29.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Seconds of the search for records, and of the wait for lost records.
const SEARCH_SECS: i64 = 72 * 60 * 60;

/// The status of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No records were found yet.
    Pending,
    /// The records are right.
    Success,
    /// The search has ended without the records.
    Failed,
    /// No answer came, or records that were right are gone.
    TemporaryFailure,
}

impl Status {
    /// Returns SES's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::TemporaryFailure => "TEMPORARY_FAILURE",
        }
    }
}

/// The result of one look at the DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// All records are right.
    Right,
    /// The host does not exist.
    NoHost,
    /// The host has no record of the type.
    NoType,
    /// The record has another value.
    OtherValue,
    /// The DNS server failed.
    ServerError,
    /// No answer came.
    NoAnswer,
}

impl Seen {
    /// Returns SES's name of the error.
    const fn error(self) -> Option<&'static str> {
        match self {
            Self::Right => None,
            Self::NoHost => Some("HOST_NOT_FOUND"),
            Self::NoType => Some("TYPE_NOT_FOUND"),
            Self::OtherValue => Some("INVALID_VALUE"),
            Self::ServerError => Some("DNS_SERVER_ERROR"),
            Self::NoAnswer => Some("SERVICE_ERROR"),
        }
    }
}

/// One search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    status: Status,
    /// The start of the search, or the time since which records that were right are gone.
    since: Timestamp,
    checked_at: Option<Timestamp>,
    succeeded_at: Option<Timestamp>,
    error: Option<&'static str>,
}

impl Tracking {
    /// Starts a search.
    pub const fn start(now: Timestamp) -> Self {
        Self {
            status: Status::Pending,
            since: now,
            checked_at: None,
            succeeded_at: None,
            error: None,
        }
    }

    /// Returns a search that has found its records.
    pub const fn found(now: Timestamp) -> Self {
        Self {
            status: Status::Success,
            since: now,
            checked_at: Some(now),
            succeeded_at: Some(now),
            error: None,
        }
    }

    /// Returns the status.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Tells whether SES treats the identity as verified: also while lost records may return.
    pub const fn is_verified(&self) -> bool {
        match self.status {
            Status::Success => true,
            Status::TemporaryFailure => self.succeeded_at.is_some(),
            Status::Pending | Status::Failed => false,
        }
    }

    /// Takes one look at the DNS into account.
    pub fn observe(&mut self, seen: Seen, now: Timestamp) {
        if self.status == Status::Failed {
            return;
        }
        self.checked_at = Some(now);
        self.error = seen.error();
        if seen == Seen::Right {
            (self.status, self.since, self.succeeded_at) = (Status::Success, now, Some(now));
            return;
        }
        if self.status == Status::Success {
            self.since = now;
        }
        let is_unknown = matches!(seen, Seen::ServerError | Seen::NoAnswer);
        self.status = if now.as_second().saturating_sub(self.since.as_second()) >= SEARCH_SECS {
            Status::Failed
        } else if is_unknown || self.succeeded_at.is_some() {
            Status::TemporaryFailure
        } else {
            Status::Pending
        };
        if self.status == Status::Failed {
            self.succeeded_at = None;
        }
    }

    /// Returns `VerificationInfo`.
    pub fn info(&self) -> Value {
        let mut info = Map::new();
        let times = [
            ("LastCheckedTimestamp", self.checked_at),
            ("LastSuccessTimestamp", self.succeeded_at),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                info.insert(name.to_owned(), json!(time.as_second()));
            }
        }
        if let Some(error) = self.error {
            info.insert("ErrorType".to_owned(), json!(error));
        }
        Value::Object(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    fn after(looks: &[(i64, Seen)]) -> (Status, bool) {
        let mut tracking = Tracking::start(at(0));
        for (hours, seen) in looks {
            tracking.observe(*seen, at(*hours));
        }
        (tracking.status(), tracking.is_verified())
    }

    #[test]
    fn records_are_searched_for_three_days() {
        assert_eq!(after(&[]), (Status::Pending, false));
        assert_eq!(after(&[(71, Seen::NoHost)]), (Status::Pending, false));
        assert_eq!(after(&[(72, Seen::NoHost)]), (Status::Failed, false));
        assert_eq!(after(&[(71, Seen::NoHost), (71, Seen::Right)]), (Status::Success, true));
        assert_eq!(after(&[(72, Seen::NoHost), (73, Seen::Right)]), (Status::Failed, false));
    }

    #[test]
    fn a_silent_server_is_a_temporary_failure() {
        for seen in [Seen::ServerError, Seen::NoAnswer] {
            assert_eq!(after(&[(1, seen)]), (Status::TemporaryFailure, false));
            assert_eq!(after(&[(1, seen), (2, Seen::NoHost)]), (Status::Pending, false));
            assert_eq!(after(&[(1, Seen::Right), (2, seen)]), (Status::TemporaryFailure, true));
        }
    }

    #[test]
    fn lost_records_end_the_verification_after_three_days() {
        let lost = [(1, Seen::Right), (100, Seen::NoHost)];
        assert_eq!(after(&lost), (Status::TemporaryFailure, true));
        assert_eq!(
            after(&[lost[0], lost[1], (171, Seen::NoType)]),
            (Status::TemporaryFailure, true)
        );
        assert_eq!(after(&[lost[0], lost[1], (172, Seen::NoType)]), (Status::Failed, false));
        assert_eq!(after(&[lost[0], lost[1], (101, Seen::Right)]), (Status::Success, true));
    }

    #[test]
    fn the_last_look_is_shown_with_its_error() {
        let mut tracking = Tracking::start(at(0));
        assert_eq!(tracking.info(), json!({}));
        tracking.observe(Seen::Right, at(1));
        tracking.observe(Seen::OtherValue, at(2));
        let shown = json!({"LastCheckedTimestamp": 7200, "LastSuccessTimestamp": 3600, "ErrorType": "INVALID_VALUE"});
        assert_eq!(tracking.info(), shown);
    }
}
