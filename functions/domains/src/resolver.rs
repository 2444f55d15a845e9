//! Looks up DNS records, with the system's DNS servers or the server of a local stack.
//!
//! **Invariant:** no answer is cached here: people compare it with the record that they have just entered. A failed
//! lookup is [`DnsAnswer::Unknown`].

use std::net::SocketAddr;
use std::time::Duration;

use domain::ports::domains::Dns;
use domain::tenant::domains::dns::{DnsAnswer, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{self, RData};

/// Timeout of one question to one server.
const PATIENCE: Duration = Duration::from_secs(2);

/// DNS.
#[derive(Clone)]
pub struct Resolver(TokioResolver);

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// Creates a resolver that asks this server; `None`: the system's servers.
    ///
    /// # Errors
    /// The system's configuration cannot be read.
    pub fn connect(server: Option<SocketAddr>) -> Result<Self, NetError> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio()?,
            Some(server) => {
                let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
                for connection in &mut name_server.connections {
                    connection.port = server.port();
                }
                let config = ResolverConfig::from_name_servers(vec![name_server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = PATIENCE;
        options.attempts = 1;
        Ok(Self(builder.build()?))
    }
}

impl Dns for Resolver {
    async fn look_up(&self, host: &str, record_type: RecordType) -> DnsAnswer {
        let asked = match record_type {
            RecordType::Cname => rr::RecordType::CNAME,
            RecordType::Mx => rr::RecordType::MX,
            RecordType::Txt => rr::RecordType::TXT,
        };
        // The dot keeps the system's search domains out.
        match self.0.lookup(format!("{host}."), asked).await {
            Ok(found) => DnsAnswer::Values(
                found
                    .answers()
                    .iter()
                    .filter_map(|record| value(&record.data))
                    .collect(),
            ),
            Err(error) if error.is_no_records_found() => DnsAnswer::Values(Vec::new()),
            Err(error) => {
                tracing::warn!(%error, "DNS did not answer");
                DnsAnswer::Unknown
            }
        }
    }
}

/// Returns the value of a record of the types that are looked up.
fn value(data: &RData) -> Option<String> {
    let host = |name: &rr::Name| name.to_ascii().trim_end_matches('.').to_owned();
    #[expect(clippy::wildcard_enum_match_arm, reason = "DNS has many types of records")]
    match data {
        RData::CNAME(name) => Some(host(&name.0)),
        RData::MX(server) => Some(host(&server.exchange)),
        RData::TXT(text) => {
            let parts = text.txt_data.iter().map(|part| String::from_utf8_lossy(part));
            Some(parts.collect())
        }
        _ => None,
    }
}
