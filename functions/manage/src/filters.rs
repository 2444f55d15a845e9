//! Filter of the list of emails: `?status&queue&cause&key&from_domain&tag&from&to&since&until`.
//!
//! **Invariant:** pure. A filter decides on the record where possible. It needs the content, one read per
//! email, only where it must.

use std::borrow::Cow;

use aws::http::period::{read_queue, read_time};
use domain::api::error::ApiError;
use domain::delivery::cause::Cause;
use domain::delivery::email_status::EmailStatus;
use domain::delivery::record::EmailRecord;
use domain::id::KeyId;
use domain::message::address::{AddressError, EmailAddress};
use domain::message::email::EmailContent;
use domain::reporting::listing::Place;
use domain::tenant::sender::FromDomain;
use domain::timestamp::Timestamp;

/// Conditions that a listed email meets; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    status: Option<EmailStatus>,
    queue: Option<String>,
    cause: Option<Cause>,
    /// API key that accepted it.
    key: Option<KeyId>,
    /// Domain of its From.
    from_domain: Option<FromDomain>,
    /// Name of a tag, and its value if given.
    tag: Option<(String, Option<String>)>,
    /// Sender, in lower case.
    from: Option<EmailAddress>,
    /// Any recipient, in lower case.
    to: Option<EmailAddress>,
    /// Earliest time of acceptance.
    since: Option<Timestamp>,
    /// End of the time of acceptance, exclusive.
    until: Option<Timestamp>,
}

impl Filter {
    /// Names of the parameters.
    pub const PARAMETERS: [&str; 10] = [
        "status",
        "queue",
        "cause",
        "key",
        "from_domain",
        "tag",
        "from",
        "to",
        "since",
        "until",
    ];

    /// Reads their values, in this order.
    ///
    /// # Errors
    /// 422 `validation_error`, which names the parameter.
    pub fn read(values: [Option<Cow<'_, str>>; 10]) -> Result<Self, ApiError> {
        let [status, queue, cause, key, from_domain, tag, from, to, since, until] = values;
        let (since, until) = (read_time("since", since)?, read_time("until", until)?);
        let (since, until) = (since.map(|(_, at)| at), until.map(|(_, at)| at));
        if until.is_some() && since >= until {
            return Err(ApiError::validation("since", "must be earlier than the value of until"));
        }
        Ok(Self {
            status: parse_filter(
                "status",
                status.map(|text| text.parse().ok()),
                "must be an email status, such as failed",
            )?,
            queue: read_queue(queue)?,
            cause: parse_filter(
                "cause",
                cause.map(|text| text.parse().ok()),
                "must be a failure cause, such as rejected",
            )?,
            key: read_key(key.as_deref())?,
            from_domain: read_from_domain(from_domain.as_deref())?,
            tag: tag.map(|tag| read_tag(&tag)).transpose()?,
            from: address("from", from)?,
            to: address("to", to)?,
            since,
            until,
        })
    }

    /// Whether there is no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the end of the requested period.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether every email beyond this place, in this direction, lies outside the requested period.
    #[must_use]
    pub fn ends_at(&self, place: Place, upwards: bool) -> bool {
        if upwards {
            self.until.is_some_and(|until| place.born >= until)
        } else {
            self.since.is_some_and(|since| place.born < since)
        }
    }

    /// Whether a record, as it is shown at `now`, meets the conditions; its content may still fail them.
    #[must_use]
    pub fn admits(&self, record: &EmailRecord, now: Timestamp) -> bool {
        self.status.is_none_or(|status| status == EmailStatus::of(record, now))
            && self.queue.as_deref().is_none_or(|queue| queue == record.queue.as_str())
            && self.cause.is_none_or(|cause| Some(cause) == record.cause_at(now))
            && self.key.is_none_or(|key| Some(key) == record.key)
            && self.from_domain.as_ref().is_none_or(|domain| is_from(record, domain))
            && self.since.is_none_or(|since| record.born >= since)
            && self.until.is_none_or(|until| record.born < until)
    }

    /// Whether the content decides.
    #[must_use]
    pub const fn asks_the_content(&self) -> bool {
        self.tag.is_some() || self.from.is_some() || self.to.is_some()
    }

    /// Whether a content meets the conditions.
    #[must_use]
    pub fn admits_content(&self, email: &EmailContent) -> bool {
        let mut recipients = [email.to(), email.cc(), email.bcc()].into_iter().flatten();
        let tagged = |(name, value): &(String, Option<String>)| {
            let same = |tag: &domain::message::email::Tag| {
                tag.name() == name && value.as_deref().is_none_or(|value| value == tag.value())
            };
            email.tags().iter().any(same)
        };
        self.tag.as_ref().is_none_or(tagged)
            && (self.from.as_ref()).is_none_or(|from| email.from().address().lower_case() == *from)
            && (self.to.as_ref()).is_none_or(|to| recipients.any(|mailbox| mailbox.address().lower_case() == *to))
    }
}

fn parse_filter<T>(name: &'static str, read: Option<Option<T>>, problem: &str) -> Result<Option<T>, ApiError> {
    match read {
        None => Ok(None),
        Some(None) => Err(ApiError::validation(name, problem)),
        Some(known) => Ok(known),
    }
}

/// Reads the id of an API key.
pub(crate) fn read_key(id: Option<&str>) -> Result<Option<KeyId>, ApiError> {
    parse_filter("key", id.map(KeyId::parse), "must be the id of an API key")
}

/// Reads a From domain.
pub(crate) fn read_from_domain(text: Option<&str>) -> Result<Option<FromDomain>, ApiError> {
    let domain = text.map(FromDomain::parse).transpose();
    domain.map_err(|error| ApiError::validation("from_domain", error))
}

/// Whether the record names this From domain, or one that it covers.
pub(crate) fn is_from(record: &EmailRecord, domain: &FromDomain) -> bool {
    record.from_domain.as_deref().is_some_and(|from| domain.covers(from))
}

/// Reads a tag as `name` or `name:value`: no name contains a colon.
fn read_tag(text: &str) -> Result<(String, Option<String>), ApiError> {
    let (name, value) = text
        .split_once(':')
        .map_or((text, None), |(name, value)| (name, Some(value)));
    let fits = |part: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        (1..=domain::limits::TAG_MAX).contains(&part.len()) && part.bytes().all(known)
    };
    if fits(name) && value.is_none_or(fits) {
        return Ok((name.to_owned(), value.map(str::to_owned)));
    }
    Err(ApiError::validation("tag", "must be a tag as name or as name:value"))
}

fn address(name: &'static str, text: Option<Cow<'_, str>>) -> Result<Option<EmailAddress>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let address = EmailAddress::parse(text.trim()).map_err(|error| {
        // Some clients and proxies make a space of a plus.
        if error == AddressError::Space {
            ApiError::validation(name, format_args!("{error}; write + as %2B"))
        } else {
            ApiError::validation(name, error)
        }
    });
    let address = address?;
    Ok(Some(address.lower_case()))
}
