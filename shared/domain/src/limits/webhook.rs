//! The numbers that bound webhooks and their events.

/// Most overwritten facts of an email's life that a record with a webhook keeps; the newest are kept.
///
/// Source: our choice; about 40 bytes each. Each one needs a command of a caller.
pub const PAST_MAX: usize = 12;

/// Most claims whose left-out recipients a record with a webhook keeps; the newest are kept.
///
/// Source: our choice; six bytes for each recipient. Only a claim that was not accepted has a later one.
pub const LEFT_OUT_MAX: usize = 12;

/// Most bytes of the messages of servers in a fact for webhooks, of all its recipients together.
///
/// Source: our choice; a fact with one recipient and such a message stays under 1 KB, which is one write unit.
pub const FACT_DIAGNOSTICS_MAX: usize = 512;

/// Room for the message about each recipient of a fact, also if there are many.
///
/// Source: our choice, an SMTP reply with its enhanced code.
pub const FACT_WORDS_MIN: usize = 40;

/// Most bytes of an IP address in a fact.
///
/// Source: our choice; an IPv6 address has at most 45.
pub const FACT_IP_MAX: usize = 64;

/// Most bytes of a user agent in a fact.
///
/// Source: our choice; browsers send under 200.
pub const FACT_AGENT_MAX: usize = 512;

/// Most bytes of a clicked link in a fact.
///
/// Source: our choice, the usual length that browsers and servers take.
pub const FACT_LINK_MAX: usize = 2_048;

/// Most webhooks of a tenant.
///
/// Source: our choice: each event is stored once for each of them.
pub const WEBHOOKS_MAX: usize = 10;

/// Most bytes of an endpoint.
///
/// Source: our choice, as [`FACT_LINK_MAX`].
pub const ENDPOINT_MAX: usize = 2_048;

/// Fewest and most bytes of a signing secret.
///
/// Source: Standard Webhooks, "Signature scheme": between 24 bytes and 64 bytes.
pub const SIGNING_SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Most event types that a webhook asks for.
///
/// Source: our choice, above the number of types that exist here and at Resend.
pub const WEBHOOK_EVENTS_MAX: usize = 64;

/// Most attempts of a delivery that are shown; the newest are kept.
///
/// Source: our choice; a schedule has ten.
pub const ATTEMPTS_KEPT: usize = 10;

/// Most bytes of the newest answer of an endpoint.
///
/// Source: our promise: an answer is read to 1 KB.
pub const ANSWER_WORDS_MAX: usize = 1_024;

/// Most bytes of an earlier answer, and of a successful one: the delivery's item stays under 1 KB.
///
/// Source: our choice.
pub const ANSWER_WORDS_EARLIER: usize = 128;
