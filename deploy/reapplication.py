"""Decides which items of an earlier table a restored table lacks.

Invariant: no I/O. An item is copied only if it is later than the restored one, so that a repetition changes nothing.
An email is copied in its last state; the restore epoch holds it until a release (docs/adr/0043).
Source of the forms: shared/aws/src/storage/table/keys.rs.
Start reading at `step`.
"""

import re
from dataclasses import dataclass, field

# The kinds of items, in the order of the report.
KINDS = {
    "keys": "API keys, created, changed or revoked",
    "tenants": "tenants, suspended, changed or deleted",
    "domains": "sending domains, registered, verified or deleted",
    "queues": "queues and their jobs, with pauses, purges and holds",
    "suppressions": "suppressed and released addresses",
    "webhooks": "webhooks, created or changed",
    "erasures": "erased emails",
    "emails": "emails, accepted, sent, canceled or ended",
    "idempotency": "idempotency keys of batches",
}
# The routes whose effect the audit log alone can repeat. The other ones only a person can repeat.
REPEATABLE = {"revoke_api_key", "erase_email"}
# The routes that change something that a restore loses, with their requests.
LOST_WITH_A_RESTORE = {
    "create_api_key": "POST /api-keys",
    "change_api_key": "PATCH /api-keys/{id}",
    "revoke_api_key": "DELETE /api-keys/{id}",
    "create_tenant": "POST /tenants",
    "change_tenant": "PATCH /tenants/{name}",
    "delete_tenant": "DELETE /tenants/{name}",
    "create_domain": "POST /domains",
    "delete_domain": "DELETE /domains/{domain}",
    "verify_domain": "POST /domains/{domain}/verify",
    "create_queue": "POST /queues",
    "change_queue": "PATCH /queues/{name}",
    "delete_queue": "DELETE /queues/{name}",
    "pause_queue": "POST /queues/{name}/pause",
    "resume_queue": "POST /queues/{name}/resume",
    "purge_queue": "POST /queues/{name}/purge",
    "restore_queue": "POST /queues/{name}/restore",
    "redrive_queue": "POST /queues/{name}/retry",
    "cancel_email": "POST /emails/{id}/cancel",
    "cancel_emails": "POST /emails/cancel",
    "reschedule_email": "PATCH /emails/{id}",
    "retry_email": "POST /emails/{id}/retry",
    "erase_email": "DELETE /emails/{id}",
    "release_emails": "POST /emails/release",
    "add_suppression": "POST /suppressions",
    "add_suppressions": "POST /suppressions/batch/add",
    "remove_suppression": "DELETE /suppressions/{suppression}",
    "remove_suppressions": "POST /suppressions/batch/remove",
    "create_webhook": "POST /webhooks",
    "update_webhook": "PATCH /webhooks/{webhook}",
    "delete_webhook": "DELETE /webhooks/{webhook}",
}
# The other routes that change something, with the reason why nobody has to repeat them.
NOT_LOST = {
    "send_email": "The callers have the emails; the report says that new ones are missing.",
    "send_emails": "As send_email.",
    "invite_upload": "An upload is only in the bucket, which is not restored.",
    "create_preview": "A preview ends after a minute.",
    "create_console_code": "As create_preview.",
    "exchange_console_code": "A person signs in to the console again.",
    "update_domain": "It changes nothing.",
    "test_webhook": "It only sends an event.",
    "replay_webhook_event": "As test_webhook.",
    "recover_webhook": "A recovery can be started again.",
    "rotate_signing_secret": "The table of secrets is not restored.",
}
DAY_SECS = 86_400


@dataclass(frozen=True)
class Step:
    """The write of one item: `put` in place of `over`, `remove` it, or `add` to a set. `erases` also deletes the contents."""

    kind: str
    put: dict | None = None
    over: dict | None = None
    remove: dict | None = None
    add: dict = field(default_factory=dict)
    erases: bool = False


def key_of(item):
    """The primary key of an item."""
    return {"pk": item["pk"], "sk": item["sk"]}


def kind_of(item):
    """The kind of an item; None for counters, quotas, temporary tokens, and the cursors of functions.

    The domains are compared as a whole partition (domain_reapplication.py).
    """
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    if sk == "email":
        return "erasures" if "er" in item else "emails"
    if sk.startswith(("body#", "fact#")):
        return "emails"
    if sk.startswith(("queue#", "job#")) and pk.endswith("#queues"):
        return "queues"
    if sk == "batch" and "#idem-" in pk:
        return "idempotency"
    if sk in ("suppression", "account_list", "marks") and "#suppressed" in pk:
        return "suppressions"
    if (sk == "hooks" or sk.startswith("hook#")) and pk.endswith("#hooks"):
        return "webhooks"
    return {"key": "keys", "tenant": "tenants"}.get(sk)


