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

fn with_header(name: &str, value: &str) -> Draft {
    Draft {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..draft()
    }
}

/// Each draft is sendable, and older versions accepted it.
fn refused() -> Vec<(Draft, &'static str)> {
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
        (to("\"a b%c\"@b.example"), "to: "),
        (to("\"eve@example.com x\"@b.example"), "to: "),
        (to("\"eve@[192 x\"@b.example"), "to: "),
        (to("Ann <\"x <\\\"eve\\\"@example.com>, y\"@b.example>"), "to: "),
        (
            Draft {
                from: Some("\"a b\"@example.com".to_owned()),
                ..draft()
            },
            "from: ",
        ),
        (
            Draft {
                from: Some("Ann <\"a@b\"@example.com>".to_owned()),
                ..draft()
            },
            "from: ",
        ),
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
        (with_header("List-Id", "B\u{fc}ro"), "headers.List-Id: "),
        (with_header("LIST-HELP", "=?utf-8?q?a?="), "headers.LIST-HELP: "),
        (with_header("List-Unsubscribe", "u@e.co"), "headers.List-Unsubscribe: "),
        (
            with_header("List-Unsubscribe", "https://e.co/u, mailto:u@e.co"),
            "headers.List-Unsubscribe: ",
        ),
        (with_header("List-Help", "NO"), "headers.List-Help: "),
        (with_header("Precedence", "\u{fc}"), "headers.Precedence: "),
        (one_click("<https://e.co/u>", "Yes"), "headers.list-unsubscribe-post: "),
        (
            with_header("List-Unsubscribe-Post", ONE_CLICK),
            "headers.List-Unsubscribe-Post: ",
        ),
        (one_click("<mailto:u@e.co>", ONE_CLICK), "headers.List-Unsubscribe: "),
        (
            one_click("<https://e.co/1>, <https://e.co/2>", ONE_CLICK),
            "headers.List-Unsubscribe: ",
        ),
        (
            one_click("<https://e.co/1>, <HTTP://e.co/2>", ONE_CLICK),
            "headers.List-Unsubscribe: ",
        ),
        (
            one_click("https://e.co/1, mailto:u@e.co", ONE_CLICK),
            "headers.List-Unsubscribe: ",
        ),
    ]
}

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

fn one_click(uris: &str, post: &str) -> Draft {
    let pair = [("list-unsubscribe-post", post), ("List-Unsubscribe", uris)];
    Draft {
        headers: pair.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..draft()
    }
}

#[test]
fn one_click_unsubscribe_headers_are_accepted() {
    for uris in [
        "<https://e.co/u>",
        "<mailto:u@e.co>, <HTTPS://b\u{fc}cher.example>",
        "https://e.co/u",
    ] {
        email(one_click(uris, ONE_CLICK)).unwrap();
    }
    email(one_click("<https://e.co/u>", " List-Unsubscribe=One-Click ")).unwrap();
    email(with_header("List-Post", "NO (posts are not allowed)")).unwrap();
    email(with_header("List-Id", "=?utf-8?q?B=C3=BCro?= <a.e.co>")).unwrap();
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
