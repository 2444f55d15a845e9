//! The identities of the account, and the sender that each message needs.
//!
//! **Invariant:** pure, without a clock and without randomness. A refused change changes nothing.
//! **Start reading at** [`Identities::sender`].
//!
//! Source: Amazon SES API v2 Reference; Amazon SES Developer Guide, "Creating and verifying identities": a verified
//! domain covers its subdomains, and an identity of a subdomain overrides it. The sentences are SES's, as the authors
//! of the emulator Floci published them (pull requests 723, 760, 2504 and `SesListPaging`). Read 2026-11-29.

#![expect(
    clippy::indexing_slicing,
    reason = "each index is a field of a JSON object made here"
)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::address;
use crate::identity::{DEFAULT_KEY_LENGTH, Identity, Looked, OnMxFailure, Tokens, Wanted};
use crate::identity_rules::{Tag, canonical, check_name, is_below, merged, parents};
use crate::ses_error::SesError;
use crate::tracking::Status;

/// Identities of an account in one region.
///
/// Source: Amazon SES Developer Guide, "Service quotas in Amazon SES", read 2026-11-29.
const MAX_IDENTITIES: usize = 10_000;
/// The number of identities of a page, unless the caller sets it.
const PAGE: usize = 25;
/// Identities of the largest page.
const MAX_PAGE: usize = 1000;

/// An identity whose status a test sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// A domain or an address.
    pub name: String,
    /// True if the owner has proved its ownership.
    pub verified: bool,
}

/// The body of `CreateEmailIdentity`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Create {
    email_identity: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    dkim_signing_attributes: Signing,
    configuration_set_name: Option<String>,
}

/// The part of `DkimSigningAttributes` that Easy DKIM needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Signing {
    next_signing_key_length: Option<String>,
}

impl Signing {
    fn key_length(&self) -> Result<Option<&str>, SesError> {
        match self.next_signing_key_length.as_deref() {
            Some("RSA_1024_BIT" | "RSA_2048_BIT") | None => Ok(self.next_signing_key_length.as_deref()),
            Some(_) => Err(SesError::bad_request(
                "NextSigningKeyLength must be RSA_1024_BIT or RSA_2048_BIT.",
            )),
        }
    }
}

/// The identities, and the configuration sets of the account if the fake SES knows them.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    known: BTreeMap<String, Identity>,
    configuration_sets: BTreeSet<String>,
    /// The time by which a test has put the clock of the searches forward.
    ahead: SignedDuration,
}

impl Identities {
    /// Replaces all identities by some with a fixed status.
    pub fn replace(&mut self, given: &[Given], mut tokens: impl FnMut() -> Tokens, now: Timestamp) {
        let fixed = |given: &Given| Identity::fixed(&canonical(&given.name), given.verified, tokens(), now);
        self.known = given
            .iter()
            .map(fixed)
            .map(|identity| (identity.name().to_owned(), identity))
            .collect();
    }

    /// Names the configuration sets of the account; without a name, every name passes.
    pub fn set_configuration_sets(&mut self, names: BTreeSet<String>) {
        self.configuration_sets = names;
    }

    /// Returns the names of the configuration sets.
    pub const fn configuration_sets(&self) -> &BTreeSet<String> {
        &self.configuration_sets
    }

    /// Puts the clock of the searches forward.
    pub fn advance(&mut self, by: SignedDuration) {
        self.ahead = self.ahead.saturating_add(by);
    }

