"""django-anymail with its Resend backend, as a Django application sends emails."""

from datetime import datetime
from email.utils import formataddr

import django
from anymail.message import AnymailMessage
from django.conf import settings
from driver import BINARY, FROM, KEY, LATER, MAIL_HEADERS, NOTE, PNG, TO, URL, run

settings.configure(
    EMAIL_BACKEND="anymail.backends.resend.EmailBackend",
    ANYMAIL={"RESEND_API_KEY": KEY, "RESEND_API_URL": URL},
    INSTALLED_APPS=["anymail"],
    USE_TZ=True,
)
django.setup()


def message(**fields):
    return AnymailMessage(**{"subject": "Hello", "body": "Hello", "from_email": FROM, "to": [TO]} | fields)


def sent(email, **also):
    email.send()
    return {"id": email.anymail_status.message_id} | also


def all_fields():
    email = message(
        subject="Ihre Bestellung ✓",
        body="Danke für alles!",
        from_email=formataddr(("Ada's Bücher", FROM)),
        cc=["cc@example.com"],
        bcc=["bcc@example.com"],
        reply_to=["help@mailqueue.example"],
        headers={"X-Order": "4711"},
        metadata={"order": "4711"},
        tags=["order"],
    )
    email.attach_alternative("<p>Danke für alles!</p>", "text/html")
    # Anymail sends its tags and metadata in headers.
    return sent(email, without=["tags"])


def scheduled():
    email = message()
    email.send_at = datetime.fromisoformat(LATER)
    return sent(email)


def attachment_bytes():
    email = message()
    email.attach("note.txt", NOTE, "text/plain")
    email.attach("data.bin", BINARY, "application/octet-stream")
    return sent(email)


def attachment_inline():
    from anymail.message import attach_inline_image

    email = message()
    cid = attach_inline_image(email, PNG, filename="logo.png")
    email.attach_alternative(f'<img src="cid:{cid}">', "text/html")
    return sent(email)


def batch():
    second = f"second-{TO}"
    email = message(to=[TO, second], merge_metadata={TO: {"n": 1}, second: {"n": 2}})
    email.send()
    return {"ids": [email.anymail_status.recipients[to].message_id for to in (TO, second)]}


run(
    {
        "send": lambda: sent(message()),
        "all_fields": all_fields,
        "display_name": lambda: sent(message(from_email=formataddr(("Acme, Inc.", FROM)))),
        "mail_headers": lambda: sent(message(subject="Headers", headers=MAIL_HEADERS)),
        "scheduled": scheduled,
        "attachment_bytes": attachment_bytes,
        "attachment_inline": attachment_inline,
        "batch": batch,
        "bad_address": lambda: sent(message(to=["nobody"])),
        "wrong_key": lambda: sent(message()),
        "gateway_429": lambda: sent(message()),
    }
)
