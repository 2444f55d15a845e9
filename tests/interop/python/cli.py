"""Resend's CLI, called as a shell script calls it.

Together the cases run `doctor` and every command of `emails`, `api-keys`, `domains` and `webhooks`, with two exceptions:
`emails receiving`, which mailqueue lacks, and `webhooks listen`, which needs a public tunnel and never ends.
`resend commands` lists all commands.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from driver import BINARY, DOMAIN, FROM, HOOK, ID, IDEMPOTENCY_KEY, LATER, NOTE, TO, run

PROGRAM = Path(os.environ["INTEROP_HOME"]) / "node_modules" / ".bin" / "resend"
PLAIN = ("--from", FROM, "--to", TO, "--text", "Hello")


class Refused(Exception):
    """The CLI ended with an error."""


def resend(*arguments):
    done = subprocess.run([str(PROGRAM), *arguments, "--json"], capture_output=True, text=True, check=False, timeout=50)
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise Refused(" ".join(said.split()))
    return json.loads(done.stdout or "{}")


def send(*arguments, subject="Hello"):
    return resend("emails", "send", *PLAIN, "--subject", subject, *arguments)


def all_fields():
    more = ("--cc", "cc@example.com", "--bcc", "bcc@example.com", "--reply-to", "help@mailqueue.example")
    more += ("--headers", "X-Order=4711", "--tags", "kind=order", "--subject", "Ihre Bestellung ✓")
    with tempfile.TemporaryDirectory() as folder:
        html, text = Path(folder) / "order.html", Path(folder) / "order.txt"
        html.write_text("<p>Danke für alles!</p>")
        text.write_text("Danke für alles!")
        sender = ("--from", f"Ada's Bücher <{FROM}>", "--to", TO, "--html-file", str(html), "--text-file", str(text))
        return resend("emails", "send", *sender, *more)


def attachment_bytes():
    with tempfile.TemporaryDirectory() as folder:
        note, data = Path(folder) / "note.txt", Path(folder) / "data.bin"
        note.write_bytes(NOTE)
        data.write_bytes(BINARY)
        return send("--attachment", str(note), str(data))


def batch(second, *arguments):
    emails = [{"from": FROM, "to": [to], "subject": "Hello", "text": "Hello"} for to in (TO, second)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(emails, file)
        file.flush()
        answer = resend("emails", "batch", "--file", file.name, *arguments)
    items = answer if isinstance(answer, list) else answer["data"]
    errors = [] if isinstance(answer, list) else answer.get("errors", [])
    return {"ids": [item["id"] for item in items], "refused": [error["index"] for error in errors]}


def idempotency():
    first, second = (send("--idempotency-key", IDEMPOTENCY_KEY)["id"] for _ in range(2))
    try:
        send("--idempotency-key", IDEMPOTENCY_KEY, subject="Other")
    except Refused:
        return {"first": first, "second": second, "third_raised": True}
    return {"first": first, "second": second, "third_raised": False}


def list_():
    ids = [email["id"] for email in resend("emails", "list", "--limit", "100")["data"]]
    # A refused page is an error, which fails the case.
    for side in ("--after", "--before"):
        resend("emails", "list", side, ids[0])
    return {"ids": ids}


def attachment_download():
    listed = resend("emails", "attachments", ID)["data"]
    file = resend("emails", "attachment", ID, listed[0]["id"])
    return {"filename": file["filename"], "url": file["download_url"]}


def api_keys():
    key = resend("api-keys", "create", "--name", "interop", "--permission", "sending_access")
    listed = [entry["id"] for entry in resend("api-keys", "list", "--limit", "100")["data"]]
    resend("api-keys", "delete", key["id"], "--yes")
    return {"id": key["id"], "token": key["token"], "listed": listed}


def domains():
    created = resend("domains", "create", "--name", DOMAIN)
    listed = [entry["id"] for entry in resend("domains", "list", "--limit", "100")["data"]]
    name = resend("domains", "get", created["id"])["name"]
    resend("domains", "verify", created["id"])
    resend("domains", "update", created["id"], "--no-open-tracking")
    resend("domains", "delete", created["id"], "--yes")
    return {"id": created["id"], "name": name, "records": created["records"], "listed": listed}


def webhooks():
    # `all` also names events of contacts, which mailqueue accepts with a warning.
    created = resend("webhooks", "create", "--endpoint", HOOK, "--events", "all")
    id = created["id"]
    listed = [entry["id"] for entry in resend("webhooks", "list", "--limit", "100")["data"]]
    resend("webhooks", "update", id, "--events", "email.bounced", "--status", "disabled")
    shown = resend("webhooks", "get", id)
    deleted = resend("webhooks", "delete", id, "--yes")["deleted"]
    parts = {part: shown[part] for part in ("endpoint", "events", "status")}
    return {"id": id, "first": created["signing_secret"], "listed": listed, "deleted": deleted} | parts


def doctor():
    key = resend("api-keys", "create", "--name", "interop", "--permission", "sending_access")
    checks = resend("doctor")["checks"]
    sending = resend("--api-key", key["token"], "doctor")["checks"]
    resend("api-keys", "delete", key["id"], "--yes")
    return {"checks": checks, "sending": sending}


def domain_verified():
    domains = resend("domains", "list", "--limit", "100")["data"]
    return {"verified": [entry["name"] for entry in domains if entry["status"] == "verified"]}


run(
    {
        "send": send,
        "all_fields": all_fields,
        "display_name": lambda: resend("emails", "send", "--from", f"Acme, Inc. <{FROM}>", *PLAIN[2:], "--subject", "Hello"),
        "mail_headers": lambda: send(
            *("--headers", "Date=Thu, 01 Jan 2026 00:00:00 +0000", "Message-ID=<interop@mailqueue.example>"),
            "Return-Path=<bounces@mailqueue.example>",
            subject="Headers",
        ),
        "scheduled": lambda: send("--scheduled-at", LATER),
        "attachment_bytes": attachment_bytes,
        "batch": lambda: batch(f"second-{TO}", "--idempotency-key", IDEMPOTENCY_KEY),
        "batch_permissive": lambda: batch("nobody", "--batch-validation", "permissive"),
        "idempotency": idempotency,
        "list": list_,
        "attachment_download": attachment_download,
        "get": lambda: resend("emails", "get", ID),
        "update": lambda: resend("emails", "update", ID, "--scheduled-at", LATER),
        "cancel": lambda: resend("emails", "cancel", ID),
        "api_keys": api_keys,
        "domains": domains,
        "domain_verified": domain_verified,
        "webhooks": webhooks,
        "doctor": doctor,
        "bad_address": lambda: resend("emails", "send", "--from", FROM, "--to", "nobody", "--text", "x", "--subject", "x"),
        "wrong_key": send,
        "cancel_too_late": lambda: resend("emails", "cancel", ID),
        "gateway_429": send,
    }
)
