"""The calls of an application with the official Python SDK, with the base URL of this queue.

Environment: RESEND_API_URL and RESEND_API_KEY, which the SDK reads itself; RECIPIENT, an
address that nobody else uses. Prints {"single": id, "batch": [id, id]} when all went well.
"""

import json
import os
import time

import resend
from resend.exceptions import ResendError

PATIENCE_SECS = 400
RECIPIENT = os.environ["RECIPIENT"]

EMAIL: resend.Emails.SendParams = {
    "from": "Ada's Bücher <shop@mailqueue.example>",
    "to": [RECIPIENT],
    "cc": ["cc@example.com"],
    "bcc": "bcc@example.com",
    "reply_to": "help@mailqueue.example",
    "subject": "Ihre Bestellung ✓",
    "html": "<p>Danke!</p>",
    "text": "Danke!",
    "headers": {"X-Order": "4711"},
    "tags": [{"name": "kind", "value": "order"}],
    "attachments": [
        {"filename": "Rechnung Ä.pdf", "content": list(b"%PDF-")},
        {"filename": "logo.png", "content": "iVBORw==", "content_type": "image/png", "inline_content_id": "logo"},
    ],
}


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(found, expected):
    check(found == expected, f"{found!r} is not {expected!r}")


def refused(call, status, begins):
    """Calls, and checks how the SDK reports the refusal."""
    try:
        answer = call()
    except ResendError as error:
        equal(int(error.code), status)
        check(str(error.message).startswith(begins), error.message)
        return error
    raise AssertionError(f"not refused: {answer!r}")


def delivered(email_id):
    deadline = time.monotonic() + PATIENCE_SECS
    while True:
        email = resend.Emails.get(email_id)
        equal(email["id"], email_id)
        if email["last_event"] == "delivered":
            return email
        check(time.monotonic() < deadline, f"{email_id} is still {email['last_event']}")
        time.sleep(0.2)


def single():
    options: resend.Emails.SendOptions = {"idempotency_key": f"python-single-{RECIPIENT}"}
    first = resend.Emails.send(EMAIL, options)
    equal(resend.Emails.send(EMAIL, options)["id"], first["id"])
    error = refused(lambda: resend.Emails.send({**EMAIL, "subject": "Another"}, options), 409, "Idempotency-Key: ")
    equal(error.error_type, "invalid_idempotent_request")
    email = delivered(first["id"])
    equal(email["object"], "email")
    equal(email["to"], EMAIL["to"])
    equal(email["subject"], EMAIL["subject"])
    equal(email["html"], EMAIL["html"])
    files = [(file["filename"], file["size"]) for file in email["attachments"]]
    equal(files, [("Rechnung Ä.pdf", 5), ("logo.png", 4)])
    return first["id"]


def batch():
    items: list[resend.Emails.SendParams] = [
        {
            "from": "shop@mailqueue.example",
            "to": RECIPIENT,
            "subject": subject,
            "text": subject,
            "attachments": [{"filename": "note.txt", "content": list(subject.encode())}],
        }
        for subject in ("one", "two")
    ]
    options: resend.Batch.SendOptions = {"idempotency_key": f"python-batch-{RECIPIENT}"}
    ids = [item["id"] for item in resend.Batch.send(items, options)["data"]]
    equal(len(set(ids)), len(items))
    equal([item["id"] for item in resend.Batch.send(items, options)["data"]], ids)

    bad = [*items, {**items[0], "to": "nobody"}]
    refused(lambda: resend.Batch.send(bad), 422, "[2].to: ")
    answer = resend.Batch.send(bad, {"batch_validation": "permissive"})
    equal(len(answer["data"]), len(items))
    equal([error["index"] for error in answer["errors"]], [2])
    check(answer["errors"][0]["message"].startswith("to: "), answer["errors"])

    for email_id in ids:
        delivered(email_id)
    return ids


def scheduled():
    """Scheduled for far away, brought near, and one of two canceled."""
    later: resend.Emails.SendParams = {**EMAIL, "to": [f"later-{RECIPIENT}"]}
    kept = resend.Emails.send({**later, "scheduled_at": "in 1 hour"})["id"]
    taken = resend.Emails.send({**later, "scheduled_at": "2030-01-01T00:00:00Z"})["id"]
    equal(resend.Emails.get(taken)["scheduled_at"], "2030-01-01T00:00:00.000Z")
    equal(resend.Emails.update({"id": kept, "scheduled_at": "in 1 second"})["id"], kept)
    equal(resend.Emails.cancel(email_id=taken)["id"], taken)
    equal(resend.Emails.get(taken)["last_event"], "canceled")
    delivered(kept)
    error = refused(lambda: resend.Emails.cancel(email_id=kept), 409, "This email was sent")
    equal(error.error_type, "validation_error")


def listed(ids):
    seen = set()
    params: resend.Emails.ListParams = {"limit": 50}
    # Others send meanwhile: ours are on some page, and no page overlaps another.
    while not seen.issuperset(ids):
        page = resend.Emails.list(params)
        equal(page["object"], "list")
        for email in page["data"]:
            check(email["id"] not in seen, f"{email['id']} is listed twice")
            seen.add(email["id"])
            params["after"] = email["id"]
        check(page["has_more"] or seen.issuperset(ids), "the list ended too early")


def suppressions():
    one, two = (f"{name}+python-{RECIPIENT}" for name in ("one", "two"))
    added = resend.Suppressions.add({"email": one})["id"]
    shown = resend.Suppressions.get(one)
    equal((shown["id"], shown["email"], shown["origin"], shown["source_id"]), (added, one, "manual", None))
    both = resend.Suppressions.Batch.add({"emails": [one, two]})["data"]
    equal(both[0]["id"], added)
    page = resend.Suppressions.list({"origin": "manual", "limit": 100})
    check(one in [item["email"] for item in page["data"]], "it is on the first page")
    equal(dict(resend.Suppressions.remove(one))["deleted"], True)
    error = refused(lambda: resend.Suppressions.get(added), 404, "")
    equal(error.error_type, "not_found")
    equal(resend.Suppressions.Batch.remove({"ids": [both[1]["id"]]})["data"][0]["deleted"], True)
    refused(lambda: resend.Suppressions.add({"email": "nobody"}), 422, "email: ")


def errors():
    error = refused(lambda: resend.Emails.send({**EMAIL, "to": [RECIPIENT, "nobody"]}), 422, "to[1]: ")
    equal(error.error_type, "validation_error")
    remote: resend.RemoteAttachment = {"path": "https://example.com/a.pdf"}
    refusal = refused(lambda: resend.Emails.send({**EMAIL, "attachments": [remote]}), 422, "attachments[0].path: ")
    equal(refusal.error_type, "invalid_attachment")
    error = refused(lambda: resend.Emails.get("00000000-0000-4000-8000-000000000000"), 404, "")
    equal(error.error_type, "not_found")
    good_key, resend.api_key = resend.api_key, "mq_wrong"
    refused(lambda: resend.Emails.send(EMAIL), 403, "")
    resend.api_key = good_key


if __name__ == "__main__":
    ids = {"single": single(), "batch": batch()}
    scheduled()
    listed([ids["single"], *ids["batch"]])
    suppressions()
    errors()
    print(json.dumps(ids))
