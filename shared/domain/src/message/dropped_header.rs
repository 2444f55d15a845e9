//! Headers of a request that no email gets.
//!
//! **Role:** read by [`crate::api::headers`], kept in the record for its caller.
//!
//! Source: the mailers of Laravel, Rails and Symfony pass these headers on; run 2026-11-29.

use strum::{Display, EnumString, VariantArray};

/// A header that frameworks pass on, and that the queue and Amazon SES set themselves. Its text form is the usual name,
/// and it is read in upper or lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString, VariantArray)]
#[strum(ascii_case_insensitive)]
pub enum DroppedHeader {
    /// The time of the email.
    #[strum(serialize = "Date")]
    Date,
    /// The id of the message, which Amazon SES replaces.
    #[strum(serialize = "Message-ID")]
    MessageId,
    /// The version of MIME.
    #[strum(serialize = "MIME-Version")]
    MimeVersion,
    /// The address for bounces.
    #[strum(serialize = "Return-Path")]
    ReturnPath,
    /// The agent that submitted the email.
    #[strum(serialize = "Sender")]
    Sender,
}

impl DroppedHeader {
    /// All dropped headers.
    pub const ALL: &'static [Self] = Self::VARIANTS;
}
