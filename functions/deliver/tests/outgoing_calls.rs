//! The words of the guarded client, in the domain's words.

use std::io;
use std::time::Duration;

use deliver::calls::{LONGEST_CALL, outcome_of};
use domain::timestamp::Timestamp;
use domain::webhook::outcome::{Meaning, Outcome};
use outgoing::failure::{DnsError, ProtocolFailure};
use outgoing::tls::TlsFailure;
use outgoing::{Answer, Failure, Limits, Policy, RetryAfter, Stage, Target};

const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

fn answer(status: u16) -> Answer {
    Answer {
        status,
        body: "text".to_owned(),
        cut: None,
        retry_after: None,
        delivery: None,
    }
}

#[test]
fn an_answer_keeps_its_status_its_body_and_its_headers() {
    let Outcome::Answered(plain) = outcome_of(Ok(answer(302)), NOW) else {
        panic!("an answer");
    };
    assert_eq!((plain.status, plain.body.as_str()), (302, "text"));
    assert_eq!((plain.retry_after, plain.aborts), (None, false));
    for (retry_after, secs) in [
        (RetryAfter::Seconds(120), 120),
        (RetryAfter::At(1_764_000_060), 60),
        (RetryAfter::At(0), 0),
    ] {
        let outcome = outcome_of(
            Ok(Answer {
                retry_after: Some(retry_after),
                ..answer(429)
            }),
            NOW,
        );
        assert_eq!(outcome.meaning(), Meaning::Throttled(Some(Duration::from_secs(secs))));
    }
    let aborted = Answer {
        delivery: Some("abort-message".to_owned()),
        ..answer(400)
    };
    assert_eq!(outcome_of(Ok(aborted), NOW).meaning(), Meaning::Aborted);
}

/// A person reads the reason among the attempts, so it must say what to mend.
#[test]
fn each_failure_keeps_its_words() {
    let refused = Target::parse("https://127.0.0.1/", Policy::Public).unwrap_err();
    let (stage, limit) = (Stage::Answer, LONGEST_CALL);
    let io = || io::Error::from(io::ErrorKind::ConnectionRefused);
    for failure in [
        Failure::Refused(refused),
        Failure::Dns(DnsError::NoAddress),
        Failure::Connect(io()),
        Failure::OnlyIpv6(io()),
        Failure::Tls(TlsFailure::Expired),
        Failure::Timeout { stage, limit },
        Failure::Protocol(ProtocolFailure::NotHttp),
    ] {
        let words = failure.to_string();
        assert_eq!(outcome_of(Err(failure), NOW), Outcome::NoAnswer(words.clone()));
        assert!(words.ends_with('.'), "{words}");
    }
}

/// `deliver` begins no round of calls that could not end in time.
#[test]
fn the_longest_call_is_that_of_the_client() {
    assert_eq!(Limits::default().total, LONGEST_CALL);
}
