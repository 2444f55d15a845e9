//! The local part of an address: the text before its `@`.
//!
//! **Invariant:** each local part has one form. It is a dot-atom if possible, else a quoted string with as few
//! backslashes as possible.
//! **Start reading at** [`form`].
//!
//! Source: RFC 5321, 4.1.2 (`Quoted-string`) and 4.5.3.1.1 (length); RFC 5322, 3.2.3 (dot-atom).

use std::borrow::Cow;

use super::AddressError;
use crate::limits;
use crate::message::quoted_string;

/// Splits behind a local part in quotes. Returns its text, and the rest, which begins with `@`.
pub(super) fn split_quoted(address: &str) -> Result<(String, &str), AddressError> {
    match quoted_string::read(address) {
        Some((text, _)) if text.is_empty() => Err(AddressError::LocalEmpty),
        Some((text, rest)) if rest.starts_with('@') => Ok((text, rest)),
        Some(_) | None => Err(AddressError::QuotedLocal),
    }
}

/// The form of the local part with this text.
pub(super) fn form(text: &str) -> String {
    if is_dot_atom(text) {
        text.to_owned()
    } else {
        quoted_string::write(text)
    }
}

/// The text of a local part in its form.
pub(super) fn text(form: &str) -> Cow<'_, str> {
    quoted_string::read(form).map_or(Cow::Borrowed(form), |(text, _)| Cow::Owned(text))
}

/// Checks a form. The caller has refused control characters.
pub(super) fn check(form: &str, is_quoted: bool) -> Result<(), AddressError> {
    if !form.is_ascii() {
        return Err(AddressError::LocalNotAscii);
    }
    if form.len() > limits::LOCAL_PART_MAX {
        return Err(AddressError::LocalTooLong);
    }
    if is_quoted || is_dot_atom(form) {
        Ok(())
    } else {
        Err(AddressError::LocalSyntax)
    }
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// RFC 5322, 3.2.3.
pub(in crate::message) fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}
