//! Changes of sending domains that webhooks are told.

use domain::id::TenantId;
use domain::ports::webhook_events::HookChange;
use memory::MemoryBackend;
use memory::hooks::Flag;

use crate::{ask, created, verify_at_ses};

/// A backend whose tenant has so many webhooks, with its stream on.
fn backend(count: usize) -> MemoryBackend {
    let backend = MemoryBackend::default();
    {
        let mut state = backend.state();
        state.hooks.stream = Some(Vec::new());
        let flag = Flag { count, version: 1 };
        state.hooks.flags.insert(TenantId::main(), flag);
    }
    backend
}

fn told(backend: &MemoryBackend) -> Vec<HookChange> {
    backend.state().hooks.stream.replace(Vec::new()).unwrap_or_default()
}

#[tokio::test]
async fn a_domain_of_a_tenant_with_a_webhook_is_marked() {
    let backend = backend(1);
    let path = created(&backend, "example.com").await;
    let [HookChange::Domain { before: None, .. }, ..] = &told(&backend)[..] else {
        panic!("its registration is told")
    };
    backend.state().now_ms += 60_000;
    verify_at_ses(&backend, "example.com");
    ask(&backend, "GET", &path, None).await;
    let changed_at = backend.state().domains.values().next().unwrap().changed_at;
    assert_eq!(changed_at.as_millis(), backend.state().now_ms);
    told(&backend);
    backend.state().now_ms += 60_000;
    assert_eq!(ask(&backend, "DELETE", &path, None).await.0, 200);
    let changes = told(&backend);
    let Some(HookChange::Domain {
        before: Some(before),
        after: None,
        ..
    }) = changes.last()
    else {
        panic!("its deletion is told: {changes:?}")
    };
    assert_eq!(
        before.changed_at.as_millis(),
        backend.state().now_ms,
        "the time is stored"
    );
}

#[tokio::test]
async fn a_domain_of_another_tenant_costs_no_write_more() {
    let backend = backend(0);
    let path = created(&backend, "example.com").await;
    backend.state().calls.clear();
    assert_eq!(ask(&backend, "DELETE", &path, None).await.0, 200);
    assert!(told(&backend).is_empty());
    assert!(!backend.state().calls.contains(&"save_domain"));
}
