use super::*;

#[test]
fn mailboxes_are_read_and_rendered() {
    for (input, name, header) in [
        ("a@b.co", None, "a@b.co"),
        (" <a@b.co> ", None, "a@b.co"),
        ("\"\" <a@b.co>", None, "a@b.co"),
        ("Ada <a@b.co>", Some("Ada"), "Ada <a@b.co>"),
        ("Ada<a@b.co>", Some("Ada"), "Ada <a@b.co>"),
        ("Acme Inc. <a@b.co>", Some("Acme Inc."), "\"Acme Inc.\" <a@b.co>"),
        ("Acme, Inc. <a@b.co>", Some("Acme, Inc."), "\"Acme, Inc.\" <a@b.co>"),
        ("Ada (x) <a@b.co>", Some("Ada (x)"), "\"Ada (x)\" <a@b.co>"),
        (
            "Sale: 5 @ 1; now <a@b.co>",
            Some("Sale: 5 @ 1; now"),
            "\"Sale: 5 @ 1; now\" <a@b.co>",
        ),
        ("@acme <a@b.co>", Some("@acme"), "\"@acme\" <a@b.co>"),
        ("[Acme] <a@b.co>", Some("[Acme]"), "\"[Acme]\" <a@b.co>"),
        (
            "\"Acme, \\\"A\\\" Inc\" <a@b.co>",
            Some("Acme, \"A\" Inc"),
            "\"Acme, \\\"A\\\" Inc\" <a@b.co>",
        ),
        ("\"<x@y.z>\" <a@b.co>", Some("<x@y.z>"), "\"<x@y.z>\" <a@b.co>"),
        ("\"a..b\"@c.de", None, "<\"a..b\"@c.de>"),
        ("<\"a..b\"@c.de>", None, "<\"a..b\"@c.de>"),
        ("\"a.b\"@c.de", None, "a.b@c.de"),
        ("\"a b\"@c.de", None, "<\"a b\"@c.de>"),
        ("< \"a, <b>\"@c.de >", None, "<\"a, <b>\"@c.de>"),
        ("\"a\\\">, <b\"@c.de", None, "<\"a\\\">, <b\"@c.de>"),
        ("Ada <\"a <b\"@c.de>", Some("Ada"), "Ada <\"a <b\"@c.de>"),
        ("A, B <\"a@b\"@c.de>", Some("A, B"), "\"A, B\" <\"a@b\"@c.de>"),
        (
            "\"A <x@y.z>\" <\"a b\"@c.de>",
            Some("A <x@y.z>"),
            "\"A <x@y.z>\" <\"a b\"@c.de>",
        ),
        ("Ada <\"a..b\"@c.de>", Some("Ada"), "Ada <\"a..b\"@c.de>"),
        ("\"A, B\" <\"a..b\"@c.de>", Some("A, B"), "\"A, B\" <\"a..b\"@c.de>"),
        ("Tom &amp; Co <a@b.co>", Some("Tom & Co"), "Tom & Co <a@b.co>"),
        (
            "\"Tom &amp; Co\" <a@b.co>",
            Some("Tom &amp; Co"),
            "\"Tom &amp; Co\" <a@b.co>",
        ),
        (
            "Tom &amp;amp; Co <a@b.co>",
            Some("Tom &amp; Co"),
            "\"Tom &amp; Co\" <a@b.co>",
        ),
        ("O&#39;Hara &lt;3 <a@b.co>", Some("O'Hara <3"), "\"O'Hara <3\" <a@b.co>"),
        ("AT&T <a@b.co>", Some("AT&T"), "AT&T <a@b.co>"),
        ("Caf&eacute; <a@b.co>", Some("Café"), "=?UTF-8?B?Q2Fmw6k=?= <a@b.co>"),
        (
            "A &commat; B&lowbar;&excl; <a@b.co>",
            Some("A @ B_!"),
            "\"A @ B_!\" <a@b.co>",
        ),
        ("Grüße <a@b.co>", Some("Grüße"), "=?UTF-8?B?R3LDvMOfZQ==?= <a@b.co>"),
        (
            "=?UTF-8?B?R3LDvMOfZQ==?= <a@b.co>",
            Some("=?UTF-8?B?R3LDvMOfZQ==?="),
            "=?UTF-8?B?R3LDvMOfZQ==?= <a@b.co>",
        ),
    ] {
        let mailbox = Mailbox::parse(input).unwrap();
        assert_eq!(mailbox.name(), name, "{input}");
        assert_eq!(mailbox.to_header(), header, "{input}");
        assert_eq!(Mailbox::parse(&mailbox.to_string()).unwrap(), mailbox, "{input}");
    }
}

