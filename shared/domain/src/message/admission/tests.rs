//! The rules apply to new requests, and not to stored emails.

use super::*;

fn draft() -> Draft {
    Draft {
        from: Some("a@example.com".to_owned()),
        to: Addresses::One("b@example.com".to_owned()),
        subject: Some("Hi".to_owned()),
        text: Some("Hello".to_owned()),
        ..Draft::default()
    }
}

fn many(text: &str) -> Addresses {
    Addresses::Many(vec!["b@example.com".to_owned(), text.to_owned()])
}

/// Each draft is sendable, and older versions accepted it.
fn refused() -> Vec<(Draft, &'static str)> {
    let with_header = |name: &str, value: &str| Draft {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..draft()
    };
    let with_subject = |subject: &str| Draft {
        subject: Some(subject.to_owned()),
        ..draft()
    };
    let to = |text: &str| Draft {
        to: Addresses::One(text.to_owned()),
        ..draft()
    };
    vec![
        (
            Draft {
                from: Some("a%b@example.com".to_owned()),
                ..draft()
            },
            "from: ",
        ),
        (to("example.com!a@b.example"), "to: "),
        (to("=?utf-8?q?a=40b=2ec=3e?=@example.com"), "to: "),
        (to("a@p\u{430}ypal.example"), "to: "),
        (to("A\u{202e}nn <b@example.com>"), "to: "),
        (to("=?utf-8?q?=00?= <b@example.com>"), "to: "),
        (
            Draft {
                to: many("a%b@example.com"),
                ..draft()
            },
            "to[1]: ",
        ),
        (
            Draft {
                cc: many("a%b@example.com"),
                ..draft()
            },
            "cc[1]: ",
        ),
        (
            Draft {
                bcc: many("a%b@example.com"),
                ..draft()
            },
            "bcc[1]: ",
        ),
        (
            Draft {
                reply_to: Addresses::One("a%b@example.com".to_owned()),
                ..draft()
            },
            "reply_to: ",
        ),
        (with_subject("a\u{2028}b"), "subject: "),
        (with_subject("=?utf-8?b?DQo=?="), "subject: "),
        (with_header("X-A", "\u{202d}1"), "headers.X-A: "),
        (with_header("X-A", "=?utf-8?q?=0a?="), "headers.X-A: "),
        (with_header("MIME-Whatever", "1"), "headers.MIME-Whatever: "),
        (with_header("Delivered-To", "a"), "headers.Delivered-To: "),
    ]
}

#[test]
fn misleading_text_is_refused_with_its_path() {
    assert!(email(draft()).is_ok());
    for (draft, begins) in refused() {
        let error = email(draft).unwrap_err().to_string();
        assert!(error.starts_with(begins), "{error} is not at {begins}");
    }
}

#[test]
fn emails_accepted_before_a_rule_stay_readable() {
    for (draft, _) in refused() {
        let email = draft.check().unwrap();
        assert_eq!(EmailContent::from_body(&email.to_body()).unwrap(), email);
    }
}
