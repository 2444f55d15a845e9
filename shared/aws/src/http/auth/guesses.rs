//! The limit on lookups of unknown API keys.
//!
//! **Role:** called by [`super::Authenticator`] for an id that no lookup of the environment has found.
//! **Invariant:** a flood from one network takes only that network's part of the limit. Memory is bounded: the
//! current second has at most one entry for each counted lookup.
//! **Start reading at** [`Guesses`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;

use domain::limits;
use domain::timestamp::Timestamp;

use crate::runtime::cache::lock;

/// The network of a client: its IPv4 address, or the first 64 bits of its IPv6 address.
///
/// A host chooses the other 64 bits itself. Source: RFC 4291, 2.5.4, and RFC 8981.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Network(Option<IpAddr>);

impl Network {
    /// Returns the network of an address. All texts that are no address are one network.
    #[must_use]
    pub fn of(address: &str) -> Self {
        let address = address.parse::<IpAddr>().ok();
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

/// Lookups of unknown keys in one second, by network.
#[derive(Default)]
pub(super) struct Guesses(Mutex<(i64, HashMap<Network, u32>)>);

impl Guesses {
    fn second(now: Timestamp) -> i64 {
        now.as_millis().div_euclid(1_000)
    }

    /// Whether the second has no lookup left for a network.
    pub(super) fn are_too_many(&self, network: Network, now: Timestamp) -> bool {
        let counted = lock(&self.0);
        let (second, lookups) = &*counted;
        let of_network = lookups.get(&network).copied().unwrap_or_default();
        *second == Self::second(now)
            && (of_network >= limits::UNKNOWN_KEYS_PER_SECOND
                || lookups.values().sum::<u32>() >= limits::UNKNOWN_KEYS_PER_SECOND_OF_ALL)
    }

    pub(super) fn count_lookup(&self, network: Network, now: Timestamp) {
        let mut counted = lock(&self.0);
        let (second, lookups) = &mut *counted;
        if *second != Self::second(now) {
            *second = Self::second(now);
            lookups.clear();
        }
        let lookups = lookups.entry(network).or_default();
        *lookups = lookups.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::records::samples::at;

    #[test]
    fn a_network_is_an_ipv4_address_or_64_bits() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("", "x", true),
            ("", "0.0.0.0", false),
        ] {
            assert_eq!(Network::of(one) == Network::of(other), same, "{one} {other}");
        }
    }

    #[test]
    fn each_network_has_its_part_of_the_lookups() {
        let guesses = Guesses::default();
        let network = |number: u32| Network::of(&std::net::Ipv4Addr::from(number).to_string());
        for _ in 0..limits::UNKNOWN_KEYS_PER_SECOND {
            assert!(!guesses.are_too_many(network(0), at(999)));
            guesses.count_lookup(network(0), at(999));
        }
        assert!(guesses.are_too_many(network(0), at(0)));
        assert!(!guesses.are_too_many(network(1), at(0)), "another network");
        assert!(!guesses.are_too_many(network(0), at(1_000)), "another second");
        for number in limits::UNKNOWN_KEYS_PER_SECOND..limits::UNKNOWN_KEYS_PER_SECOND_OF_ALL {
            assert!(!guesses.are_too_many(network(number), at(0)));
            guesses.count_lookup(network(number), at(0));
        }
        assert!(guesses.are_too_many(network(1), at(0)), "the limit of all networks");
    }
}
