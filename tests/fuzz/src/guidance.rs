//! A planted defect, behind five comparisons of one byte each: chance alone would need about 2^40 tries. An engine
//! that does not find it at once is blind, and its silence about the other targets means nothing.

/// Fails for inputs that begin with five specific bytes.
pub(crate) fn run(data: &[u8]) {
    let found = matches!(data, [b'm', b'a', b'i', b'l', b'q', ..]);
    assert!(!found, "the planted defect is found");
}
