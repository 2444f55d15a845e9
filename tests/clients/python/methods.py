"""Calls every method of the official Python SDK, and prints the result of each: {"Emails.send":
"works", "Domains.list": "not_found", ...}. `local` means that the method made no request.

Environment: RESEND_API_URL and RESEND_API_KEY, which the SDK reads itself; RECIPIENT. The methods
are found in the SDK itself, so that none can be left out. A method and its `_async` variant count
as two; both use the same client.
"""

import asyncio
import functools
import inspect
import json
import os
import re
import uuid

import resend
from resend.exceptions import ResendError

ID = "00000000-0000-4000-8000-000000000000"
LATER = "2030-01-01T00:00:00Z"
EMAIL = {"from": "shop@mailqueue.example", "to": os.environ["RECIPIENT"], "subject": "Hello", "text": "Hello"}
# How requests are made, which is no part of the API.
TRANSPORT = ("resend.request", "resend.async_request", "resend.http_client")


class Counting(resend.RequestsClient):
    """The SDK's own client, which says whether it was used."""

    called = 0

    def request(self, *arguments, **options):
        self.called += 1
        return super().request(*arguments, **options)


class CountingAsync(resend.AsyncHTTPClient):
    """The same, for methods that are awaited."""

    async def request(self, *arguments, **options):
        return CLIENT.request(*arguments, **options)


CLIENT = Counting()
resend.default_http_client = CLIENT
resend.default_async_http_client = CountingAsync()


def scheduled():
    return resend.Emails.send({**EMAIL, "scheduled_at": LATER})["id"]


def attached():
    files = [{"filename": "a.txt", "content": "aGk="}]
    return resend.Emails.send({**EMAIL, "attachments": files, "scheduled_at": LATER})["id"]


def attachment():
    email = attached()
    files = resend.EmailAttachments.list(email)["data"]
    return [email, files[0]["id"]]


# A suppressed address, which no other test uses.
NOBODY = f"python-nobody-{os.environ['RECIPIENT']}"


def suppressed():
    return resend.Suppressions.add({"email": NOBODY})["id"]


def key():
    return resend.ApiKeys.create({"name": "python, for a moment"})["id"]


def fresh():
    """A domain that no other test uses."""
    return f"python-{uuid.uuid4().hex}.example"


def domain():
    return resend.Domains.create({"name": fresh()})["id"]


# A webhook that no other test uses. A tenant has at most ten, so that the end removes all of this run.
ENDPOINT = f"https://hook.example.com/python-{os.environ['RECIPIENT']}"
SUBSCRIPTION = {"endpoint": ENDPOINT, "events": ["email.delivered"]}


def new_webhook():
    return resend.Webhooks.create(SUBSCRIPTION)["id"]


@functools.cache
def webhook():
    return new_webhook()


def told():
    """A test event of the webhook."""
    path = f"/webhooks/{webhook()}/test"
    event = resend.request.Request(path=path, params={}, verb="post").perform_with_content()
    return [webhook(), event["id"]]


def remove_webhooks():
    for found in resend.Webhooks.list({"limit": 100})["data"]:
        if found["endpoint"] == ENDPOINT:
            resend.Webhooks.remove(found["id"])


