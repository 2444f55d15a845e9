//! Uploads of files.
//!
//! **Invariant:** an id is random and belongs to one tenant. No other tenant sees its upload, which expires
//! unless an email uses it.
//! **Start reading at** [`ManageFunction::invite`].

use std::collections::BTreeMap;

use aws::http::auth::TenantPrincipal;
use domain::id::UploadId;
use domain::message::attachment::Upload;
use domain::ports::{Files, Invitation, Random};
use serde::Serialize;

use crate::{ManageError, ManageFunction, Ports};

/// The response to an upload request: the target of the upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Invitation"))]
pub struct InvitationView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "attachment")))]
    object: &'static str,
    id: String,
    upload_url: String,
    headers: BTreeMap<String, String>,
}

impl<P: Ports> ManageFunction<P> {
    /// Lets the caller upload a file.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn invite(&self, caller: &TenantPrincipal, upload: &Upload) -> Result<InvitationView, ManageError> {
        let id = UploadId::of(self.system.id()?);
        let Invitation { url, headers } = self.bodies.invite(caller.tenant(), id, upload).await?;
        Ok(InvitationView {
            object: "attachment",
            id: id.to_string(),
            upload_url: url,
            headers: headers.into_iter().collect(),
        })
    }
}
