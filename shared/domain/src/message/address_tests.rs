use super::*;
use crate::message::mailbox::Mailbox;

#[test]
fn addresses_are_read() {
    let long = format!("{}@example.com", "a".repeat(64));
    for (input, text) in [
        ("user@example.com", "user@example.com"),
        ("User.Name+tag@EXAMPLE.com", "User.Name+tag@example.com"),
        ("o'brien!#$%&*/=?^_`{|}~-@b.co", "o'brien!#$%&*/=?^_`{|}~-@b.co"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@BÜCHER。example", "a@xn--bcher-kva.example"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@r3---sn.example.com", "a@r3---sn.example.com"),
        (long.as_str(), long.as_str()),
        ("\"ann..b\"@docomo.example", "\"ann..b\"@docomo.example"),
        ("\".ann.\"@B\u{fc}cher.example", "\".ann.\"@xn--bcher-kva.example"),
        // Quotes without need.
        ("\"ann.b+c\"@b.co", "ann.b+c@b.co"),
        ("\"\\ann\"@b.co", "ann@b.co"),
        // Every character that quotes may hold.
        ("\"two words\"@B.co", "\"two words\"@b.co"),
        ("\" \"@b.co", "\" \"@b.co"),
        ("\"a@b\"@c.de", "\"a@b\"@c.de"),
        ("\"a,b;c:d\"@c.de", "\"a,b;c:d\"@c.de"),
        ("\"(a) <b> [c]\"@c.de", "\"(a) <b> [c]\"@c.de"),
        ("\"a\\\"b\\\\\"@c.de", "\"a\\\"b\\\\\"@c.de"),
        // Backslashes without need.
        ("\"\\a\\ \\@b\"@c.de", "\"a @b\"@c.de"),
    ] {
        assert_eq!(EmailAddress::parse(input).unwrap().as_str(), text, "{input}");
    }
    assert_eq!(EmailAddress::parse("a@b.example").unwrap().domain(), "b.example");
}

#[test]
fn every_bad_address_has_its_reason() {
    use AddressError as E;
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long_quoted = format!("\"{} b\"@example.com", "a".repeat(61));
    let long_label = format!("a@{}.com", "b".repeat(64));
    let long_domain = format!("a@{}com", "b.".repeat(126));
    let huge_domain = format!("a@{}.com", "ü".repeat(2_000_000));
    let long_all = format!("{}@{}com", "a".repeat(64), "b.".repeat(95));
    for (input, reason) in [
        ("", E::Empty),
        ("a@b.c\r\nBcc: x@y.z", E::Control),
        ("a\0@b.c", E::Control),
        ("a\u{85}@b.c", E::Control),
        ("plain", E::At),
        ("a@b@c.d", E::At),
        ("@b.c", E::LocalEmpty),
        ("a@", E::DomainEmpty),
        (".a@b.c", E::LocalSyntax),
        ("a.@b.c", E::LocalSyntax),
        ("a..b@c.d", E::LocalSyntax),
        ("a\\b@c.d", E::LocalSyntax),
        ("a b@c.d", E::Space),
        ("a@b.c ", E::Space),
        ("a@b.c\u{a0}", E::Space),
        ("ä@b.c", E::LocalNotAscii),
        (long_local.as_str(), E::LocalTooLong),
        (long_label.as_str(), E::Domain),
        (long_domain.as_str(), E::DomainTooLong),
        (huge_domain.as_str(), E::DomainTooLong),
        (long_all.as_str(), E::TooLong),
        ("\"a b@c.d", E::QuotedLocal),
        ("\"a\\\"@c.d", E::QuotedLocal),
        ("\"a\\", E::QuotedLocal),
        ("\"a b\"c@d.e", E::QuotedLocal),
        ("\"a\" \"b\"@d.e", E::QuotedLocal),
        ("\"a b\".c@d.e", E::QuotedLocal),
        ("\"a\tb\"@c.d", E::Control),
        ("\"a\\\r\n b\"@c.d", E::Control),
        ("\"\u{e4} b\"@c.d", E::LocalNotAscii),
        (long_quoted.as_str(), E::LocalTooLong),
        ("\"a..b\"c@d.e", E::QuotedLocal),
        ("\"a..b\" @d.e", E::QuotedLocal),
        ("\"a..b@d.e", E::QuotedLocal),
        ("a\"b\"@c.d", E::LocalSyntax),
        ("\"\"@c.d", E::LocalEmpty),
        ("\"a..b\"@c.d,e@f.g", E::Several),
        ("\"a b\"@c.d,\"e f\"@g.h", E::Several),
        ("\"a..b\"@c.d@e.f", E::At),
        ("\"a..b\"@localhost", E::NoDot),
        ("a(x)@b.c", E::Comment),
        ("a@b.c(x)", E::Comment),
        ("a@[192.0.2.1]", E::IpLiteral),
        ("a@[IPv6:2001:db8::1]", E::IpLiteral),
        ("a@192.0.2.1", E::IpLiteral),
        ("a@b.c.", E::TrailingDot),
        ("a@b.c。", E::Domain),
        ("a@localhost", E::NoDot),
        ("a@b..c", E::Domain),
        ("a@-b.c", E::Domain),
        ("a@b_c.d", E::Domain),
        ("a@b＠c.d", E::Domain),
        ("a@xn--.c", E::Domain),
        ("a@b.c,d@e.f", E::Several),
        ("a@b.c;d@e.f", E::Several),
        ("g:a@b.c;", E::Group),
        ("@a,@b:c@d.e", E::Route),
        ("<a@b.c>", E::Shape),
    ] {
        let shown: String = input.chars().take(60).collect();
        assert_eq!(EmailAddress::parse(input), Err(reason), "{shown}");
    }
}

#[test]
fn a_local_part_gets_the_quotes_that_it_needs() {
    for (local, text) in [
        ("ann", "ann@b.co"),
        ("ann.", "\"ann.\"@b.co"),
        ("two words", "\"two words\"@b.co"),
        ("a\"\\", "\"a\\\"\\\\\"@b.co"),
    ] {
        let address = EmailAddress::of(local, "B.co").unwrap();
        assert_eq!((address.as_str(), address.unquoted().as_ref()), (text, local));
        assert_eq!(EmailAddress::parse(text), Ok(address.clone()));
        assert_eq!(address.quotes_specials(), local.contains([' ', '"']), "{local}");
    }
    assert_eq!(EmailAddress::of("", "b.co"), Err(AddressError::LocalEmpty));
    assert_eq!(EmailAddress::of("a\r\n", "b.co"), Err(AddressError::Control));
}

#[test]
fn debug_is_masked_and_serde_parses() {
    let mailbox = Mailbox::parse("Ada Lovelace <ada@example.com>").unwrap();
    assert_eq!(format!("{mailbox:?}"), "*** <***@example.com>");
    assert_eq!(format!("{:?}", mailbox.address()), "***@example.com");
    let json = serde_json::to_string(&mailbox).unwrap();
    assert_eq!(json, "\"Ada Lovelace <ada@example.com>\"");
    assert_eq!(serde_json::from_str::<Mailbox>(&json).unwrap(), mailbox);
    assert!(serde_json::from_str::<EmailAddress>("\"nobody\"").is_err());
}
