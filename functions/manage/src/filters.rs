//! Which emails of the list are asked for: `?status&queue&cause&key&tag&from&to&since&until`.
//!
//! **Invariant:** pure. A filter decides by the record where it can; by the content, which costs a read for
//! each email, only where it must.

use std::borrow::Cow;

use domain::address::EmailAddress;
use domain::api_error::ApiError;
use domain::cause::Cause;
use domain::email::EmailContent;
use domain::email_status::EmailStatus;
use domain::id::KeyId;
use domain::listing::Place;
use domain::record::EmailRecord;
use domain::timestamp::Timestamp;

use crate::period::{read_queue, read_time};

/// What an email must be to be listed; everything, when nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    status: Option<EmailStatus>,
    queue: Option<String>,
    cause: Option<Cause>,
    /// The API key that it was accepted with.
    key: Option<KeyId>,
    /// A name, and a value where one is given.
    tag: Option<(String, Option<String>)>,
    /// The sender, in lower case.
    from: Option<EmailAddress>,
    /// Any recipient, in lower case.
    to: Option<EmailAddress>,
    /// Accepted then or later.
    since: Option<Timestamp>,
    /// Accepted before.
    until: Option<Timestamp>,
}

impl Filter {
    /// Its parameters.
    pub const PARAMETERS: [&str; 9] = ["status", "queue", "cause", "key", "tag", "from", "to", "since", "until"];

    /// Reads their values, in this order.
    ///
    /// # Errors
    /// 422 `validation_error`, which names the parameter.
    pub fn read(values: [Option<Cow<'_, str>>; 9]) -> Result<Self, ApiError> {
        let [status, queue, cause, key, tag, from, to, since, until] = values;
        let (since, until) = (read_time("since", since)?, read_time("until", until)?);
        let (since, until) = (since.map(|(_, at)| at), until.map(|(_, at)| at));
        if until.is_some() && since >= until {
            return Err(ApiError::validation("since", "must be before until"));
        }
        Ok(Self {
            status: named(
                "status",
                status.map(|text| EmailStatus::parse(&text)),
                "must be the status of an email, such as failed",
            )?,
            queue: read_queue(queue)?,
            cause: named(
                "cause",
                cause.map(|text| Cause::ALL.into_iter().find(|cause| cause.as_str() == text)),
                "must be the cause of a failure, such as rejected",
            )?,
            key: named("key", key.map(|id| KeyId::parse(&id)), "must be the id of an API key")?,
            tag: tag.map(|tag| read_tag(&tag)).transpose()?,
            from: address("from", from)?,
            to: address("to", to)?,
            since,
            until,
        })
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Until when emails are asked for.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether everything that lies behind a place, on the way to older or newer emails, is out of the time
    /// that is asked for.
    #[must_use]
    pub fn ends_at(&self, place: Place, upwards: bool) -> bool {
        if upwards {
            self.until.is_some_and(|until| place.born >= until)
        } else {
            self.since.is_some_and(|since| place.born < since)
        }
    }

    /// Whether a record, as it is shown at `now`, is asked for; its content may still say no.
    #[must_use]
    pub fn admits(&self, record: &EmailRecord, now: Timestamp) -> bool {
        self.status.is_none_or(|status| status == EmailStatus::of(record, now))
            && self.queue.as_deref().is_none_or(|queue| queue == record.queue.as_str())
            && self.cause.is_none_or(|cause| Some(cause) == record.cause_at(now))
            && self.key.is_none_or(|key| Some(key) == record.key)
            && self.since.is_none_or(|since| record.born >= since)
            && self.until.is_none_or(|until| record.born < until)
    }

    /// Whether the content has to be asked.
    #[must_use]
    pub const fn asks_the_content(&self) -> bool {
        self.tag.is_some() || self.from.is_some() || self.to.is_some()
    }

    /// Whether a content is asked for.
    #[must_use]
    pub fn admits_content(&self, email: &EmailContent) -> bool {
        let mut recipients = [email.to(), email.cc(), email.bcc()].into_iter().flatten();
        let tagged = |(name, value): &(String, Option<String>)| {
            let same = |tag: &domain::email::Tag| {
                tag.name() == name && value.as_deref().is_none_or(|value| value == tag.value())
            };
            email.tags().iter().any(same)
        };
        self.tag.as_ref().is_none_or(tagged)
            && (self.from.as_ref()).is_none_or(|from| email.from().address().lower_case() == *from)
            && (self.to.as_ref()).is_none_or(|to| recipients.any(|mailbox| mailbox.address().lower_case() == *to))
    }
}

fn named<T>(name: &'static str, read: Option<Option<T>>, problem: &str) -> Result<Option<T>, ApiError> {
    match read {
        None => Ok(None),
        Some(None) => Err(ApiError::validation(name, problem)),
        Some(known) => Ok(known),
    }
}

/// A tag by its name, or by `name:value`: no name has a colon.
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
    Err(ApiError::validation(
        "tag",
        "must be the name of a tag, or its name and value as name:value",
    ))
}

fn address(name: &'static str, text: Option<Cow<'_, str>>) -> Result<Option<EmailAddress>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let address = EmailAddress::parse(text.trim());
    let address = address.map_err(|error| ApiError::validation(name, error))?;
    Ok(Some(address.lower_case()))
}
