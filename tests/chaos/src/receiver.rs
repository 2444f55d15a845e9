//! The receiver of the webhook: its address, its deaths and its faults.
//!
//! The local inbox answers, and fails as planned ([`faults`]). Before it stands a relay of connections, which dies for
//! some seconds again and again. Nobody listens then, so that a call is refused, and open connections are cut.
//!
//! **Role:** only `deliver` calls it.
//! **Invariant:** it returns under the same address, as a receiver does that was started again.
//! **Start reading at** [`Receiver::die_often`], or at [`count_faults`], which is pure.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::Trouble;

/// The time between two deaths.
const LIFE: Duration = Duration::from_secs(20);

/// The time of a death: less than the first pause of an endpoint that fails, so that the receiver is back after it.
const DEATH: Duration = Duration::from_secs(4);

/// The pause before another try to accept, to listen, or to end.
const PAUSE: Duration = Duration::from_millis(100);

/// The share of each kind of fault among all requests.
const SHARE: f64 = 0.03;

/// The count of a fault without a limit: the inbox tells only the rest of a count.
const OFTEN: usize = 1_000_000;

/// Returns the faults of the receiver for a run of so many emails. Each has a count, whose rest tells how often it
/// happened.
///
/// Each kind is rare: after three failures in a row, an endpoint pauses for up to five minutes, and gets no call.
#[must_use]
pub fn faults(emails: usize) -> Value {
    // Each of these holds a permit for 15 seconds.
    let hangs = emails / 250 + 1;
    // After each of these the webhook is disabled until the run enables it again.
    let goodbyes = hangs;
    let kinds = [
        (json!({"kind": "hang"}), hangs),
        (json!({"kind": "status", "status": 500}), OFTEN),
        (
            json!({"kind": "status", "status": 429, "headers": {"retry-after": "2"}}),
            OFTEN,
        ),
        (json!({"kind": "redirect"}), OFTEN),
        (json!({"kind": "endless"}), OFTEN),
        (json!({"kind": "close"}), OFTEN),
        (json!({"kind": "status", "status": 410}), goodbyes),
    ];
    kinds.iter().map(|(kind, count)| with(kind, *count)).collect()
}

/// The fault for some of all requests, at most so many times.
fn with(kind: &Value, count: usize) -> Value {
    let mut fault = kind.clone();
    if let Some(fields) = fault.as_object_mut() {
        fields.insert("share".to_owned(), json!(SHARE));
        fields.insert("count".to_owned(), json!(count));
    }
    fault
}

/// Returns how often each kind happened, `receiver_..`, including zeros. `rest` is the plan with its remaining counts,
/// and `refused` the number of attempts that met no listener.
#[must_use]
pub fn count_faults(planned: &Value, rest: &Value, refused: usize) -> BTreeMap<String, u64> {
    let each = |plan: &Value| plan.as_array().cloned().unwrap_or_default();
    let count = |fault: Option<&Value>| fault.and_then(|fault| fault.get("count")?.as_u64());
    let rest = each(rest);
    let struck = each(planned).into_iter().enumerate().map(|(index, fault)| {
        // Without an answer about the rest, nothing is proved.
        let struck = count(Some(&fault)).zip(count(rest.get(index)));
        let struck = struck.map_or(0, |(before, after)| before.saturating_sub(after));
        (format!("receiver_{}", name(&fault)), struck)
    });
    let refused = u64::try_from(refused).unwrap_or(u64::MAX);
    let mut counts = BTreeMap::new();
    for (kind, count) in struck.chain([("receiver_refused".to_owned(), refused)]) {
        *counts.entry(kind).or_default() += count;
    }
    counts
}

/// Returns whether each kind that [`count_faults`] counts happened at least once.
#[must_use]
pub fn each_happened(planned: &Value, rest: &Value, refused: usize) -> bool {
    count_faults(planned, rest, refused).values().all(|count| *count > 0)
}

/// The kind of a fault; the status of an answer, because each has its own meaning.
fn name(fault: &Value) -> String {
    let status = fault.get("status").and_then(Value::as_u64);
    let kind = fault.get("kind").and_then(Value::as_str).unwrap_or_default();
    status.map_or_else(|| kind.to_owned(), |status| status.to_string())
}

/// A receiver, as its callers see it.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    /// Host and port of the inbox.
    inbox: String,
    process: JoinHandle<()>,
}

impl Receiver {
    /// Starts a receiver before the inbox with this URL, at a free port.
    ///
    /// # Errors
    /// When the URL has no host, or no port is free.
    pub async fn start(inbox: &str) -> Result<Self, Trouble> {
        let host = Url::parse(inbox).ok().and_then(|url| {
            let port = url.port_or_known_default()?;
            Some(format!("{}:{port}", url.host_str()?))
        });
        let inbox = host.ok_or_else(|| Trouble(format!("The inbox has no address: {inbox}.")))?;
        let cannot = |error| Trouble(format!("The receiver cannot listen: {error}."));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let process = tokio::spawn(serve(listener, inbox.clone()));
        Ok(Self {
            address,
            inbox,
            process,
        })
    }

