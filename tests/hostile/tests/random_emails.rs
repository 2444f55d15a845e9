//! Generated emails, built from every piece with a special meaning on an email's way.

use domain::api::requests::parse_email;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::arrivals::arrives;

/// Pieces with a meaning in a header, in a body or to a terminal, and pieces without one.
const PIECES: [&str; 44] = [
    "a",
    "Ann",
    "Bell",
    "Gr\u{fc}\u{df}e",
    "\u{65e5}\u{672c}\u{8a9e}",
    "\u{1f980}",
    "\u{5e9}\u{5dc}",
    "\u{200f}",
    "\u{2068}",
    "\u{2069}",
    "\u{760d}\u{760a}",
    " ",
    " ",
    "  ",
    ".",
    ",",
    ";",
    ":",
    "\"",
    "\\",
    "'",
    "<",
    ">",
    "@",
    "(",
    ")",
    "[",
    "]",
    "%",
    "!",
    "=",
    "?",
    "*",
    "_",
    "--",
    "/",
    "<eve@example.com>",
    "Bcc: eve@example.com",
    "filename=\"x\"",
    "utf-8''x",
    "From ",
    "boundary=x",
    "&#10;",
    "\u{a0}",
];
/// Line endings, and texts that could end a message.
const ENDS: [&str; 7] = ["\r\n", "\n", "\r", "\r\n.\r\n", "\n.\n", "\r\n--x\r\n", "\t"];
const ATOMS: &str = "abcXYZ019#$&'*+-/=?^_`{|}~";
const DOMAINS: [&str; 7] = [
    "example.com",
    "b\u{fc}cher.example",
    "\u{4f8b}\u{3048}.jp",
    "\u{43f}\u{43e}\u{447}\u{442}\u{430}.example",
    "r3---sn.example.com",
    "XN--BCHER-KVA.example",
    "\u{5d0}\u{5d1}.example",
];
const TYPES: [&str; 6] = [
    "application/pdf",
    "text/plain; charset=utf-8",
    "TEXT/HTML;a=\"b;c, (d)\"",
    "image/svg+xml",
    "message/rfc822",
    "x/y ; a=b",
];

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

fn line(rng: &mut Rng) -> String {
    (0..rng.usize(1..8)).map(|_| pick(rng, &PIECES)).collect()
}

fn text(rng: &mut Rng) -> String {
    let part = |rng: &mut Rng| format!("{}{}", line(rng), pick(rng, &ENDS));
    (0..rng.usize(1..12)).map(|_| part(rng)).collect()
}

fn address(rng: &mut Rng) -> String {
    let atoms: Vec<char> = ATOMS.chars().collect();
    let local: String = (0..rng.usize(1..20)).map(|_| atoms[rng.usize(..atoms.len())]).collect();
    format!("{local}@{}", pick(rng, &DOMAINS))
}

/// A local part in quotes, of characters that the receiver reads there: it takes parentheses for a comment.
fn quoted(rng: &mut Rng) -> String {
    const CHARACTERS: &[u8] = b"ab. ,;:<[]'&";
    let local: String = (0..rng.usize(1..20))
        .map(|_| char::from(CHARACTERS[rng.usize(..CHARACTERS.len())]))
        .collect();
    format!("\"{local}\"@{}", pick(rng, &DOMAINS))
}

fn recipient(rng: &mut Rng) -> String {
    let address = if rng.u8(..4) == 0 { quoted(rng) } else { address(rng) };
    named(rng, address)
}

fn sender(rng: &mut Rng) -> String {
    let address = address(rng);
    named(rng, address)
}

fn named(rng: &mut Rng, address: String) -> String {
    if rng.bool() {
        return address;
    }
    let name = line(rng).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{name}\" <{address}>")
}

fn mailboxes(rng: &mut Rng) -> Vec<String> {
    (0..rng.usize(0..4)).map(|_| recipient(rng)).collect()
}

fn headers(rng: &mut Rng) -> Map<String, Value> {
    let name = |rng: &mut Rng| -> String { (0..rng.usize(1..20)).map(|_| rng.alphanumeric()).collect() };
    (0..rng.usize(0..5))
        .map(|_| (format!("X-{}", name(rng)), json!(line(rng))))
        .collect()
}

fn file(rng: &mut Rng, at: usize) -> Value {
    let content: Vec<u8> = (0..rng.usize(1..300)).map(|_| rng.u8(..)).collect();
    let mut file = json!({"filename": line(rng).replace(['/', '\\', '\u{2068}', '\u{2069}'], "-"), "content": content});
    if rng.bool() {
        file["content_type"] = json!(pick(rng, &TYPES));
    }
    if rng.bool() {
        file["content_id"] = json!(format!("c{at}@x.example"));
    }
    file
}

fn email(rng: &mut Rng) -> Value {
    let mut email = json!({
        "from": sender(rng),
        "to": [recipient(rng)],
        "cc": mailboxes(rng),
        "bcc": mailboxes(rng),
        "reply_to": mailboxes(rng),
        "subject": line(rng),
        "headers": headers(rng),
        "attachments": (0..rng.usize(0..3)).map(|at| file(rng, at)).collect::<Vec<_>>(),
    });
    let kinds = rng.u8(1..4);
    for (bit, field) in [(1, "text"), (2, "html")] {
        if kinds & bit != 0 {
            email[field] = json!(text(rng));
        }
    }
    email
}

#[test]
fn generated_emails_arrive_unchanged() {
    let (mut accepted, all) = (0, 3000);
    for seed in 0..all {
        let given = email(&mut Rng::with_seed(seed));
        let Ok(request) = parse_email(given.to_string().as_bytes()) else {
            continue;
        };
        accepted += 1;
        let email = &request.email;
        let subject = given["subject"].as_str().map(str::trim);
        assert_eq!(Some(email.subject()), subject, "seed {seed}");
        assert_eq!(
            email.headers().len(),
            given["headers"].as_object().unwrap().len(),
            "seed {seed}"
        );
        assert_eq!(json!(email.text()), given["text"], "seed {seed}");
        assert_eq!(json!(email.html()), given["html"], "seed {seed}");
        for (field, list) in [
            ("to", email.to()),
            ("cc", email.cc()),
            ("bcc", email.bcc()),
            ("reply_to", email.reply_to()),
        ] {
            assert_eq!(list.len(), given[field].as_array().unwrap().len(), "seed {seed}");
        }
        arrives(email, &format!("seed {seed}: {given}"));
    }
    assert!(accepted * 2 > all, "{accepted} of {all} were accepted");
}
