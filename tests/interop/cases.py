"""The cases that each client runs, and the verdict on each of them.

Role: the runner calls `run` for each case of each client.
A driver makes the calls of one case and prints its result; see README.md. Every verdict is made here.
Invariant: a case uses recipients of its own, so cases may run in any order and in parallel.
"""

import base64
import hashlib
import json
import uuid

from stack_calls import DIRECT, FROM, Failed, expect

LATER = "2035-01-01T00:00:00.000Z"
# The bytes of the attachments. No text encoding yields BINARY unchanged.
NOTE = "Grüße\n".encode()
BINARY = bytes(range(256))
INVITE = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def fresh(name):
    return f"{name}-{uuid.uuid4().hex[:12]}@example.com"


def domain_of(to):
    """The domain of a case: the local part of its recipient."""
    return f"{to.split('@')[0]}.example"


def header(message, name):
    return next((h["value"] for h in message["headers"] if h["name"].lower() == name.lower()), None)


# ------------------------------------------------------------------ emails


def send(run):
    run.answer()
    message = run.delivered()
    expect("subject", message["subject"], "Hello")
    expect("text", message["text"].strip(), "Hello")
    expect("from", address_of(message["from"]), FROM)


def slash(run):
    """An email that is sent with a slash at the end of the base URL: the client joins it, or follows the redirect."""
    send(run)
    if run.calls[-1]["path"] != "/emails":
        raise Failed(f"The last path was {run.calls[-1]['path']}.")


def redirect(run):
    """An email that is redirected: the client follows, or raises an error."""
    if "error" not in run.result:
        send(run)
    run.saw(307)


def address_of(mailbox):
    return mailbox.rsplit("<", 1)[-1].rstrip(">")


def all_fields(run):
    answer = run.answer()
    lacks = answer.get("without", [])
    message = run.delivered()
    expect("from", address_of(message["from"]), FROM)
    if "from_name" not in lacks and not message["from"].startswith(('"Ada', "Ada", "=?")):
        raise Failed(f"from: the name is missing in {message['from']}")
    expect("cc", message["cc"], ["cc@example.com"])
    expect("bcc", message["bcc"], ["bcc@example.com"])
    expect("reply_to", [address_of(reply) for reply in message["reply_to"]], ["help@mailqueue.example"])
    expect("subject", message["subject"], "Ihre Bestellung ✓")
    expect("html", message["html"].strip(), "<p>Danke für alles!</p>")
    if "text" not in lacks:
        expect("text", message["text"].strip(), "Danke für alles!")
    if "headers" not in lacks:
        expect("header X-Order", header(message, "X-Order"), "4711")
    if "tags" not in lacks:
        tags = {tag["name"]: tag["value"] for tag in message["tags"]}
        expect("tag kind", tags.get("kind"), "order")


def display_name(run):
    """A display name with a comma, written or built as the client does it."""
    run.answer()
    sender = run.delivered()["from"]
    expect("address of from", address_of(sender), FROM)
    if "Acme, Inc." not in sender:
        raise Failed(f"from: the name is missing in {sender}")


def mail_headers(run):
    """Headers that mail programs set on their own: Date, Message-ID, Return-Path."""
    run.answer()
    expect("subject", run.delivered()["subject"], "Headers")


def scheduled(run):
    """An email that is to be sent later."""
    expect("scheduled_at", run.stack.email(run.answer().get("id")).get("scheduled_at"), LATER)


def attachments(wanted, **fields):
    def verdict(run):
        run.answer()
        found = {
            a["filename"]: {"size": a["size"], "sha256": a["sha256"]} | {name: a[name] for name in fields}
            for a in run.delivered()["attachments"]
        }
        sums = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} | fields for name, data in wanted.items()
        }
        expect("attachments", found, sums)

    return verdict


def attachment_inline(run):
    run.answer()
    message = run.delivered()
    [found] = message["attachments"]
    expect("size of the image", found["size"], len(PNG))
    expect("content_type", found["content_type"], "image/png")
    if f"cid:{found['content_id']}" not in message["html"]:
        raise Failed(f"html: no cid: of {found['content_id']!r} in {message['html']}")


def batch(run):
    ids = run.answer().get("ids")
    if not isinstance(ids, list) or len(set(ids)) != 2:
        raise Failed(f"ids: {ids} instead of two")
    for to in (run.to, f"second-{run.to}"):
        run.stack.delivered(to)


