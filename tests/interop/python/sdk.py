"""The official Python SDK, from 0.8 on. It reads RESEND_API_URL and RESEND_API_KEY itself."""

import base64
import inspect
import json

import resend
from driver import (
    BINARY,
    DOMAIN,
    FROM,
    HOOK,
    ID,
    IDEMPOTENCY_KEY,
    LATER,
    MAIL_HEADERS,
    NOTE,
    PNG,
    TO,
    WEBHOOK,
    NotOffered,
    run,
    tampered,
)

PLAIN = {"from": FROM, "to": TO, "subject": "Hello", "text": "Hello"}
# The SDK takes options, such as an idempotency key, since 2.7.
OPTIONS = hasattr(resend.Emails, "SendOptions")


def offered(resource, method):
    call = getattr(getattr(resend, resource, None), method, None)
    if call is None:
        raise NotOffered(f"The SDK has no {resource}.{method}.")
    return call


def fields_of(answer):
    """The answer as a dictionary: the oldest versions return objects."""
    return dict(answer) if isinstance(answer, dict) else vars(answer)


def send(**fields):
    return fields_of(resend.Emails.send(PLAIN | fields))


def all_fields():
    return send(
        **{
            "from": "Ada's Bücher <shop@mailqueue.example>",
            "to": [TO],
            "cc": ["cc@example.com"],
            "bcc": "bcc@example.com",
            "reply_to": "help@mailqueue.example",
            "subject": "Ihre Bestellung ✓",
            "html": "<p>Danke für alles!</p>",
            "text": "Danke für alles!",
            "headers": {"X-Order": "4711"},
            "tags": [{"name": "kind", "value": "order"}],
        }
    )


def attachment_bytes():
    # Lists of numbers, as in the examples of the SDK.
    note = {"filename": "note.txt", "content": list(NOTE), "content_type": "text/plain"}
    return send(attachments=[note, {"filename": "data.bin", "content": list(BINARY)}])


def attachment_base64():
    return send(attachments=[{"filename": "data.bin", "content": base64.b64encode(BINARY).decode()}])


def attachment_inline():
    image = {"filename": "logo.png", "content": list(PNG), "content_type": "image/png", "content_id": "logo"}
    return send(html='<img src="cid:logo">', attachments=[image])


def batch():
    answer = offered("Batch", "send")([PLAIN, PLAIN | {"to": f"second-{TO}"}])
    return {"ids": [item["id"] for item in answer["data"]]}


def batch_permissive():
    if "options" not in inspect.signature(offered("Batch", "send")).parameters:
        raise NotOffered("The SDK has no batch_validation.")
    answer = resend.Batch.send([PLAIN, PLAIN | {"to": "nobody"}], {"batch_validation": "permissive"})
    return {"ids": [item["id"] for item in answer["data"]], "refused": [e["index"] for e in answer["errors"]]}


def idempotency():
    if not OPTIONS:
        raise NotOffered("The SDK has no idempotency_key.")
    options = {"idempotency_key": IDEMPOTENCY_KEY}
    first, second = (resend.Emails.send(PLAIN, options)["id"] for _ in range(2))
    try:
        resend.Emails.send(PLAIN | {"subject": "Other"}, options)
    except Exception:
        return {"first": first, "second": second, "third_raised": True}
    return {"first": first, "second": second, "third_raised": False}


def list_():
    return {"ids": [email["id"] for email in offered("Emails", "list")({"limit": 100})["data"]]}


def get():
    return fields_of(resend.Emails.get(ID))


def attachment_download():
    listed = offered("EmailAttachments", "list")(ID)
    file = offered("EmailAttachments", "get")(ID, listed["data"][0]["id"])
    return {"filename": file["filename"], "url": file["download_url"]}


def suppressions():
    offered("Suppressions", "add")
    resend.Suppressions.add({"email": TO})
    got = resend.Suppressions.get(TO)["email"]
    listed = [entry["email"] for entry in resend.Suppressions.list({"limit": 100})["data"]]
    resend.Suppressions.remove(TO)
    return {"got": got, "listed": listed}


