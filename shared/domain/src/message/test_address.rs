//! Resend's test addresses, and the addresses of SES's mailbox simulator that behave like them.
//!
//! **Role:** `send` submits an email for a test address to the simulator. `feedback` turns the simulator's address
//! in an event back into the test address, so that the record knows one address only.
//! **Invariant:** the translation and its reverse agree for each address that [`simulator`] translates.
//! **Why a mark:** a caller may also send to an address of the simulator. Events about an address without the mark keep
//! that address.
//!
//! Source: Resend's documentation, "Send test emails", and Amazon SES Developer Guide, "Using the mailbox simulator
//! to test email sending" (addresses and labels), read 2026-11-29.

use crate::limits;
use crate::message::address::EmailAddress;
use crate::message::quoted_string;

/// The domain of Resend's test addresses.
const DOMAIN: &str = "resend.dev";

/// The domain of the simulator.
const SIMULATOR: &str = "simulator.amazonses.com";

/// Resend's names, each with the simulator's.
const NAMES: [(&str, &str); 4] = [
    ("delivered", "success"),
    ("bounced", "bounce"),
    ("complained", "complaint"),
    ("suppressed", "suppressionlist"),
];

/// The label that marks a simulator's address as translated.
const MARK: &str = "resend.dev";

/// Splits a local part into its name in lower case and its label.
fn split(local: &str) -> (String, Option<&str>) {
    let (name, label) = match local.split_once('+') {
        Some((name, label)) => (name, Some(label)),
        None => (local, None),
    };
    (name.to_ascii_lowercase(), label)
}

/// True for a test address and for an address of the simulator. Either behaves the same every time, and no suppression
/// list takes it.
#[must_use]
pub fn is_simulated(address: &EmailAddress) -> bool {
    address.domain() == SIMULATOR || simulated(address).is_some()
}

/// True for an address at the domain that belongs to Resend. Test addresses are at this domain; a sender must not be.
#[must_use]
pub(crate) fn is_of_resend(address: &EmailAddress) -> bool {
    address.domain() == DOMAIN
}

/// True for a test address whose label may leave no room for its simulator's address.
#[must_use]
pub(crate) fn has_long_label(address: &EmailAddress) -> bool {
    let local = address.unquoted();
    let (_, label) = split(&local);
    let is_long = label.is_some_and(|label| label.len() > limits::TEST_LABEL_MAX);
    // Quotes take room, too.
    simulated(address).is_some() && (is_long || simulator(address).is_none())
}

/// The simulator's address for a test address; `None` for every other address, and if the label is too long.
#[must_use]
pub fn simulator(address: &EmailAddress) -> Option<EmailAddress> {
    EmailAddress::of(&simulated(address)?, SIMULATOR).ok()
}

/// The text of the local part of the simulator's address for a test address, of any length.
fn simulated(address: &EmailAddress) -> Option<String> {
    let local = address.unquoted();
    let (name, label) = split(&local);
    let (_, simulated) = NAMES
        .iter()
        .find(|(known, _)| is_of_resend(address) && *known == name)?;
    let label = label.map(|label| format!("+{label}")).unwrap_or_default();
    Some(format!("{simulated}+{MARK}{label}"))
}

/// The test address that this simulator address replaced; `None` for any other. SES may have dropped quotes.
#[must_use]
pub fn given(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    if !domain.eq_ignore_ascii_case(SIMULATOR) {
        return None;
    }
    let local = quoted_string::read(local).map_or_else(|| local.to_owned(), |(text, _)| text);
    let (name, label) = split(&local);
    let (known, _) = NAMES.iter().find(|(_, simulated)| *simulated == name)?;
    let label = label?.strip_prefix(MARK)?;
    if !label.is_empty() && !label.starts_with('+') {
        return None;
    }
    let address = EmailAddress::of(&format!("{known}{label}"), DOMAIN).ok()?;
    Some(address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn a_test_address_has_an_address_at_the_simulator() {
        for (test, simulated) in [
            ("delivered@resend.dev", "success+resend.dev@simulator.amazonses.com"),
            ("bounced@resend.dev", "bounce+resend.dev@simulator.amazonses.com"),
            ("complained@resend.dev", "complaint+resend.dev@simulator.amazonses.com"),
            (
                "suppressed@resend.dev",
                "suppressionlist+resend.dev@simulator.amazonses.com",
            ),
            (
                "bounced+user-1@resend.dev",
                "bounce+resend.dev+user-1@simulator.amazonses.com",
            ),
            (
                "delivered+a+b@resend.dev",
                "success+resend.dev+a+b@simulator.amazonses.com",
            ),
            ("delivered+@resend.dev", "success+resend.dev+@simulator.amazonses.com"),
            (
                "\"bounced+two words\"@resend.dev",
                "\"bounce+resend.dev+two words\"@simulator.amazonses.com",
            ),
        ] {
            assert_eq!(simulator(&address(test)), Some(address(simulated)), "{test}");
            assert_eq!(given(simulated).as_deref(), Some(test));
            assert!(is_simulated(&address(test)), "{test}");
        }
        let upper = simulator(&address("Bounced+A@RESEND.DEV")).unwrap();
        assert_eq!(upper, address("bounce+resend.dev+A@simulator.amazonses.com"));
        let without_quotes = given("bounce+resend.dev+two words@simulator.amazonses.com");
        assert_eq!(without_quotes.as_deref(), Some("\"bounced+two words\"@resend.dev"));
    }

    #[test]
    fn other_addresses_are_not_translated() {
        for text in [
            "onboarding@resend.dev",
            "delivered1@resend.dev",
            "x+delivered@resend.dev",
            "delivered@a.resend.dev",
            "delivered@resend.dev.example",
            "bounce@simulator.amazonses.com",
        ] {
            assert_eq!(simulator(&address(text)), None, "{text}");
            assert!(!has_long_label(&address(text)), "{text}");
        }
        assert!(is_simulated(&address("bounce@simulator.amazonses.com")));
        assert!(!is_simulated(&address("onboarding@resend.dev")));
        for text in [
            "bounce@simulator.amazonses.com",
            "bounce+resend@simulator.amazonses.com",
            "bounce+resend.devil@simulator.amazonses.com",
            "bounce+x+resend.dev@simulator.amazonses.com",
            "ooto+resend.dev@simulator.amazonses.com",
            "bounce+resend.dev@example.com",
            "bounce",
        ] {
            assert_eq!(given(text), None, "{text}");
        }
    }

    /// A test address whose label is too long is refused before it is stored.
    #[test]
    fn every_admitted_label_is_translated() {
        for (name, _) in NAMES {
            let label = "x".repeat(limits::TEST_LABEL_MAX);
            let address = address(&format!("{name}+{label}@resend.dev"));
            assert!(simulator(&address).is_some() && !has_long_label(&address), "{name}");
        }
        let longer = "x".repeat(limits::TEST_LABEL_MAX + 1);
        let address = address(&format!("suppressed+{longer}@resend.dev"));
        assert!(simulator(&address).is_none() && has_long_label(&address));
        let quoted = format!(
            "\"suppressed+{} {0}\"@resend.dev",
            "x".repeat(limits::TEST_LABEL_MAX / 2)
        );
        let address = EmailAddress::parse(&quoted).unwrap();
        assert!(simulator(&address).is_none() && has_long_label(&address));
    }
}