def batch_permissive(run):
    answer = run.answer()
    expect("accepted emails", len(answer.get("ids") or []), 1)
    expect("indexes of refused emails", answer.get("refused"), [1])
    run.delivered()


def idempotency(run):
    answer = run.answer()
    if not answer.get("first"):
        raise Failed(f"The first answer has no id: {answer}")
    expect("id of the same request", answer.get("second"), answer["first"])
    if not answer.get("third_raised"):
        raise Failed("The client raises nothing for another body with the same key.")
    run.saw(409)
    run.delivered()


def list_(run):
    if run.id not in (run.answer().get("ids") or []):
        raise Failed("The list lacks the newest email.")


def get(run):
    answer = run.answer()
    expect("id", answer.get("id"), run.id)
    expect("subject", answer.get("subject"), "Prepared")


def attachment_download(run):
    """Lists the attachments of an email, and gets the first one."""
    answer = run.answer()
    expect("filename", answer.get("filename"), "note.txt")
    with DIRECT.open(answer["url"], timeout=60) as download:
        if download.read() != NOTE:
            raise Failed("The download URL serves other bytes.")


def metrics(run):
    run.answer()
    run.saw(200)


def update(run):
    run.answer()
    expect("scheduled_at", run.stack.email(run.id).get("scheduled_at"), LATER)


def cancel(run):
    run.answer()
    expect("last_event", run.stack.email(run.id).get("last_event"), "canceled")


def suppressions(run):
    """Adds, gets, lists and removes a suppression."""
    answer = run.answer()
    expect("email of the suppression", answer.get("got"), run.to)
    if run.to not in (answer.get("listed") or []):
        raise Failed("The list lacks the new suppression.")
    expect("status after the removal", run.stack.call("GET", f"/suppressions/{run.to}")[0], 404)


def api_keys(run):
    """Creates, lists and removes an API key."""
    answer = run.answer()
    if not str(answer.get("token", "")).startswith("mq_"):
        raise Failed("The answer has no token.")
    if answer.get("id") not in (answer.get("listed") or []):
        raise Failed("The list lacks the new API key.")
    status, keys = run.stack.call("GET", "/api-keys?limit=100")
    if status != 200 or answer["id"] in [key["id"] for key in keys["data"]]:
        raise Failed("The API key still exists after its removal.")


def domains(run):
    """Creates, lists, gets, verifies, updates and removes a domain."""
    answer = run.answer()
    expect("name of the domain", answer.get("name"), domain_of(run.to))
    types = [record["type"] for record in answer.get("records") or []]
    expect("types of its records", sorted(types), ["CNAME"] * 3 + ["MX", "TXT"])
    if answer.get("id") not in (answer.get("listed") or []):
        raise Failed("The list lacks the new domain.")
    expect("status after the removal", run.stack.call("GET", f"/domains/{answer['id']}")[0], 404)


def domain_verified(run):
    """Looks among the domains for those that may send, as a plugin does before its first email."""
    if domain_of(run.to) not in (run.answer().get("verified") or []):
        raise Failed(f"The client does not see that the domain is verified: {run.result}")


def webhooks(run):
    """Creates, lists, changes, gets and removes a webhook, and replaces its secret."""
    answer = run.answer()
    expect("endpoint of the webhook", answer.get("endpoint"), run.hook)
    expect("its events", answer.get("events"), ["email.bounced"])
    expect("its status", answer.get("status"), "disabled")
    expect("deleted", answer.get("deleted"), True)
    if answer.get("id") not in (answer.get("listed") or []):
        raise Failed("The list lacks the new webhook.")
    secrets = [secret for secret in (answer.get("first"), answer.get("second")) if secret is not None]
    if len(set(secrets)) != len(secrets) or not all(secret.startswith("whsec_") for secret in secrets):
        raise Failed("The signing secrets are not two different ones.")
    expect("status after the removal", run.stack.call("GET", f"/webhooks/{answer['id']}")[0], 404)


def webhook_events(run):
    """Lists, gets and replays an event, and lists its attempts."""
    path, event = f"/webhooks/{run.id.split('/')[0]}", run.id.split("/")[1]
    try:
        answer = run.answer()
        expect("types", (answer.get("type"), answer.get("payload")), ("email.bounced", "email.bounced"))
        expect("id of the replayed event", answer.get("replayed"), event)
        if event not in (answer.get("listed") or []):
            raise Failed("The list lacks the event.")
        if not isinstance(answer.get("attempts"), list):
            raise Failed("The attempts are no list.")
    finally:
        run.stack.call("DELETE", path)


