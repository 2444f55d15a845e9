use serde_json::json;

use super::*;
use crate::id::EmailId;
use crate::tenant::key::Actor;
use crate::tenant::sender::FromDomain;
use crate::tenant::token::SECRET_BYTES;

#[test]
fn a_key_is_shown_without_its_hash() {
    let id = KeyId::of(EmailId::from_random([3; 16]));
    let token = Token::new(id, [9; SECRET_BYTES]);
    let key = ApiKey {
        id,
        tenant: TenantId::main(),
        name: "shop".to_owned(),
        sha256: token.hash(),
        permission: Permission::ReadAccess,
        from_domains: vec![FromDomain::Any],
        created_at: Timestamp::from_millis(1),
        created_by: Actor::Key(id),
        expires_at: Some(Timestamp::from_millis(2)),
        revoked: None,
        last_used_at: None,
    };
    let shown = serde_json::to_value(KeysView::new(&[key], true)).unwrap();
    let id = "03030303-0303-4303-8303-030303030303";
    assert_eq!(
        shown,
        json!({"object": "list", "has_more": true, "data": [{
            "object": "api_key", "id": id, "name": "shop", "tenant": "main", "permission": "read_access",
            "from_domains": ["*"], "created_at": "1970-01-01T00:00:00.001Z", "created_by": id,
            "expires_at": "1970-01-01T00:00:00.002Z", "last_used_at": null,
        }]})
    );
    let made = serde_json::to_value(NewKeyView::new(KeyId::parse(id).unwrap(), &token)).unwrap();
    assert_eq!(made, json!({"id": id, "token": token.as_str()}));
}
