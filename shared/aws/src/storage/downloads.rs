//! Signed URLs of the files of emails.
//!
//! **Role:** called by [`crate::storage::files`].
//! **Invariant:** a URL serves its object as a file to save, never as a page: a browser does not run a caller's HTML.
//! **Erasure:** every object lies under its email's prefix, so that an erasure finds it. A copy that an erasure
//! misses expires by its tag.

use std::time::Duration;

use aws_sdk_s3::config::ResponseChecksumValidation;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use domain::message::attachment::Attachment;
use domain::ports::{Download, PortError};
use domain::timestamp::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::runtime::failure::{call_error, port};
use crate::storage::bodies::{BodyStore, keep_tag};

/// Retention of a copy: the shortest time of [`KEEP_DAYS`](crate::storage::bodies::KEEP_DAYS).
const KEPT: Duration = Duration::from_secs(86_400);

impl BodyStore {
    /// Writes a copy for a download. An existing one starts its retention anew.
    pub(super) async fn put_download(&self, object: &str, content: Vec<u8>, now: Timestamp) -> Result<(), PortError> {
        let put = self.s3.put_object().bucket(&self.bucket).key(object);
        let put = put
            .tagging(keep_tag(now.after(KEPT), now))
            .body(ByteStream::from(content));
        let stored = put.send().await;
        stored
            .map(|_| ())
            .map_err(call_error("storing a file for its download"))
    }

    /// Signs a URL of an object. Needs no call.
    pub(super) async fn sign_download(
        &self,
        object: &str,
        file: &Attachment,
        life: Duration,
        now: Timestamp,
    ) -> Result<Download, PortError> {
        const WHAT: &str = "signing a download";
        let config = PresigningConfig::expires_in(life).map_err(|error| port(WHAT)(error.into()))?;
        let get = self.s3.get_object().bucket(&self.bucket).key(object);
        let get = get
            .response_content_type(file.content_type())
            .response_content_disposition(disposition(file.filename()));
        // The default would sign a header that the caller's program does not send.
        let plain =
            aws_sdk_s3::config::Builder::new().response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        let signed = get.customize().config_override(plain).presigned(config).await;
        let signed = signed.map_err(|error| port(WHAT)(error.into()))?;
        Ok(Download {
            url: signed.uri().to_owned(),
            expires_at: now.after(life),
        })
    }
}

/// Returns the header that saves a file under its name.
///
/// Source: RFC 6266, 4.3 and RFC 8187, 3.2, read 2026-11-29.
fn disposition(filename: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._- ".contains(c);
    if filename.chars().all(is_plain) {
        return format!("attachment; filename=\"{filename}\"");
    }
    let encoded = utf8_percent_encode(filename, NON_ALPHANUMERIC);
    format!("attachment; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
#[path = "downloads_tests.rs"]
mod tests;
