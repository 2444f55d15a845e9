//! Times in words: `in an hour`, `tomorrow at 9am`, `Friday at 3pm ET`.
//!
//! **Role:** called by [`super::times`].
//! **Invariant:** pure. A phrase with two meanings is no phrase: `next Friday`, `at 9`, `3:00`, and zones such as `IST`.
//! **Start reading at** [`LocalTime::parse`].
//!
//! This is a small grammar of our own: an email must not go at a time that a library guessed.

use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};

use crate::timestamp::Timestamp;

/// Zones by their names, each with its rule as POSIX's `TZ`.
///
/// Source: RFC 5322, 4.3 for the zones of North America with and without daylight saving; the IANA time zone database,
/// 2026a, for the rules of today.
const ZONES: [(&str, &str); 29] = [
    ("utc", "UTC0"),
    ("gmt", "GMT0"),
    ("z", "UTC0"),
    ("et", "EST5EDT,M3.2.0,M11.1.0"),
    ("est", "EST5"),
    ("edt", "EDT4"),
    ("ct", "CST6CDT,M3.2.0,M11.1.0"),
    ("cst", "CST6"),
    ("cdt", "CDT5"),
    ("mt", "MST7MDT,M3.2.0,M11.1.0"),
    ("mst", "MST7"),
    ("mdt", "MDT6"),
    ("pt", "PST8PDT,M3.2.0,M11.1.0"),
    ("pst", "PST8"),
    ("pdt", "PDT7"),
    ("wet", "WET0"),
    ("west", "WEST-1"),
    ("cet", "CET-1"),
    ("cest", "CEST-2"),
    ("eet", "EET-2"),
    ("eest", "EEST-3"),
    ("jst", "JST-9"),
    ("kst", "KST-9"),
    ("hkt", "HKT-8"),
    ("sgt", "SGT-8"),
    ("aest", "AEST-10"),
    ("aedt", "AEDT-11"),
    ("nzst", "NZST-12"),
    ("nzdt", "NZDT-13"),
];

/// The days of the week, in full and short.
const WEEKDAYS: [(&str, &str, Weekday); 7] = [
    ("monday", "mon", Weekday::Monday),
    ("tuesday", "tue", Weekday::Tuesday),
    ("wednesday", "wed", Weekday::Wednesday),
    ("thursday", "thu", Weekday::Thursday),
    ("friday", "fri", Weekday::Friday),
    ("saturday", "sat", Weekday::Saturday),
    ("sunday", "sun", Weekday::Sunday),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Today,
    Tomorrow,
    /// The next one that has not come yet; it may be today.
    Next(&'static str, Weekday),
}

/// A time of a day that is near the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    day: Day,
    time: Time,
    /// Name and rule of the zone.
    zone: (&'static str, &'static str),
}

impl LocalTime {
    /// Reads `tomorrow at 9am`, `on Friday at 15:30 ET`, `today at noon`. Without a zone it is UTC.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase().replace("a.m.", "am").replace("p.m.", "pm");
        let mut words = text.split_whitespace().peekable();
        words.next_if_eq(&"on");
        let day = day(words.next()?.trim_end_matches(','))?;
        words.next_if_eq(&"at");
        let mut clock = words.next()?.to_owned();
        if let Some(half) = words.next_if(|word| matches!(*word, "am" | "pm")) {
            clock.push_str(half);
        }
        let time = time(&clock)?;
        let zone = words.next().unwrap_or("utc");
        let zone = ZONES.into_iter().find(|(name, _)| *name == zone)?;
        words.next().is_none().then_some(Self { day, time, zone })
    }

    /// The point in time at `now`. Of a time that daylight saving repeats it is the first, and a skipped one is later.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        // The calendar has an end, beyond every permitted time.
        self.moment(now).unwrap_or_else(|| now.after(Duration::MAX))
    }

    /// True if daylight saving skips or repeats the time.
    #[must_use]
    pub fn is_ambiguous(self, now: Timestamp) -> bool {
        let found = self.zone().and_then(|zone| Some((self.date(&zone, now)?, zone)));
        found.is_some_and(|(date, zone)| zone.to_ambiguous_timestamp(date).is_ambiguous())
    }

    fn zone(self) -> Option<TimeZone> {
        TimeZone::posix(self.zone.1).ok()
    }

    fn moment(self, now: Timestamp) -> Option<Timestamp> {
        let zone = self.zone()?;
        point(&zone, self.date(&zone, now)?)
    }

    fn date(self, zone: &TimeZone, now: Timestamp) -> Option<DateTime> {
        let today = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
        let today = zone.to_datetime(today).date();
        let on = |date: Date| date.to_datetime(self.time);
        match self.day {
            Day::Today => Some(on(today)),
            Day::Tomorrow => today.tomorrow().ok().map(on),
            Day::Next(_, weekday) => {
                let is_ahead = point(zone, on(today)).is_some_and(|at| at > now);
                if today.weekday() == weekday && is_ahead {
                    return Some(on(today));
                }
                today.nth_weekday(1, weekday).ok().map(on)
            }
        }
    }
}

