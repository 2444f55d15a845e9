"""The part that all Python drivers share: it runs one case and prints its result; see ../README.md."""

import base64
import json
import os
import sys

TO = os.environ["INTEROP_TO"]
ID = os.environ["INTEROP_ID"]
KEY = os.environ["INTEROP_KEY"]
URL = os.environ["INTEROP_URL"]
LATER = os.environ["INTEROP_TIME"]
DOMAIN = os.environ["INTEROP_DOMAIN"]
IDEMPOTENCY_KEY = os.environ["INTEROP_IDEMPOTENCY_KEY"]
HOOK = os.environ.get("INTEROP_HOOK", "")
# A signed delivery: {"secret", "headers", "body"}.
WEBHOOK = json.loads(os.environ.get("INTEROP_WEBHOOK") or "null")
FROM = "shop@mailqueue.example"
NOTE = "Grüße\n".encode()
BINARY = bytes(range(256))
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
MAIL_HEADERS = {
    "Date": "Thu, 01 Jan 2026 00:00:00 +0000",
    "Message-ID": "<interop@mailqueue.example>",
    "Return-Path": "<bounces@mailqueue.example>",
}


class NotOffered(Exception):
    """The client has no call for a case."""


def tampered(verify):
    """Whether a receiver refuses the delivery with another body."""
    try:
        verify(WEBHOOK["body"].replace("{", "{ ", 1))
    except Exception:
        return True
    return False


def run(cases):
    try:
        case = cases.get(sys.argv[1])
        if case is None:
            raise NotOffered("The client has no such call.")
        result = {"answer": case()}
    except NotOffered as reason:
        result = {"na": str(reason)}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result))
