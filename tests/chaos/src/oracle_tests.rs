//! The verdict on each finding about an accepted email.

use super::*;

/// One email with its record and its number of copies.
struct Case {
    hold: bool,
    canceled: bool,
    record: Option<StoredEmail>,
    copies: usize,
}

fn record(status: &str) -> Option<StoredEmail> {
    let unfinished = matches!(status, "queued" | "sending" | "failing" | "uncertain");
    Some(StoredEmail {
        status: status.to_owned(),
        indexed: unfinished,
        ..StoredEmail::default()
    })
}

fn with(status: &str, change: fn(&mut StoredEmail)) -> Option<StoredEmail> {
    record(status).map(|mut record| {
        change(&mut record);
        record
    })
}

fn case(record: Option<StoredEmail>, copies: usize) -> Case {
    Case {
        hold: false,
        canceled: false,
        record,
        copies,
    }
}

fn held(record: Option<StoredEmail>, copies: usize) -> Case {
    Case {
        hold: true,
        ..case(record, copies)
    }
}

fn canceled(record: Option<StoredEmail>, copies: usize) -> Case {
    Case {
        canceled: true,
        ..case(record, copies)
    }
}

fn copy(subject: &str) -> SentCopy {
    SentCopy {
        message_id: String::new(),
        subject: subject.to_owned(),
        received_at: String::new(),
        claim: String::new(),
    }
}

fn verdict(case: &Case) -> Verdict {
    let accepted = [Accepted {
        id: "a".to_owned(),
        hold: case.hold,
        canceled: case.canceled,
    }];
    let records = case
        .record
        .iter()
        .map(|record| ("a".to_owned(), record.clone()))
        .collect();
    let mut copies = BTreeMap::new();
    if case.copies > 0 {
        copies.insert("a".to_owned(), vec![copy("s"); case.copies]);
    }
    compare(&accepted, &records, &copies)
}

#[test]
fn each_defect_and_only_a_defect_is_found() {
    use Defect::*;
    let mark: fn(&mut StoredEmail) = |record| record.flagged = true;
    let out: fn(&mut StoredEmail) = |record| record.indexed = false;
    let known: fn(&mut StoredEmail) = |record| record.duplicate = true;
    let table: [(Case, &[Defect]); 31] = [
        (case(record("sent"), 1), &[]),
        (case(record("failed"), 0), &[]),
        (case(record("canceled"), 0), &[]),
        (case(record("expired"), 0), &[]),
        (case(record("unknown"), 0), &[]),
        (case(record("unknown"), 1), &[]),
        (canceled(record("canceled"), 0), &[]),
        (held(record("unknown"), 1), &[]),
        (held(record("sent"), 1), &[]),
        (case(with("sent", mark), 2), &[]),
        (case(with("unknown", mark), 3), &[]),
        (case(None, 0), &[NoRecord]),
        (case(None, 1), &[NoRecord]),
        (case(None, 2), &[NoRecord, Unflagged]),
        (case(record("sent"), 0), &[NotSent]),
        (case(with("sent", mark), 0), &[NotSent]),
        (case(record("failed"), 1), &[UnsentButAccepted]),
        (case(record("canceled"), 1), &[UnsentButAccepted]),
        (case(record("expired"), 1), &[UnsentButAccepted]),
        (canceled(record("sent"), 1), &[NotCanceled]),
        (canceled(record("failed"), 0), &[NotCanceled]),
        (case(record("queued"), 0), &[Stuck]),
        (case(record("sending"), 1), &[Stuck]),
        (case(record("uncertain"), 1), &[Stuck]),
        (case(record("failing"), 0), &[Stuck]),
        (case(with("queued", out), 0), &[NotInDueIndex]),
        (case(with("uncertain", out), 1), &[NotInDueIndex]),
        (case(record("sent"), 2), &[Unflagged]),
        (case(with("sent", known), 2), &[Unflagged]),
        (held(with("sent", mark), 2), &[HeldButResent]),
        (case(record("failed"), 2), &[UnsentButAccepted, Unflagged]),
    ];
    for (case, expected) in &table {
        let found: Vec<_> = verdict(case).findings.iter().map(|(_, defect)| *defect).collect();
        assert_eq!(&found, expected, "{:?} with {} copies", case.record, case.copies);
    }
    let shown: BTreeSet<_> = table.iter().flat_map(|(_, defects)| *defects).collect();
    assert_eq!(shown.len(), 8, "and two ids, below");
}

#[test]
fn each_defect_is_counted_once_in_its_group() {
    let counts = |case: &Case| {
        let verdict = verdict(case);
        (
            verdict.lost,
            verdict.stuck,
            verdict.duplicates_unflagged,
            verdict.duplicates_flagged,
        )
    };
    assert_eq!(counts(&case(record("sent"), 0)), (1, 0, 0, 0));
    assert_eq!(counts(&case(record("queued"), 0)), (0, 1, 0, 0));
    assert_eq!(counts(&case(record("sent"), 3)), (0, 0, 1, 0));
    assert_eq!(
        counts(&case(with("sent", |record| record.flagged = true), 2)),
        (0, 0, 0, 1)
    );
    assert_eq!(counts(&case(record("sent"), 1)), (0, 0, 0, 0));
}

#[test]
fn outcomes_are_counted() {
    let mut records = BTreeMap::new();
    let mut copies = BTreeMap::new();
    let mut accepted = Vec::new();
    for (id, status, cause) in [
        ("1", "sent", None),
        ("2", "sent", None),
        ("3", "failed", Some("rejected")),
        ("4", "unknown", Some("answer_lost")),
        ("5", "canceled", None),
        ("6", "expired", Some("expired")),
    ] {
        accepted.push(Accepted {
            id: id.to_owned(),
            hold: false,
            canceled: false,
        });
        let mut record = record(status).unwrap();
        record.cause = cause.map(str::to_owned);
        records.insert(id.to_owned(), record);
        if matches!(status, "sent" | "unknown") {
            copies.insert(id.to_owned(), vec![copy(id)]);
        }
    }
    let verdict = compare(&accepted, &records, &copies);
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!((verdict.accepted, verdict.sent, verdict.unknown), (6, 3, 1));
    assert_eq!((verdict.canceled, verdict.expired), (1, 1));
    assert_eq!(verdict.failed, BTreeMap::from([("rejected".to_owned(), 1)]));
}

#[test]
fn an_unanswered_email_is_checked_for_duplicates() {
    let check_stranger = |status: &str, count: usize| {
        let records = BTreeMap::from([("b".to_owned(), record(status).unwrap())]);
        compare(
            &[],
            &records,
            &BTreeMap::from([("b".to_owned(), vec![copy("s"); count])]),
        )
        .findings
    };
    assert_eq!(check_stranger("failed", 1), []);
    assert_eq!(check_stranger("queued", 1), []);
    assert_eq!(check_stranger("sent", 2), [("b".to_owned(), Defect::Unflagged)]);
}

#[test]
fn one_email_with_two_ids_is_a_duplicate() {
    let records = ["a", "b"].map(|id| (id.to_owned(), record("sent").unwrap())).into();
    let one = |subject: &str| vec![copy(subject)];
    let two = BTreeMap::from([("a".to_owned(), one("s")), ("b".to_owned(), one("s"))]);
    assert_eq!(
        compare(&[], &records, &two).findings,
        [("b".to_owned(), Defect::TwoIds)]
    );
    let others = BTreeMap::from([("a".to_owned(), one("s")), ("b".to_owned(), one("t"))]);
    assert!(compare(&[], &records, &others).is_good());
}