    /// Returns the time of the searches.
    pub fn time(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.ahead).unwrap_or(now)
    }

    /// `CreateEmailIdentity`.
    ///
    /// # Errors
    /// `AlreadyExistsException`, `BadRequestException`, `NotFoundException` or `LimitExceededException`.
    pub fn create(&mut self, wanted: Create, tokens: Tokens, now: Timestamp) -> Result<Value, SesError> {
        let name = canonical(&wanted.email_identity);
        check_name(&name)?;
        if self.known.contains_key(&name) {
            return Err(SesError::identity_exists(&wanted.email_identity));
        }
        if self.known.len() >= MAX_IDENTITIES {
            return Err(SesError::too_many_identities());
        }
        let length = wanted
            .dkim_signing_attributes
            .key_length()?
            .unwrap_or(DEFAULT_KEY_LENGTH);
        let mut identity = Identity::new(&name, tokens, length, self.time(now));
        identity.tags = merged(&BTreeMap::new(), wanted.tags)?;
        identity.configuration_set = self.existing_set(wanted.configuration_set_name)?;
        let answer = identity.created();
        self.known.insert(name, identity);
        Ok(answer)
    }

    /// `GetEmailIdentity`.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub fn get(&self, name: &str) -> Result<Value, SesError> {
        let found = self.known.get(&canonical(name));
        found.map(Identity::shown).ok_or_else(|| SesError::no_identity(name))
    }

    /// `DeleteEmailIdentity`.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub fn delete(&mut self, name: &str) -> Result<Value, SesError> {
        let removed = self.known.remove(&canonical(name));
        removed.map(|_| json!({})).ok_or_else(|| SesError::no_identity(name))
    }

    /// `ListEmailIdentities`, ordered by name. The token of a page is the last name of the page before.
    ///
    /// # Errors
    /// `BadRequestException` for a page size or a token that SES refuses.
    pub fn list(&self, size: Option<i64>, token: Option<&str>) -> Result<Value, SesError> {
        let size = match size {
            None => PAGE,
            Some(asked) => usize::try_from(asked)
                .ok()
                .filter(|size| (1..=MAX_PAGE).contains(size))
                .ok_or_else(|| {
                    let rest = format!("PageSize must be between 1 and {MAX_PAGE}.");
                    SesError::bad_request(format!("Value {asked} for parameter PageSize is invalid. {rest}"))
                })?,
        };
        let after = token.filter(|token| !token.is_empty());
        if let Some(token) = after
            && !token.starts_with(TOKEN)
        {
            return Err(SesError::bad_request(format!("Invalid NextToken <{token}>.")));
        }
        let after = after.and_then(|token| token.strip_prefix(TOKEN));
        let mut rest = self
            .known
            .values()
            .filter(|identity| after.is_none_or(|after| identity.name() > after))
            .peekable();
        let page: Vec<&Identity> = rest.by_ref().take(size).collect();
        let mut answer = json!({"EmailIdentities": page.iter().map(|identity| identity.listed()).collect::<Vec<_>>()});
        if let (Some(last), true) = (page.last(), rest.peek().is_some()) {
            answer["NextToken"] = json!(format!("{TOKEN}{}", last.name()));
        }
        Ok(answer)
    }

    /// `PutEmailIdentityMailFromAttributes`.
    ///
    /// # Errors
    /// `BadRequestException` for an unknown identity, a domain elsewhere, or an unknown behavior.
    pub fn set_mail_from(
        &mut self,
        name: &str,
        domain: Option<&str>,
        behavior: Option<&str>,
        now: Timestamp,
    ) -> Result<Value, SesError> {
        let now = self.time(now);
        let behavior = behavior.map(|name| OnMxFailure::read(name).ok_or_else(SesError::unknown_behavior));
        let behavior = behavior.transpose()?;
        // SES's v2 API answers 400 here, not 404.
        let missing = || SesError::bad_request(format!("Identity <{name}> does not exist."));
        let identity = self.known.get_mut(&canonical(name)).ok_or_else(missing)?;
        let domain = domain.filter(|domain| !domain.is_empty()).map(canonical);
        if let Some(domain) = &domain {
            check_name(domain)?;
            if !is_below(domain, identity.domain()) {
                return Err(SesError::bad_request(format!(
                    "Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{name}>."
                )));
            }
        }
        identity.set_mail_from(domain, behavior, now);
        Ok(json!({}))
    }

    /// `PutEmailIdentityConfigurationSetAttributes`.
    ///
    /// # Errors
    /// `NotFoundException` for an unknown identity or set.
    pub fn set_default_set(&mut self, name: &str, set: Option<String>) -> Result<Value, SesError> {
        let set = self.existing_set(set)?;
        self.known_mut(name)?.configuration_set = set;
        Ok(json!({}))
    }

    /// `PutEmailIdentityFeedbackAttributes`.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub fn set_feedback(&mut self, name: &str, is_forwarded: bool) -> Result<Value, SesError> {
        self.known_mut(name)?.forwards_feedback = is_forwarded;
        Ok(json!({}))
    }

    /// `PutEmailIdentityDkimAttributes`.
    ///
    /// # Errors
    /// `BadRequestException`: SES's v2 API answers 400 here, not 404.
    pub fn set_signing(&mut self, name: &str, is_signing: bool) -> Result<Value, SesError> {
        let missing = || SesError::bad_request(format!("Domain {name} is not verified for DKIM signing."));
        self.known.get_mut(&canonical(name)).ok_or_else(missing)?.signs = is_signing;
        Ok(json!({}))
    }

    /// `PutEmailIdentityDkimSigningAttributes` with Easy DKIM, which also starts a failed search anew.
    ///
    /// # Errors
    /// `NotFoundException`, or `BadRequestException` for an address or an unknown key length.
    pub fn restart(
        &mut self,
        name: &str,
        signing: &Signing,
        tokens: Tokens,
        now: Timestamp,
    ) -> Result<Value, SesError> {
        if name.contains('@') {
            return Err(SesError::bad_request("The EmailIdentity value must be a valid domain."));
        }
        let (now, length) = (self.time(now), signing.key_length()?);
        let identity = self.known_mut(name)?;
        identity.restart(length, tokens, now);
        Ok(identity.signing())
    }

    /// `TagResource`.
    ///
    /// # Errors
    /// `NotFoundException`, or `BadRequestException` for tags that SES refuses.
    pub fn tag(&mut self, name: &str, tags: Vec<Tag>) -> Result<Value, SesError> {
        let identity = self.tagged(name)?;
        identity.tags = merged(&identity.tags, tags)?;
        Ok(json!({}))
    }

    /// `UntagResource`.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub fn untag(&mut self, name: &str, keys: &[String]) -> Result<Value, SesError> {
        self.tagged(name)?.tags.retain(|key, _| !keys.contains(key));
        Ok(json!({}))
    }

    /// `ListTagsForResource`.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub fn tags(&mut self, name: &str) -> Result<Value, SesError> {
        Ok(json!({"Tags": self.tagged(name)?.tag_list()}))
    }

    /// Checks the sender of a message: its address, or the nearest domain that is an identity, must be verified.
    ///
    /// # Errors
    /// `MessageRejected`, or `MailFromDomainNotVerifiedException` if the identity demands its MAIL FROM domain.
    pub fn sender(&self, from: &str, region: &str) -> Result<&Identity, SesError> {
        let unverified = || SesError::unverified(from, region);
        let parts = address::split(from).ok_or_else(unverified)?;
        let own = self
            .known
            .get(&canonical(parts.bare))
            .filter(|identity| identity.may_send());
        let nearest = || parents(parts.domain).find_map(|domain| self.known.get(&canonical(domain)));
        let identity = own
            .or_else(nearest)
            .filter(|identity| identity.may_send())
            .ok_or_else(unverified)?;
        match &identity.mail_from {
            Some(from)
                if identity.on_mx_failure == OnMxFailure::Reject && from.tracking.status() != Status::Success =>
            {
                Err(SesError::mail_from_unverified(&from.domain))
            }
            Some(_) | None => Ok(identity),
        }
    }

    /// Checks the configuration set of a message.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub fn existing_set(&self, set: Option<String>) -> Result<Option<String>, SesError> {
        let set = set.filter(|set| !set.is_empty());
        let known = &self.configuration_sets;
        match &set {
            Some(name) if !known.is_empty() && !known.contains(name) => Err(SesError::no_configuration_set(name)),
            Some(_) | None => Ok(set),
        }
    }

    /// Returns all records for which SES searches.
    pub fn wanted(&self, region: &str) -> Vec<Wanted> {
        self.known
            .values()
            .filter_map(|identity| identity.wanted(region))
            .collect()
    }

    /// Takes a look at the records into account, unless the identity wants others by now.
    pub fn observe(&mut self, wanted: &Wanted, looked: &Looked, region: &str, now: Timestamp) {
        let now = self.time(now);
        if let Some(identity) = self.known.get_mut(&wanted.identity)
            && identity.wanted(region).as_ref() == Some(wanted)
        {
            identity.observe(looked, now);
        }
    }

    fn known_mut(&mut self, name: &str) -> Result<&mut Identity, SesError> {
        self.known
            .get_mut(&canonical(name))
            .ok_or_else(|| SesError::no_identity(name))
    }

    fn tagged(&mut self, name: &str) -> Result<&mut Identity, SesError> {
        let missing = || SesError::not_found(format!("No EmailIdentity present with name: {name}"));
        self.known.get_mut(&canonical(name)).ok_or_else(missing)
    }
}

/// The beginning of a page's token.
const TOKEN: &str = "after:";

#[cfg(test)]
#[path = "identities_tests.rs"]
mod tests;