/// The phrase in its one form.
impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = match self.day {
            Day::Today => "today",
            Day::Tomorrow => "tomorrow",
            Day::Next(name, _) => name,
        };
        let (hour, minute) = (self.time.hour(), self.time.minute());
        write!(f, "{day} at {hour:02}:{minute:02} {}", self.zone.0)
    }
}

fn point(zone: &TimeZone, date: DateTime) -> Option<Timestamp> {
    let at = zone.to_ambiguous_timestamp(date).compatible().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

fn day(word: &str) -> Option<Day> {
    match word {
        "today" => Some(Day::Today),
        "tomorrow" => Some(Day::Tomorrow),
        _ => {
            let known = WEEKDAYS
                .into_iter()
                .find(|(long, short, _)| word == *long || word == *short);
            known.map(|(name, _, weekday)| Day::Next(name, weekday))
        }
    }
}

/// Reads `9am`, `9:30pm`, `noon`, or `09:30` of 24 hours. `9:30` could be either half of the day.
fn time(clock: &str) -> Option<Time> {
    if clock == "noon" {
        return Time::new(12, 0, 0, 0).ok();
    }
    let half = [("am", 0), ("pm", 12)].into_iter();
    let half = half
        .filter_map(|(name, hours)| Some((clock.strip_suffix(name)?, hours)))
        .next();
    let digits = |text: &str, lengths: &[usize]| -> Option<i8> {
        let fits = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| fits)
    };
    let (hour, minute) = match half {
        Some((clock, hours)) => {
            let (hour, minute) = clock.split_once(':').unwrap_or((clock, "00"));
            let hour = digits(hour, &[1, 2]).filter(|hour| (1..=12).contains(hour))?;
            (hour % 12 + hours, digits(minute, &[2])?)
        }
        None => {
            let (hour, minute) = clock.split_once(':')?;
            (digits(hour, &[2])?, digits(minute, &[2])?)
        }
    };
    Time::new(hour, minute, 0, 0).ok()
}

/// Reads the wait behind `in`: `5 minutes`, `an hour`, `2 hours and 30 minutes`.
pub(super) fn wait(text: &str) -> Option<Duration> {
    let text = text.trim();
    let plain = || {
        let words = text.split_whitespace().map(str::to_ascii_lowercase);
        let words = words.filter(|word| word != "and").map(|word| match word.as_str() {
            "a" | "an" => "1".to_owned(),
            _ => word,
        });
        words.collect::<Vec<_>>().join(" ")
    };
    // A wait may already have jiff's form, or ISO 8601's.
    let span = text.parse::<Span>();
    let span = span.or_else(|error| if error.is_range() { Err(error) } else { plain().parse() });
    match span {
        Ok(span) => {
            let wait = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
            Duration::try_from(wait).ok()
        }
        // Too long to count, and too long for every use.
        Err(error) if error.is_range() && !text.contains('-') && !text.ends_with("ago") => Some(Duration::MAX),
        Err(_) => None,
    }
}

#[cfg(test)]
#[path = "phrases_tests.rs"]
mod tests;
