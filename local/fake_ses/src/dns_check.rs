//! The looks of the fake SES at the DNS.
//!
//! **Role:** asks the fake DNS server for the records of every identity, again and again; [`crate::tracking`] decides.
//! **Invariant:** a look changes an identity only if the identity still wants the same records.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fake_dns::lookup::{LookupError, lookup};
use fake_dns::zone::Kind;
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::app::App;
use crate::identity::{Looked, Wanted};
use crate::tracking::Seen;

/// The limit of one query.
const PATIENCE: Duration = Duration::from_secs(1);

/// Looks at the records of all identities as long as the program runs, with `pause` between two looks.
pub fn start(app: Arc<App>, dns: SocketAddr, pause: Duration) {
    tokio::spawn(async move {
        loop {
            let wanted = app.identities().wanted(&app.region);
            let mut looks = JoinSet::new();
            for wanted in wanted {
                looks.spawn(async move {
                    let looked = look(dns, &wanted).await;
                    (wanted, looked)
                });
            }
            while let Some(look) = looks.join_next().await {
                match look {
                    Ok((wanted, looked)) => app
                        .identities()
                        .observe(&wanted, &looked, &app.region, Timestamp::now()),
                    Err(error) => tracing::error!(%error, "a look at the DNS failed"),
                }
            }
            tokio::time::sleep(pause).await;
        }
    });
}

async fn look(dns: SocketAddr, wanted: &Wanted) -> Looked {
    let mut dkim = None;
    for (name, target) in &wanted.aliases {
        let found = lookup(dns, name, Kind::Cname, PATIENCE).await;
        let seen = judged(found, |values| values == [target.to_ascii_lowercase()]);
        dkim = Some(seen);
        if seen != Seen::Right {
            break;
        }
    }
    let mail_from = match &wanted.mail_from {
        None => None,
        Some((domain, server)) => {
            let found = lookup(dns, domain, Kind::Mx, PATIENCE).await;
            // SES allows no second mail server, and any preference.
            let is_server = |value: &String| value.split_once(' ').is_some_and(|(_, host)| host == server);
            Some(judged(found, |values| {
                values.len() == 1 && values.iter().all(is_server)
            }))
        }
    };
    Looked { dkim, mail_from }
}

fn judged(found: Result<Vec<String>, LookupError>, is_right: impl Fn(&[String]) -> bool) -> Seen {
    match found {
        Ok(values) if values.is_empty() => Seen::NoType,
        Ok(values) if is_right(&values) => Seen::Right,
        Ok(_) => Seen::OtherValue,
        Err(LookupError::NoSuchName) => Seen::NoHost,
        Err(LookupError::Server(_)) => Seen::ServerError,
        Err(LookupError::NoAnswer) => Seen::NoAnswer,
    }
}
