//! API keys: create, list, change, revoke.
//!
//! **Invariant:** a key has no more rights than its creator: same tenant, no other domains, no longer life. The
//! deployer creates keys for every tenant. A tenant never finds another tenant's key.
//! **Start reading at** [`AccessFunction::create_key`].

use std::collections::BTreeMap;
use std::time::Duration;

use aws::http::auth::{KeyAuthor, TenantPrincipal};
use aws::http::query::{self, Cursor};
use domain::api::access_api::NewKey;
use domain::api::access_view::{ChangedView, HoldView, KeysView, NewKeyView, RevokedView};
use domain::api::error::ApiError;
use domain::api::fields::to_api;
use domain::id::{KeyId, TenantId};
use domain::limits;
use domain::message::problem::{EmailError, Problem};
use domain::ports::access::{Keys, Tenants};
use domain::ports::{Clock, Random};
use domain::queue::hold::Hold;
use domain::tenant::key::{Actor, ApiKey, KeyChange};
use domain::tenant::sender::FromDomain;
use domain::tenant::token::Token;
use domain::timestamp::Timestamp;

use crate::{AccessError, AccessFunction, Ports};

/// Time after which every environment applies a change of a key or a tenant. It covers thirty seconds of cache, and
/// the longest request that was authenticated within them.
pub(crate) const KNOWN_EVERYWHERE: Duration = Duration::from_secs(60);

/// Effects of a revocation besides the key itself: `?children&hold`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Also revoke the keys that were created with the revoked key.
    pub children: bool,
    /// Hold the emails that were accepted with the revoked keys.
    pub hold: bool,
}

impl Revocation {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [children, hold] = query::flags(query, ["children", "hold"])?;
        Ok(Self { children, hold })
    }
}

/// A page of keys: `?limit&after&before`, and for the deployer `tenant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// Maximum number of keys; without a limit, all keys of the tenant.
    pub limit: usize,
    /// The key after or before which the page lies; `None`: the page begins with the newest key.
    pub cursor: Option<Cursor<KeyId>>,
    /// Tenant that owns the keys.
    pub tenant: Option<TenantId>,
}

impl KeyPage {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let names = ["limit", "after", "before", "tenant"];
        let [limit, after, before, tenant] = query::parameters(query, names)?;
        let cursor = Cursor::read(after.as_deref(), before.as_deref(), KeyId::parse, "an API key")?;
        let tenant = tenant.map(|name| {
            let bad = || ApiError::validation("tenant", "must be the name of a tenant");
            TenantId::parse(&name).ok_or_else(bad)
        });
        Ok(Self {
            limit: query::limit_or(limit.as_deref(), limits::KEYS_MAX)?,
            cursor,
            tenant: tenant.transpose()?,
        })
    }

    /// Returns the keys of the page, and whether there are more in its direction.
    ///
    /// # Errors
    /// 422 when no key has the cursor's id.
    fn of<'a>(&self, keys: &'a [ApiKey]) -> Result<(&'a [ApiKey], bool), ApiError> {
        let Some(cursor) = self.cursor else {
            return Ok(first(keys, self.limit));
        };
        let place = keys.iter().position(|key| key.id == cursor.id());
        let place = place.ok_or_else(|| cursor.not_there("API key"))?;
        Ok(match cursor {
            Cursor::After(_) => first(keys.get(place.saturating_add(1)..).unwrap_or_default(), self.limit),
            Cursor::Before(_) => {
                let newer = keys.get(..place).unwrap_or_default();
                let begin = newer.len().saturating_sub(self.limit);
                (newer.get(begin..).unwrap_or_default(), begin > 0)
            }
        })
    }
}

fn first(keys: &[ApiKey], limit: usize) -> (&[ApiKey], bool) {
    (keys.get(..limit).unwrap_or(keys), keys.len() > limit)
}

