//! Splits an address as far as SES examines it.
//!
//! **Invariant:** no I/O; this module does not know whether an address exists.

/// The parts of a submitted address, `Display <local@domain>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The text before the `<`; empty without one.
    pub display: &'a str,
    /// `local@domain`, without the brackets.
    pub bare: &'a str,
    /// The text before the last `@`.
    pub local: &'a str,
    /// The text after the last `@`.
    pub domain: &'a str,
}

/// Splits `local@domain` or `Display <local@domain>`; `None` when the text contains no address.
pub fn split(text: &str) -> Option<Parts<'_>> {
    let text = text.trim_matches(' ');
    let (display, bare) = match text.strip_suffix('>') {
        Some(inner) => {
            // The quotes of a local part may hold a `<`, but never `<"`.
            let is_quoted = inner.rsplit_once('@').is_some_and(|(local, _)| local.ends_with('"'));
            let open = if is_quoted {
                inner.rfind("<\"")
            } else {
                inner.rfind('<')
            };
            let (display, bare) = inner.split_at_checked(open?)?;
            (display.trim_matches(' '), bare.trim_start_matches('<'))
        }
        None => ("", text),
    };
    let (local, domain) = bare.rsplit_once('@')?;
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    Some(Parts {
        display,
        bare,
        local,
        domain,
    })
}

/// The domain of the mailbox simulator.
const SIMULATOR: &str = "simulator.amazonses.com";

/// Tells whether the address belongs to the mailbox simulator.
pub fn is_simulated(text: &str) -> bool {
    split(text).is_some_and(|parts| parts.domain.eq_ignore_ascii_case(SIMULATOR))
}

/// Returns the `local@domain` of an address, or the whole text when it contains no address.
pub fn bare(text: &str) -> &str {
    split(text).map_or(text, |parts| parts.bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_and_quotes_are_removed() {
        assert_eq!(bare("Ann <ann@example.com>"), "ann@example.com");
        assert_eq!(bare("\"A @ B\" <a+1@example.com>"), "a+1@example.com");
        for quoted in ["\"a <b\"@example.com", "\"a@b, \\\"c\\\"\"@example.com"] {
            assert_eq!(bare(&format!("Ann <{quoted}>")), quoted);
            assert_eq!(bare(&format!("<{quoted}>")), quoted);
            assert_eq!(bare(quoted), quoted);
        }
        assert_eq!(split("nobody"), None);
        assert_eq!(split("@example.com"), None);
        assert_eq!(split("a@"), None);
    }
}
