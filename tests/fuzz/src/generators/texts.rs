//! Texts, addresses and names that have caused trouble somewhere.

use arbitrary::{Result, Unstructured};

/// The pieces of texts.
const PIECES: [&str; 44] = [
    "a",
    "Ada",
    "canary",
    " ",
    "  ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{ad}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "ä",
    "Grüße",
    "✉",
    "👩‍👩‍👧",
    "e\u{301}",
    "\"",
    "\\",
    ",",
    ";",
    ":",
    "<",
    ">",
    "(",
    ")",
    "@",
    ".",
    "=?UTF-8?B?",
    "=?utf-8?q?",
    "?=",
    "_",
    "-",
    "%0d%0a",
    "\r\nBcc: x@example.com",
    "mq_",
    "X-",
    "[127.0.0.1]",
    "7",
];

/// The numbers of repetitions of a piece: lengths around the limits.
const TIMES: [usize; 16] = [1, 2, 3, 45, 46, 63, 64, 65, 126, 127, 253, 256, 257, 870, 871, 990];

/// Any text.
pub(crate) fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for _ in 0..=u.int_in_range(0..=4)? {
        if u.ratio(1, 8)? {
            text.push_str(u.arbitrary::<&str>()?);
            continue;
        }
        let piece = *u.choose(&PIECES)?;
        let times = if u.ratio(1, 6)? { *u.choose(&TIMES)? } else { 1 };
        text.push_str(&piece.repeat(times));
    }
    Ok(text)
}

/// A valid word, one with an inserted piece that may be invalid, or any text.
pub(crate) fn word(u: &mut Unstructured<'_>, right: &[&str]) -> Result<String> {
    let which = u.int_in_range(0..=15)?;
    if which == 15 {
        return text(u);
    }
    let mut word = (*u.choose(right)?).to_owned();
    if which >= 13 {
        // One change at a time: an oracle sees only input that passes all checks.
        let place = word.char_indices().map(|(place, _)| place).nth(1).unwrap_or(word.len());
        word.insert_str(place, u.choose(&PIECES)?);
    }
    Ok(word)
}

/// An address, mostly a valid one.
pub(crate) fn address(u: &mut Unstructured<'_>) -> Result<String> {
    let local = word(u, &["a", "canary.lovelace", "o'neil+tag", "x_1"])?;
    let hosts = [
        "example.com",
        "bücher.example",
        "xn--bcher-kva.example",
        "EXAMPLE.COM",
        "a.b.c.example",
        "localhost",
    ];
    let host = word(u, &hosts)?;
    Ok(format!("{local}@{host}"))
}

/// An address with or without a name, mostly a valid one.
pub(crate) fn mailbox(u: &mut Unstructured<'_>) -> Result<String> {
    let address = address(u)?;
    Ok(match u.int_in_range(0..=4)? {
        0 | 1 => address,
        2 => format!("{} <{address}>", word(u, &["Ada", "Ada Lovelace", "Grüße aus Köln"])?),
        3 => format!("\"{}\" <{address}>", word(u, &["Lovelace, Ada", "a\\\"b", "Grüße"])?),
        _ => text(u)?,
    })
}
