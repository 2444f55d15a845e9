//! Files arrive whole, whether inside a request or uploaded before.

use std::time::Duration;

use domain::message::email::sha256_hex;
use e2e::{File, HttpResponse, Senders, Stack, StoredParts, unique};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::emails::{address, email_with};

/// Returns pseudo-random bytes, which hardly compress.
fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn file(filename: &str, content_type: &str, content_id: Option<&str>, bytes: &[u8]) -> File {
    File {
        filename: filename.to_owned(),
        content_type: Some(content_type.to_owned()),
        content_id: content_id.map(str::to_owned),
        size: bytes.len(),
        sha256: sha256_hex(bytes),
    }
}

/// Requests an upload and performs it.
async fn upload(stack: &Stack, filename: &str, bytes: Vec<u8>) -> String {
    let request = json!({"filename": filename, "size": bytes.len()});
    let invitation = stack.api.post("/attachments", &request).await.ok();
    let answer = put(&invitation, bytes).await;
    assert_eq!(answer, 200, "the upload of {filename}");
    invitation["id"].as_str().expect("an id").to_owned()
}

async fn put(invitation: &Value, bytes: Vec<u8>) -> u16 {
    let http = Client::builder().no_proxy().timeout(Duration::from_secs(120)).build();
    let url = invitation["upload_url"].as_str().expect("a URL");
    let mut put = http.expect("a client").put(url).body(bytes);
    for (name, value) in invitation["headers"].as_object().expect("headers") {
        put = put.header(name, value.as_str().expect("a header's value"));
    }
    put.send().await.expect("the bucket answers").status().as_u16()
}

#[tokio::test]
async fn files_in_a_request_arrive_whole_and_are_shown() {
    let stack = Stack::shared().await;
    let name = unique("files");
    let large = noise(1_000_000, 7);
    let email = email_with(
        &address(&name),
        json!({
            "html": "<img src='cid:logo@shop'>",
            "attachments": [
                {"filename": "Rechnung Nr. 7 – Ä \"請求書\".pdf", "content": "JVBERi0=\r\n"},
                {"filename": "logo", "content": [137, 80, 78, 71], "content_type": "image/png", "content_id": "<logo@shop>"},
                {"filename": "node.bin", "content": {"type": "Buffer", "data": [0, 255]}, "path": null},
                {"filename": "large.bin", "content": large},
            ],
        }),
    );
    let id = stack.api.send(&email).await;
    let shown = stack.api.wait_for_delivery(&id).await;
    let message = stack.inbox.only(&name).await;
    assert_eq!(
        message.attachments,
        [
            file("Rechnung Nr. 7 – Ä \"請求書\".pdf", "application/pdf", None, b"%PDF-"),
            file("logo", "image/png", Some("logo@shop"), &[137, 80, 78, 71]),
            file("node.bin", "application/octet-stream", None, &[0, 255]),
            file("large.bin", "application/octet-stream", None, &large),
        ]
    );
    let of = |field: &str| -> Vec<Value> {
        let files = shown["attachments"].as_array().expect("the files");
        files.iter().map(|file| file[field].clone()).collect()
    };
    assert_eq!(of("size"), [5, 4, 2, 1_000_000]);
    assert_eq!(
        of("content_disposition"),
        ["attachment", "inline", "attachment", "attachment"]
    );
    assert_eq!(of("content_id")[1], "logo@shop");
    assert_eq!(of("content_type")[0], "application/pdf");
}

#[tokio::test]
async fn the_same_key_with_other_files_is_refused() {
    let stack = Stack::shared().await;
    let (name, key) = (unique("file-key"), unique("file-key"));
    let email = |content: &str| {
        let files = json!([{"filename": "a.txt", "content": content}]);
        email_with(&address(&name), json!({"attachments": files}))
    };
    let first = stack.api.post_once("/emails", &key, &email("aGk=")).await;
    let again = stack.api.post_once("/emails", &key, &email("aGk=")).await;
    assert!(again.replayed);
    let other = stack.api.post_once("/emails", &key, &email("aGo=")).await;
    assert_eq!(
        (other.status, &other.body["name"]),
        (409, &json!("invalid_idempotent_request"))
    );
    stack.api.wait_for_delivery(&first.id()).await;
    assert_eq!(stack.inbox.only(&name).await.attachments[0].sha256, sha256_hex(b"hi"));
}

