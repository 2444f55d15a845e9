//! The media type and the Content-ID of a file.

use crate::limits;
use crate::message::problem::Problem;

/// A media type, with parameters or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// Reads a media type.
    ///
    /// # Errors
    /// [`Problem`] when it is no media type, is too long, or cannot be the type of a file in base64.
    ///
    /// Source: RFC 6838, 4.2 (names); RFC 2045, 5.1 (parameters) and 6.4 (permitted encodings).
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > limits::MEDIA_TYPE_MAX {
            let (found, max) = (text.len(), limits::MEDIA_TYPE_MAX);
            return Err(Problem::TooLong { found, max });
        }
        let (essence, parameters) = text.split_once(';').map_or((text, None), |(a, b)| (a, Some(b)));
        let names = essence.trim_end_matches([' ', '\t']).split_once('/');
        let good = names.is_some_and(|(kind, subtype)| is_media_name(kind) && is_media_name(subtype));
        if !good || parameters.is_some_and(|parameters| parameter_names(parameters).is_none()) {
            return Err(Problem::Bad("must be a media type such as application/pdf"));
        }
        if names.is_some_and(|(kind, _)| kind.eq_ignore_ascii_case("multipart")) {
            return Err(Problem::Bad("a file cannot have a multipart type"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The given type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A media type without a semicolon at its end, and without a parameter `name` that repeats the file's name.
///
/// Mailers write both. A `name` of another value stays, and is refused later.
pub(crate) fn without_name(text: &str, filename: Option<&str>) -> String {
    let text = match text.trim_end_matches([' ', '\t']).strip_suffix(';') {
        Some(begun) => begun.trim_end_matches([' ', '\t']),
        None => text,
    };
    let Some((essence, mut rest)) = text.split_once(';') else {
        return text.to_owned();
    };
    let (mut kept, mut is_dropped) = (essence.to_owned(), false);
    loop {
        let begun = rest.trim_start_matches([' ', '\t']);
        let name = token(begun);
        let value = begun.get(name.len()..).and_then(|rest| rest.strip_prefix('='));
        let Some((value, length)) = value.and_then(|value| Some((value, value_length(value)?))) else {
            return text.to_owned();
        };
        let (given, behind) = value.split_at(length);
        if !is_dropped && name.eq_ignore_ascii_case("name") && filename == Some(unquoted(given).as_str()) {
            is_dropped = true;
        } else {
            kept.push_str(&format!("; {name}={given}"));
        }
        rest = behind.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return if is_dropped { kept } else { text.to_owned() };
        }
        let Some(next) = rest.strip_prefix(';') else {
            return text.to_owned();
        };
        rest = next;
    }
}

/// The meaning of a `token` or a `quoted-string`.
fn unquoted(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    quoted
        .chars()
        .filter(|c| {
            escaped = *c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

/// RFC 6838's `restricted-name`.
fn is_media_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
    name.len() <= limits::MEDIA_NAME_MAX
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(allowed)
}

/// The names of RFC 2045's `parameter`s, which follow the first semicolon; `None` if the text has another form.
pub(crate) fn parameter_names(mut rest: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let name = token(rest);
        let value = rest.get(name.len()..).and_then(|rest| rest.strip_prefix('='))?;
        let length = value_length(value).filter(|_| !name.is_empty())?;
        names.push(name);
        rest = value.get(length..).unwrap_or_default().trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix(';')?;
    }
}

/// The `token` at the start of a text; empty without one.
fn token(text: &str) -> &str {
    let ends = |c: char| !c.is_ascii_graphic() || "()<>@,;:\\\"/[]?=".contains(c);
    text.split(ends).next().unwrap_or_default()
}

/// Length of the `token` or `quoted-string` at the start of a text.
fn value_length(text: &str) -> Option<usize> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(token(text).len()).filter(|length| *length > 0);
    };
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if !c.is_ascii() || c.is_ascii_control() => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + "\"\"".len()),
            _ => {}
        }
    }
    None
}

fn check_id(id: &str) -> Result<(), Problem> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let is_dot_atom = |part: &str| {
        part.split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(allowed))
    };
    let (left, right) = id.split_once('@').map_or((id, None), |(a, b)| (a, Some(b)));
    if is_dot_atom(left) && right.is_none_or(is_dot_atom) {
        Ok(())
    } else {
        Err(Problem::Bad("must be an id such as logo or logo@example.com"))
    }
}

/// The name by which an HTML text refers to a file (`cid:`); without the angle brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentId(String);

impl ContentId {
    /// The text between angle brackets, or the whole text.
    pub(crate) fn without_brackets(text: &str) -> &str {
        let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        inner.unwrap_or(text)
    }

    /// Reads a Content-ID, in angle brackets or without.
    ///
    /// # Errors
    /// [`Problem`] when it is empty, too long, or has characters outside the grammar.
    ///
    /// Source: RFC 5322, 3.6.4 (`dot-atom-text`). An id without `@` is accepted too, as Resend accepts it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let id = Self::without_brackets(text);
        if id.len() > limits::CONTENT_ID_MAX {
            let (found, max) = (id.len(), limits::CONTENT_ID_MAX);
            return Err(Problem::TooLong { found, max });
        }
        check_id(id).map(|()| Self(id.to_owned()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_loses_only_the_name_of_its_file() {
        for (given, tidy) in [
            ("application/pdf", "application/pdf"),
            ("application/pdf ", "application/pdf "),
            ("application/pdf;", "application/pdf"),
            ("application/pdf ; ", "application/pdf"),
            ("application/pdf; name=a.pdf", "application/pdf"),
            ("application/pdf; NAME=\"a.pdf\";", "application/pdf"),
            ("application/pdf; name=\"a\\.pdf\"", "application/pdf"),
            (
                "text/plain;charset=utf-8;name=a.pdf; x=y",
                "text/plain; charset=utf-8; x=y",
            ),
            ("text/plain;charset=utf-8", "text/plain;charset=utf-8"),
            // Each of these is refused later.
            ("application/pdf; name=a.exe", "application/pdf; name=a.exe"),
            ("application/pdf; name=a.pdf; name=a.pdf", "application/pdf; name=a.pdf"),
            (
                "application/pdf; name*=utf-8''a.pdf",
                "application/pdf; name*=utf-8''a.pdf",
            ),
            ("application/pdf; filename=a.pdf", "application/pdf; filename=a.pdf"),
            ("application/pdf; name=\"a.pdf;", "application/pdf; name=\"a.pdf"),
            ("application/pdf; name=a.pdf; x", "application/pdf; name=a.pdf; x"),
            ("application/pdf;;", "application/pdf;"),
            (";", ""),
        ] {
            assert_eq!(without_name(given, Some("a.pdf")), tidy, "{given}");
        }
        let unnamed = "application/pdf; name=a.pdf";
        assert_eq!(without_name(unnamed, None), unnamed);
    }
}
