//! The preview of an email: the response with its URL, and the page that a browser shows.
//!
//! **Invariant:** the response's policy makes the HTML inert. Only the tags that ignore it are replaced, and the
//! references to the email's own images. A text is escaped. A page is bounded in size.
//! **Start reading at** [`page`].

use std::cmp::Reverse;
use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use super::content_ids::{SCHEME, Spelt, split_at_reference};
use super::error::ApiError;
use super::inert_html::without_links_and_frames;
use crate::limits::PREVIEW_MAX;
use crate::message::attachment::{Attachment, Data};
use crate::message::email::EmailContent;
use crate::tenant::temporary::{Preview, TemporaryToken};

/// The URL of an email's content, for a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Preview"))]
pub struct PreviewView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "preview")))]
    object: &'static str,
    /// The URL needs no key. It has the host of the request.
    url: String,
    /// The end of the URL, after 60 seconds.
    expires_at: String,
}

impl PreviewView {
    /// The response for a new preview. `base_url` has no slash at its end.
    #[must_use]
    pub fn new(base_url: &str, token: &TemporaryToken, preview: &Preview) -> Self {
        Self {
            object: "preview",
            url: format!("{base_url}/previews/{}", token.as_str()),
            expires_at: preview.expires_at.to_string(),
        }
    }
}

/// Reads the token in the URL of a preview.
///
/// # Errors
/// [`no_such_preview`], for a text that cannot be a token.
pub fn parse_token(text: &str) -> Result<TemporaryToken, ApiError> {
    TemporaryToken::parse(text).ok_or_else(no_such_preview)
}

/// The refusal of a wrong or late token, and of one whose email is erased.
#[must_use]
pub fn no_such_preview() -> ApiError {
    ApiError::not_found("This preview does not exist, or it has expired. Ask for a new preview.")
}

/// The page of an email: its HTML with its own images, or else its text. An uploaded image must be loaded before.
#[must_use]
pub fn page(email: &EmailContent) -> String {
    match email.html() {
        Some(html) => with_images(&without_links_and_frames(html), &images(email)),
        None => of_text(email.text().unwrap_or_default()),
    }
}

/// The places of the uploaded images that the HTML shows, as far as they fit into a page.
#[must_use]
pub fn uploads(email: &EmailContent) -> BTreeSet<usize> {
    let (html, images) = (email.html().unwrap_or_default(), images(email));
    let (mut places, mut size) = (BTreeSet::new(), html.len());
    each_reference(html, &images, |_, found| {
        if let Some((image, _)) = found
            && matches!(image.file.data(), Data::Uploaded { .. })
            && !places.contains(&image.place)
            && size.saturating_add(image.size()) <= PREVIEW_MAX
        {
            size = size.saturating_add(image.size());
            places.insert(image.place);
        }
    });
    places
}

/// An image to which the HTML of its email can refer.
struct Image<'a> {
    id: &'a str,
    media_type: &'a str,
    place: usize,
    file: &'a Attachment,
}

/// The beginning of a URL that contains its data, around the media type.
const DATA: (&str, &str) = ("data:", ";base64,");

impl Image<'_> {
    /// Bytes of the image as a URL.
    fn size(&self) -> usize {
        let content = usize::try_from(self.file.size()).unwrap_or(usize::MAX);
        let encoded = content.div_ceil(3).saturating_mul(4);
        encoded.saturating_add(DATA.0.len() + self.media_type.len() + DATA.1.len())
    }
}

/// The images of an email with a Content-ID, the longest id first, because an id may begin like another.
fn images(email: &EmailContent) -> Vec<Image<'_>> {
    let files = email.attachments().iter().enumerate();
    let images = files.filter_map(|(place, file)| {
        Some(Image {
            id: file.content_id()?,
            media_type: image_type(file.content_type())?,
            place,
            file,
        })
    });
    let mut images: Vec<_> = images.collect();
    images.sort_by_key(|image| Reverse(image.id.len()));
    images
}

/// The media type of an image without its parameters, if it can stand in an attribute of HTML.
fn image_type(text: &str) -> Option<&str> {
    let media_type = text.split(';').next().unwrap_or_default().trim();
    let (kind, name) = media_type.split_once('/')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte);
    let fits = kind.eq_ignore_ascii_case("image") && !name.is_empty() && name.bytes().all(is_plain);
    fits.then_some(media_type)
}

/// Visits the text before each reference, and the image to which it refers with the spelling of its id. Returns the
/// text behind the last one.
fn each_reference<'a>(
    html: &'a str,
    images: &[Image<'a>],
    mut visit: impl FnMut(&'a str, Option<(&Image<'a>, &'a str)>),
) -> &'a str {
    let longest = images.iter().map(|image| image.id.len()).max().unwrap_or_default();
    let mut rest = html;
    while let Some((before, reference)) = split_at_reference(rest) {
        let spelt = Spelt::read(reference, longest);
        let found = images
            .iter()
            .find_map(|image| Some((image, reference.split_at_checked(spelt.length(image.id)?)?)));
        match found {
            Some((image, (id, behind))) => {
                visit(before, Some((image, id)));
                rest = behind;
            }
            None => {
                visit(before, None);
                rest = reference;
            }
        }
    }
    rest
}

/// The HTML with its images as data, as far as they fit. A browser shows any other image as missing.
fn with_images(html: &str, images: &[Image<'_>]) -> String {
    let (mut page, mut size) = (String::with_capacity(html.len()), html.len());
    let rest = each_reference(html, images, |before, found| match found {
        Some((image, id)) => match image.file.data() {
            Data::Inline(content) if size.saturating_add(image.size()) <= PREVIEW_MAX => {
                size = size.saturating_add(image.size());
                let end = before.len().saturating_sub(SCHEME.len());
                page.push_str(before.get(..end).unwrap_or_default());
                page.push_str(DATA.0);
                page.push_str(image.media_type);
                page.push_str(DATA.1);
                BASE64_STANDARD.encode_string(content, &mut page);
            }
            Data::Inline(_) | Data::Uploaded { .. } => {
                page.push_str(before);
                page.push_str(id);
            }
        },
        None => page.push_str(before),
    });
    page.push_str(rest);
    page
}

/// A text as a page.
fn of_text(text: &str) -> String {
    const BEGIN: &str =
        "<!doctype html><meta charset=\"utf-8\"><pre style=\"white-space:pre-wrap;overflow-wrap:anywhere\">\n";
    let mut page = String::with_capacity(text.len().saturating_add(BEGIN.len()).min(PREVIEW_MAX));
    page.push_str(BEGIN);
    for c in text.chars() {
        if page.len() >= PREVIEW_MAX {
            page.push_str("</pre><p>The rest of this text is too long for a preview.</p>");
            return page;
        }
        match c {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            c => page.push(c),
        }
    }
    page.push_str("</pre>");
    page
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
