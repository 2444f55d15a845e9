//! Suppression list of the AWS account at SES: looks up one address, and removes it.
//!
//! **Role:** called when a person releases an address that SES refused because of this list.
//! **Invariant:** both calls may be repeated. The SDK does so after a failure, and an unlisted address is no
//! error.
//!
//! Source: Amazon SES API v2, `GetSuppressedDestination` and `DeleteSuppressedDestination`, read 2026-11-28.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::types::SuppressionListReason;
use domain::message::address::EmailAddress;
use domain::ports::{AccountList, ListReason, PortError};

use crate::runtime::failure::port;

/// Suppression list of the account.
#[derive(Debug, Clone)]
pub struct SesAccountList {
    client: Client,
}

impl SesAccountList {
    /// Creates the adapter of the client's account and region.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl AccountList for SesAccountList {
    async fn reason(&self, address: &EmailAddress) -> Result<Option<ListReason>, PortError> {
        let request = self.client.get_suppressed_destination().email_address(address.as_str());
        match request.send().await {
            Ok(found) => Ok(found.suppressed_destination.map(|found| {
                if found.reason == SuppressionListReason::Bounce {
                    ListReason::Bounce
                } else {
                    // An unknown reason gets the stricter treatment.
                    ListReason::Complaint
                }
            })),
            Err(error) => match error.as_service_error() {
                Some(said) if said.is_not_found_exception() => Ok(None),
                Some(_) | None => Err(port("reading SES's suppression list")(error.into())),
            },
        }
    }

    async fn remove(&self, address: &EmailAddress) -> Result<(), PortError> {
        let removal = self
            .client
            .delete_suppressed_destination()
            .email_address(address.as_str());
        match removal.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(said) if said.is_not_found_exception() => Ok(()),
                Some(_) | None => Err(port("removing an address from SES's suppression list")(error.into())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay, SentRequest};

    const NOT_FOUND: &str = r#"{"__type":"NotFoundException","message":"not on the list"}"#;

    fn list(replay: &Replay) -> SesAccountList {
        SesAccountList::new(replay.clients().ses_account())
    }

    fn ann() -> EmailAddress {
        EmailAddress::parse("Ann+x@example.com").unwrap()
    }

    fn listed(reason: &str) -> (u16, String) {
        let listed = format!(r#"{{"EmailAddress":"Ann+x@example.com","Reason":"{reason}","LastUpdateTime":1}}"#);
        (200, format!(r#"{{"SuppressedDestination":{listed}}}"#))
    }

    #[tokio::test]
    async fn an_unknown_reason_counts_as_a_complaint() {
        for (answer, reason) in [
            (listed("BOUNCE"), Some(ListReason::Bounce)),
            (listed("COMPLAINT"), Some(ListReason::Complaint)),
            (listed("OTHER"), Some(ListReason::Complaint)),
            ((404, NOT_FOUND.to_owned()), None),
        ] {
            let replay = Replay::new([answer]);
            assert_eq!(list(&replay).reason(&ann()).await.unwrap(), reason);
            let line = replay.only().line();
            assert!(
                line.starts_with("GET ") && line.ends_with("/v2/email/suppression/addresses/Ann%2Bx%40example.com"),
                "{line}"
            );
        }
    }

    #[tokio::test]
    async fn a_quoted_local_part_is_escaped_in_the_path() {
        let replay = Replay::new([(200, "{}".to_owned())]);
        let quoted = EmailAddress::parse("\"two w@rds\"@example.com").unwrap();
        list(&replay).remove(&quoted).await.unwrap();
        let line = replay.only().line();
        assert!(line.ends_with("/addresses/%22two%20w%40rds%22%40example.com"), "{line}");
    }

    #[tokio::test]
    async fn removing_an_unlisted_address_succeeds() {
        for answer in [(200, "{}".to_owned()), (404, NOT_FOUND.to_owned())] {
            let replay = Replay::new([answer]);
            list(&replay).remove(&ann()).await.unwrap();
            assert!(replay.only().line().starts_with("DELETE "));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_call_is_repeated_and_then_an_error() {
        let replay = Replay::new([CannedResponse::Lost, CannedResponse::from((200, "{}".to_owned()))]);
        list(&replay).remove(&ann()).await.unwrap();
        let lines: Vec<_> = replay.sent_requests().iter().map(SentRequest::line).collect();
        assert_eq!(lines.len(), 2);
        let denied = || (403, r#"{"__type":"AccessDeniedException","message":"no"}"#.to_owned());
        let replay = Replay::new([denied()]);
        assert!(list(&replay).reason(&ann()).await.is_err());
    }
}
