//! Reads the period of a query: whole hours, of a bounded number of days.
//!
//! **Invariant:** pure. Any text results in a period or an [`ApiError`] that names the parameter.

use std::borrow::Cow;
use std::time::Duration;

use domain::api::error::ApiError;
use domain::reporting::hours::Hours;
use domain::reporting::tally::counter::{HOUR_MS, hour_of};
use domain::timestamp::Timestamp;

/// Maximum number of days of one response. Our choice: 2,208 hours are three pages of the table.
pub const DAYS_MAX: u64 = 92;

/// Default number of days before today. Source: Resend's OpenAPI document, version 1.5.0, `emails/metrics`,
/// read 2026-11-24.
const DAYS_DEFAULT: u64 = 6;

/// A time, with the name of its parameter.
pub type Given = (&'static str, Timestamp);

/// Reads a time: a day, or RFC 3339. A plus directly after the day is read as a space, which forms encode as a plus.
///
/// # Errors
/// 422 `validation_error`.
pub fn read_time(name: &'static str, value: Option<Cow<'_, str>>) -> Result<Option<Given>, ApiError> {
    const LONGEST: usize = 40;
    let Some(text) = value else { return Ok(None) };
    let text = match text.split_at_checked("2026-11-24".len()) {
        Some((day, rest)) if rest.starts_with('+') => format!("{day}{}", rest.replacen('+', " ", 1)).into(),
        _ => text,
    };
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    let at = Some(&text).filter(|text| text.len() <= LONGEST);
    let at = at.and_then(|text| Timestamp::parse_rfc3339(text).or_else(day));
    let problem = "must be a day such as 2026-11-24, or a time with its offset such as 2026-11-24T09:30:00Z";
    // Some clients and proxies turn a plus into a space.
    let hint = if text.contains(' ') { "; write + as %2B" } else { "" };
    at.map(|at| Some((name, at)))
        .ok_or_else(|| ApiError::validation(name, format_args!("{problem}{hint}")))
}

/// Reads the name of a queue. A queue that does not exist has no counts.
///
/// # Errors
/// 422 `validation_error`.
pub fn read_queue(value: Option<Cow<'_, str>>) -> Result<Option<String>, ApiError> {
    let Some(name) = value else { return Ok(None) };
    let fits = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let name = Some(name.into_owned()).filter(|_| fits);
    name.map(Some)
        .ok_or_else(|| ApiError::validation("queue", "must be the name of a queue: 1 to 64 of a-z, 0-9 and -"))
}

/// Returns the hours of a period, and its end, at most `now`.
///
/// # Errors
/// 422 when the times are in the wrong order, or too far apart.
pub fn hours(since: Option<Given>, until: Option<Given>, now: Timestamp) -> Result<(Hours, Timestamp), ApiError> {
    let days = |days: u64| Duration::from_secs(days.saturating_mul(86_400));
    let end = until.map_or(now, |(_, until)| until.min(now));
    let (name, since) = since.unwrap_or(("query", end.before(days(DAYS_DEFAULT))));
    if since > end {
        return Err(ApiError::validation(
            name,
            "must not be after the end of the period (until, or now)",
        ));
    }
    if end.since(since) > days(DAYS_MAX) {
        let problem = format!("must be at most {DAYS_MAX} days before the end of the period (until, or now)");
        return Err(ApiError::validation(name, problem));
    }
    let last = hour_of(end.before(Duration::from_millis(1)).max(since));
    let hours = Hours {
        from: hour_of(since),
        until: Timestamp::from_millis(last.as_millis().saturating_add(HOUR_MS)),
    };
    Ok((hours, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_period_has_whole_hours() {
        let now = at("2026-11-24T18:20:00Z");
        let period_of = |since: Option<&str>, until: Option<&str>| {
            let given = |name, text: Option<&str>| text.map(|text| (name, at(text)));
            let (hours, end) = hours(given("since", since), given("until", until), now).unwrap();
            [hours.from, hours.until, end].map(|time| time.to_string().replace(":00.000Z", ""))
        };
        assert_eq!(
            period_of(None, None),
            ["2026-11-18T18:00", "2026-11-24T19:00", "2026-11-24T18:20"]
        );
        assert_eq!(
            period_of(Some("2026-11-24T10:59:00Z"), Some("2026-11-24T12:00:00Z")),
            ["2026-11-24T10:00", "2026-11-24T12:00", "2026-11-24T12:00"]
        );
        let same = Some("2026-11-24T12:00:00Z");
        assert_eq!(
            period_of(same, same),
            ["2026-11-24T12:00", "2026-11-24T13:00", "2026-11-24T12:00"]
        );
        let future = period_of(Some("2026-11-24T18:00:00Z"), Some("2030-01-01T00:00:00Z"));
        assert_eq!(future[1..], ["2026-11-24T19:00", "2026-11-24T18:20"]);
    }

    #[test]
    fn a_reversed_or_too_long_period_is_refused() {
        let now = at("2026-11-24T18:20:00Z");
        for since in [
            "2026-11-24T18:20:00.001Z",
            "2027-01-01T00:00:00Z",
            "2026-08-24T18:19:59Z",
            "0000-01-01T00:00:00Z",
        ] {
            let error = hours(Some(("since", at(since))), None, now).unwrap_err();
            assert!(error.message().starts_with("since: must "), "{since}: {error:?}");
        }
        assert!(hours(Some(("since", at("2026-08-24T18:20:00Z"))), None, now).is_ok());
    }

    #[test]
    fn bad_times_and_queues_are_refused() {
        for text in [
            "",
            "today",
            "2026-13-01",
            "2026-11-24T10:00:00",
            "in 5 minutes",
            &"1".repeat(50),
            "2026-11-24 ",
        ] {
            let error = read_time("since", Some(text.into())).unwrap_err();
            assert!(error.message().starts_with("since: must be"), "{text}");
        }
        let day = read_time("since", Some("2026-11-24".into())).unwrap();
        assert_eq!(day, Some(("since", at("2026-11-24T00:00:00Z"))));
        for text in [
            "2026-11-24T01:00:00+01:00",
            "2026-11-24 00:00:00Z",
            "2026-11-24+00:00:00Z",
            "2026-11-24+01:00:00+01:00",
        ] {
            assert_eq!(read_time("since", Some(text.into())).unwrap(), day, "{text}");
        }
        let error = read_time("since", Some("2026-11-24T00:00:00 01:00".into())).unwrap_err();
        assert!(error.message().ends_with("; write + as %2B"), "{error}");
        for text in ["", "A", "a#b", "*", "é", &"a".repeat(65)] {
            assert!(read_queue(Some(text.into())).is_err(), "{text}");
        }
    }
}
