use super::*;

fn refused(key: &str, value: &str) -> String {
    render(key, value).unwrap_err().to_string()
}

fn ids(count: usize, length: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("<{n:0>width$}@e.co>", width = length - "<@e.co>".len()))
        .collect()
}

#[test]
fn uris_are_percent_encoded_and_have_a_labels() {
    for (given, rendered) in [
        (
            "<https://e.co/ab?name=Jürgen&x=%20>",
            "<https://e.co/ab?name=J%C3%BCrgen&x=%20>",
        ),
        ("<https://bücher.example/u/1>", "<https://xn--bcher-kva.example/u/1>"),
        (
            "<https://a:ü@Bücher.Example:8443?q=é#f>",
            "<https://a:%C3%BC@xn--bcher-kva.example:8443?q=%C3%A9#f>",
        ),
        ("<https://[::1]:80/ü>", "<https://[::1]:80/%C3%BC>"),
        ("< https://e.co/a b >", "<https://e.co/a%20b>"),
        (
            "<mailto:u@e.co?subject=Abmelden für Ann>, <https://e.co/ü>",
            "<mailto:u@e.co?subject=Abmelden%20f%C3%BCr%20Ann>, <https://e.co/%C3%BC>",
        ),
        (
            "<mailto:a@bücher.example,b@e.co>",
            "<mailto:a@xn--bcher-kva.example,b@e.co>",
        ),
        ("<urn:x:ü> (a comment)", "<urn:x:%C3%BC> (a comment)"),
        ("https://e.co/ü", "<https://e.co/%C3%BC>"),
        ("<https://e.co/u>, <mailto:u@e.co>", "<https://e.co/u>, <mailto:u@e.co>"),
    ] {
        assert_eq!(render("list-unsubscribe", given).as_deref(), Ok(rendered));
    }
    for given in [
        "ü",
        "<ü>",
        "<https://e.co/ü",
        "(ü) <https://e.co>",
        "<1:ü>",
        "<:ü>",
        "",
        "<a:<b:ü>",
    ] {
        assert!(
            refused("list-help", given).starts_with("must be URIs in angle brackets"),
            "{given}"
        );
    }
    assert_eq!(
        refused("list-archive", "<https://ü..co/>"),
        "contains an invalid domain name"
    );
    let long = format!("<https://e.co/{}>", "ü".repeat(150));
    assert_eq!(
        refused("list-owner", &long),
        "is too long: 915 bytes; at most 870 are allowed"
    );
}

#[test]
fn a_list_id_has_a_phrase_and_an_identifier() {
    for (given, rendered) in [
        (
            "Büro <news.bücher.example>",
            "=?UTF-8?B?QsO8cm8=?= <news.xn--bcher-kva.example>",
        ),
        ("\"Büro\" <news.e.co>", "=?UTF-8?B?QsO8cm8=?= <news.e.co>"),
        ("A  B <news.e.co>", "A  B <news.e.co>"),
    ] {
        assert_eq!(render("list-id", given).as_deref(), Ok(rendered));
    }
    for given in ["bücher.example", "Büro <a", "Büro <a> b"] {
        assert!(
            refused("list-id", given).starts_with("must be an identifier in angle brackets"),
            "{given}"
        );
    }
}

#[test]
fn mailboxes_have_encoded_names_and_a_labels() {
    let key = "disposition-notification-to";
    let given = "Jürgen <a@bücher.example>, b@e.co";
    let rendered = "=?UTF-8?B?SsO8cmdlbg==?= <a@xn--bcher-kva.example>, b@e.co";
    assert_eq!(render(key, given).as_deref(), Ok(rendered));
    assert_eq!(render(key, "anything <in ASCII").as_deref(), Ok("anything <in ASCII"));
    assert_eq!(refused(key, "Jürgen"), "the address must contain exactly one @");
}

#[test]
fn ids_and_tokens_are_ascii() {
    assert_eq!(render("in-reply-to", "<a@e.co>").as_deref(), Ok("<a@e.co>"));
    assert_eq!(
        render("auto-submitted", "auto-replied; x=y").as_deref(),
        Ok("auto-replied; x=y")
    );
    assert!(refused("in-reply-to", "<ü@e.co>").starts_with("must be message ids in ASCII"));
    assert!(refused("references", "<ü@e.co>").starts_with("must be message ids in ASCII"));
    assert!(refused("auto-submitted", "über").starts_with("must be ASCII"));
    assert_eq!(render("x-any", "über").as_deref(), Ok("=?UTF-8?B?w7xiZXI=?="));
}

#[test]
fn long_references_keep_the_first_and_the_newest_ids() {
    let ids = ids(40, 50);
    let whole = ids.join(" ");
    let rendered = render("references", &whole).unwrap();
    let kept: Vec<_> = rendered.split(' ').collect();
    // 17 ids of 50 characters and 16 spaces.
    assert_eq!((kept.len(), rendered.len()), (17, 866));
    assert_eq!(kept.first(), ids.first().map(String::as_str).as_ref());
    assert_eq!(kept.get(1..).unwrap(), ids.get(24..).unwrap());
    // The form does not depend on the separators.
    for separator in ["", ",", "   ", " , "] {
        assert_eq!(render("references", &ids.join(separator)).as_ref(), Ok(&rendered));
    }
    let short = ids.get(..17).unwrap().join(" ");
    assert_eq!(render("references", &short).as_ref(), Ok(&short));
}

#[test]
fn references_that_cannot_be_shortened_are_refused() {
    for (given, why) in [
        (ids(2, 436).join(" "), "is too long: 873 bytes; at most 870 are allowed"),
        (ids(1, 871).join(" "), "is too long: 871 bytes; at most 870 are allowed"),
        (
            ids(1400, 50).join(" "),
            "is too long: 71399 bytes; at most 65536 are allowed",
        ),
        (format!("x {}", ids(40, 50).join(" ")), "must be message ids in ASCII"),
        (format!("{} <x", ids(40, 50).join(" ")), "must be message ids in ASCII"),
        (format!("<a{}", ids(40, 50).join(" ")), "must be message ids in ASCII"),
    ] {
        assert!(
            refused("references", &given).starts_with(why),
            "{}",
            refused("references", &given)
        );
    }
    assert_eq!(render("references", &ids(2, 434).join(" ")).unwrap().len(), 869);
}
