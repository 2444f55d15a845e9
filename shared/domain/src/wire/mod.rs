//! What crosses a boundary as text: the API's requests, the queue's wake-ups, SES's events.
//!
//! **Invariant:** nothing from outside goes past these modules unchecked.

pub mod api;
pub mod ses_event;
pub mod wake_up;