impl<P: Ports> AccessFunction<P> {
    /// Creates a key. Its text is in the response, and stored nowhere.
    ///
    /// # Errors
    /// 401 when it would have more rights than its creator. 409 when the tenant has too many keys. 422 for an
    /// unknown tenant or an impossible time. Or a backend call failed.
    pub async fn create_key(&self, maker: &KeyAuthor, requested: NewKey) -> Result<NewKeyView, AccessError> {
        let now = self.system.now();
        let tenant = self.tenant_for(maker, requested.tenant.as_ref()).await?;
        let expires_at = match requested.expires_at {
            None => None,
            Some(when) => Some(expiry(when.at(now), now)?),
        };
        let (from_domains, expires_at) = match maker {
            KeyAuthor::Deployer(_) => (requested.from_domains, expires_at),
            KeyAuthor::TenantPrincipal(caller) => {
                let domains = if requested.from_domains.is_empty() {
                    caller.from_domains().to_vec()
                } else {
                    requested.from_domains
                };
                no_wider(caller, &domains)?;
                (domains, no_longer(caller, expires_at)?)
            }
        };
        self.check_number_of_keys(&tenant).await?;
        let id = KeyId::of(self.system.id()?);
        let token = Token::new(id, self.system.secret()?);
        let key = ApiKey {
            id,
            tenant,
            name: requested.name,
            sha256: token.hash(),
            permission: requested.permission,
            from_domains,
            created_at: now,
            created_by: maker.maker(),
            expires_at,
            revoked: None,
            last_used_at: None,
        };
        self.records.add_key(&key).await?;
        Ok(NewKeyView::new(id, &token))
    }

    /// Refuses another key for a tenant with too many.
    pub(crate) async fn check_number_of_keys(&self, tenant: &TenantId) -> Result<(), AccessError> {
        let (count, max) = (self.records.keys(tenant).await?.len(), limits::KEYS_MAX);
        let refusal = || format!("This tenant already has the maximum of {max} API keys. Revoke an unused key first.");
        (count < max)
            .then_some(())
            .ok_or_else(|| ApiError::conflict(refusal()).into())
    }

    /// Shows a page of a tenant's active keys, newest first.
    ///
    /// # Errors
    /// 422 when no key has the page's cursor, or the tenant does not exist. Or a backend call failed.
    pub async fn keys(&self, maker: &KeyAuthor, page: &KeyPage) -> Result<KeysView, AccessError> {
        let tenant = self.tenant_for(maker, page.tenant.as_ref()).await?;
        let keys = self.records.keys(&tenant).await?;
        let (shown, has_more) = page.of(&keys)?;
        Ok(KeysView::new(shown, has_more))
    }

    /// Changes a key's name or its From domains. With `hold`, accepted emails from the domains that it loses
    /// wait until a release. So do emails that an environment with the cached key still accepts.
    ///
    /// # Errors
    /// 401 when the key would have more rights than the changing key. 404 as [`Self::revoke_key`]. 409 when the
    /// tenant has too many holds. 422 for a hold without From domains. Or a backend call failed.
    pub async fn change_key(
        &self,
        maker: &KeyAuthor,
        id: KeyId,
        change: KeyChange,
        hold: bool,
    ) -> Result<ChangedView, AccessError> {
        may_hold(maker, hold)?;
        match (&change.from_domains, maker) {
            (Some(domains), KeyAuthor::TenantPrincipal(caller)) => no_wider(caller, domains)?,
            (Some(_), KeyAuthor::Deployer(_)) => {}
            (None, _) if hold => {
                let problem = "is required with hold=true: list the From domains that the key keeps";
                return Err(ApiError::missing_field("from_domains", problem).into());
            }
            (None, _) => {}
        }
        if !self.records.change(owner(maker), id, &change).await? {
            return Err(no_key().into());
        }
        let held = match (hold, change.from_domains) {
            (true, Some(from)) => Some(self.hold_lost_domains(id, from).await?),
            (true, None) | (false, _) => None,
        };
        Ok(ChangedView::new(id, held))
    }

