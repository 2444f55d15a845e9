//! The person who restores the table, in the order of docs/OPERATIONS.md.
//!
//! Nothing is copied from the earlier table: that would only make fewer emails wait.
//! **Start reading at** [`restore`].

use std::sync::Arc;
use std::time::Duration;

use domain::id::TenantId;
use lambda_http::http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::ask_once;
use crate::oracle::Oracle;
use crate::scenario::TableRestore;
use crate::system::{ApiResponse, System};
use crate::tenants::request;

/// The time without a call after which no write of the earlier table can arrive any more. Source: the longest delay of
/// the fault model, 30 seconds.
const QUIET_SECS: u32 = 60;

/// The wait before another release, for emails that are not parked yet.
const AGAIN: Duration = Duration::from_secs(30);

/// Restores the table, and releases the older emails.
pub(crate) async fn restore(system: Arc<System>, oracle: Oracle, times: TableRestore) {
    let began = Instant::now();
    tokio::time::sleep_until(began + times.copied_at).await;
    let copy = system.backend.state().copy_table();
    tokio::time::sleep_until(began + times.stopped_at).await;
    system.stop_sending();
    let mut quiet = 0;
    while quiet < QUIET_SECS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        quiet = if system.is_idle() { quiet + 1 } else { 0 };
    }
    let epoch = system.backend.state().now();
    oracle.record_restore(&copy.records, epoch);
    system.backend.state().restore_table(copy);
    system.deploy(times.with_epoch.then_some(epoch));
    system.start_sending();
    tokio::time::sleep_until(began + times.released_at).await;
    while !release(&system, &oracle).await {
        tokio::time::sleep(AGAIN).await;
    }
}

/// Releases all older emails once; false if some are left.
async fn release(system: &System, oracle: &Oracle) -> bool {
    let (mut after, mut attempt, mut left) = (String::new(), 1, 0);
    loop {
        oracle.release_begins();
        let path = format!("/emails/release?restored=true{after}");
        let ask = || system.request(request(&TenantId::main(), Method::POST, &path, &Value::Null));
        let Some(ApiResponse { status: 202, json }) = ask_once(system, ask, attempt).await else {
            attempt += 1;
            continue;
        };
        left += ["left", "failed"]
            .iter()
            .filter_map(|name| json[*name].as_u64())
            .sum::<u64>();
        if json["has_more"] != json!(true) {
            return left == 0;
        }
        after = format!("&after={}", json["next"].as_str().unwrap_or_default());
    }
}