#[test]
fn every_bad_mailbox_has_its_reason() {
    use AddressError as E;
    let long = format!("{} <a@b.co>", "x".repeat(1000));
    for (input, reason) in [
        ("", E::Empty),
        ("   ", E::Empty),
        ("<>", E::Empty),
        ("Ada <>", E::Empty),
        ("Ada", E::At),
        ("Ada <a@b.co", E::Shape),
        ("Ada a@b.co>", E::Shape),
        ("<<a@b.co>>", E::Shape),
        ("Ada <a@b.co> x", E::Shape),
        ("\"Ada <a@b.co>", E::Shape),
        ("\"Ada\" a@b.co", E::Shape),
        ("\"a b\"c@c.de", E::Shape),
        ("\"a b\" @c.de", E::QuotedLocal),
        ("Ada <\"a b\" <c@d.ef>>", E::Shape),
        ("Ada <\"a b\"@c.de>, <d@e.fg>", E::Several),
        ("\"a b\"@c.de, \"d e\"@f.gh", E::Several),
        ("\"a b\"@c.de <d@e.fg>", E::Shape),
        ("Ada\r\nBcc: x@y.z <a@b.co>", E::Control),
        ("\"A\0\" <a@b.co>", E::Control),
        ("Ada \"B\" <a@b.co>", E::NameNeedsQuotes),
        ("Ada \\ B <a@b.co>", E::NameNeedsQuotes),
        ("c@d.ef, Ada <a@b.co>", E::NameHasAddress),
        ("Ada, c@d.ef, <a@b.co>", E::NameHasAddress),
        ("c@d.ef; Ada <a@b.co>", E::NameHasAddress),
        ("g: c@d.ef, Ada <a@b.co>", E::NameHasAddress),
        ("c@d.ef (Eve), Ada <a@b.co>", E::NameHasAddress),
        ("(x)c@d.ef, Ada <a@b.co>", E::NameHasAddress),
        ("c@d.ef g@h.ij <a@b.co>", E::NameHasAddress),
        ("c@d.ef a@b.co <a@b.co>", E::NameHasAddress),
        ("Ada (x), c@d.ef (y) <a@b.co>", E::NameHasAddress),
        ("c@d.ef`@x, Ada <a@b.co>", E::NameHasAddress),
        ("c@d.ef., Ada <a@b.co>", E::NameHasAddress),
        ("c@d\u{3002}ef, Ada <a@b.co>", E::NameHasAddress),
        ("ceo@bank.example <a@b.co>", E::NameHasAddress),
        ("&lt;c@d.ef&gt;, Ada <a@b.co>", E::NameHasAddress),
        ("Eve &lt;c&#64;d.ef&gt;, Ada <a@b.co>", E::NameHasAddress),
        ("c&#64;d.ef, Ada <a@b.co>", E::NameHasAddress),
        ("c&commat;d&period;ef&comma; Ada <a@b.co>", E::NameHasAddress),
        ("c&commat;d&#46;ef&Tab;Ada <a@b.co>", E::Control),
        ("Ada&NewLine; <a@b.co>", E::Control),
        ("Ada&#10; <a@b.co>", E::Control),
        ("\"a..b\"@c.de, Ada <a@b.co>", E::Shape),
        ("\"a..b\"@c.de <a@b.co>", E::Shape),
        ("Eve <c@d.ef>, Ada <a@b.co>", E::Several),
        ("Acme, Inc <a@b.co>, <c@d.ef>", E::Several),
        ("a@b.co, d@e.fg", E::Several),
        ("<a@b.co>, <d@e.fg>", E::Several),
        ("g: a@b.co;", E::Group),
        ("g: Ada <a@b.co>;", E::Group),
        ("<@a,@b:c@d.ef>", E::Route),
        ("Ada <@a:c@d.ef>", E::Route),
        (long.as_str(), E::NameTooLong),
    ] {
        assert_eq!(Mailbox::parse(input), Err(reason), "{input}");
    }
}

#[test]
fn a_name_may_have_an_address_among_its_words() {
    for (name, rendered) in [
        ("Support (help@acme.example)", "\"Support (help@acme.example)\""),
        ("Ann via ann@example.org", "\"Ann via ann@example.org\""),
        ("ann@example.org via Acme, Inc.", "\"ann@example.org via Acme, Inc.\""),
        ("A@b.co", "\"A@b.co\""),
        ("'a@b.co'", "\"'a@b.co'\""),
        ("a@b.co, Ada", "\"a@b.co, Ada\""),
    ] {
        let mailbox = Mailbox::parse(&format!("{name} <a@b.co>")).unwrap();
        assert_eq!(mailbox.to_header(), format!("{rendered} <a@b.co>"), "{name}");
        assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox), "{name}");
    }
}

#[test]
fn encoded_words_are_short_and_complete() {
    for text in ["日本語".repeat(40), "é".repeat(200), format!("x{}", "🦀".repeat(30))] {
        let encoded = encode_text(&text);
        let mut decoded = String::new();
        for word in encoded.split(' ') {
            assert!(word.len() <= limits::ENCODED_WORD_MAX, "{word}");
            let inner = word.strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
            decoded.push_str(&String::from_utf8(BASE64.decode(inner).unwrap()).unwrap());
        }
        assert_eq!(decoded, text);
    }
}