def webhook_verify(run):
    """Verifies a signed event, and refuses another body."""
    answer = run.answer()
    expect("type of the event", answer.get("type"), "email.bounced")
    expect("refusal of another body", answer.get("refused"), True)


def doctor(run):
    """The client examines its API key and the domains: with a key of every permission, and with one that only sends."""
    answer = run.answer()
    checks = {check["name"]: check for check in answer.get("checks") or []}
    expect("status of the API key", checks.get("API Key", {}).get("status"), "pass")
    expect("status of the domains", checks.get("Domains", {}).get("status"), "pass")
    if f"{domain_of(run.to)} (verified)" not in checks["Domains"]["detail"]:
        raise Failed(f"domains: the prepared one is missing in {checks['Domains']['detail']}")
    sending = {check["name"]: check["message"] for check in answer.get("sending") or []}
    expect("validation of a key that only sends", sending.get("API Validation"), "Sending-only API key")


# ------------------------------------------------------------------ failures that must raise


def raises(status):
    def verdict(run):
        run.raised()
        if not (run.client.checks_addresses and not run.calls):
            run.saw(status)

    return verdict


# Cases in which every answer is API Gateway's own, with its status.
GATEWAY = {f"gateway_{status}": status for status in (413, 429, 500, 503)}
CASES = {
    "send": send,
    "slash": slash,
    "redirect": redirect,
    "all_fields": all_fields,
    "display_name": display_name,
    "mail_headers": mail_headers,
    "scheduled": scheduled,
    "attachment_bytes": attachments({"note.txt": NOTE, "data.bin": BINARY}),
    "attachment_base64": attachments({"data.bin": BINARY}),
    "attachment_text": attachments({"note.txt": NOTE}),
    "attachment_calendar": attachments({"invite.ics": INVITE}, content_type="text/calendar"),
    "attachment_inline": attachment_inline,
    "batch": batch,
    "batch_permissive": batch_permissive,
    "idempotency": idempotency,
    "list": list_,
    "get": get,
    "attachment_download": attachment_download,
    "metrics": metrics,
    "update": update,
    "cancel": cancel,
    "suppressions": suppressions,
    "api_keys": api_keys,
    "domains": domains,
    "domain_verified": domain_verified,
    "webhooks": webhooks,
    "webhook_events": webhook_events,
    "webhook_verify": webhook_verify,
    "doctor": doctor,
    "bad_address": raises(422),
    "wrong_key": raises(403),
    "cancel_too_late": raises(409),
} | {case: raises(status) for case, status in GATEWAY.items()}
# Cases that call the client as another case does.
SAME_CALLS = {"slash": "send", "redirect": "send"} | dict.fromkeys(GATEWAY, "gateway_429")
# Cases whose email the runner prepares: scheduled, sent, or delivered.
SCHEDULED = ("update", "cancel", "get", "list", "attachment_download")
DELIVERED = ("cancel_too_late",)
# Cases whose domain the runner prepares.
VERIFIED = ("domain_verified", "doctor")
# Cases whose webhook with an event the runner prepares, and those that get a signed event.
WITH_EVENT = ("webhook_events",)
SIGNED = ("webhook_verify",)


def known(file):
    """The failures that are faults of a client: the reason by client and case."""
    entries = json.loads(file.read_text())
    return {(entry["client"], case): entry["reason"] for entry in entries for case in entry["cases"]}


def hook_of(stack, to):
    """The endpoint of a case: the inbox, which receives webhooks too."""
    return f"{stack.inbox}/webhook-inbox?{to.split('@')[0]}"


def prepare(stack, case, to):
    """The id of the prepared email or domain, the ids of a webhook and an event, a signed event, or an empty string."""
    if case in SCHEDULED:
        note = {"filename": "note.txt", "content": base64.b64encode(NOTE).decode()}
        return stack.send(to, scheduled_at="2034-01-01T00:00:00Z", attachments=[note])
    if case in DELIVERED:
        id = stack.send(to)
        stack.wait(lambda: stack.email(id).get("last_event") == "delivered", "The prepared email was not delivered.")
        return id
    if case in VERIFIED:
        return stack.verified_domain(domain_of(to))
    if case in WITH_EVENT:
        return stack.webhook(endpoint=hook_of(stack, to))[2].removeprefix("/webhooks/").replace("/events/", "/")
    if case in SIGNED:
        return stack.signed_event()
    return ""