def step(old, new):
    """The step for an item of the earlier table; `new` is the restored one or None. None: nothing is to be done."""
    kind = kind_of(old)
    if kind is None or old == new:
        return None
    if old["sk"]["S"] == "marks":
        return _marks(old, new or {})
    if new is None:
        return Step(kind, put=old, erases=kind == "erasures")
    later = {
        "keys": _key_is_later,
        "tenants": _version_is_later,
        "queues": _version_is_later,
        "suppressions": _suppression_is_later,
        "webhooks": _webhook_is_later,
        "erasures": lambda old, new: "er" not in new,
        "emails": _email_is_later,
        "idempotency": lambda old, new: False,
    }[kind]
    if not later(old, new):
        return None
    if kind == "emails" and "m" in new and old["s"]["S"] in ("queued", "sending", "uncertain"):
        # Nothing clears the flag of an email that may still be sent.
        old = old | {"m": new["m"]}
    return Step(kind, put=old, over=new, erases=kind == "erasures")


def _marks(old, new):
    added = {name: old[name] for name in ("m", "too_many") if name in old}
    known = set(new.get("m", {}).get("BS", []))
    if "too_many" in new or ("too_many" not in old and known.issuperset(old.get("m", {}).get("BS", []))):
        return None
    return Step("suppressions", add=key_of(old) | added) if added else None


def _number(item, name):
    return int(item.get(name, {}).get("N", 0))


def _key_is_later(old, new):
    used = {"last_used_at"}
    same = {k: v for k, v in old.items() if k not in used} == {k: v for k, v in new.items() if k not in used}
    return not same and ("revoked_at" in old or "revoked_at" not in new)


def _version_is_later(old, new):
    return _number(old, "no") > _number(new, "no")


def _suppression_is_later(old, new):
    def last(item):
        return max(_number(item, "b"), _number(item, "released_at"))

    return last(old) > last(new)


def _webhook_is_later(old, new):
    # The flag of a tenant counts its changes in `v`.
    return any(_number(old, name) > _number(new, name) for name in ("no", "v"))


def _email_is_later(old, new):
    if "er" in new or "s" not in new:
        return False
    return new["s"]["S"] != "sent" and _number(old, "c") >= _number(new, "c")


def revoked(key_id, line):
    """The update that repeats the revocation of a key from a line in the audit log."""
    return {
        "Key": api_key(key_id),
        "UpdateExpression": "SET revoked_at = :at, revoked_by = :by REMOVE tenant_shard, created_sk",
        "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(revoked_at)",
        "ExpressionAttributeValues": {":at": {"N": str(line["at_ms"])}, ":by": {"S": line["key"]}},
    }


def api_key(key_id):
    """The primary key of an API key."""
    return {"pk": {"S": f"key:{key_id}"}, "sk": {"S": "key"}}


def made_with(key_id, keys):
    """The valid keys that were created with a key, directly or through other keys. `keys`: all keys of its tenant, by id."""

    def ancestors(item):
        while item is not None:
            maker = item["created_by"]["S"]
            yield maker
            # The loop ends: each key was created with an earlier key, or with the deployer's key, which the table lacks.
            item = keys.get(maker)

    return sorted(id for id, item in keys.items() if "revoked_at" not in item and key_id in ancestors(item))


def flags_of(line):
    """The flags of a request: `children=true&hold=true`."""
    return set(filter(None, (line.get("flags") or "").split("&")))


def tombstone(record, retention_days):
    """The remainder of an erased email, made from its restored record."""
    ttl = _number(record, "x") // 1000 + retention_days * DAY_SECS
    return key_of(record) | {"v": {"N": "1"}, "er": record["h"], "ttl": {"N": str(ttl)}}


def is_lost(line):
    """True for a successful request of the audit log whose effect the restored table lacks."""
    return line.get("route") in LOST_WITH_A_RESTORE and 200 <= int(line.get("status", 0)) < 300


def request_of(line):
    """The request of a line, with its object and its flags: `DELETE /api-keys/1?hold=true`."""
    request, flags = LOST_WITH_A_RESTORE[line["route"]], line.get("flags")
    named = re.sub(r"\{\w+}", lambda place: line.get("object") or place[0], request)
    about = f" ({line['object']})" if named == request and line.get("object") else ""
    return f"{named}{'?' + flags if flags else ''}{about}"


def for_a_person(line):
    """The line for a request that only a person can repeat."""
    return f"{line['time']} {request_of(line)} of tenant {line.get('tenant') or '-'} (by {line.get('key')})"