# Arguments that exist, so that the call can work.
REAL = {
    "Emails.send": lambda: [EMAIL],
    "Emails.get": lambda: [scheduled()],
    "Emails.list": lambda: [],
    "Emails.metrics": lambda: [],
    "Emails.update": lambda: [{"id": scheduled(), "scheduled_at": LATER}],
    "Emails.cancel": lambda: [scheduled()],
    "Batch.send": lambda: [[EMAIL]],
    "EmailAttachments.get": attachment,
    "EmailAttachments.list": lambda: [attached()],
    "ApiKeys.create": lambda: [{"name": "python", "permission": "sending_access"}],
    "ApiKeys.list": lambda: [{"limit": 1}],
    "ApiKeys.update": lambda: [{"id": key(), "name": "python, renamed"}],
    "ApiKeys.remove": lambda: [key()],
    "Domains.create": lambda: [{"name": fresh()}],
    "Domains.list": lambda: [{"limit": 1}],
    "Domains.get": lambda: [domain()],
    "Domains.verify": lambda: [domain()],
    "Domains.update": lambda: [{"id": domain(), "open_tracking": False}],
    "Domains.remove": lambda: [domain()],
    "Suppressions.add": lambda: [{"email": NOBODY}],
    "Suppressions.list": lambda: [{"limit": 1, "origin": "manual"}],
    "Suppressions.get": lambda: [suppressed()],
    "Suppressions.remove": lambda: [suppressed()],
    "SuppressionsBatch.add": lambda: [{"emails": [NOBODY]}],
    "SuppressionsBatch.remove": lambda: [{"emails": [NOBODY]}],
    "Webhooks.create": lambda: [SUBSCRIPTION],
    "Webhooks.list": lambda: [{"limit": 1}],
    "Webhooks.get": lambda: [webhook()],
    "Webhooks.update": lambda: [{"webhook_id": webhook(), "events": ["email.sent"]}],
    "Webhooks.remove": lambda: [new_webhook()],
    "Webhooks.rotate_signing_secret": lambda: [webhook()],
    "Webhooks.list_events": lambda: [webhook(), {"limit": 1}],
    "Webhooks.get_event": told,
    "Webhooks.replay_event": told,
    "Webhooks.list_event_attempts": told,
}
# Arguments for all other methods: enough for the SDK to make a request.
ANYTHING = {
    **EMAIL,
    "name": "name",
    "email": "a@example.com",
    "emails": ["a@example.com"],
    "file": "email\na@example.com",
    "labels": ["label"],
    "events": ["email.sent"],
    "topics": [],
    "fallback_value": "",
    "identifier": ID,
    "id": ID,
} | {
    f"{thing}_id": ID
    for thing in (
        "api_key attachment audience automation broadcast claim contact domain draft email event import inbox label"
        " run segment template thread topic webhook"
    ).split()
}


def methods(owner, path, found, seen):
    """Every public method of the SDK's classes, once, by the shortest name."""
    for name, member in vars(owner).items():
        if name.startswith("_"):
            continue
        if inspect.isclass(member):
            ours = member.__module__.startswith("resend.") and not member.__module__.startswith(TRANSPORT)
            if ours and not issubclass(member, (dict, Exception)) and member not in seen:
                seen.add(member)
                methods(member, [*path, name], found, seen)
        elif isinstance(member, (classmethod, staticmethod)):
            found[".".join([*path, name])] = getattr(owner, name)
    return found


def given(name, method):
    real = REAL.get(name.removesuffix("_async"))
    if real is not None:
        return real(), {}
    options = {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if "str" in str(parameter.annotation) and "Params" not in str(parameter.annotation):
            options[parameter.name] = "a@example.com" if parameter.name == "email" else ID
        elif parameter.name != "options" or parameter.default is parameter.empty:
            options[parameter.name] = ANYTHING
    return [], options


def outcome(name, method):
    arguments, options = given(name, method)
    CLIENT.called = 0
    try:
        answer = method(*arguments, **options)
        if inspect.isawaitable(answer):

            async def awaited():
                return await answer

            answer = asyncio.run(awaited())
    except ResendError as error:
        if int(error.code) == 404 and error.error_type == "not_found" and re.search(r"openapi\.json|has this id", error.message):
            return "not_found"
        return f"{error.code} {error.error_type}: {error.message}"
    except Exception as error:  # noqa: BLE001: every error is reported
        # Refused by the SDK itself, without a request.
        asked_nobody = CLIENT.called == 0 and isinstance(error, ValueError)
        return "local" if asked_nobody else f"crashes: {error!r}"
    return "works" if CLIENT.called and answer else f"nothing: {answer!r}"


if __name__ == "__main__":
    found = methods(resend, [], {}, set())
    try:
        outcomes = {name: outcome(name, method) for name, method in found.items()}
    finally:
        remove_webhooks()
    print(json.dumps(outcomes))
