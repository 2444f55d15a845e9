use serde_json::{Value, json};

use crate::api::requests::{EmailRequest, parse_email};
use crate::message::dropped_header::DroppedHeader;

fn parse(more: &Value) -> Result<EmailRequest, String> {
    let mut email = json!({"from": "a@b.co", "to": "c@d.co", "subject": "s", "text": "t"});
    for (field, value) in more.as_object().unwrap() {
        email[field] = value.clone();
    }
    parse_email(email.to_string().as_bytes()).map_err(|error| error.message().to_owned())
}

fn headers(request: &EmailRequest) -> Vec<(&str, &str)> {
    let headers = request.email.headers().iter();
    headers.map(|header| (header.name().as_str(), header.value())).collect()
}

fn reply_to(more: &Value) -> Result<Vec<String>, String> {
    let request = parse(more)?;
    assert_eq!(headers(&request), []);
    Ok(request.email.reply_to().iter().map(ToString::to_string).collect())
}

#[test]
fn a_map_and_a_list_are_the_same_headers() {
    let map = parse(&json!({"headers": {"X-B": "1", "X-A": "2", "X-C": null}})).unwrap();
    let list = json!([{"name": "X-A", "value": "2"}, {"value": 1, "name": "X-B"}, {"name": "X-C", "value": null}]);
    let list = parse(&json!({ "headers": list })).unwrap();
    assert_eq!(headers(&map), [("X-A", "2"), ("X-B", "1")]);
    assert_eq!((list.hash(), &list.email), (map.hash(), &map.email));
    for (headers, why) in [
        (json!(["X-A"]), "headers[0]: must be an object, not a string"),
        (json!([{"value": "1"}]), "headers[0].name: this field is required"),
        (json!([{"name": 1}]), "headers[0].name: must be a string, not a number"),
        (
            json!([{"key": "X"}]),
            "headers[0].key: unknown field; did you mean name?",
        ),
        (
            json!([{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "1"}]),
            "headers.x-a: is given more than once",
        ),
        (
            json!([{"name": "Bcc", "value": "x@y.zz"}]),
            "headers.Bcc: mailqueue or Amazon SES writes this header",
        ),
    ] {
        assert_eq!(parse(&json!({ "headers": headers })).unwrap_err(), why);
    }
}

#[test]
fn a_number_is_its_json_text() {
    let numbers = json!({"A": 7, "B": -7, "C": 18_446_744_073_709_551_615_u64, "D": 1.5});
    let request = parse(&json!({"headers": numbers, "tags": [{"name": "n", "value": 42}]})).unwrap();
    let texts = [("A", "7"), ("B", "-7"), ("C", "18446744073709551615"), ("D", "1.5")];
    assert_eq!(headers(&request), texts);
    assert_eq!(request.email.tags().first().unwrap().value(), "42");
    let fraction = parse(&json!({"tags": [{"name": "n", "value": 1.5}]})).unwrap_err();
    assert!(fraction.starts_with("tags[0].value: must be 1 to 256"), "{fraction}");
}

#[test]
fn headers_of_frameworks_are_dropped_with_a_warning() {
    let given = json!({
        "Date": "x", "date": "y", "MESSAGE-ID": "<a>", "Mime-Version": 1, "Return-Path": "\r\nBcc: x@y.zz",
        "Sender": "", "X-A": "1",
    });
    let request = parse(&json!({ "headers": given })).unwrap();
    assert_eq!(headers(&request), [("X-A", "1")]);
    let warnings = serde_json::to_value(&request.warnings).unwrap();
    let paths: Vec<_> = warnings
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| &warning["path"])
        .collect();
    assert_eq!(paths.len(), 5, "{paths:?}");
    assert_eq!(request.dropped_headers, DroppedHeader::ALL);
    assert_eq!(
        warnings[0]["message"],
        "The value of this header is not sent: mailqueue, Amazon SES or the receiver sets it."
    );
    // The warnings are no part of the request's identity.
    let plain = parse(&json!({"headers": {"X-A": "1"}})).unwrap();
    assert_eq!((plain.warnings.len(), plain.hash()), (0, request.hash()));
}

