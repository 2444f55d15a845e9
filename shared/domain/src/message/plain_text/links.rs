//! Links: their targets are shown unless their texts show them.

/// An open link.
pub(super) struct Link {
    /// The target as it is shown.
    target: String,
    /// The text of the link up to now, without spaces.
    shown: String,
}

impl Link {
    /// A link to a page or to an address; `None` for other targets, such as a part of the same page.
    pub(super) fn to(target: &str) -> Option<Self> {
        let target = target.trim();
        let begins = |scheme: &str| {
            let start = target.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        let target = if begins("mailto:") {
            let address = target.get("mailto:".len()..).unwrap_or_default();
            address.split('?').next().unwrap_or_default()
        } else if begins("https://") || begins("http://") {
            target
        } else {
            return None;
        };
        if target.is_empty() || target.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        Some(Self {
            target: target.to_owned(),
            shown: String::new(),
        })
    }

    /// Adds shown text.
    pub(super) fn shows(&mut self, text: &str) {
        self.shown.extend(text.chars().filter(|c| !c.is_whitespace()));
    }

    /// The target, unless the text of the link is the target.
    pub(super) fn target(self) -> Option<String> {
        let bare = |url: &str| {
            let url = url.split_once("://").map_or(url, |(_, rest)| rest);
            url.trim_end_matches('/').to_ascii_lowercase()
        };
        (bare(&self.shown) != bare(&self.target)).then_some(self.target)
    }
}
