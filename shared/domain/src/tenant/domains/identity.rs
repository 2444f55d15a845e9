//! The identity of a domain in SES: its verification, its DKIM tokens and its MAIL FROM domain.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::id::TenantId;

/// The verification of an identity, or of one of its records, in Resend's words.
///
/// Source: Amazon SES API v2 reference, `VerificationStatus` and `DkimStatus`; Resend's OpenAPI document, version
/// 1.5.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum IdentityStatus {
    /// SES has not looked for the record yet.
    #[default]
    NotStarted,
    /// SES looks for the record.
    Pending,
    /// SES found the record.
    Verified,
    /// SES gave up after 72 hours.
    Failed,
    /// SES found the record before, and does not find it now.
    TemporaryFailure,
}

/// An identity, as SES describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Verification of the domain, by its DKIM records.
    pub status: IdentityStatus,
    /// True if SES sends for it. It does not while a demanded MAIL FROM domain is not verified.
    pub may_send: bool,
    /// Tokens of its three DKIM records.
    pub tokens: Vec<String>,
    /// Zone of the hosts that the DKIM records point to; `None` for the zone that all regions had first.
    pub dkim_zone: Option<String>,
    /// Its own MAIL FROM domain, if it has one, with its verification.
    pub mail_from: Option<(String, IdentityStatus)>,
    /// True if SES refuses emails without the MAIL FROM domain, instead of using a domain of its own. Only an identity that
    /// others configured demands it.
    pub demands_mail_from: bool,
    /// The tenant whose domain it is; `None` for an identity that this deployment neither created nor adopted.
    pub owner: Option<TenantId>,
}

/// The outcome of creating an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityCreation {
    /// It is new.
    Created,
    /// It existed before.
    Existed,
}
