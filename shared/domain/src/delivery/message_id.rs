//! The `Message-ID` of an email that SES accepted.

/// The `Message-ID` header that SES writes in a region.
///
/// Source: Amazon SES Developer Guide, "Amazon SES header fields" (SES replaces a given header); emails that were
/// sent from us-east-1 (`@email.amazonses.com`) and from other regions (`@eu-west-1.amazonses.com`), read 2026-11-29.
#[must_use]
pub fn message_id(ses_message_id: &str, region: &str) -> String {
    let host = if region == "us-east-1" { "email" } else { region };
    format!("<{ses_message_id}@{host}.amazonses.com>")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first region of SES has a name of its own.
    #[test]
    fn a_message_id_names_the_region() {
        assert_eq!(message_id("0100-x", "us-east-1"), "<0100-x@email.amazonses.com>");
        assert_eq!(
            message_id("0102-x", "eu-central-1"),
            "<0102-x@eu-central-1.amazonses.com>"
        );
    }
}
