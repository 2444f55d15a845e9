//! Files that are uploaded before they are sent.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use aws::http::query::{LIMIT_DEFAULT, LIMIT_MAX};
use domain::api::attachment_view::{AttachmentPageView, RetrievedAttachment};
use manage::attachments::InvitationView;
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("post", "/attachments", "invite_upload", "Creates an upload for a file")
            .details("For files that do not fit into a request. Upload the file with PUT within 15 minutes, with exactly the headers of the response. Then use its id in an attachment within two days.")
            .body::<NewUpload>(json!({"filename": "invoice.pdf", "content_type": "application/pdf", "size": 6_000_000}))
            .answers::<InvitationView>(200, "The target of the upload.")
            .refuses(&[400, 413, 422]),
        Operation::new("get", "/emails/{id}/attachments", "list_attachments", "Lists the attachments of an email")
            .details("Each attachment has a URL for its download. The URL needs no key and is valid for 15 minutes.")
            .query::<FilesQuery>()
            .answers::<AttachmentPageView>(200, "A page of the attachments, in the order of the email.")
            .refuses(&[404, 422]),
        Operation::new(
            "get",
            "/emails/{id}/attachments/{attachment_id}",
            "get_attachment",
            "Shows an attachment of an email",
        )
        .details("Includes a URL for its download. The URL needs no key and is valid for 15 minutes.")
        .answers::<RetrievedAttachment>(200, "The attachment.")
        .refuses(&[404]),
    ]
}

/// A page of a list of attachments.
#[derive(JsonSchema)]
struct FilesQuery {
    /// The maximum number of attachments.
    #[schemars(range(min = 1, max = LIMIT_MAX), extend("default" = LIMIT_DEFAULT))]
    limit: Option<usize>,
    /// Returns the attachments after the one with this id.
    after: Option<String>,
    /// Returns the attachments before the one with this id.
    before: Option<String>,
}

/// A file to upload.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewUpload {
    /// The file name that recipients see.
    #[schemars(length(min = 1))]
    filename: String,
    /// The media type. Default: derived from the file name.
    content_type: Option<String>,
    /// The same as `content_type`.
    #[schemars(rename = "contentType")]
    content_type_alias: Option<String>,
    /// The size in bytes. All attachments of an email together may have about 29 MB.
    #[schemars(range(min = 1))]
    size: u64,
}
