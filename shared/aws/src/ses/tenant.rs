//! SES tenants: the tenant of SES that an email is sent through, and SES's refusals that concern it.
//!
//! **Role:** called by [`super::Ses`]. **Invariant:** pure. Without a prefix no email names an SES tenant.
//! **Start reading at** [`SesTenants::name_of`].

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::id::TenantId;

/// Longest name of an SES tenant.
/// Source: Amazon SES API v2 reference, `CreateTenant`, read 2026-11-29.
const NAME_MAX: usize = 64;

/// Names of the SES tenants of a deployment.
#[derive(Debug, Clone)]
pub(super) struct SesTenants {
    prefix: Option<String>,
}

impl SesTenants {
    /// SES tenants have the names of our tenants behind this prefix; without a prefix there are none.
    pub(super) const fn with_prefix(prefix: Option<String>) -> Self {
        Self { prefix }
    }

    /// Returns the name of a tenant's SES tenant, if emails name one.
    ///
    /// # Errors
    /// The name would be too long for SES.
    pub(super) fn name_of(&self, tenant: &TenantId) -> Result<Option<String>, Attempt> {
        let name = self.prefix.as_ref().map(|prefix| format!("{prefix}{tenant}"));
        match name {
            Some(name) if name.len() > NAME_MAX => Err(Attempt::NotAccepted {
                cause: Cause::Unavailable,
                detail: format!("the name of the SES tenant has more than {NAME_MAX} characters: {name}"),
            }),
            name => Ok(name),
        }
    }
}

/// Corrects the cause of a refused email with an SES tenant.
///
/// For one paused tenant, SES answers with the error of a paused account. This error must not stop the other tenants;
/// `promote` notices a pause of the whole account. A missing association is repaired outside mailqueue, so the same
/// email can be sent afterwards.
/// Source: Amazon SES Developer Guide, "Tenants", and API v2 reference, `SendEmail`, read 2026-11-29. They do not say
/// which error a missing association has.
pub(super) fn refusal_with_tenant(attempt: Attempt) -> Attempt {
    if let Attempt::NotAccepted { cause, detail } = &attempt
        && concerns_tenant(*cause, detail)
    {
        return Attempt::NotAccepted {
            cause: Cause::Unavailable,
            detail: detail.clone(),
        };
    }
    attempt
}

fn concerns_tenant(cause: Cause, detail: &str) -> bool {
    const OF_THE_ACCOUNT: [&str; 2] = ["AccountSuspendedException", "ConfigurationSetSendingPausedException"];
    if cause == Cause::AccountPaused {
        return !OF_THE_ACCOUNT.iter().any(|code| detail.starts_with(code));
    }
    let is_about_the_email = [Cause::Rejected, Cause::InvalidRecipient, Cause::UnverifiedSender].contains(&cause);
    is_about_the_email && detail.to_ascii_lowercase().contains("tenant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ses_tenant_has_the_tenants_name_and_a_prefix() {
        let named = |prefix: Option<&str>, tenant: &str| {
            let tenant = TenantId::parse(tenant).unwrap();
            SesTenants::with_prefix(prefix.map(str::to_owned)).name_of(&tenant)
        };
        assert_eq!(named(None, "acme"), Ok(None));
        assert_eq!(named(Some("mail-"), "acme"), Ok(Some("mail-acme".to_owned())));
        assert_eq!(named(Some("m-"), &"a".repeat(62)).map(|name| name.is_some()), Ok(true));
        let refused = named(Some("m-"), &"a".repeat(63)).unwrap_err();
        assert!(
            matches!(&refused, Attempt::NotAccepted { cause: Cause::Unavailable, detail } if detail.contains("64 characters")),
            "{refused:?}"
        );
    }

    #[test]
    fn a_paused_tenant_does_not_stop_the_others() {
        let becomes = |cause, detail: &str| {
            let detail = detail.to_owned();
            let Attempt::NotAccepted { cause, .. } = refusal_with_tenant(Attempt::NotAccepted { cause, detail }) else {
                panic!("a refusal became something else");
            };
            cause
        };
        for (cause, detail, expected) in [
            (Cause::AccountPaused, "SendingPausedException: x", Cause::Unavailable),
            (Cause::AccountPaused, "MessageRejected: paused", Cause::Unavailable),
            (
                Cause::AccountPaused,
                "AccountSuspendedException: x",
                Cause::AccountPaused,
            ),
            (
                Cause::AccountPaused,
                "ConfigurationSetSendingPausedException: x",
                Cause::AccountPaused,
            ),
            (
                Cause::InvalidRecipient,
                "BadRequestException: The domain is not associated with Tenant mail-acme",
                Cause::Unavailable,
            ),
            (
                Cause::InvalidRecipient,
                "BadRequestException: Illegal address",
                Cause::InvalidRecipient,
            ),
            (Cause::Throttled, "TooManyRequestsException: tenant", Cause::Throttled),
        ] {
            assert_eq!(becomes(cause, detail), expected, "{detail}");
        }
        assert_eq!(refusal_with_tenant(Attempt::Ambiguous), Attempt::Ambiguous);
    }
}
