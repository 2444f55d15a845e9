//! The uploads and the contents' copies of them over [`crate::State`].

use std::time::Duration;

use domain::delivery::record::BodyRef;
use domain::id::{AttachmentId, EmailKey, TenantId, UploadId};
use domain::message::attachment::{Attachment, Data, Upload, Uploaded};
use domain::ports::{Download, Files, Invitation, PortError, Put};
use domain::timestamp::Timestamp;

use crate::{Call, MemoryBackend};

/// Time for which a download URL is valid.
const URL_LIFE: Duration = Duration::from_secs(15 * 60);

impl Files for MemoryBackend {
    async fn invite(&self, tenant: &TenantId, id: UploadId, upload: &Upload) -> Result<Invitation, PortError> {
        let (url, size) = (format!("https://bucket.example/{tenant}/{id}"), upload.size);
        self.call(Call::reads("invite", None), move |_| Invitation {
            url: url.clone(),
            headers: vec![("content-length".to_owned(), size.to_string())],
        })
        .await
    }

    async fn find_upload(&self, tenant: &TenantId, id: UploadId) -> Result<Option<Uploaded>, PortError> {
        let name = (tenant.clone(), id);
        self.call(Call::reads("find_upload", None), move |state| {
            state.uploads.get(&name).map(|(uploaded, _)| uploaded.clone())
        })
        .await
    }

    async fn attach(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<Option<Put>, PortError> {
        self.writer();
        let (from, to) = ((key.tenant.clone(), id), (key.clone(), body.sha256.clone(), id));
        self.call(Call::writes("attach", Some(key.id)), move |state| {
            if state.files.contains_key(&to) {
                return Some(Put::There);
            }
            let (_, bytes) = state.uploads.get(&from)?;
            let copy = (bytes.clone(), keep_until);
            state.files.insert(to.clone(), copy);
            Some(Put::New)
        })
        .await
    }

    async fn keep_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<bool, PortError> {
        let name = (key.clone(), body.sha256.clone(), id);
        self.call(Call::writes("keep_file", Some(key.id)), move |state| {
            let file = state.files.get_mut(&name);
            file.map(|(_, kept)| *kept = keep_until.max(*kept)).is_some()
        })
        .await
    }

    async fn load_file(&self, key: &EmailKey, body: &BodyRef, id: UploadId) -> Result<Option<Vec<u8>>, PortError> {
        let name = (key.clone(), body.sha256.clone(), id);
        self.call(Call::reads("load_file", Some(key.id)), move |state| {
            state.files.get(&name).map(|(bytes, _)| bytes.clone())
        })
        .await
    }

    async fn download(
        &self,
        key: &EmailKey,
        _body: &BodyRef,
        id: AttachmentId,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Download, PortError> {
        let download = Download {
            url: format!("https://bucket.example/{}/{}/{id}", key.tenant, key.id),
            expires_at: now.after(URL_LIFE),
        };
        let Data::Inline(content) = file.data() else {
            return Ok(download);
        };
        self.writer();
        let (name, content) = ((key.clone(), id), content.clone());
        self.call(Call::writes("download", Some(key.id)), move |state| {
            state.downloads.insert(name.clone(), content.clone());
            download.clone()
        })
        .await
    }
}
