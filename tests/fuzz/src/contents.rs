//! Stored contents: what was packed comes back, and anything else is an error.

use domain::message::email::EmailContent;

use crate::promises;

/// What is unpacked is never more than this, whatever it claims to be.
const UNPACKED_MAX: usize = 8 * 1024 * 1024;

/// Reads the bytes as a stored content, and as what is in one.
pub(crate) fn run(data: &[u8]) {
    if let Ok(content) = aws::probe::unpack(data) {
        assert!(content.len() <= UNPACKED_MAX, "{} bytes", content.len());
        read(&content);
    }
    let packed = zstd::bulk::compress(data, 3).unwrap_or_default();
    let unpacked = aws::probe::unpack(&packed);
    assert_eq!(unpacked.ok().as_deref(), Some(data), "what was packed comes back");
    read(data);
}

fn read(content: &[u8]) {
    match EmailContent::from_body(content) {
        Ok(email) => promises::accepted(&email),
        // It goes into a log.
        Err(error) => assert!(!error.to_string().contains(promises::CANARY), "{error}"),
    }
}
