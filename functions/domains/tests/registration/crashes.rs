//! Interrupted requests: a repetition completes them.

use domain::ports::domains::Identities;
use memory::{Fault, MemoryBackend};

use crate::{ask, create, created, name};

#[tokio::test]
async fn a_repetition_completes_a_registration() {
    for call in ["register_domain", "create_identity", "set_mail_from", "save_domain"] {
        for fault in [Fault::Before, Fault::After] {
            let backend = MemoryBackend::default();
            backend.state().faults_of.insert(call, [fault].into());
            assert_eq!(create(&backend, "example.com").await.0, 500, "{call} {fault:?}");
            let (status, domain) = create(&backend, "example.com").await;
            // The domain was complete, and only the answer was lost.
            let is_complete = call == "save_domain" && fault == Fault::After;
            assert_eq!(
                status,
                if is_complete { 409 } else { 201 },
                "{call} {fault:?}: {domain}"
            );
            assert_eq!(backend.state().domains.len(), 1, "{call} {fault:?}");
            let identity = backend.identity(&name("example.com")).await.unwrap().unwrap();
            assert!(identity.mail_from.is_some(), "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_repetition_completes_a_deletion() {
    for call in ["delete_identity", "remove_domain"] {
        for fault in [Fault::Before, Fault::After] {
            let backend = MemoryBackend::default();
            let path = created(&backend, "example.com").await;
            backend.state().faults_of.insert(call, [fault].into());
            assert_eq!(ask(&backend, "DELETE", &path, None).await.0, 500, "{call} {fault:?}");
            let (status, _) = ask(&backend, "DELETE", &path, None).await;
            let is_gone = call == "remove_domain" && fault == Fault::After;
            assert_eq!(status, if is_gone { 404 } else { 200 }, "{call} {fault:?}");
            assert!(backend.state().domains.is_empty() && backend.state().identities.is_empty());
            assert!(backend.state().registry.unverified.is_empty());
        }
    }
}
