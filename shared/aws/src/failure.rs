//! How an adapter's failure becomes a [`PortError`].

use std::error::Error;

use domain::ports::PortError;

/// Says what was asked, and keeps the cause.
pub(crate) fn port(what: &'static str) -> impl Fn(Box<dyn Error + Send + Sync>) -> PortError {
    move |source| PortError { what, source }
}