#[tokio::test]
async fn an_upload_is_attached_to_each_email_of_a_batch() {
    let stack = Stack::shared().await;
    let name = unique("file-batch");
    let bytes = noise(300_000, 3);
    let upload = upload(&stack, "report.csv", bytes.clone()).await;
    let items = [
        json!([{"id": upload}]),
        json!([{"filename": "x.txt", "content": "aGk="}, {"id": upload, "filename": "Ü.txt", "content_id": "r"}]),
    ];
    let items: Vec<Value> = items
        .into_iter()
        .map(|files| email_with(&address(&name), json!({"attachments": files})))
        .collect();
    let ids = stack.api.post("/emails/batch", &json!(items)).await.ids();
    for id in &ids {
        stack.api.wait_for_delivery(id).await;
    }
    let messages = stack.inbox.to(&name).await;
    let of = |id: &str| {
        let message = messages.iter().find(|message| message.email_id() == id);
        message.expect("it was sent").attachments.clone()
    };
    assert_eq!(of(&ids[0]), [file("report.csv", "text/csv", None, &bytes)]);
    assert_eq!(
        of(&ids[1]),
        [
            file("x.txt", "text/plain", None, b"hi"),
            file("Ü.txt", "text/plain", Some("r"), &bytes)
        ]
    );
}

/// The largest allowed files: 29 MB each, which become 39.7 MB of the 40 MB of a message. They arrive whole, and a
/// sender that gets several at once stays within the memory that the template grants.
#[tokio::test]
async fn files_of_29_megabytes_fit_into_the_memory() {
    let stack = Stack::shared().await;
    let name = unique("file-29");
    let bytes = noise(29_000_000, 29);
    let upload = upload(&stack, "film.mp4", bytes.clone()).await;
    let email = email_with(&address(&name), json!({"attachments": [{"id": upload}]}));
    let ids = stack
        .api
        .post("/emails/batch", &json!([email, email, email]))
        .await
        .ids();
    for id in &ids {
        let shown = stack.api.wait_for_delivery(id).await;
        assert_eq!(shown["attachments"][0]["size"], 29_000_000);
    }
    for message in stack.inbox.to(&name).await {
        assert_eq!(message.attachments, [file("film.mp4", "video/mp4", None, &bytes)]);
    }
    if Senders::can_be_seen() {
        let most = stack.senders.most_memory_kb();
        assert!((29_000..256 * 1024).contains(&most), "{most} kB");
    }
}