    /// Holds the emails of a key that come from other domains than its new ones.
    async fn hold_lost_domains(&self, id: KeyId, from: Vec<FromDomain>) -> Result<HoldView, AccessError> {
        let key = self.records.key(id).await?.ok_or_else(no_key)?;
        let hold = Hold::of_lost_domains(Some(id), from, self.system.now().after(KNOWN_EVERYWHERE));
        let held = self.hold(&key.tenant, &[hold]).await?;
        Ok(HoldView::new(&[id], held, None))
    }

    /// Revokes a key; with `children` also every key that was created with it, directly or through other keys.
    ///
    /// An environment that has cached the key accepts it for another thirty seconds. A request that is repeated after
    /// that time also finds the keys that were created meanwhile. With `hold`, the emails that were accepted with these
    /// keys wait for a release.
    ///
    /// The hold comes before the children are revoked: after a crash in between, a repeated request finds them
    /// again.
    ///
    /// # Errors
    /// 401 for a hold by a key that is limited to From domains. 404 when no active key has this id; with `children` or
    /// `hold`, when not even a revoked key has it. 409 when the tenant has too many holds. Or a backend call failed.
    pub async fn revoke_key(&self, maker: &KeyAuthor, id: KeyId, with: Revocation) -> Result<RevokedView, AccessError> {
        may_hold(maker, with.hold)?;
        let (of, by, now) = (owner(maker), maker.maker(), self.system.now());
        let revoked = self.records.revoke(of, id, by, now).await?;
        let known = if with.children || with.hold {
            self.records.key(id).await?
        } else {
            None
        };
        let known = known.filter(|key| of.is_none_or(|tenant| *tenant == key.tenant));
        let Some(key) = known else {
            return if revoked {
                Ok(RevokedView::new(id, None))
            } else {
                Err(no_key().into())
            };
        };
        let children = if with.children {
            self.made_with(&key).await?
        } else {
            Vec::new()
        };
        let mut held = None;
        if with.hold {
            let mut keys = vec![id];
            keys.extend(&children);
            let holds: Vec<_> = keys.iter().copied().map(Hold::of_revoked_key).collect();
            let emails = self.hold(&key.tenant, &holds).await?;
            // The hold covers every email of these keys, but not the emails of a child key that is created meanwhile.
            let repeat_at = with.children.then(|| now.after(KNOWN_EVERYWHERE));
            held = Some(HoldView::new(&keys, emails, repeat_at));
        }
        for child in children {
            self.records.revoke(Some(&key.tenant), child, by, now).await?;
        }
        Ok(RevokedView::new(id, held))
    }

    /// Returns the active keys that were created with a key, directly or through other keys, active or not.
    async fn made_with(&self, ancestor: &ApiKey) -> Result<Vec<KeyId>, AccessError> {
        let mut makers: BTreeMap<KeyId, Actor> = BTreeMap::new();
        let live = self.records.keys(&ancestor.tenant).await?;
        makers.extend(live.iter().map(|key| (key.id, key.created_by)));
        let mut found = Vec::new();
        for key in &live {
            let mut maker = key.created_by;
            // A key is always created with an older key, so the loop ends.
            while let Actor::Key(id) = maker {
                if id == ancestor.id {
                    found.push(key.id);
                    break;
                }
                maker = match makers.get(&id) {
                    Some(maker) => *maker,
                    None => {
                        let between = self.records.key(id).await?;
                        let maker = between.map_or(Actor::Deployer, |between| between.created_by);
                        makers.insert(id, maker);
                        maker
                    }
                };
            }
        }
        Ok(found)
    }

