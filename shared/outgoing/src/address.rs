//! The networks that are not public.
//!
//! **Invariant:** pure. An IPv6 address is public only inside 2000::/3, the one block from which public addresses are
//! assigned. So a new special block outside of it needs no change here.
//! **Start reading at** [`network_of`].
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), and the RFCs named below, read
//! 2026-11-29. Blocks that the registries call globally reachable inside a larger special block, such as 192.0.0.9/32,
//! are refused with that block: no webhook is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use strum::{EnumIter, IntoStaticStr};

/// A kind of network that is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Network {
    /// 0.0.0.0/8 and `::`: this host, in this network (RFC 791, RFC 4291).
    Unspecified,
    /// 127.0.0.0/8 and `::1`, where Lambda's runtime API listens on port 9001 (RFC 1122, RFC 4291).
    Loopback,
    /// 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918).
    Private,
    /// 100.64.0.0/10, shared by the customers of a carrier (RFC 6598).
    CarrierNat,
    /// 169.254.0.0/16 and fe80::/10, with the metadata and credentials of AWS (RFC 3927, RFC 4291).
    LinkLocal,
    /// 192.0.0.0/24 and 2001::/23, apart from Teredo and documentation (RFC 6890, RFC 2928).
    ProtocolAssignment,
    /// 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32 and 3fff::/20 (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// 198.18.0.0/15 and 2001:2::/48 (RFC 2544, RFC 5180).
    Benchmarking,
    /// 192.88.99.0/24 and 2002::/16, whose addresses contain an IPv4 address (RFC 3068, RFC 3056, RFC 7526).
    SixToFour,
    /// 2001::/32, whose addresses contain an IPv4 address (RFC 4380).
    Teredo,
    /// 224.0.0.0/4 and ff00::/8 (RFC 5771, RFC 4291).
    Multicast,
    /// 240.0.0.0/4 without the broadcast address, and IPv6 outside 2000::/3 that no other kind names (RFC 1112).
    Reserved,
    /// 255.255.255.255 (RFC 919).
    Broadcast,
    /// ::ffff:0:0/96 and ::ffff:0:0:0/96: an IPv4 address in another form (RFC 4291, RFC 2765).
    Mapped,
    /// ::/96 without `::` and `::1`: an IPv4 address in an obsolete form (RFC 4291).
    Compatible,
    /// 64:ff9b::/96 and 64:ff9b:1::/48: an IPv4 address that NAT64 translates (RFC 6052, RFC 8215).
    Translated,
    /// fc00::/7, with the metadata of AWS at fd00:ec2::254 (RFC 4193).
    UniqueLocal,
    /// fec0::/10, obsolete (RFC 3879).
    SiteLocal,
}

impl Network {
    /// Returns the name of the rule, such as `link_local`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the words for an address of this kind, such as `a private address`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::CarrierNat => "an address of a carrier's internal network",
            Self::LinkLocal => "a link-local address",
            Self::ProtocolAssignment => "an address for protocols",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::SixToFour => "a 6to4 address",
            Self::Teredo => "a Teredo address",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
            Self::Broadcast => "the broadcast address",
            Self::Mapped | Self::Compatible => "an IPv4 address in the form of IPv6",
            Self::Translated => "an address for translation to IPv4",
            Self::UniqueLocal => "a private IPv6 address",
            Self::SiteLocal => "a site-local address",
        }
    }
}

/// IPv4 blocks: first address, bits of the prefix, kind. A smaller block is before a larger one that contains it.
const IPV4: [(Ipv4Addr, u32, Network); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, Network::Unspecified),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Network::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Network::CarrierNat),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Network::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Network::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Network::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Network::ProtocolAssignment),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Network::Documentation),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Network::SixToFour),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Network::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Network::Benchmarking),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Network::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Network::Documentation),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Network::Multicast),
    (Ipv4Addr::new(255, 255, 255, 255), 32, Network::Broadcast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Network::Reserved),
];

/// IPv6 blocks, in the form of [`IPV4`].
const IPV6: [(Ipv6Addr, u32, Network); 17] = [
    (Ipv6Addr::UNSPECIFIED, 128, Network::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Network::Loopback),
    (Ipv6Addr::UNSPECIFIED, 96, Network::Compatible),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, Network::Mapped),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, Network::Mapped),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, Network::Translated),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Network::Translated),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Network::UniqueLocal),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Network::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Network::SiteLocal),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Network::Multicast),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Network::Teredo),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Network::Benchmarking),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        Network::ProtocolAssignment,
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        Network::Documentation,
    ),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Network::SixToFour),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Network::Documentation),
];