#[tokio::test]
async fn an_attachment_without_an_upload_is_refused() {
    let stack = Stack::shared().await;
    let name = unique("file-missing");
    let send = async |files: Value| -> HttpResponse {
        let email = email_with(&address(&name), json!({"attachments": files}));
        stack.api.post("/emails", &email).await
    };
    let request = json!({"filename": "a.bin", "content_type": "text/plain", "size": 3});
    let invitation = stack.api.post("/attachments", &request).await.ok();
    let files = json!([{"filename": "a.txt", "content": "aGk="}, {"id": invitation["id"]}]);
    for (files, path) in [
        (files.clone(), "attachments[1].id: "),
        (
            json!([{"id": "01010101-0101-4101-8101-010101010101"}]),
            "attachments[0].id: ",
        ),
        (json!([{"id": "x"}]), "attachments[0].id: "),
        (
            json!([{"path": "http://127.0.0.1/secret", "filename": "a"}]),
            "attachments[0].path: ",
        ),
    ] {
        let refused = send(files.clone()).await;
        assert_eq!(
            (refused.status, &refused.body["name"]),
            (422, &json!("invalid_attachment")),
            "{files}"
        );
        let message = refused.body["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(path), "{message}");
    }
    assert_eq!(put(&invitation, b"abc".to_vec()).await, 200);
    let id = send(files).await.id();
    stack.api.wait_for_delivery(&id).await;
    let message = stack.inbox.only(&name).await;
    assert_eq!(message.attachments[1], file("a.bin", "text/plain", None, b"abc"));
}

#[tokio::test]
async fn an_upload_needs_a_key_and_a_good_name() {
    let stack = Stack::shared().await;
    let request = stack
        .api
        .stranger(Method::POST, "/attachments")
        .json(&json!({"filename": "a", "size": 1}));
    assert_eq!(stack.api.answer(request).await.status, 401);
    for (body, name) in [
        (json!({"filename": "a.exe", "size": 1}), "invalid_attachment"),
        (json!({"filename": "a", "size": 40_000_000}), "invalid_attachment"),
        (json!({"filename": "a"}), "missing_required_field"),
        (
            json!({"filename": "a", "size": 1, "tenant": "other"}),
            "validation_error",
        ),
    ] {
        let refused = stack.api.post("/attachments", &body).await;
        assert_eq!((refused.status, &refused.body["name"]), (422, &json!(name)), "{body}");
    }
}

/// Downloads from a URL without a key. Returns the bytes, their type and the disposition.
async fn download(url: &Value) -> (Vec<u8>, String, String) {
    let http = Client::builder().no_proxy().build().expect("a client");
    let answer = http.get(url.as_str().expect("a URL")).send().await;
    let answer = answer.expect("the bucket answers");
    assert_eq!(answer.status(), 200, "{url}");
    let header = |name: &str| {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (content_type, disposition) = (header("content-type"), header("content-disposition"));
    let bytes = answer.bytes().await.expect("the file").to_vec();
    (bytes, content_type, disposition)
}

#[tokio::test]
async fn attachments_are_downloaded_as_they_were_sent() {
    let stack = Stack::shared().await;
    let name = unique("file-download");
    let large = noise(200_000, 5);
    let upload = upload(&stack, "report.csv", large.clone()).await;
    let files = json!([
        {"filename": "Ä 1.html", "content": "PGI+"},
        {"id": upload},
        {"filename": "logo.png", "content": [137, 80], "content_id": "logo"},
    ]);
    let id = stack
        .api
        .send(&email_with(&address(&name), json!({"attachments": files})))
        .await;
    let path = format!("/emails/{id}/attachments");
    let list = stack.api.get(&path).await.ok();
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(false)));
    let shown = stack.api.get(&format!("/emails/{id}")).await.ok();
    let downloads = list["data"].as_array().expect("the files");
    for (file, shown) in downloads
        .iter()
        .zip(shown["attachments"].as_array().expect("the files"))
    {
        for (field, value) in shown.as_object().expect("fields") {
            assert_eq!(&file[field], value, "{field}");
        }
    }
    let expected = [
        (
            b"<b>".to_vec(),
            "text/html",
            "attachment; filename*=UTF-8''%C3%84%201%2Ehtml",
        ),
        (large, "text/csv", "attachment; filename=\"report.csv\""),
        (vec![137, 80], "image/png", "attachment; filename=\"logo.png\""),
    ];
    assert_eq!(downloads.len(), expected.len());
    for (file, (bytes, content_type, disposition)) in downloads.iter().zip(expected) {
        let one = format!("{path}/{}", file["id"].as_str().expect("an id"));
        let one = stack.api.get(&one).await.ok();
        assert_eq!(
            (&one["object"], &one["filename"]),
            (&json!("attachment"), &file["filename"])
        );
        for url in [&file["download_url"], &one["download_url"]] {
            let downloaded = download(url).await;
            assert_eq!(
                downloaded,
                (bytes.clone(), content_type.to_owned(), disposition.to_owned())
            );
        }
    }
}

#[tokio::test]
async fn an_erased_email_has_no_downloads() {
    let stack = Stack::shared().await;
    let name = unique("file-erased");
    let files = json!([{"filename": "a.txt", "content": "aGk="}]);
    let id = stack
        .api
        .send(&email_with(&address(&name), json!({"attachments": files})))
        .await;
    stack.api.wait_for_delivery(&id).await;
    let path = format!("/emails/{id}/attachments");
    let list = stack.api.get(&path).await.ok();
    assert_eq!(StoredParts::of(&id).await.objects.len(), 1, "a copy for the download");
    assert_eq!(stack.api.delete(&format!("/emails/{id}")).await.status, 200);
    assert!(StoredParts::of(&id).await.objects.is_empty());
    let url = list["data"][0]["download_url"].as_str().expect("a URL");
    let http = Client::builder().no_proxy().build().expect("a client");
    let gone = http.get(url).send().await.expect("the bucket answers");
    assert_eq!(gone.status(), 404);
    assert_eq!(
        stack
            .api
            .get(&path)
            .await
            .refused(404, "not_found", "No email has this id"),
        Ok(())
    );
}
