//! The outcome of one attempt, and its meaning for the event and its endpoint.
//!
//! **Invariant:** only 2xx is a success. A redirect is a failure: it is not followed.

use std::time::Duration;

/// The longest wait that an endpoint may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);

/// The value of the header `webhook-delivery` that ends an event.
const ABORT: &str = "abort-message";

/// An endpoint's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The wait that the header `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// True if the header `webhook-delivery` asks for no further attempt.
    pub aborts: bool,
    /// The beginning of the body.
    pub body: String,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered.
    Answered(Answer),
    /// There is no answer, for this reason in words.
    NoAnswer(String),
}

/// The meaning of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The receiver has the event.
    Success,
    /// The receiver wants no further attempt of this event.
    Aborted,
    /// The endpoint is gone for good.
    Gone,
    /// The endpoint wants fewer requests; the attempt does not count.
    Throttled(Option<Duration>),
    /// The attempt failed.
    Failed(Option<Duration>),
}

impl Outcome {
    /// The meaning.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let Self::Answered(answer) = self else {
            return Meaning::Failed(None);
        };
        let wait = answer.retry_after.map(|wait| wait.min(RETRY_AFTER_MAX));
        match answer.status {
            200..=299 => Meaning::Success,
            _ if answer.aborts => Meaning::Aborted,
            410 => Meaning::Gone,
            429 => Meaning::Throttled(wait),
            503 if wait.is_some() => Meaning::Throttled(wait),
            _ => Meaning::Failed(wait),
        }
    }

    /// The status code; 0 without an answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Answered(answer) => answer.status,
            Self::NoAnswer(_) => 0,
        }
    }

    /// The body, or the reason why there is none.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Answered(answer) => answer.body.clone(),
            Self::NoAnswer(reason) => reason.clone(),
        }
    }
}

/// Reads `webhook-delivery`: true if the receiver wants no further attempt.
#[must_use]
pub fn aborts(header: &str) -> bool {
    header.split(',').any(|value| value.trim().eq_ignore_ascii_case(ABORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: Option<u64>, aborts: bool) -> Meaning {
        let answer = Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            aborts,
            body: String::new(),
        };
        Outcome::Answered(answer).meaning()
    }

    #[test]
    fn only_2xx_is_a_success() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answered(status, None, false), Meaning::Success, "{status}");
        }
        for status in [
            100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 413, 500, 502, 503, 504, 599,
        ] {
            assert_eq!(answered(status, None, false), Meaning::Failed(None), "{status}");
        }
        let outcome = Outcome::NoAnswer("The connection failed.".to_owned());
        assert_eq!((outcome.meaning(), outcome.status()), (Meaning::Failed(None), 0));
        assert_eq!(outcome.words(), "The connection failed.");
    }

    #[test]
    fn special_answers_have_their_meaning() {
        let wait = |secs| Some(Duration::from_secs(secs));
        assert_eq!(answered(410, None, false), Meaning::Gone);
        assert_eq!(answered(429, None, false), Meaning::Throttled(None));
        assert_eq!(answered(429, Some(60), false), Meaning::Throttled(wait(60)));
        assert_eq!(answered(503, Some(60), false), Meaning::Throttled(wait(60)));
        assert_eq!(answered(500, Some(60), false), Meaning::Failed(wait(60)));
        assert_eq!(answered(500, Some(u64::MAX), false), Meaning::Failed(wait(86_400)));
        assert_eq!(answered(400, None, true), Meaning::Aborted);
        assert_eq!(answered(200, None, true), Meaning::Success);
    }

    #[test]
    fn a_receiver_can_end_an_event() {
        assert!(aborts("abort-message") && aborts("x, Abort-Message "));
        assert!(!aborts("") && !aborts("abort") && !aborts("abort-messages"));
    }
}