#[test]
fn a_folded_value_is_unfolded() {
    let value = |given: &str| {
        let request = parse(&json!({"headers": {"X-A": given}}))?;
        Ok(request.email.headers().first().unwrap().value().to_owned())
    };
    for (given, whole) in [
        ("1\r\n 2", "1 2"),
        ("<a@e.co>\r\n\t<b@e.co>\n <c@e.co>", "<a@e.co> <b@e.co> <c@e.co>"),
        ("1\n \t 2", "1 2"),
        (
            "=?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?=",
            "=?utf-8?Q?Gr=C3=BC?= =?utf-8?Q?=C3=9Fe?=",
        ),
        ("1  2", "1  2"),
    ] {
        assert_eq!(value(given), Ok(whole.to_owned()), "{given:?}");
    }
    let controls = "headers.X-A: control characters such as line breaks are not allowed";
    for given in [
        "1\r\n2",
        "1\n2",
        "1\r 2",
        "1\n\r\n 2",
        "1\r\r\n 2",
        "1\r\n 2\r\nBcc: x@y.zz",
        "1\t2",
        "1\n",
    ] {
        assert_eq!(value(given), Err(controls.to_owned()), "{given:?}");
    }
    assert_eq!(value("\r\n "), Err("headers.X-A: the value is empty".to_owned()));
    let folded = reply_to(&json!({"headers": {"Reply-To": "r@e.co,\r\n s@e.co"}}));
    assert_eq!(folded, Ok(vec!["r@e.co".to_owned(), "s@e.co".to_owned()]));
}

#[test]
fn reply_to_in_headers_agrees_with_the_field_or_replaces_it() {
    let header = |value: &str, field: Value| reply_to(&json!({"headers": {"Reply-To": value}, "reply_to": field}));
    let one = Ok(vec!["r@e.co".to_owned()]);
    assert_eq!(header("R <R@e.co>", json!("r@e.co")), one);
    assert_eq!(header("r@e.co", json!(null)), one);
    assert_eq!(header("r@e.co", json!("")), one);
    assert_eq!(header("r@e.co", json!([])), one);
    let two = vec!["\"R, S\" <r@e.co>".to_owned(), "t@e.co".to_owned()];
    assert_eq!(header("\"R, S\" <r@e.co>, t@e.co", json!(null)), Ok(two.clone()));
    assert_eq!(header("t@e.co,r@e.co", json!(two)), Ok(two));
    let quoted = vec!["\"r, s\"@e.co".to_owned(), "T <\"t u\"@e.co>".to_owned()];
    let list = "\"r, s\"@e.co, T <\"t\\ u\"@e.co>";
    assert_eq!(header(list, json!(null)), Ok(quoted.clone()));
    assert_eq!(header(list, json!(quoted)), Ok(quoted));
    for (value, field, why) in [
        (
            "r@e.co",
            json!("s@e.co"),
            "headers.Reply-To: must have the same addresses as the field reply_to",
        ),
        (
            "r@e.co, s@e.co",
            json!("s@e.co"),
            "headers.Reply-To: must have the same addresses",
        ),
        (
            "r",
            json!(null),
            "headers.Reply-To: the address must contain exactly one @",
        ),
        (
            "r@e.co\r\nBcc: x@y.zz",
            json!("r@e.co"),
            "headers.Reply-To: control characters",
        ),
        ("", json!(null), "headers.Reply-To: the address is empty"),
    ] {
        let error = header(value, field).unwrap_err();
        assert!(error.starts_with(why), "{error}");
    }
    let twice = parse(&json!({"headers": {"Reply-To": "r@e.co", "reply-to": "r@e.co"}})).unwrap_err();
    assert!(twice.ends_with("is given more than once"), "{twice}");
}
