//! Writes text as lines: joins white space, and separates blocks by at most one blank line.

/// The distance between two texts. The largest one that was asked for counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    #[default]
    None,
    /// A space, except before punctuation.
    Loose,
    Space,
    Line,
    Blank,
}

impl Gap {
    fn before(self, next: char) -> &'static str {
        match self {
            Self::Loose if matches!(next, '.' | ',' | ';' | ':' | '!' | '?' | ')') => "",
            Self::None => "",
            Self::Loose | Self::Space => " ",
            Self::Line => "\n",
            Self::Blank => "\n\n",
        }
    }
}

/// The written lines, and the gap before the next text.
#[derive(Debug, Default)]
pub(super) struct Writer {
    written: String,
    gap: Gap,
    marker: String,
    is_preformatted: bool,
}

impl Writer {
    /// Asks for a gap before the next text.
    pub(super) fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// Begins a new line; a second break leaves a blank line.
    pub(super) fn line_break(&mut self) {
        self.gap = if self.gap >= Gap::Line { Gap::Blank } else { Gap::Line };
    }

    /// Sets the marker of a list's item, which the next text gets.
    pub(super) fn mark(&mut self, marker: String) {
        self.marker = marker;
    }

    /// Switches between joined and unchanged white space.
    pub(super) fn preformatted(&mut self, is_preformatted: bool) {
        self.is_preformatted = is_preformatted;
    }

    /// Writes text.
    pub(super) fn show(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                _ if is_unseen(c) => {}
                '\n' | '\t' if self.is_preformatted => self.written.push(c),
                ' ' if self.is_preformatted => self.push(c),
                _ if c.is_whitespace() => self.gap(Gap::Space),
                _ => self.push(c),
            }
        }
    }

    /// Writes text behind a space, on the line of the text before it.
    pub(super) fn show_apart(&mut self, text: &str) {
        let gap = std::mem::replace(&mut self.gap, Gap::Space);
        self.show(text);
        self.gap = gap.max(Gap::Loose);
    }

    fn push(&mut self, c: char) {
        let gap = std::mem::take(&mut self.gap);
        if !self.written.is_empty() {
            self.written.push_str(gap.before(c));
        }
        self.written.push_str(&std::mem::take(&mut self.marker));
        self.written.push(c);
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.written.trim().to_owned()
    }
}

/// True for characters that show nothing: HTML writes them with escapes, and preview texts are padded with them.
fn is_unseen(c: char) -> bool {
    let is_padding = matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{feff}');
    is_padding || (c.is_control() && !c.is_whitespace())
}
