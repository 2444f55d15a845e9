//! The classes, by subject.

mod addresses;
mod content;
mod domains;
mod fields;
mod file_sources;
mod files;
mod headers;
mod json;
mod lists;
mod local_parts;
mod media_types;
mod names;
mod options;
mod quoted_local_parts;
mod sending_domains;
mod structured_headers;
mod tags;
mod temporary_tokens;
mod webhooks;

use crate::class::Class;

/// All classes.
#[must_use]
pub fn classes() -> Vec<Class> {
    [
        json::classes(),
        fields::classes(),
        lists::classes(),
        addresses::classes(),
        local_parts::classes(),
        domains::classes(),
        names::classes(),
        quoted_local_parts::classes(),
        content::classes(),
        headers::classes(),
        structured_headers::classes(),
        tags::classes(),
        files::classes(),
        file_sources::classes(),
        media_types::classes(),
        options::classes(),
        sending_domains::classes(),
        webhooks::classes(),
        temporary_tokens::classes(),
    ]
    .concat()
}