def api_keys():
    key = resend.ApiKeys.create({"name": "interop"})
    listed = [entry["id"] for entry in resend.ApiKeys.list()["data"]]
    resend.ApiKeys.remove(key["id"])
    return {"id": key["id"], "token": key["token"], "listed": listed}


def domain_list():
    return [fields_of(entry) for entry in fields_of(resend.Domains.list())["data"]]


def domains():
    created = fields_of(resend.Domains.create({"name": DOMAIN}))
    listed = [entry["id"] for entry in domain_list()]
    name = fields_of(resend.Domains.get(created["id"]))["name"]
    resend.Domains.verify(created["id"])
    resend.Domains.update({"id": created["id"], "open_tracking": False})
    resend.Domains.remove(created["id"])
    return {"id": created["id"], "name": name, "records": created["records"], "listed": listed}


def domain_verified():
    return {"verified": [entry["name"] for entry in domain_list() if entry["status"] == "verified"]}


def webhooks():
    offered("Webhooks", "create")
    events = ["email.delivered", "contact.created"]
    created = resend.Webhooks.create({"endpoint": HOOK, "events": events})
    listed = [webhook["id"] for webhook in resend.Webhooks.list({"limit": 100})["data"]]
    resend.Webhooks.update({"webhook_id": created["id"], "events": ["email.bounced"], "status": "disabled"})
    shown = resend.Webhooks.get(created["id"])
    rotate = getattr(resend.Webhooks, "rotate_signing_secret", None)
    second = rotate(created["id"])["signing_secret"] if rotate else None
    deleted = resend.Webhooks.remove(created["id"])["deleted"]
    found = {"id": created["id"], "first": created["signing_secret"], "second": second, "deleted": deleted, "listed": listed}
    return found | {name: shown[name] for name in ("endpoint", "events", "status")}


def webhook_events():
    offered("Webhooks", "list_events")
    webhook, event = ID.split("/")
    listed = [entry["id"] for entry in resend.Webhooks.list_events(webhook, {"limit": 10})["data"]]
    shown = resend.Webhooks.get_event(webhook, event)
    attempts = resend.Webhooks.list_event_attempts(webhook, event)["data"]
    replayed = resend.Webhooks.replay_event(webhook, event)["id"]
    found = {"listed": listed, "type": shown["type"], "payload": shown["payload"]["type"]}
    return found | {"attempts": attempts, "replayed": replayed}


def webhook_verify():
    verify = offered("Webhooks", "verify")
    headers = {part: WEBHOOK["headers"][f"svix-{part}"] for part in ("id", "timestamp", "signature")}

    def verified(body):
        return verify({"payload": body, "headers": headers, "webhook_secret": WEBHOOK["secret"]})

    event = verified(WEBHOOK["body"]) or json.loads(WEBHOOK["body"])
    return {"type": event["type"], "refused": tampered(verified)}


run(
    {
        "send": send,
        "all_fields": all_fields,
        "display_name": lambda: send(**{"from": f"Acme, Inc. <{FROM}>"}),
        "mail_headers": lambda: send(subject="Headers", headers=MAIL_HEADERS),
        "scheduled": lambda: send(scheduled_at=LATER),
        "attachment_bytes": attachment_bytes,
        "attachment_base64": attachment_base64,
        "attachment_inline": attachment_inline,
        "batch": batch,
        "batch_permissive": batch_permissive,
        "idempotency": idempotency,
        "list": list_,
        "get": get,
        "attachment_download": attachment_download,
        "metrics": lambda: fields_of(offered("Emails", "metrics")()),
        "update": lambda: fields_of(offered("Emails", "update")({"id": ID, "scheduled_at": LATER})),
        "cancel": lambda: fields_of(offered("Emails", "cancel")(ID)),
        "suppressions": suppressions,
        "api_keys": api_keys,
        "domains": domains,
        "domain_verified": domain_verified,
        "webhooks": webhooks,
        "webhook_events": webhook_events,
        "webhook_verify": webhook_verify,
        "bad_address": lambda: send(to="nobody"),
        "wrong_key": send,
        "cancel_too_late": lambda: fields_of(offered("Emails", "cancel")(ID)),
        "gateway_429": send,
    }
)
