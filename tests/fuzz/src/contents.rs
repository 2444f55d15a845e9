//! Stored contents: unpacking returns the packed content, and any other input is an error.

use domain::message::email::EmailContent;

use crate::check::{check, check_eq};
use crate::oracle;

/// The maximum size of an unpacked content, regardless of the size that its header claims.
const UNPACKED_MAX: usize = 8 * 1024 * 1024;

/// Reads the bytes as a packed and as an unpacked content.
pub(crate) fn run(data: &[u8]) {
    if let Ok(content) = aws::probe::unpack(data) {
        check!(Refusal, content.len() <= UNPACKED_MAX, "{} bytes", content.len());
        read(&content);
    }
    let packed = zstd::bulk::compress(data, 3).unwrap_or_default();
    let unpacked = aws::probe::unpack(&packed);
    check_eq!(
        Content,
        unpacked.ok().as_deref(),
        Some(data),
        "a packed content unpacks to itself"
    );
    read(data);
}

fn read(content: &[u8]) {
    match EmailContent::from_body(content) {
        Ok(email) => oracle::readable(&email),
        // The error goes into a log.
        Err(error) => check!(Refusal, !error.to_string().contains(oracle::CANARY), "{error}"),
    }
}
