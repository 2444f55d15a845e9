//! Files that are uploaded before they are sent.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use manage::attachments::InvitationView;
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("post", "/attachments", "invite_upload", "Asks where a file may be uploaded to")
            .details("For what does not fit into a request. Put the file there within 15 minutes, with exactly the headers of the answer; then use its id as an attachment within two days.")
            .body::<NewUpload>(json!({"filename": "invoice.pdf", "content_type": "application/pdf", "size": 6_000_000}))
            .answers::<InvitationView>(200, "Where the file goes.")
            .refuses(&[400, 413, 422]),
    ]
}

/// A file that is to be uploaded.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewUpload {
    /// Its name, as recipients see it.
    #[schemars(length(min = 1))]
    filename: String,
    /// Its media type; by its name when it is absent.
    content_type: Option<String>,
    /// Its bytes. All files of an email have about 29 MB at most.
    #[schemars(range(min = 1))]
    size: u64,
}
