//! Characters that no honest text needs, and that show it otherwise than it is.
//!
//! Embeddings, isolates and marks stay: texts in Hebrew and Arabic have them, and libraries for translations
//! put isolates around every name.

/// Whether a character overrides the direction of what follows it, or breaks a line.
///
/// Source: UAX #9, 2.2 (LRO and RLO), and UAX #14, 5.1 (BK); CVE-2021-42574 for what overrides are used for.
pub(super) fn misleads(c: char) -> bool {
    matches!(c, '\u{202d}' | '\u{202e}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character changes the order in which others are shown.
///
/// Source: UAX #9, 2.1 to 2.5, less the marks, which turn nothing around.
pub(super) fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
