//! An empty text is stored, and is no part of a request's identity.

use crate::common::enqueue;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::parse_email;
use domain::id::{EmailKey, TenantId};
use domain::message::email::EmailContent;
use memory::MemoryBackend;
use serde_json::{Value, json};

#[tokio::test]
async fn an_empty_text_is_kept_outside_of_the_hash() {
    let request = |text: Value| {
        let email =
            json!({"from": "a@example.com", "to": "b@example.com", "subject": "s", "html": "<p>x", "text": text});
        parse_email(email.to_string().as_bytes()).unwrap()
    };
    let (empty, absent) = (request(json!("")), request(Value::Null));
    for (first, second, generated) in [(&empty, &absent, None), (&absent, &empty, Some("x"))] {
        let backend = MemoryBackend::default();
        let (enqueue, tenant, key) = (enqueue(&backend), TenantId::main(), IdempotencyKey::parse("k").unwrap());
        let id = enqueue.accept(&tenant, Some(&key), first).await.unwrap().id;
        // The hash ignores the difference between an empty and an absent text, so this request repeats the first one.
        let again = enqueue.accept(&tenant, Some(&key), second).await.unwrap();
        assert_eq!((again.id, again.replayed), (id, true));
        let record = backend.record(&EmailKey { tenant, id }).unwrap();
        let name = (record.email_key(), record.body.sha256);
        let content = EmailContent::from_body(backend.state().bodies.get(&name).unwrap()).unwrap();
        assert_eq!(content.generated_text().as_deref(), generated);
    }
}
