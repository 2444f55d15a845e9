//! Reads the page of a list that a request asks for, and cuts it out of a list that is read as a whole.
//!
//! **Invariant:** pure. Any text ends in a page or an [`ApiError`] that names the parameter.

use aws::http::query::{self, Cursor};
use domain::api::error::ApiError;
use domain::api::webhook_api::no_event;
use domain::limits::{ATTEMPTS_KEPT, WEBHOOKS_MAX};
use domain::webhook::delivery::{Delivery, DeliveryState};
use domain::webhook::event_type::EventType;
use domain::webhook::identity::EventId;
use domain::webhook::settings::WebhookId;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<I> {
    /// Number of entries, 1 to [`query::LIMIT_MAX`].
    pub limit: usize,
    /// Entry beside which the page lies; `None`: the page begins with the newest.
    pub cursor: Option<Cursor<I>>,
}

/// A page of a tenant's webhooks.
pub type WebhookPage = Page<WebhookId>;

/// A page of the attempts of an event, by their ids.
pub type AttemptPage = Page<String>;

/// A page of the events of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Number of events, and the event beside which the page lies.
    pub page: Page<EventId>,
    /// State of the deliveries; `None`: every state.
    pub status: Option<DeliveryState>,
    /// Type of the events; `None`: every type.
    pub event_type: Option<EventType>,
    /// True to add payloads and signed headers.
    pub with_payload: bool,
}

impl WebhookPage {
    /// Reads the raw query of a URL; all webhooks without a limit.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [limit, after, before] = query::parameters(query, ["limit", "after", "before"])?;
        Ok(Self {
            limit: query::limit_or(limit.as_deref(), WEBHOOKS_MAX)?,
            cursor: Cursor::read(after.as_deref(), before.as_deref(), WebhookId::parse, "a webhook")?,
        })
    }
}

impl AttemptPage {
    /// Reads the raw query of a URL; all attempts without a limit.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [limit, after, before] = query::parameters(query, ["limit", "after", "before"])?;
        let read = |text: &str| {
            let (event, _) = text.rsplit_once('_')?;
            EventId::parse(event).ok().map(|_| text.to_owned())
        };
        Ok(Self {
            limit: query::limit_or(limit.as_deref(), ATTEMPTS_KEPT)?,
            cursor: Cursor::read(after.as_deref(), before.as_deref(), read, "an attempt")?,
        })
    }
}

impl EventPage {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let names = ["limit", "after", "before", "status", "type", "include"];
        let [limit, after, before, status, event_type, include] = query::parameters(query, names)?;
        let read_id = |text: &str| EventId::parse(text).ok();
        let read_status = |text: &str| {
            let status = text.parse::<DeliveryState>();
            status.map_err(|_| ApiError::validation("status", "must be pending, attempting, success or failed"))
        };
        let read_type = |text: &str| text.parse::<EventType>().map_err(|_| no_event("type", text));
        Ok(Self {
            page: Page {
                limit: query::limit(limit.as_deref())?,
                cursor: Cursor::read(after.as_deref(), before.as_deref(), read_id, "an event")?,
            },
            status: status.map(|status| read_status(&status)).transpose()?,
            event_type: event_type.map(|event_type| read_type(&event_type)).transpose()?,
            with_payload: match include.as_deref() {
                None => false,
                Some("payload") => true,
                Some(_) => return Err(ApiError::validation("include", "must be payload")),
            },
        })
    }

    /// True if an event belongs to the page.
    #[must_use]
    pub fn admits(&self, delivery: &Delivery) -> bool {
        self.status.is_none_or(|status| delivery.state == status)
            && self.event_type.is_none_or(|wanted| delivery.event_type == wanted)
    }
}

