//! The one-time code of the console, and the API key for which it is exchanged.
//!
//! **Role:** a link with a code opens the console. The console exchanges the code for an API key of its own.
//! **Invariant:** the new key has the rights of the key that asked for the code, at the time of the exchange, or less.
//! It never outlives that key, and a revoked or expired key's code gives nothing.
//! **Start reading at** [`ConsoleCode::key`].

use super::key::{Actor, ApiKey, Permission};
use super::token::Token;
use crate::id::{KeyId, TenantId};
use crate::limits;
use crate::timestamp::Timestamp;

/// The stored form of a code, under the hash of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleCode {
    /// The tenant of the new key.
    pub tenant: TenantId,
    /// The key that asked for the code, or the deployer.
    pub asked_by: Actor,
    /// The end of the code.
    pub expires_at: Timestamp,
}

impl ConsoleCode {
    /// True if it can be exchanged at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// The key of the console. `asking`: the key that asked for the code, as it is stored now.
    ///
    /// `None` if that key may no longer be used.
    #[must_use]
    pub fn key(&self, asking: Option<&ApiKey>, id: KeyId, token: &Token, now: Timestamp) -> Option<ApiKey> {
        let (permission, from_domains, end) = match self.asked_by {
            Actor::Deployer => (Permission::FullAccess, Vec::new(), None),
            Actor::Key(asked_by) => {
                let is_the_same = |key: &&ApiKey| key.id == asked_by && key.tenant == self.tenant;
                let key = asking.filter(is_the_same).filter(|key| key.check(now).is_ok())?;
                (key.permission, key.from_domains.clone(), key.expires_at)
            }
        };
        let latest = now.after(limits::CONSOLE_KEY_VALID_FOR);
        Some(ApiKey {
            id,
            tenant: self.tenant.clone(),
            name: format!("Console {now}"),
            sha256: token.hash(),
            permission,
            from_domains,
            created_at: now,
            created_by: self.asked_by,
            expires_at: Some(end.map_or(latest, |end| end.min(latest))),
            revoked: None,
            last_used_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EmailId;
    use crate::tenant::sender::FromDomain;
    use crate::tenant::token::SECRET_BYTES;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn id(number: u8) -> KeyId {
        KeyId::of(EmailId::from_random([number; 16]))
    }

    fn asking() -> ApiKey {
        ApiKey {
            id: id(1),
            tenant: TenantId::main(),
            name: "admin".to_owned(),
            sha256: [7; 32],
            permission: Permission::ReadAccess,
            from_domains: vec![FromDomain::parse("shop.example").unwrap()],
            created_at: Timestamp::from_millis(0),
            created_by: Actor::Deployer,
            expires_at: None,
            revoked: None,
            last_used_at: None,
        }
    }

    fn exchanged(asked_by: Actor, asking: Option<&ApiKey>) -> Option<ApiKey> {
        let code = ConsoleCode {
            tenant: TenantId::main(),
            asked_by,
            expires_at: NOW,
        };
        code.key(asking, id(2), &Token::new(id(2), [3; SECRET_BYTES]), NOW)
    }

    #[test]
    fn the_key_has_the_rights_of_the_asking_key() {
        let key = exchanged(Actor::Key(id(1)), Some(&asking())).unwrap();
        assert_eq!(
            (key.permission, &key.from_domains),
            (Permission::ReadAccess, &asking().from_domains)
        );
        assert_eq!((key.created_by, key.created_at), (Actor::Key(id(1)), NOW));
        assert_eq!(key.name, "Console 1970-01-01T00:16:40.000Z");
        assert!(key.name.len() <= limits::KEY_NAME_MAX);
        assert_eq!(key.expires_at, Some(NOW.after(limits::CONSOLE_KEY_VALID_FOR)));
    }

    #[test]
    fn the_key_does_not_outlive_the_asking_key() {
        let latest = NOW.after(limits::CONSOLE_KEY_VALID_FOR);
        let soon = Timestamp::from_millis(NOW.as_millis() + 1);
        let late = Timestamp::from_millis(latest.as_millis() + 1);
        for (own, expected) in [(Some(soon), soon), (Some(late), latest), (None, latest)] {
            let asking = ApiKey {
                expires_at: own,
                ..asking()
            };
            let key = exchanged(Actor::Key(id(1)), Some(&asking)).unwrap();
            assert_eq!(key.expires_at, Some(expected), "{own:?}");
        }
    }

    #[test]
    fn a_code_of_an_unusable_key_gives_nothing() {
        let revoked = ApiKey {
            revoked: Some((NOW, Actor::Deployer)),
            ..asking()
        };
        let expired = ApiKey {
            expires_at: Some(NOW),
            ..asking()
        };
        let other = ApiKey { id: id(9), ..asking() };
        let foreign = ApiKey {
            tenant: TenantId::parse("acme").unwrap(),
            ..asking()
        };
        for unusable in [None, Some(revoked), Some(expired), Some(other), Some(foreign)] {
            assert_eq!(exchanged(Actor::Key(id(1)), unusable.as_ref()), None, "{unusable:?}");
        }
    }

    #[test]
    fn the_deployers_code_gives_full_access() {
        let key = exchanged(Actor::Deployer, None).unwrap();
        assert_eq!((key.permission, key.from_domains.len()), (Permission::FullAccess, 0));
        assert_eq!(key.created_by, Actor::Deployer);
    }
}
