//! Names and types of files that mean one thing to a filter and another to a receiver.

use super::text;
use crate::message::attachment;
use crate::message::problem::Problem;

/// Checks the name of a file.
///
/// Source: RFC 2183, 2.3 (a receiver keeps only the last part of a path).
pub(crate) fn file_name(name: &str) -> Result<(), Problem> {
    if name.contains(['/', '\\']) || name.trim_matches(['.', ' ']).is_empty() {
        return Err(Problem::Bad("must be a name without a path: / and \\ are not allowed"));
    }
    if name.chars().any(text::reorders) {
        return Err(Problem::Bad("characters that reverse the name are not allowed"));
    }
    // On NTFS, `a.exe:b.txt` is a stream of the file `a.exe`.
    let file = name.split_once(':').map(|(file, _)| file);
    if file.is_some_and(attachment::has_forbidden_extension) {
        return Err(Problem::Bad(attachment::FORBIDDEN));
    }
    Ok(())
}

/// Types with content elsewhere: the receiver fetches it, or assembles it from several emails.
///
/// Source: RFC 2046, 5.2.2 and 5.2.3.
const ELSEWHERE: [&str; 2] = ["message/external-body", "message/partial"];

/// Checks a media type of valid grammar.
pub(crate) fn media_type(text: &str) -> Result<(), Problem> {
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    if ELSEWHERE.contains(&essence.trim_end().to_ascii_lowercase().as_str()) {
        return Err(Problem::Bad(
            "media types that refer to content elsewhere are not allowed",
        ));
    }
    let names = attachment::parameter_names(parameters).unwrap_or_default();
    let mut seen = Vec::new();
    for name in names {
        // RFC 2231: `name*`, `name*0` and `name*0*` mean the same as `name`.
        let name = name.split('*').next().unwrap_or_default().to_ascii_lowercase();
        if matches!(name.as_str(), "name" | "filename") {
            return Err(Problem::Bad("put the file name into the field filename"));
        }
        if seen.contains(&name) {
            return Err(Problem::Bad("a parameter appears twice"));
        }
        seen.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_has_no_path_and_no_reversing_marks() {
        for name in [
            "report.pdf",
            ".env",
            "a..b.txt",
            "Bericht 12:30.pdf",
            "דוח\u{200f}.pdf",
            "a:b.exe.txt",
            "…",
        ] {
            assert_eq!(file_name(name), Ok(()), "{name}");
        }
        for name in [
            "../../etc/passwd",
            "/etc/passwd",
            "..\\a.txt",
            "C:\\a.txt",
            "..",
            ".",
            ". .",
            "invoice\u{202e}fdp.txt",
            "a\u{202b}b.txt",
            "a\u{2067}b.txt",
            "evil.exe:.txt",
            "evil.exe::$DATA",
        ] {
            assert!(file_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_type_has_no_name_and_no_repetition() {
        for kind in [
            "application/pdf",
            "text/plain; charset=utf-8; format=flowed",
            "text/calendar; method=REQUEST",
            "message/rfc822",
            "text/plain ; x=\"name=a.exe; name=b\"",
        ] {
            assert_eq!(media_type(kind), Ok(()), "{kind}");
        }
        for kind in [
            "application/pdf; name=a.exe",
            "application/pdf; NAME=\"a.exe\"",
            "application/pdf; name*=utf-8''a%2eexe",
            "application/pdf; name*0=a",
            "application/pdf; x=y; filename=a",
            "text/plain; charset=utf-8; Charset=utf-7",
            "text/plain; a*0=b; a*1=c",
            "message/partial; id=x",
            "Message/External-Body ; access-type=URL",
        ] {
            assert!(media_type(kind).is_err(), "{kind}");
        }
    }
}