    /// Returns the tenant whose keys the request concerns.
    async fn tenant_for(&self, maker: &KeyAuthor, named: Option<&TenantId>) -> Result<TenantId, AccessError> {
        let own = match maker {
            KeyAuthor::TenantPrincipal(caller) => Some(caller.tenant().clone()),
            KeyAuthor::Deployer(_) => None,
        };
        let no_tenant = || ApiError::validation("tenant", "no tenant has this name");
        match (own, named) {
            (Some(own), None) => Ok(own),
            (Some(own), Some(named)) if own == *named => Ok(own),
            (Some(_), Some(_)) => Err(no_tenant().into()),
            (None, None) => Ok(TenantId::main()),
            (None, Some(named)) if *named == TenantId::main() => Ok(named.clone()),
            (None, Some(named)) => match self.records.tenant(named).await? {
                Some(tenant) => Ok(tenant.id),
                None => Err(no_tenant().into()),
            },
        }
    }
}

/// Refuses a hold by a key that is limited to From domains: a hold also stops emails from other domains.
fn may_hold(maker: &KeyAuthor, hold: bool) -> Result<(), ApiError> {
    match maker {
        KeyAuthor::TenantPrincipal(caller) if hold && caller.is_narrowed() => Err(ApiError::restricted_api_key(
            "This API key is limited to some From domains, and the hold could affect email from other domains. Use a key without this limit.",
        )),
        KeyAuthor::TenantPrincipal(_) | KeyAuthor::Deployer(_) => Ok(()),
    }
}

/// Returns the tenant that limits the requester to its own keys; `None` for the deployer.
fn owner(maker: &KeyAuthor) -> Option<&TenantId> {
    match maker {
        KeyAuthor::Deployer(_) => None,
        KeyAuthor::TenantPrincipal(caller) => Some(caller.tenant()),
    }
}

/// Message for an id that no API key has.
pub(crate) const NO_SUCH_KEY: &str = "No API key has this id. See GET /api-keys.";

fn no_key() -> ApiError {
    ApiError::not_found(NO_SUCH_KEY)
}

fn expiry(at: Timestamp, now: Timestamp) -> Result<Timestamp, ApiError> {
    let bad = |why| Err(to_api(None, EmailError::at("expires_at", Problem::Bad(why))));
    if at <= now {
        bad("is in the past")
    } else if at > now.after(limits::SCHEDULE_MAX) {
        bad("must be within the next 10 years")
    } else {
        Ok(at)
    }
}

/// Checks that a key's domains are within those of its creator.
fn no_wider(maker: &TenantPrincipal, domains: &[FromDomain]) -> Result<(), ApiError> {
    let own = maker.from_domains();
    let covered = |domain| own.is_empty() || own.iter().any(|allowed| allowed.covers_all_of(domain));
    match domains.iter().position(|domain| !covered(domain)) {
        None => Ok(()),
        Some(index) => Err(ApiError::restricted_api_key(format!(
            "from_domains[{index}]: this API key may not send from this domain, so it cannot grant the domain"
        ))),
    }
}

/// Checks that a key lives no longer than its creator, whose expiry is the default.
fn no_longer(maker: &TenantPrincipal, requested: Option<Timestamp>) -> Result<Option<Timestamp>, ApiError> {
    match (maker.expires_at(), requested) {
        (Some(own), Some(requested)) if requested > own => Err(ApiError::restricted_api_key(
            "expires_at: a key must not expire later than the key that creates it",
        )),
        (own, requested) => Ok(requested.or(own)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    #[test]
    fn a_page_is_read() {
        let id = KeyId::parse(ID).unwrap();
        for (query, limit, cursor, tenant) in [
            ("", 100, None, None),
            ("limit=5&tenant=acme", 5, None, TenantId::parse("acme")),
            (&format!("after={ID}"), 100, Some(Cursor::After(id)), None),
            (&format!("before={ID}"), 100, Some(Cursor::Before(id)), None),
        ] {
            assert_eq!(KeyPage::parse(query), Ok(KeyPage { limit, cursor, tenant }), "{query}");
        }
        for (query, path) in [
            ("limit=0", "limit"),
            ("after=x", "after"),
            (&format!("after={ID}&before={ID}"), "before"),
            ("tenant=A", "tenant"),
            ("name=x", "query"),
        ] {
            let error = KeyPage::parse(query).unwrap_err();
            assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
        }
    }
}
