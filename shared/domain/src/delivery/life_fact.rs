//! A fact of an email's life, and its stored form.

use serde::{Deserialize, Serialize};

use crate::delivery::cause::Cause;
use crate::timestamp::Timestamp;

/// An end without an acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// SES did not accept it.
    Failed,
    /// SES may have accepted it.
    Unknown,
    /// It was canceled.
    Canceled,
    /// It expired.
    Expired,
}

/// A kind of fact, with its own number: two facts of an email are the same if their kinds are equal but for the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LifeKind {
    /// It waits for a time that a caller requested.
    Scheduled {
        /// The turn of the request.
        turn: u32,
        /// The requested time.
        until: Timestamp,
    },
    /// SES accepted it.
    Sent {
        /// The accepted claim.
        claim_no: u32,
    },
    /// It ended without a known acceptance.
    Ended {
        /// The end.
        end: End,
        /// The newest claim.
        claim_no: u32,
        /// The turn.
        turn: u32,
        /// The cause, which is no part of the identity: a cancel by hand removes the cause of a purge.
        cause: Option<Cause>,
    },
}

impl LifeKind {
    /// True if both are the same fact.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        let plain = |kind| match kind {
            Self::Ended {
                end, claim_no, turn, ..
            } => Self::Ended {
                end,
                claim_no,
                turn,
                cause: None,
            },
            Self::Scheduled { turn, .. } => Self::Scheduled {
                turn,
                until: Timestamp::from_millis(0),
            },
            Self::Sent { .. } => kind,
        };
        plain(self) == plain(other)
    }
}

/// A fact of an email's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LifeFact {
    /// The kind.
    pub kind: LifeKind,
    /// The time, as it is stored.
    pub at: Timestamp,
}

impl LifeFact {
    /// The stored form of a past fact; an acceptance is never past.
    #[must_use]
    pub fn to_text(self) -> Option<String> {
        let at = self.at.as_millis();
        match self.kind {
            LifeKind::Scheduled { turn, until } => Some(format!("scheduled {at} {turn} {}", until.as_millis())),
            LifeKind::Ended {
                end,
                claim_no,
                turn,
                cause,
            } => {
                let end = match end {
                    End::Failed => "failed",
                    End::Unknown => "unknown",
                    End::Canceled => "canceled",
                    End::Expired => "expired",
                };
                let cause = cause.map_or("-", Cause::as_str);
                Some(format!("{end} {at} {turn} {claim_no} {cause}"))
            }
            LifeKind::Sent { .. } => None,
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(' ').collect();
        let millis = |text: &str| text.parse().ok().map(Timestamp::from_millis);
        let (at, kind) = match parts.as_slice() {
            ["scheduled", at, turn, until] => {
                let (turn, until) = (turn.parse().ok()?, millis(until)?);
                (at, LifeKind::Scheduled { turn, until })
            }
            [end, at, turn, claim_no, cause] => {
                let end = match *end {
                    "failed" => End::Failed,
                    "unknown" => End::Unknown,
                    "canceled" => End::Canceled,
                    "expired" => End::Expired,
                    _ => return None,
                };
                let cause = match *cause {
                    "-" => None,
                    name => Some(name.parse().ok()?),
                };
                let kind = LifeKind::Ended {
                    end,
                    claim_no: claim_no.parse().ok()?,
                    turn: turn.parse().ok()?,
                    cause,
                };
                (at, kind)
            }
            _ => return None,
        };
        Some(Self { kind, at: millis(at)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_past_fact_is_read_as_it_was_written() {
        let ends = [End::Failed, End::Unknown, End::Canceled, End::Expired];
        let ended = |end, cause| LifeKind::Ended {
            end,
            claim_no: 3,
            turn: 1,
            cause,
        };
        let scheduled = LifeKind::Scheduled { turn: 2, until: at(-7) };
        let causes = Cause::ALL.iter().map(|cause| ended(End::Failed, Some(*cause)));
        let kinds = ends
            .map(|end| ended(end, None))
            .into_iter()
            .chain([scheduled])
            .chain(causes);
        for kind in kinds {
            let fact = LifeFact { kind, at: at(5) };
            assert_eq!(LifeFact::from_text(&fact.to_text().unwrap()), Some(fact));
        }
        for bad in [
            "",
            "scheduled 1 2",
            "sent 1 2 3 -",
            "failed 1 2 3 nothing",
            "failed x 2 3 -",
        ] {
            assert_eq!(LifeFact::from_text(bad), None, "{bad}");
        }
    }
}
