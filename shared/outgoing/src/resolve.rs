//! The addresses of a target, checked.
//!
//! **Invariant:** only [`checked`] makes a [`Checked`], and a connection needs one. So no connection goes to an address
//! that was not checked for this very call.
//! **Start reading at** [`checked`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::failure::{DnsError, Failure};
use crate::host::{Host, LOCALHOST};
use crate::rule::{Refusal, Rule};
use crate::target::Target;

/// DNS, as a call needs it.
pub trait Resolve: Send + Sync {
    /// Returns all addresses of a name, IPv4 and IPv6, from DNS and never from a cache: each attempt is checked by the
    /// answer of its own time. The name has no dot at its end.
    ///
    /// # Errors
    /// See [`DnsError`].
    fn resolve(&self, name: &str) -> impl Future<Output = Result<Vec<IpAddr>, DnsError>> + Send;
}

/// The addresses to which one call may connect, in the order of their attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked(Vec<SocketAddr>);

impl Checked {
    /// Returns the addresses, at least one.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

/// Resolves the host of a target once, and checks every address. An API can also use it to warn about a URL that has
/// no address yet.
///
/// # Errors
/// [`Failure::Refused`] if one of the addresses is not allowed, even if others are. [`Failure::Dns`] without an address.
pub async fn checked(resolver: &impl Resolve, target: &Target) -> Result<Checked, Failure> {
    let (addresses, resolved) = match target.host() {
        Host::Address(address) => (vec![*address], false),
        Host::Name(name) if name == LOCALHOST => (vec![Ipv4Addr::LOCALHOST.into()], false),
        Host::Name(name) => (resolver.resolve(name).await?, true),
    };
    if addresses.is_empty() {
        return Err(DnsError::NoAddress.into());
    }
    Ok(allowed(target, addresses, resolved)?)
}

/// Checks the addresses, and puts IPv4 first: a Lambda function has no route for IPv6.
fn allowed(target: &Target, mut addresses: Vec<IpAddr>, resolved: bool) -> Result<Checked, Refusal> {
    for address in &addresses {
        let refusal = |rule: Rule| Refusal { rule, resolved };
        target.policy().check(*address, target.port()).map_err(refusal)?;
    }
    addresses.sort_by_key(IpAddr::is_ipv6);
    let with_port = |address| SocketAddr::new(address, target.port());
    Ok(Checked(addresses.into_iter().map(with_port).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Network;
    use crate::target::Policy;

    struct Fixed(Result<Vec<IpAddr>, DnsError>);

    impl Resolve for Fixed {
        async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, DnsError> {
            self.0.clone()
        }
    }

    async fn resolved(url: &str, policy: Policy, addresses: &[&str]) -> Result<Vec<String>, Failure> {
        let target = Target::parse(url, policy).unwrap();
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        let checked = checked(&Fixed(Ok(addresses.collect())), &target).await?;
        Ok(checked.addresses().iter().map(ToString::to_string).collect())
    }

    fn refused(found: Result<Vec<String>, Failure>) -> Rule {
        match found {
            Err(Failure::Refused(Refusal { rule, resolved: true })) => rule,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn ipv4_comes_first_in_the_order_of_dns() {
        let given = ["2606:4700::1", "93.184.215.14", "2606:4700::2", "93.184.215.13"];
        let ordered = [
            "93.184.215.14:443",
            "93.184.215.13:443",
            "[2606:4700::1]:443",
            "[2606:4700::2]:443",
        ];
        let found = resolved("https://hooks.example.com/", Policy::Public, &given).await;
        assert_eq!(found.unwrap(), ordered);
    }

    #[tokio::test]
    async fn one_address_that_is_not_public_refuses_the_name() {
        for (address, network) in [
            ("127.0.0.1", Network::Loopback),
            ("10.1.2.3", Network::Private),
            ("169.254.169.254", Network::LinkLocal),
            ("169.254.170.2", Network::LinkLocal),
            ("100.64.0.1", Network::CarrierNat),
            ("0.0.0.0", Network::Unspecified),
            ("255.255.255.255", Network::Broadcast),
            ("::1", Network::Loopback),
            ("::ffff:127.0.0.1", Network::Mapped),
            ("::ffff:93.184.215.14", Network::Mapped),
            ("64:ff9b::7f00:1", Network::Translated),
            ("64:ff9b:1::7f00:1", Network::Translated),
            ("2002:7f00:1::", Network::SixToFour),
            ("2001::1", Network::Teredo),
            ("fd00:ec2::254", Network::UniqueLocal),
            ("fe80::1", Network::LinkLocal),
            ("fec0::1", Network::SiteLocal),
        ] {
            for given in [
                vec![address],
                vec!["93.184.215.14", address],
                vec![address, "93.184.215.14"],
                vec!["2606:4700::1", "93.184.215.14", address],
            ] {
                let found = resolved("https://hooks.example.com/", Policy::Public, &given).await;
                assert_eq!(refused(found), Rule::Address(network), "{given:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_local_stack_resolves_names_to_this_machine() {
        let url = "http://hooks.example.com:3000/";
        let found = resolved(url, Policy::Any, &["127.0.0.1"]).await;
        assert_eq!(found.unwrap(), ["127.0.0.1:3000"]);
        let found = resolved(url, Policy::Any, &["127.0.0.1", "10.0.0.1"]).await;
        assert_eq!(refused(found), Rule::Address(Network::Private));
        let found = resolved("http://hooks.example.com:9001/", Policy::Any, &["127.0.0.1"]).await;
        assert_eq!(refused(found), Rule::RuntimeApi);
    }

    #[tokio::test]
    async fn localhost_and_addresses_are_not_looked_up() {
        for (url, address) in [
            ("http://localhost:3000/", "127.0.0.1:3000"),
            ("https://93.184.215.14/", "93.184.215.14:443"),
            ("https://[2606:4700::1]/", "[2606:4700::1]:443"),
        ] {
            let target = Target::parse(url, Policy::Any).unwrap();
            let found = checked(&Fixed(Err(DnsError::Unavailable)), &target).await.unwrap();
            assert_eq!(found.addresses()[0].to_string(), address);
        }
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_an_error_of_dns() {
        let found = resolved("https://hooks.example.com/", Policy::Public, &[]).await;
        assert!(matches!(found, Err(Failure::Dns(DnsError::NoAddress))), "{found:?}");
        let target = Target::parse("https://hooks.example.com/", Policy::Public).unwrap();
        let found = checked(&Fixed(Err(DnsError::Unavailable)), &target).await;
        assert!(matches!(found, Err(Failure::Dns(DnsError::Unavailable))), "{found:?}");
    }
}