/// Cuts a page out of a whole list. Returns its entries, and whether there are more in the direction of reading. `what`
/// names an entry.
///
/// # Errors
/// 422 when there is no entry at the page's cursor.
pub(crate) fn cut<T, I: Clone + PartialEq>(
    all: Vec<T>,
    id_of: impl Fn(&T) -> I,
    page: &Page<I>,
    what: &str,
) -> Result<(Vec<T>, bool), ApiError> {
    let (from, until) = match &page.cursor {
        None => (0, page.limit),
        Some(cursor) => {
            let id = cursor.clone().id();
            let place = all.iter().position(|entry| id_of(entry) == id);
            let place = place.ok_or_else(|| cursor.clone().not_there(what))?;
            match cursor {
                Cursor::After(_) => {
                    let from = place.saturating_add(1);
                    (from, from.saturating_add(page.limit))
                }
                Cursor::Before(_) => (place.saturating_sub(page.limit), place),
            }
        }
    };
    let has_more = match &page.cursor {
        Some(Cursor::Before(_)) => from > 0,
        None | Some(Cursor::After(_)) => all.len() > until,
    };
    let shown = all.into_iter().skip(from).take(until.saturating_sub(from));
    Ok((shown.collect(), has_more))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";
    const EVENT: &str = "msg_000000000000000000000000001";

    #[test]
    fn a_page_of_events_is_read() {
        let event = EventId::parse(EVENT).unwrap();
        let plain = EventPage {
            page: Page {
                limit: 20,
                cursor: None,
            },
            status: None,
            event_type: None,
            with_payload: false,
        };
        assert_eq!(EventPage::parse(""), Ok(plain.clone()));
        let query = format!("limit=3&after={EVENT}&status=failed&type=email.bounced&include=payload");
        let expected = EventPage {
            page: Page {
                limit: 3,
                cursor: Some(Cursor::After(event)),
            },
            status: Some(DeliveryState::Failed),
            event_type: Some(EventType::Bounced),
            with_payload: true,
        };
        assert_eq!(EventPage::parse(&query), Ok(expected));
    }

    #[test]
    fn a_short_list_has_all_its_entries_by_default() {
        let webhooks = WebhookPage::parse(&format!("before={ID}")).unwrap();
        let id = WebhookId::parse(ID).unwrap();
        assert_eq!((webhooks.limit, webhooks.cursor), (10, Some(Cursor::Before(id))));
        let attempts = AttemptPage::parse(&format!("after={EVENT}_3")).unwrap();
        assert_eq!(attempts.limit, 10);
        assert_eq!(attempts.cursor, Some(Cursor::After(format!("{EVENT}_3"))));
    }

    #[test]
    fn a_bad_query_names_its_parameter() {
        let webhooks = |query: &str| WebhookPage::parse(query).map(drop);
        let events = |query: &str| EventPage::parse(query).map(drop);
        let attempts = |query: &str| AttemptPage::parse(query).map(drop);
        for (result, path) in [
            (webhooks("limit=0"), "limit"),
            (webhooks("after=x"), "after"),
            (webhooks(&format!("after={EVENT}")), "after"),
            (webhooks("status=enabled"), "query"),
            (events("limit=101"), "limit"),
            (events(&format!("before={ID}")), "before"),
            (events(&format!("after={EVENT}&before={EVENT}")), "before"),
            (events("status=delivered"), "status"),
            (events("type=contact.created"), "type"),
            (events("include=body"), "include"),
            (events("event=x"), "query"),
            (attempts("limit=x"), "limit"),
            (attempts("after=3"), "after"),
            (attempts(&format!("after={ID}_1")), "after"),
            (attempts("type=x"), "query"),
        ] {
            let error = result.unwrap_err();
            assert_eq!((error.status(), error.name().as_str()), (422, "validation_error"));
            assert!(error.message().starts_with(&format!("{path}: ")), "{error:?}");
        }
        let error = EventPage::parse("type=email.bouncd").unwrap_err();
        assert!(error.message().contains("did you mean email.bounced?"), "{error}");
    }

    #[test]
    fn a_page_is_cut_both_ways() {
        let cut = |limit, cursor| {
            let page = Page { limit, cursor };
            super::cut(vec![5, 4, 3, 2, 1], |entry| *entry, &page, "number")
        };
        for (limit, cursor, expected, has_more) in [
            (2, None, &[5, 4][..], true),
            (5, None, &[5, 4, 3, 2, 1], false),
            (2, Some(Cursor::After(4)), &[3, 2], true),
            (2, Some(Cursor::After(3)), &[2, 1], false),
            (2, Some(Cursor::After(1)), &[], false),
            (2, Some(Cursor::Before(2)), &[4, 3], true),
            (3, Some(Cursor::Before(2)), &[5, 4, 3], false),
            (2, Some(Cursor::Before(5)), &[], false),
        ] {
            assert_eq!(
                cut(limit, cursor),
                Ok((expected.to_vec(), has_more)),
                "{limit} {cursor:?}"
            );
        }
        let missing = cut(1, Some(Cursor::After(9))).unwrap_err();
        assert!(missing.message().starts_with("after: no number has this id"));
    }
}
