//! Transactions: several writes, all of them or none.
//!
//! **Lost answers:** a transaction is repeated with the same token, which DynamoDB knows for ten minutes.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use domain::ports::{FailureKind, PortError};

use crate::runtime::failure::{call_error, kind_of, port};
use crate::storage::attributes::Item;
use crate::storage::table::Table;
use crate::storage::table::request::Write;
use crate::storage::table::retry::Retry;

/// Outcome of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Transacted {
    /// Everything is written.
    Done,
    /// Nothing is written. One entry per write, in order.
    Refused(Vec<Check>),
}

/// Part of one write in the refusal of its transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Check {
    /// The condition of the write held, as far as known.
    Held,
    /// The condition of the write failed; the stored item, if there is one.
    Failed(Option<Item>),
}

impl Table {
    /// Carries out up to a hundred writes to this table, all of them or none.
    pub(crate) async fn transact(&self, writes: Vec<Write>, what: &'static str) -> Result<Transacted, PortError> {
        self.transact_across(writes, self, Vec::new(), what).await
    }

    /// Carries out up to a hundred writes to this table and to a sibling, all of them or none.
    ///
    /// An attempt that surely had no effect is repeated with a new token. An attempt with an unknown outcome is
    /// repeated with the same token: DynamoDB answers as it did the first time.
    pub(crate) async fn transact_across(
        &self,
        writes: Vec<Write>,
        sibling: &Self,
        others: Vec<Write>,
        what: &'static str,
    ) -> Result<Transacted, PortError> {
        let own = writes.into_iter().map(|write| write.build(&self.name));
        let others = others.into_iter().map(|write| write.build(&sibling.name));
        let items: Result<Vec<TransactWriteItem>, _> = own.chain(others).collect();
        let items = items.map_err(|error| port(what)(error.into()))?;
        let mut token = new_token(what)?;
        let mut retry = Retry::begin();
        loop {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(token.clone());
            let Err(error) = call.send().await else {
                return Ok(Transacted::Done);
            };
            let mut kind = None;
            if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() {
                let reasons = canceled.cancellation_reasons();
                let refused = reasons.iter().any(is_refused);
                let others = canceled_for(reasons);
                if refused && others.is_none_or(FailureKind::is_passing) {
                    return Ok(Transacted::Refused(reasons.iter().map(check).collect()));
                }
                kind = Some(others.unwrap_or(FailureKind::Permanent));
            }
            let mut error = call_error(what)(error);
            error.kind = kind.unwrap_or(error.kind);
            let same_token = error.kind.may_have_taken_effect();
            retry.after(error).await?;
            if !same_token {
                token = new_token(what)?;
            }
        }
    }
}

fn is_refused(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn check(reason: &CancellationReason) -> Check {
    if is_refused(reason) {
        Check::Failed(reason.item.clone())
    } else {
        Check::Held
    }
}

/// Returns why a transaction failed, apart from failed conditions; `None` when there is no other reason. A
/// permanent reason outweighs a transient one.
fn canceled_for(reasons: &[CancellationReason]) -> Option<FailureKind> {
    const CANCELED: Option<u16> = Some(400);
    let others = reasons.iter().filter(|reason| !is_refused(reason));
    let codes = others
        .filter_map(CancellationReason::code)
        .filter(|code| *code != "None");
    let kinds: Vec<_> = codes.map(|code| kind_of(true, Some(code), CANCELED)).collect();
    let lasting = kinds.iter().find(|kind| !kind.is_passing());
    lasting.or(kinds.first()).copied()
}

/// Token by which DynamoDB recognises a repeated transaction. Source: Amazon DynamoDB API reference,
/// `TransactWriteItems`, `ClientRequestToken`.
fn new_token(what: &'static str) -> Result<String, PortError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| port(what)(error.into()))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
