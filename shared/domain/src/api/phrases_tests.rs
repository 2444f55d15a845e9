use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// A Tuesday, before daylight saving ends in Europe and America.
const NOW: &str = "2026-10-20T13:00:00Z";

#[test]
fn a_phrase_is_a_day_with_a_time() {
    for (phrase, expected) in [
        ("tomorrow at 9am", "2026-10-21T09:00:00Z"),
        ("Tomorrow 9 a.m. UTC", "2026-10-21T09:00:00Z"),
        ("tomorrow at noon", "2026-10-21T12:00:00Z"),
        ("tomorrow at 12am", "2026-10-21T00:00:00Z"),
        ("today at 12:30 pm", "2026-10-20T12:30:00Z"),
        ("today at 23:05", "2026-10-20T23:05:00Z"),
        ("Friday at 3pm ET", "2026-10-23T19:00:00Z"),
        ("on Fri, 3:30PM est", "2026-10-23T20:30:00Z"),
        ("9am tomorrow", "2026-10-21T09:00:00Z"),
        ("at 9 am, tomorrow UTC", "2026-10-21T09:00:00Z"),
        ("3pm on Friday", "2026-10-23T15:00:00Z"),
        ("3pm ET on Friday", "2026-10-23T19:00:00Z"),
        ("noon Friday ET", "2026-10-23T16:00:00Z"),
        ("tomorrow at 9:00", "2026-10-21T09:00:00Z"),
        ("tomorrow 9:30", "2026-10-21T09:30:00Z"),
        ("Tues at 3pm", "2026-10-20T15:00:00Z"),
        ("9:00 Thurs.", "2026-10-22T09:00:00Z"),
        ("Friday at 3pm CET", "2026-10-23T14:00:00Z"),
        ("Friday at 3pm CEST", "2026-10-23T13:00:00Z"),
        ("Monday at 08:00 AEST", "2026-10-25T22:00:00Z"),
        // Daylight saving has ended in America.
        ("sunday at 3pm PT", "2026-10-25T22:00:00Z"),
        // The day of the request counts while its time is ahead.
        ("Tuesday at 13:01", "2026-10-20T13:01:00Z"),
        ("Tuesday at 1pm", "2026-10-27T13:00:00Z"),
        // The zone decides which day it is.
        ("tomorrow at 1am JST", "2026-10-20T16:00:00Z"),
    ] {
        let read = LocalTime::parse(phrase).unwrap_or_else(|| panic!("{phrase}"));
        assert_eq!(read.at(at(NOW)), at(expected), "{phrase}");
        assert!(!read.is_ambiguous(at(NOW)), "{phrase}");
        assert_eq!(LocalTime::parse(&read.to_string()), Some(read), "{read}");
    }
}

#[test]
fn every_zone_and_weekday_is_read() {
    for (zone, rule) in ZONES {
        assert!(TimeZone::posix(rule).is_ok(), "{zone}");
        for (long, weekday) in WEEKDAYS {
            let short = long.get(..3).unwrap();
            let [long, short] = [long, short].map(|day| LocalTime::parse(&format!("{day} at 9am {zone}")).unwrap());
            assert_eq!(long, short);
            let found = long.at(at(NOW)).since(at(NOW));
            assert!(found <= Duration::from_secs(7 * 86_400), "{long}");
            let day = TimeZone::posix(rule).unwrap();
            let day = day.to_datetime(jiff::Timestamp::from_millisecond(long.at(at(NOW)).as_millis()).unwrap());
            assert_eq!((day.weekday(), day.hour()), (weekday, 9), "{long}");
        }
    }
}

#[test]
fn a_phrase_with_two_meanings_is_refused() {
    for phrase in [
        "",
        "tomorrow",
        "at 9am",
        "9 tomorrow",
        "9am",
        "9am on",
        "on 9am tomorrow",
        "9am at tomorrow",
        "9am UTC tomorrow ET",
        "9am tomorrow friday",
        "tu at 9am",
        "tuesdays at 9am",
        ". at 9am",
        "tomorrow at 9",
        "tomorrow at 9:3",
        "tomorrow at 9:30:00",
        "friday at 3pm Europe/Berlin",
        "tomorrow at 13pm",
        "tomorrow at 0am",
        "tomorrow at 9:5am",
        "tomorrow at 24:00",
        "tomorrow at 09:60",
        "tomorrow at +9am",
        "tomorrow at midnight",
        "next friday at 9am",
        "this friday at 9am",
        "friday at 3pm IST",
        "friday at 3pm BST",
        "friday at 3pm ET ET",
        "friday at 3pm am",
        "yesterday at 9am",
        "24 December at 9am",
        "\u{41f}\u{42f} at 9am",
    ] {
        assert_eq!(LocalTime::parse(phrase), None, "{phrase}");
    }
}

#[test]
fn skipped_and_repeated_times_are_found() {
    for (phrase, now, expected) in [
        ("sunday at 02:30 ET", "2027-03-12T12:00:00Z", true),
        ("sunday at 03:30 ET", "2027-03-12T12:00:00Z", false),
        ("sunday at 1:30am PT", "2026-10-30T12:00:00Z", true),
        ("sunday at 1:30am UTC", "2026-10-30T12:00:00Z", false),
    ] {
        let read = LocalTime::parse(phrase).unwrap();
        assert_eq!(read.is_ambiguous(at(now)), expected, "{phrase}");
    }
}

#[test]
fn waits_are_read_in_words() {
    for (text, secs) in [
        ("1 hour", 3_600),
        ("an hour", 3_600),
        ("A minute", 60),
        ("one hour", 3_600),
        ("two hours", 7_200),
        ("Thirty minutes", 1_800),
        ("half an hour", 1_800),
        ("two hours and half an hour", 9_000),
        ("2 hours and 30 minutes", 9_000),
        ("2 Hours, 30 Minutes", 9_000),
        ("PT5M", 300),
    ] {
        assert_eq!(wait(text), Some(Duration::from_secs(secs)), "{text}");
    }
    for text in [
        "",
        "and",
        "an",
        "a month",
        "half",
        "half an hours",
        "half a day",
        "an hour and a half",
        "twenty four hours",
        "two",
        "1 hour ago",
        "-1 hour",
    ] {
        assert_eq!(wait(text), None, "{text}");
    }
}
