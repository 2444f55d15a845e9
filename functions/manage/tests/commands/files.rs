//! Uploads, and the files of emails.

use domain::delivery::record::RecordStatus;
use domain::id::UploadId;
use memory::samples::BORN;
use memory::{MemoryBackend, samples};
use serde_json::json;

use super::{
    RETENTION, RETRY, answer, backend_with, done, golden, kept_until, refused, rescheduled_to, sample, stored,
    with_body,
};

/// Files are stored beside the content, each with its own retention.
#[tokio::test]
async fn uploaded_files_are_kept_as_long_as_the_content() {
    let upload = UploadId::parse("01010101-0101-4101-8101-010101010101").unwrap();
    let stored_email = format!(
        "{{\"v\":2,\"from\":\"a@example.com\",\"to\":[\"b@example.com\"],\"subject\":\"Hi\",\"text\":\"t\",\"attachments\":[\
         {{\"upload\":\"{upload}\",\"size\":4,\"filename\":\"big.bin\"}}]}}"
    );
    for (event, status) in [
        (rescheduled_to("in 900 days", None), RecordStatus::Queued),
        (golden(RETRY), RecordStatus::Failed),
    ] {
        let backend = backend_with(&sample(status));
        let name = (samples::key(1), stored(&backend).body.sha256);
        backend
            .state()
            .bodies
            .insert(name.clone(), stored_email.clone().into_bytes());
        let file = (name.0, name.1, upload);
        backend.state().files.insert(file.clone(), (b"file".to_vec(), BORN));
        assert_eq!(answer(&backend, &event).await, done());
        let kept = backend.state().files.get(&file).map(|(_, kept)| *kept);
        assert_eq!(kept, Some(stored(&backend).expires_at.after(RETENTION)));
        assert_eq!(kept, kept_until(&backend));

        // An incomplete email is not sent.
        let backend = backend_with(&sample(status));
        let name = (samples::key(1), stored(&backend).body.sha256);
        backend.state().bodies.insert(name, stored_email.clone().into_bytes());
        let gone = "The content of this email is deleted. Send it as a new email.";
        assert_eq!(answer(&backend, &event).await, refused(409, "validation_error", gone));
        assert_eq!(stored(&backend), sample(status));
    }
}

#[tokio::test]
async fn an_upload_is_signed_for_the_caller() {
    let backend = MemoryBackend::default();
    let mut event = with_body(RETRY, r#"{"filename": "a.pdf", "size": 7}"#);
    event["rawPath"] = "/attachments".into();
    let (status, invitation) = answer(&backend, &event).await;
    assert_eq!(status, 200);
    let id = invitation["id"].as_str().and_then(UploadId::parse).expect("an id");
    assert_eq!(invitation["upload_url"], format!("https://bucket.example/main/{id}"));
    assert_eq!(invitation["headers"], json!({"content-length": "7"}));
    let (_, other) = answer(&backend, &event).await;
    assert_ne!(invitation["id"], other["id"]);
    event["body"] = r#"{"filename": "a.exe", "size": 7}"#.into();
    let (status, error) = answer(&backend, &event).await;
    assert_eq!((status, &error["name"]), (422, &json!("invalid_attachment")));
    event["headers"]["authorization"] = "Bearer mq_other".into();
    assert_eq!(answer(&backend, &event).await.0, 403);
}
