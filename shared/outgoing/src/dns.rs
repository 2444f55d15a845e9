//! The resolver of the system. In Lambda that is the server in /etc/resolv.conf.
//!
//! **Invariant:** nothing is cached, /etc/hosts is not read, and no search domain is appended.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};

use crate::failure::DnsError;
use crate::resolve::Resolve;

/// Timeout of one question to one server.
const PATIENCE: Duration = Duration::from_secs(2);

/// The resolver.
#[derive(Clone)]
pub struct SystemResolver(TokioResolver);

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemResolver")
    }
}

impl SystemResolver {
    /// Creates a resolver that asks this server, or the system's servers.
    ///
    /// # Errors
    /// The system's configuration cannot be read.
    pub fn connect(server: Option<SocketAddr>) -> Result<Self, NetError> {
        let Some(server) = server else {
            return Self::over(TokioResolver::builder_tokio()?);
        };
        let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
        for connection in &mut name_server.connections {
            connection.port = server.port();
        }
        Self::with_config(ResolverConfig::from_name_servers(vec![name_server]))
    }

    /// Creates a resolver of any configuration, of which the search domains are not used.
    ///
    /// # Errors
    /// The configuration is unusable.
    pub fn with_config(config: ResolverConfig) -> Result<Self, NetError> {
        let runtime = TokioRuntimeProvider::default();
        Self::over(TokioResolver::builder_with_config(config, runtime))
    }

    fn over(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<Self, NetError> {
        let options = builder.options_mut();
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = PATIENCE;
        options.attempts = 1;
        Ok(Self(builder.build()?))
    }

    async fn look_up(&self, name: &str, record_type: RecordType) -> Result<Vec<IpAddr>, DnsError> {
        // The dot keeps the system's search domains out.
        match self.0.lookup(format!("{name}."), record_type).await {
            Ok(found) => Ok(found
                .answers()
                .iter()
                .filter_map(|record| address(&record.data))
                .collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(_) => Err(DnsError::Unavailable),
        }
    }
}

impl Resolve for SystemResolver {
    /// Asks for IPv4 and IPv6 at the same time. If one of the answers is missing, the addresses of the other are
    /// enough: only they are connected to, and each of them is checked.
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let (v4, v6) = tokio::join!(self.look_up(name, RecordType::A), self.look_up(name, RecordType::AAAA));
        let (mut addresses, rest) = match (v4, v6) {
            (Ok(v4), Ok(v6)) => (v4, v6),
            (Ok(found), Err(error)) | (Err(error), Ok(found)) if found.is_empty() => return Err(error),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => (found, Vec::new()),
            (Err(error), Err(_)) => return Err(error),
        };
        addresses.extend(rest);
        if addresses.is_empty() {
            return Err(DnsError::NoAddress);
        }
        Ok(addresses)
    }
}

/// Returns the address of a record. An alias on the way has none.
fn address(data: &RData) -> Option<IpAddr> {
    if let RData::A(address) = data {
        return Some(address.0.into());
    }
    if let RData::AAAA(address) = data {
        return Some(address.0.into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_cached_and_no_hosts_file_read() {
        for server in [None, Some("127.0.0.1:53".parse().unwrap())] {
            let resolver = SystemResolver::connect(server).unwrap();
            let options = resolver.0.options();
            assert_eq!(options.cache_size, 0);
            assert_eq!(options.use_hosts_file, ResolveHosts::Never);
            assert_eq!((options.timeout, options.attempts), (PATIENCE, 1));
        }
    }
}
