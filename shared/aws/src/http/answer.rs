//! Responses of handlers, with facts for the audit log.
//!
//! **Start reading at** [`answer`].

use std::error::Error;
use std::pin::Pin;

use domain::api::error::ApiError;
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::http;

/// Response of a handler.
pub type Answer<'a, E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send + 'a>>;

/// Error of a request.
pub trait Failure: Error + 'static {
    /// Returns the refusal; `None` for every other error.
    fn refusal(&self) -> Option<&ApiError>;
}

/// Answers with a JSON body.
pub fn answer<'a, T, E>(status: u16, body: impl Future<Output = Result<T, E>> + Send + 'a) -> Answer<'a, E>
where
    T: Serialize,
    E: 'a,
{
    Box::pin(async move { Ok(http::json(status, &body.await?)) })
}

/// Answers with a text of this media type.
pub fn answer_with_text<'a, E>(
    media_type: &'static str,
    text: impl Future<Output = Result<String, E>> + Send + 'a,
) -> Answer<'a, E>
where
    E: 'a,
{
    Box::pin(async move { Ok(http::text(media_type, text.await?)) })
}

/// Answers with a JSON body, and adds the object of the request to the log, because the path does not name the object.
pub fn answer_with_object<'a, T, E>(
    status: u16,
    body: impl Future<Output = Result<(String, T), E>> + Send + 'a,
) -> Answer<'a, E>
where
    T: Serialize,
    E: 'a,
{
    Box::pin(async move {
        let (object, body) = body.await?;
        let mut response = http::json(status, &body);
        response.extensions_mut().insert(Object(object));
        Ok(response)
    })
}

/// Answers with the page of an email, and adds the email's id to the log, because the path does not name it.
pub fn answer_with_page<'a, E>(page: impl Future<Output = Result<(String, String), E>> + Send + 'a) -> Answer<'a, E>
where
    E: 'a,
{
    Box::pin(async move {
        let (object, html) = page.await?;
        let mut response = http::page_of_email(html);
        response.extensions_mut().insert(Object(object));
        Ok(response)
    })
}

/// Adds the number of accepted emails to the log.
#[must_use]
pub fn log_accepted(emails: usize, mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Emails(emails));
    response
}

/// Object of a request, for the log.
#[derive(Debug, Clone)]
pub(super) struct Object(pub(super) String);

/// Number of accepted emails, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Emails(pub(super) usize);