    /// Returns its URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Dies and returns, until the run is over. It ends alive.
    pub async fn die_often(&mut self, is_over: impl Fn() -> bool) {
        loop {
            let began = Instant::now();
            while began.elapsed() < LIFE {
                if is_over() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
            self.die().await;
            tokio::time::sleep(DEATH).await;
            self.come_back().await;
        }
    }

    /// Ends: its port refuses connections, and open ones are cut.
    async fn die(&mut self) {
        self.process.abort();
        // Only a task that has ended has closed its port. It always ends as canceled.
        (&mut self.process).await.ok();
    }

    /// Listens again at the same address.
    async fn come_back(&mut self) {
        loop {
            // Meanwhile a client may have got the port for its own connection. Then the death lasts a little longer.
            if let Ok(listener) = TcpListener::bind(self.address).await {
                self.process = tokio::spawn(serve(listener, self.inbox.clone()));
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.process.abort();
    }
}

async fn serve(listener: TcpListener, inbox: String) {
    let mut relays = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((caller, _)) => {
                relays.spawn(relay(caller, inbox.clone()));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        while relays.try_join_next().is_some() {}
    }
}

/// Passes the bytes on in both directions. An error is the end of one of the two connections, and of both.
async fn relay(mut caller: TcpStream, inbox: String) {
    if let Ok(mut inbox) = TcpStream::connect(inbox).await {
        copy_bidirectional(&mut caller, &mut inbox).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::ErrorKind;

    use strum::VariantNames;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn every_kind_of_the_receivers_faults_is_used() {
        let faults = faults(500);
        let kinds: BTreeSet<&str> = faults
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["kind"].as_str().unwrap())
            .collect();
        let known: BTreeSet<&str> = fake_ses::webhook_inbox::Kind::VARIANTS.iter().copied().collect();
        assert_eq!(kinds, known);
    }

    #[test]
    fn each_kind_is_counted_by_the_rest_of_its_count() {
        let planned = faults(500);
        let mut rest = planned.clone();
        for (index, fault) in rest.as_array_mut().unwrap().iter_mut().enumerate() {
            let count = fault["count"].as_u64().unwrap();
            fault["count"] = json!(count - u64::try_from(1 + index % 2).unwrap());
        }
        assert!(each_happened(&planned, &rest, 1));
        assert!(!each_happened(&planned, &rest, 0), "no call was refused");
        let counts = count_faults(&planned, &rest, 5);
        let counts: Vec<_> = counts.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        let expected = [
            ("receiver_410", 1),
            ("receiver_429", 1),
            ("receiver_500", 2),
            ("receiver_close", 2),
            ("receiver_endless", 1),
            ("receiver_hang", 1),
            ("receiver_redirect", 2),
            ("receiver_refused", 5),
        ];
        assert_eq!(counts, expected);
        rest[0] = planned[0].clone();
        assert!(!each_happened(&planned, &rest, 1), "no call hung");
        let unknown = count_faults(&planned, &Value::Null, 0);
        assert_eq!(unknown.len(), expected.len());
        assert!(unknown.values().all(|count| *count == 0));
    }

    #[tokio::test]
    async fn a_dead_receiver_refuses_and_returns_at_its_address() {
        let inbox = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut receiver = Receiver::start(&format!("http://{}/", inbox.local_addr().unwrap()))
            .await
            .unwrap();
        let url = receiver.url();
        for _ in 0..2 {
            let mut caller = TcpStream::connect(receiver.address).await.unwrap();
            caller.write_all(b"hello").await.unwrap();
            let (mut got, _) = inbox.accept().await.unwrap();
            let mut words = [0; 5];
            got.read_exact(&mut words).await.unwrap();
            assert_eq!(&words, b"hello");

            receiver.die().await;
            let refused = TcpStream::connect(receiver.address).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            // The connection that was open ends without an answer.
            assert_eq!(caller.read(&mut words).await.unwrap_or(0), 0);
            receiver.come_back().await;
            assert_eq!(receiver.url(), url);
        }
    }

    #[tokio::test]
    async fn a_run_that_is_over_leaves_the_receiver_alive() {
        let mut receiver = Receiver::start("http://127.0.0.1:9").await.unwrap();
        receiver.die_often(|| true).await;
        assert!(TcpStream::connect(receiver.address).await.is_ok());
    }

    #[tokio::test]
    async fn an_inbox_without_an_address_is_refused() {
        assert!(Receiver::start("inbox").await.is_err());
    }
}