/// The block from which public IPv6 addresses are assigned (RFC 4291, section 2.4).
const GLOBAL: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Returns the kind of network that keeps an address from being public; `None` for a public address.
#[must_use]
pub fn network_of(address: IpAddr) -> Option<Network> {
    match address {
        IpAddr::V4(address) => {
            let inside = |first: &Ipv4Addr, bits: u32| {
                let differing = u32::from(address) ^ u32::from(*first);
                differing.leading_zeros() >= bits
            };
            let found = IPV4.iter().find(|(first, bits, _)| inside(first, *bits));
            found.map(|(_, _, network)| *network)
        }
        IpAddr::V6(address) => {
            let inside = |first: &Ipv6Addr, bits: u32| {
                let differing = u128::from(address) ^ u128::from(*first);
                differing.leading_zeros() >= bits
            };
            let found = IPV6.iter().find(|(first, bits, _)| inside(first, *bits));
            let special = found.map(|(_, _, network)| *network);
            let (first, bits) = GLOBAL;
            special.or_else(|| (!inside(&first, bits)).then_some(Network::Reserved))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strum::IntoEnumIterator;

    use super::*;

    fn kind(address: &str) -> Option<Network> {
        network_of(address.parse().unwrap())
    }

    /// Each block: its first and last address, and its kind. Written as people write it, apart from the code's table.
    const BLOCKS: [(&str, &str, Network); 33] = [
        ("0.0.0.0", "0.255.255.255", Network::Unspecified),
        ("10.0.0.0", "10.255.255.255", Network::Private),
        ("100.64.0.0", "100.127.255.255", Network::CarrierNat),
        ("127.0.0.0", "127.255.255.255", Network::Loopback),
        ("169.254.0.0", "169.254.255.255", Network::LinkLocal),
        ("172.16.0.0", "172.31.255.255", Network::Private),
        ("192.0.0.0", "192.0.0.255", Network::ProtocolAssignment),
        ("192.0.2.0", "192.0.2.255", Network::Documentation),
        ("192.88.99.0", "192.88.99.255", Network::SixToFour),
        ("192.168.0.0", "192.168.255.255", Network::Private),
        ("198.18.0.0", "198.19.255.255", Network::Benchmarking),
        ("198.51.100.0", "198.51.100.255", Network::Documentation),
        ("203.0.113.0", "203.0.113.255", Network::Documentation),
        ("224.0.0.0", "239.255.255.255", Network::Multicast),
        ("240.0.0.0", "255.255.255.254", Network::Reserved),
        ("255.255.255.255", "255.255.255.255", Network::Broadcast),
        ("::", "::", Network::Unspecified),
        ("::1", "::1", Network::Loopback),
        ("::2", "::255.255.255.255", Network::Compatible),
        ("::ffff:0.0.0.0", "::ffff:255.255.255.255", Network::Mapped),
        ("::ffff:0:0.0.0.0", "::ffff:0:255.255.255.255", Network::Mapped),
        ("64:ff9b::", "64:ff9b::ffff:ffff", Network::Translated),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Network::Translated),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Network::Teredo),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Network::Benchmarking),
        (
            "2001:2:1::",
            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
            Network::ProtocolAssignment,
        ),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Network::Documentation,
        ),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Network::SixToFour),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            Network::Documentation,
        ),
        (
            "fc00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Network::UniqueLocal,
        ),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Network::LinkLocal),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Network::SiteLocal),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Network::Multicast),
    ];

    #[test]
    fn each_block_is_refused_from_first_to_last() {
        for (first, last, network) in BLOCKS {
            assert_eq!(kind(first), Some(network), "{first}");
            assert_eq!(kind(last), Some(network), "{last}");
        }
        let kinds: HashSet<Network> = BLOCKS.iter().map(|(_, _, network)| *network).collect();
        assert_eq!(kinds.len(), Network::iter().count());
    }

    #[test]
    fn neighbours_of_refused_blocks_are_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::",
            "2001:200::",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
            "2003::",
            "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "3fff:1000::",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2606:4700:4700::1111",
        ] {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    #[test]
    fn ipv6_outside_the_public_block_is_refused() {
        for address in [
            "::1:0:0",
            "::fffe:ffff:0:0",
            "100::1",
            "64:ff9b:2::1",
            "1fff::1",
            "4000::1",
            "5f00::1",
            "fbff::1",
        ] {
            assert_eq!(kind(address), Some(Network::Reserved), "{address}");
        }
        // The old 6bone and a wrong length of the prefix would show here.
        let blocks = (0..=0xffff_u16)
            .filter(|first| kind(&format!("{first:x}:ffff::1")).is_none())
            .count();
        assert_eq!(blocks, 0x2000 - 1, "all of 2000::/3 but 6to4");
    }

    #[test]
    fn addresses_of_clouds_are_refused() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.169.123",
            "169.254.78.1",
            "fd00:ec2::254",
            "fd00:ec2::253",
            "100.100.100.200",
            "192.0.0.192",
            "127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(kind(address).is_some(), "{address}");
        }
    }
}
