//! Times in words: `in an hour`, `tomorrow at 9am`, `3pm ET on Friday`.
//!
//! **Role:** called by [`super::times`].
//! **Invariant:** pure. A phrase with two meanings is no phrase: `next Friday`, `at 9`, and zones such as `IST`. A
//! clock without `am` and `pm` has 24 hours: `9:00`, `15:30`.
//! **Start reading at** [`LocalTime::parse`].
//!
//! This is a small grammar of our own: an email must not go at a time that a library guessed.

use std::fmt;
use std::iter::Peekable;
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

/// The days of the week.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// Fewest letters of a weekday: `Tue`, `Tues`.
const WEEKDAY_LETTERS: usize = 3;

/// Numbers in words.
const NUMBERS: [(&str, &str); 16] = [
    ("a", "1"),
    ("an", "1"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("twelve", "12"),
    ("fifteen", "15"),
    ("twenty", "20"),
    ("thirty", "30"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Today,
    Tomorrow,
    /// The next such weekday on which the time is still ahead; it may be today.
    Next(&'static str, Weekday),
}

/// A time on a day that the phrase names: today, tomorrow, or a weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    day: Day,
    time: Time,
    /// Name and rule of the zone.
    zone: (&'static str, &'static str),
}

impl LocalTime {
    /// Reads `tomorrow at 9am`, `on Friday at 15:30 ET`, `today at noon`, `3pm ET on Friday`. Without a zone it is UTC.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase().replace("a.m.", "am").replace("p.m.", "pm");
        let words = text.split_whitespace().map(|word| word.trim_end_matches(','));
        let mut words = words.peekable();
        let is_day_first = words.peek().is_some_and(|word| *word == "on" || day(word).is_some());
        let (day, time, named) = if is_day_first {
            words.next_if_eq(&"on");
            let day = day(words.next()?)?;
            (day, clock(&mut words)?, None)
        } else {
            let time = clock(&mut words)?;
            let named = words.next_if(|word| zone(word).is_some());
            words.next_if_eq(&"on");
            (day(words.next()?)?, time, named)
        };
        let zone = zone(named.or_else(|| words.next()).unwrap_or("utc"))?;
        words.next().is_none().then_some(Self { day, time, zone })
    }

    /// The point in time that the phrase means at `now`. If daylight saving repeats a time, the first one counts. A
    /// skipped time moves to a later one.
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

/// The phrase in its canonical form.
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
            let short = word.trim_end_matches('.');
            let mut known = WEEKDAYS.into_iter().filter(|(name, _)| name.starts_with(short));
            let (name, weekday) = known.next().filter(|_| short.len() >= WEEKDAY_LETTERS)?;
            Some(Day::Next(name, weekday))
        }
    }
}

fn zone(word: &str) -> Option<(&'static str, &'static str)> {
    ZONES.into_iter().find(|(name, _)| *name == word)
}

/// Reads a time with or without `at`: `at 9 pm`.
fn clock<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Option<Time> {
    words.next_if_eq(&"at");
    let mut clock = words.next()?.to_owned();
    if let Some(half) = words.next_if(|word| matches!(*word, "am" | "pm")) {
        clock.push_str(half);
    }
    time(&clock)
}

/// Reads `9am`, `9:30pm`, `noon`, or `9:30` of 24 hours.
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
            (digits(hour, &[1, 2])?, digits(minute, &[2])?)
        }
    };
    Time::new(hour, minute, 0, 0).ok()
}

/// Reads the wait behind `in`: `5 minutes`, `two hours`, `half an hour`, `2 hours and 30 minutes`.
pub(super) fn wait(text: &str) -> Option<Duration> {
    let text = text.trim();
    let plain = || {
        let words = text.split_whitespace().map(str::to_ascii_lowercase);
        let words = words.filter(|word| word != "and").map(|word| {
            let number = NUMBERS.iter().find(|(name, _)| *name == word);
            number.map_or(word, |(_, digits)| (*digits).to_owned())
        });
        let words = words.collect::<Vec<_>>().join(" ");
        words.replace("half 1 hour", "30 minutes")
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
