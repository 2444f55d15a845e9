//! Takes an address apart as far as SES looks at it.
//!
//! **Invariant:** no I/O; knows nothing of which addresses exist.

/// An address as submitted, taken apart: `Display <local@domain>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What stands before the `<`, if anything.
    pub display: &'a str,
    /// `local@domain`, without the brackets.
    pub bare: &'a str,
    /// What stands before the last `@`.
    pub local: &'a str,
    /// What stands after the last `@`.
    pub domain: &'a str,
}

/// Takes `local@domain` or `Display <local@domain>` apart; nothing when there is no address in it.
pub fn split(text: &str) -> Option<Parts<'_>> {
    let text = text.trim_matches(' ');
    let (display, bare) = match text.strip_suffix('>') {
        Some(inner) => {
            let (display, bare) = inner.rsplit_once('<')?;
            (display.trim_matches(' '), bare)
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

/// Whether an address is one of the mailbox simulator's.
pub fn is_simulated(text: &str) -> bool {
    split(text).is_some_and(|parts| parts.domain.eq_ignore_ascii_case(SIMULATOR))
}

/// `local@domain` of an address, or the whole text where there is none in it.
pub fn bare(text: &str) -> &str {
    split(text).map_or(text, |parts| parts.bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_and_quotes_are_taken_off() {
        assert_eq!(bare("Ann <ann@example.com>"), "ann@example.com");
        assert_eq!(bare("\"A @ B\" <a+1@example.com>"), "a+1@example.com");
        assert_eq!(split("nobody"), None);
        assert_eq!(split("@example.com"), None);
        assert_eq!(split("a@"), None);
    }
}
