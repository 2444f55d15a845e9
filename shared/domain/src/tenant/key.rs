//! An API key: its tenant and its permission.
//!
//! **Invariant:** the stored form of a key suffices to recognise it, not to use it.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::sender::FromDomain;
use crate::id::{KeyId, TenantId};
use crate::timestamp::Timestamp;

/// The permission of a key: the kinds of actions that it allows.
///
/// Source: Resend's API reference, "Create API key"; `read_access` is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Permission {
    /// Every operation of a tenant.
    #[default]
    FullAccess,
    /// Sending emails and uploading their files; no reading.
    SendingAccess,
    /// Reading everything; no sending and no changes.
    ReadAccess,
}

/// The kind of action that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sends an email, or uploads a file for one.
    Send,
    /// Reads.
    Read,
    /// Any other operation.
    Manage,
}

impl Permission {
    /// All permissions.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if a key with this permission may do the action.
    #[must_use]
    pub const fn allows(self, action: Action) -> bool {
        match (self, action) {
            (Self::FullAccess, _) | (Self::SendingAccess, Action::Send) | (Self::ReadAccess, Action::Read) => true,
            (Self::SendingAccess, Action::Read | Action::Manage)
            | (Self::ReadAccess, Action::Send | Action::Manage) => false,
        }
    }
}

/// The actor that created or revoked a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Actor {
    /// The deployer.
    Deployer,
    /// The bearer of a key.
    Key(KeyId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployer => f.write_str("deployer"),
            Self::Key(id) => id.fmt(f),
        }
    }
}

/// A text that names no actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be deployer or the id of a key")]
pub struct NoActor;

impl TryFrom<String> for Actor {
    type Error = NoActor;

    fn try_from(text: String) -> Result<Self, NoActor> {
        match (text.as_str(), KeyId::parse(&text)) {
            ("deployer", _) => Ok(Self::Deployer),
            (_, Some(id)) => Ok(Self::Key(id)),
            (_, None) => Err(NoActor),
        }
    }
}

impl From<Actor> for String {
    fn from(maker: Actor) -> Self {
        maker.to_string()
    }
}

/// The stored form of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id of the key.
    pub id: KeyId,
    /// The tenant of the key.
    pub tenant: TenantId,
    /// The display name of the key.
    pub name: String,
    /// SHA-256 of its text.
    pub sha256: [u8; 32],
    /// The permission of the key.
    pub permission: Permission,
    /// From domains that it may use; empty for all domains of its tenant.
    pub from_domains: Vec<FromDomain>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Creator.
    pub created_by: Actor,
    /// Time of expiry, from which on it is rejected.
    pub expires_at: Option<Timestamp>,
    /// Time and actor of its revocation.
    pub revoked: Option<(Timestamp, Actor)>,
    /// Hour of its last use.
    pub last_used_at: Option<Timestamp>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("permission", &self.permission)
            .finish_non_exhaustive()
    }
}

/// A change of a key; `None` leaves a value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// The new name of the key.
    pub name: Option<String>,
    /// The complete list of its From domains; domains that are not named are removed.
    pub from_domains: Option<Vec<FromDomain>>,
}

/// The reason for rejecting a known key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    /// The key was revoked.
    #[error("was revoked")]
    Revoked,
    /// The key has expired.
    #[error("has expired")]
    Expired,
}

impl ApiKey {
    /// Checks that the key is valid at `now`.
    ///
    /// # Errors
    /// [`Bad`], the reason for rejecting it.
    pub fn check(&self, now: Timestamp) -> Result<(), Bad> {
        if self.revoked.is_some() {
            return Err(Bad::Revoked);
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Bad::Expired);
        }
        Ok(())
    }

    /// The hour of the last use, if not stored yet.
    #[must_use]
    pub fn use_to_record(&self, now: Timestamp) -> Option<Timestamp> {
        let hour = hour_of(now);
        self.last_used_at.is_none_or(|noted| noted < hour).then_some(hour)
    }
}

/// Start of an hour.
fn hour_of(now: Timestamp) -> Timestamp {
    const HOUR: i64 = 3_600_000;
    Timestamp::from_millis(now.as_millis().div_euclid(HOUR).saturating_mul(HOUR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EmailId;

    fn key() -> ApiKey {
        ApiKey {
            id: KeyId::of(EmailId::from_random([1; 16])),
            tenant: TenantId::main(),
            name: "shop".to_owned(),
            sha256: [0; 32],
            permission: Permission::FullAccess,
            from_domains: Vec::new(),
            created_at: Timestamp::from_millis(0),
            created_by: Actor::Deployer,
            expires_at: None,
            revoked: None,
            last_used_at: None,
        }
    }

    #[test]
    fn each_permission_allows_its_actions() {
        use Action::{Manage, Read, Send};
        for (permission, allowed) in [
            (Permission::FullAccess, &[Send, Read, Manage][..]),
            (Permission::SendingAccess, &[Send]),
            (Permission::ReadAccess, &[Read]),
        ] {
            for action in [Send, Read, Manage] {
                assert_eq!(
                    permission.allows(action),
                    allowed.contains(&action),
                    "{permission:?} {action:?}"
                );
            }
        }
    }

    #[test]
    fn a_key_is_valid_until_expiry_or_revocation() {
        let at = Timestamp::from_millis;
        assert_eq!(key().check(at(i64::MAX)), Ok(()));
        let expires = ApiKey {
            expires_at: Some(at(10)),
            ..key()
        };
        assert_eq!(
            (expires.check(at(9)), expires.check(at(10))),
            (Ok(()), Err(Bad::Expired))
        );
        let revoked = ApiKey {
            revoked: Some((at(5), Actor::Deployer)),
            ..expires
        };
        assert_eq!(revoked.check(at(0)), Err(Bad::Revoked));
    }

    #[test]
    fn a_use_is_recorded_once_an_hour() {
        let (hour, at) = (3_600_000, Timestamp::from_millis);
        assert_eq!(key().use_to_record(at(hour + 1)), Some(at(hour)));
        let used = ApiKey {
            last_used_at: Some(at(hour)),
            ..key()
        };
        assert_eq!(
            (used.use_to_record(at(2 * hour - 1)), used.use_to_record(at(2 * hour))),
            (None, Some(at(2 * hour)))
        );
    }

    #[test]
    fn an_actor_is_stored_as_text() {
        for maker in [Actor::Deployer, Actor::Key(key().id)] {
            assert_eq!(Actor::try_from(maker.to_string()), Ok(maker));
        }
        assert_eq!(Actor::try_from("nobody".to_owned()), Err(NoActor));
    }

    #[test]
    fn debug_does_not_show_the_hash() {
        assert!(!format!("{:?}", key()).contains("sha256"));
    }
}
