//! Items of the table, as the run reads them.

use super::*;

fn s(name: &str, value: &str) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::S(value.to_owned()))
}

fn n(name: &str, value: &str) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::N(value.to_owned()))
}

fn map(name: &str, texts: &[(&str, &str)]) -> (String, AttributeValue) {
    let texts = texts.iter().map(|(key, value)| s(key, value)).collect();
    (name.to_owned(), AttributeValue::M(texts))
}

/// Two keys of recipients.
const KEYS: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const ANN: &str = "010203040506";
const BOB: &str = "0708090a0b0c";

#[test]
fn a_record_is_read_by_its_documented_names() {
    let left_out = [[0, 0, 1, 2].as_slice(), &KEYS].concat();
    let bytes = |bytes: &[u8]| AttributeValue::B(bytes.to_vec().into());
    let list = |value| AttributeValue::L(vec![value]);
    let item = HashMap::from([
        s("pk", "main#a"),
        s("s", "sent"),
        n("b", "5"),
        n("c", "259"),
        n("sc", "258"),
        ("hk".to_owned(), bytes(&KEYS)),
        ("hl".to_owned(), list(bytes(&left_out))),
        ("hp".to_owned(), list(AttributeValue::S("scheduled 5 0 9".to_owned()))),
        map("f", &[(ANN, "bounced"), (BOB, "suppressed")]),
        map("dg", &[(ANN, "7 550 5.1.1 user unknown")]),
        map("ev", &[(&format!("{ANN} delivered"), "6 ")]),
    ]);
    let kept = |status: &str, at: &str| KeptStatus {
        recipient: ANN.to_owned(),
        status: status.to_owned(),
        at: at.to_owned(),
    };
    let claim = |key: &str| ("258".to_owned(), key.to_owned());
    let expected = HookedEmail {
        tenant: "main".to_owned(),
        id: "a".to_owned(),
        born: "5".to_owned(),
        status: "sent".to_owned(),
        recipients: vec![ANN.to_owned(), BOB.to_owned()],
        left_out: vec![claim(ANN), claim(BOB)],
        claim: "259".to_owned(),
        sent_by: "258".to_owned(),
        turn: "0".to_owned(),
        past: vec!["scheduled 5 0 9".to_owned()],
        statuses: vec![kept("bounced", "7"), kept("delivered", "6")],
        ..HookedEmail::default()
    };
    assert_eq!(hooked(&item), Some(expected));
}

#[test]
fn a_delivery_is_read_by_its_documented_names() {
    let attempt = |text: &str| AttributeValue::S(text.to_owned());
    let attempts = [
        r#"{"n":1,"at":1,"s":0,"w":"The connection failed."}"#,
        r#"{"n":2,"at":2,"s":200}"#,
    ];
    let mut item = HashMap::from([
        s("sk", "event#msg_1"),
        s("s", "success"),
        ("at".to_owned(), AttributeValue::L(attempts.map(attempt).to_vec())),
    ]);
    let attempt = |status, words: &str| StoredAttempt {
        status,
        words: words.to_owned(),
    };
    let expected = StoredDelivery {
        event: "msg_1".to_owned(),
        received: true,
        attempts: vec![attempt(0, "The connection failed."), attempt(200, "")],
    };
    assert_eq!(delivery(&item), Some(expected));
    item.insert("s".to_owned(), AttributeValue::S("attempting".to_owned()));
    assert!(!delivery(&item).unwrap().received);
    item.remove("at");
    assert_eq!(delivery(&item).unwrap().attempts, []);
}
