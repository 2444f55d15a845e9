//! Characters that no honest text needs, and that change how a text looks.
//!
//! Embeddings, isolates and marks are allowed. Hebrew and Arabic texts contain them, and translation libraries put
//! isolates around every name.

/// True if a character overrides the direction of the following text, or breaks a line.
///
/// Source: UAX #9, 2.2 (LRO and RLO), and UAX #14, 5.1 (BK); CVE-2021-42574 for attacks with overrides.
pub(super) fn misleads(c: char) -> bool {
    matches!(c, '\u{202d}' | '\u{202e}' | '\u{2028}' | '\u{2029}')
}

/// True if a character changes the order in which others are shown.
///
/// Source: UAX #9, 2.1 to 2.5, except the marks, which reorder nothing.
pub(super) fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
