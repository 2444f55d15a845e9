//! Uploads, and the files of emails.

use domain::id::UploadId;
use domain::record::Status;
use serde_json::json;
use world::samples::BORN;
use world::{World, samples};

use crate::{
    RETENTION, RETRY, answer, done, golden, kept_until, refused, rescheduled_to, sample, stored, with_body, world_with,
};

/// Files lie beside the content, and have lives of their own.
#[tokio::test]
async fn uploaded_files_are_kept_as_long_as_the_content() {
    let upload = UploadId::parse("01010101-0101-4101-8101-010101010101").unwrap();
    let stored_email = format!(
        "{{\"v\":2,\"from\":\"a@example.com\",\"to\":[\"b@example.com\"],\"subject\":\"Hi\",\"text\":\"t\",\"attachments\":[\
         {{\"upload\":\"{upload}\",\"size\":4,\"filename\":\"big.bin\"}}]}}"
    );
    for (event, status) in [
        (rescheduled_to("in 900 days", None), Status::Queued),
        (golden(RETRY), Status::Failed),
    ] {
        let world = world_with(&sample(status));
        let name = (samples::key(1), stored(&world).body.sha256);
        world
            .state()
            .bodies
            .insert(name.clone(), stored_email.clone().into_bytes());
        let file = (name.0, name.1, upload);
        world.state().files.insert(file.clone(), (b"file".to_vec(), BORN));
        assert_eq!(answer(&world, &event).await, done());
        let kept = world.state().files.get(&file).map(|(_, kept)| *kept);
        assert_eq!(kept, Some(stored(&world).expires_at.after(RETENTION)));
        assert_eq!(kept, kept_until(&world));

        // An email that cannot be sent whole is not sent.
        let world = world_with(&sample(status));
        let name = (samples::key(1), stored(&world).body.sha256);
        world.state().bodies.insert(name, stored_email.clone().into_bytes());
        let gone = "The content of this email is gone: send it as a new email.";
        assert_eq!(answer(&world, &event).await, refused(409, "conflict", gone));
        assert_eq!(stored(&world), sample(status));
    }
}

#[tokio::test]
async fn an_upload_is_signed_for_the_caller() {
    let world = World::default();
    let mut event = with_body(RETRY, r#"{"filename": "a.pdf", "size": 7}"#);
    event["rawPath"] = "/attachments".into();
    let (status, invitation) = answer(&world, &event).await;
    assert_eq!(status, 200);
    let id = invitation["id"].as_str().and_then(UploadId::parse).expect("an id");
    assert_eq!(invitation["upload_url"], format!("https://bucket.example/main/{id}"));
    assert_eq!(invitation["headers"], json!({"content-length": "7"}));
    let (_, other) = answer(&world, &event).await;
    assert_ne!(invitation["id"], other["id"]);
    event["body"] = r#"{"filename": "a.exe", "size": 7}"#.into();
    let (status, error) = answer(&world, &event).await;
    assert_eq!((status, &error["name"]), (422, &json!("invalid_attachment")));
    event["headers"]["authorization"] = "Bearer mq_other".into();
    assert_eq!(answer(&world, &event).await.0, 403);
}
