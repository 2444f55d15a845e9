//! SES's prices for sending.
//!
//! **Invariant:** money is counted in whole billionths of a dollar, and always shown with its unit.

use std::fmt;

use serde::{Serialize, Serializer};

/// Decimal places of a dollar.
const PLACES: usize = 9;

/// Bytes of a gigabyte, as AWS bills them.
const GIGABYTE: u128 = 1 << 30;

/// Billionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u128);

impl Usd {
    /// Reads a decimal number: `0.10`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = digits(whole) && digits(places) && whole.len() <= 6 && places.len() <= PLACES;
        let billionths = format!("{whole}{places:0<PLACES$}").parse();
        billionths.ok().filter(|_| fits).map(Self)
    }
}

/// In dollars, without a sign.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = format!("{:0>width$}", self.0, width = PLACES + 1);
        let (whole, places) = all.split_at(all.len().saturating_sub(PLACES));
        match places.trim_end_matches('0') {
            "" => f.write_str(whole),
            places => write!(f, "{whole}.{places}"),
        }
    }
}

/// As a number: the field's name states the unit.
impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(number)
    }
}

/// SES's prices, from the deployment's settings.
///
/// Source: Amazon SES pricing, as of November 2026: dollars for each 1,000 recipients, and for each gigabyte of
/// attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// For 1,000 recipients.
    pub thousand_recipients: Usd,
    /// For a gigabyte of attachments.
    pub attachment_gigabyte: Usd,
}

impl Prices {
    /// The default prices of `template.yaml`.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            thousand_recipients: Usd(100_000_000),
            attachment_gigabyte: Usd(120_000_000),
        }
    }

    /// The cost of sending to `recipients`; `attachment_bytes` are the bytes of all copies together.
    #[must_use]
    pub fn cost(&self, recipients: u64, attachment_bytes: u64) -> Usd {
        let part = |Usd(price): Usd, number: u64, of: u128| price.saturating_mul(u128::from(number)) / of;
        let recipients = part(self.thousand_recipients, recipients, 1000);
        Usd(recipients.saturating_add(part(self.attachment_gigabyte, attachment_bytes, GIGABYTE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_to_the_billionth() {
        for (text, shown) in [
            ("0.10", "0.1"),
            ("0", "0"),
            ("12", "12"),
            ("0.000000001", "0.000000001"),
            ("999999.999999999", "999999.999999999"),
        ] {
            assert_eq!(Usd::parse(text).map(|usd| usd.to_string()).as_deref(), Some(shown));
        }
        for none in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1000000",
            "0.0000000001",
            "1,0",
            "ten",
            "0.1.2",
        ] {
            assert_eq!(Usd::parse(none), None, "{none}");
        }
        assert_eq!(serde_json::to_string(&Usd::parse("0.0012").unwrap()).unwrap(), "0.0012");
    }

    #[test]
    fn recipients_and_attachments_are_paid_for() {
        let prices = Prices::standard();
        for (recipients, bytes, usd) in [
            (0, 0, "0"),
            (1, 0, "0.0001"),
            (1_000_000, 0, "100"),
            (0, 1 << 30, "0.12"),
            (1000, 1 << 20, "0.100117187"),
        ] {
            assert_eq!(prices.cost(recipients, bytes).to_string(), usd);
        }
        assert!(prices.cost(u64::MAX, u64::MAX).to_string().len() > 15, "nothing wraps");
    }
}
