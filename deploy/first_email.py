"""Makes the first API key, and follows one email to SES's mailbox simulator.

Role: called by `deploy` after each deployment, and by `doctor`. The check uses an API key of its own, which ends with the check.
The first key is created before the check, so that a failed check leaves a person with a key.
Source: Amazon SES Developer Guide, "Using the mailbox simulator", read 2026-11-29. The simulator also answers in the
sandbox, and counts towards neither the quota nor the bounce rate.
"""

import contextlib
import datetime
import json
import os
import time
import urllib.error
import urllib.request

from stack import Trouble, say

SIMULATOR = "success@simulator.amazonses.com"
CHECK_KEY = "deployment check"
STAGING_KEY = "staging checks"
FIRST_KEY = "first"
# The events after which an email is not delivered any more.
ENDS = ("failed", "bounced", "complained", "canceled", "suppressed")
DELIVERY_SECS = 180
# The life of a check's key, if the check is interrupted.
CHECK_KEY_LIFE = datetime.timedelta(hours=1)
# The time for which a new API may answer with errors, until API Gateway and IAM know it everywhere.
READY_SECS = 90


# The variable with the secret of a proxy in front of the API, and the header that has it.
ORIGIN_VARIABLE = "MAILQUEUE_ORIGIN_SECRET"
ORIGIN_HEADER = "x-mailqueue-origin"


class Api:
    """The HTTP API, called with one key."""

    def __init__(self, url, key):
        self.url, self.key = url, key
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        if secret := os.environ.get(ORIGIN_VARIABLE):
            self.headers[ORIGIN_HEADER] = secret

    def call(self, method, path, body=None, headers=None):
        """(status, answer). Status 0: no answer."""
        return self.ask(method, path, body, headers)[:2]

    def ask(self, method, path, body=None, headers=None):
        """(status, answer, headers). Status 0: no answer."""
        asked = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers=self.headers | (headers or {}),
        )
        try:
            with urllib.request.urlopen(asked, timeout=35) as answer:  # noqa: S310 (the URL is the stack's output)
                return answer.status, read(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, read(error.read()), error.headers
        except OSError as error:
            return 0, {"message": str(error)}, {}

    def must(self, method, path, body=None, expected=200):
        """The answer; an error with a remedy for another status than `expected`."""
        status, answer = self.call(method, path, body)
        if status != expected:
            raise Trouble(f"{method} {self.url}{path} answered {status}: {answer.get('message', answer)}\n{remedy(status)}")
        return answer


def read(body):
    """The JSON object in a body; its text as `message` for other content, for example of a proxy."""
    try:
        answer = json.loads(body)
    except ValueError:
        return {"message": body.decode(errors="replace")}
    return answer if isinstance(answer, dict) else {"message": json.dumps(answer)}


def remedy(status):
    """The next act of a person after an answer of the API."""
    if status == 401:
        return "The stack knows another deployer's key. Name a variable that has it with --key-variable, or replace it with --new-key."
    if status == 403:
        return f"The stack does not know this key, or it wants the secret of its proxy: set {ORIGIN_VARIABLE}."
    if status == 0:
        return "The API is not reachable from here: check the network and the proxy, then run the same command again."
    if status == 503:
        return "Lambda may have no free execution, or DynamoDB is busy: run the same command again in a minute."
    return "The log groups /aws/lambda/<stack>-access and -enqueue have the reason. Then run the same command again."


def wait_until_ready(deployer):
    """Waits until the API accepts the deployer's key; returns the API keys."""
    deadline = time.monotonic() + READY_SECS
    while True:
        status, answer = deployer.call("GET", "/api-keys")
        if status == 200:
            return answer["data"]
        # A new key takes up to half a minute, because the functions start again with it.
        if time.monotonic() > deadline:
            return deployer.must("GET", "/api-keys")["data"]
        time.sleep(2)


def first_key(deployer, keys):
    """Creates the first API key; None if a person's key exists."""
    if any(key["name"] not in (CHECK_KEY, STAGING_KEY) for key in keys):
        return None
    answer = deployer.must("POST", "/api-keys", {"name": FIRST_KEY, "permission": "full_access"}, 201)
    return answer["token"]


@contextlib.contextmanager
def own_key(deployer, keys, name, life=CHECK_KEY_LIFE):
    """An API with a key of its own, which ends with the block."""
    for key in keys:
        if key["name"] == name:
            deployer.call("DELETE", f"/api-keys/{key['id']}")  # the rest of an interrupted check
    end = (datetime.datetime.now(datetime.UTC) + life).isoformat(timespec="seconds")
    made = deployer.must("POST", "/api-keys", {"name": name, "permission": "full_access", "expires_at": end}, 201)
    try:
        yield Api(deployer.url, made["token"])
    finally:
        deployer.call("DELETE", f"/api-keys/{made['id']}")


def check(deployer, keys, sender, began=time.monotonic):
    """Sends an email to the simulator and follows it until it is delivered."""
    with own_key(deployer, keys, CHECK_KEY) as api:
        _deliver(api, sender, began())


def _deliver(api, sender, began):
    email = {
        "from": sender,
        "to": [SIMULATOR],
        "subject": "mailqueue: check of a deployment",
        "text": "SES's mailbox simulator receives this email.",
    }
    email_id = api.must("POST", "/emails", email)["id"]
    say(f"  POST /emails: accepted as {email_id}, from {sender}")
    seen = None
    while True:
        status, shown = api.call("GET", f"/emails/{email_id}")
        event = shown.get("last_event") if status == 200 else seen
        if event != seen:
            say(f"  {event} after {time.monotonic() - began:.1f} s")
            seen = event
        if event == "delivered":
            return
        if event in ENDS:
            raise Trouble(f"The email was not delivered: {event}. {shown.get('cause') or ''}\n{shown.get('advice') or ''}")
        if time.monotonic() - began > DELIVERY_SECS:
            raise Trouble(f"{stopped_at(event)}\nThe email {email_id} goes on. Run the same command again for another check.")
        time.sleep(1)


def stopped_at(event):
    """The likely reason why an email stays at this event."""
    if event == "sent":
        return (
            "SES accepted the email, but no event reports its delivery. Check the event destination of the configuration"
            " set, the topic's subscription, and the log group of feedback."
        )
    return (
        "The email waits, and SES has not accepted it. Read `cause` in GET /emails/{id}, and the log group of send."
        " AccessDenied there means that FromDomain does not allow the sender."
    )
