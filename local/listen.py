#!/usr/bin/env python3
"""Forwards the events of webhooks to a program on this machine, without a tunnel.

Role: behind `make listen FORWARD=http://127.0.0.1:3000/hook`. Works with the local stack and with any deployment.
It creates a webhook that is only pulled: mailqueue signs its events and calls nobody. Each second this script asks for
new events, and posts each exact body with its signed headers. The webhook is deleted at the end, or ends after 24 hours.
Invariants: the program takes each event once, oldest first; an event that it did not take is tried again. The API key
is sent to MAILQUEUE_URL only.

Settings from the environment, or else from .local/env: MAILQUEUE_URL, MAILQUEUE_API_KEY (full access).
"""

import argparse
import http.client
import json
import os
import shlex
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ENV = Path(__file__).resolve().parent.parent / os.environ.get("MAILQUEUE_STATE", ".local") / "env"
SETTINGS = ("MAILQUEUE_URL", "MAILQUEUE_API_KEY")
EVENTS = [
    *(f"email.{name}" for name in ("scheduled", "sent", "delivered", "delivery_delayed", "bounced", "complained")),
    *(f"email.{name}" for name in ("opened", "clicked", "failed", "suppressed", "canceled", "expired")),
    "suppression.added",
    "suppression.removed",
    "domain.created",
    "domain.updated",
    "domain.deleted",
]
PAUSE_SECS = 1
PAGE = 100
# An event is listed by the time of its fact, and SES may report a fact late. So each look begins so many events before
# the newest known one.
OVERLAP = 200
# The longest wait of an event that the program did not take, in looks. It is short, because people watch.
LONGEST_PAUSE = 10


class Trouble(Exception):
    """A problem for the user, in one sentence."""


class Unavailable(Trouble):
    """A failure of the API that passes by itself."""


# Without a proxy: both sides may be on this machine. A redirect would send the key elsewhere.
class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def send(method, url, body=None, headers=(), timeout_secs=35):
    """(status, text) of an HTTP request; (0, reason) without an answer."""
    asked = urllib.request.Request(url, data=body, method=method, headers=dict(headers))
    try:
        with _DIRECT.open(asked, timeout=timeout_secs) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)


def settings(environment, file):
    """The address and the key of the API."""
    found = dict(environment)
    if any(name not in found for name in SETTINGS) and file.exists():
        words = (shlex.split(line) for line in file.read_text().splitlines())
        stored = dict(word[1].split("=", 1) for word in words if len(word) == 2 and word[0] == "export")
        found = stored | found
    missing = [name for name in SETTINGS if not found.get(name)]
    if missing:
        raise Trouble(f"{' and '.join(missing)} missing: start the local stack with `make local`, or set them for a deployment.")
    return found["MAILQUEUE_URL"].rstrip("/"), found["MAILQUEUE_API_KEY"]


class Listener:
    """One webhook that is only pulled, and the place in its events."""

    def __init__(self, url, key, forward, events=EVENTS, send=send):
        self.url, self.forward, self.wanted, self.send = url, forward, events, send
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.id, self.secret = None, None
        # The taken events, and the one at which a look for new ones ends.
        self.taken, self.ids, self.horizon = [], set(), None
        # The other known events: the last wait of each, and the look of its next try.
        self.waiting, self.looks = {}, 0

    def call(self, method, path, body=None, expected=200):
        data = None if body is None else json.dumps(body).encode()
        status, text = self.send(method, f"{self.url}{path}", data, self.headers)
        if status != expected:
            kind = Unavailable if status in (0, 429) or status >= 500 else Trouble
            raise kind(f"{method} {path} answered {status}: {text}")
        return json.loads(text)

    def create(self):
        made = self.call("POST", "/webhooks", {"delivery": "pull", "events": self.wanted}, expected=201)
        self.id, self.secret = made["id"], made["signing_secret"]
        return made

    def delete(self):
        """True if the webhook is gone."""
        return self.send("DELETE", f"{self.url}/webhooks/{self.id}", None, self.headers)[0] in (200, 404)

    def untaken(self):
        """Events that the program has not taken, with payloads and new signatures, oldest first."""
        path = f"/webhooks/{self.id}/events?include=payload&limit={PAGE}"
        # The horizon does not pass an event that waits, because no later look would find it.
        if not self.waiting and len(self.taken) >= OVERLAP:
            self.horizon = self.taken[-OVERLAP]
        # Pages go from the newest event to older ones, until one reaches behind the overlap.
        page, found = self.call("GET", path), []
        while True:
            found += [event for event in page["data"] if event["id"] not in self.ids]
            reached = any(event["id"] == self.horizon for event in page["data"])
            last = page["data"][-1]["id"] if page["data"] else None
            if reached or not page["has_more"] or last is None:
                break
            page = self.call("GET", f"{path}&after={last}")
        return found[::-1]

    def post(self, event):
        """The answer of the program; (None, "") for an event without a payload, which belongs to an erased email."""
        if event.get("body") is None:
            return None, ""
        headers = [(header["name"], header["value"]) for header in event.get("headers", [])]
        headers.append(("content-type", "application/json"))
        return self.send("POST", self.forward, event["body"].encode(), headers, 15)

    def forward_new(self):
        """Forwards events; yields each with the answer of the program, and the wait for the next try (0: taken)."""
        found = self.untaken()
        self.looks += 1
        # An event that is no longer listed is erased.
        self.waiting = {event["id"]: self.waiting.get(event["id"], (0, 0)) for event in found}
        for event in found:
            pause, look = self.waiting[event["id"]]
            if look > self.looks:
                continue
            status, reason = self.post(event)
            if status is None or 200 <= status < 300:
                del self.waiting[event["id"]]
                self.taken.append(event["id"])
                self.ids.add(event["id"])
                pause = 0
            else:
                pause = min(max(1, 2 * pause), LONGEST_PAUSE)
                self.waiting[event["id"]] = (pause, self.looks + pause)
            yield event, (status, reason), pause
            # The program is away: the other events would only wait for it.
            if status == 0:
                return


def line(event, answer, pause):
    """The report of one event."""
    status, reason = answer
    data = (event.get("payload") or {}).get("data") or {}
    to = data.get("to") or [data.get("email") or data.get("name") or ""]
    said = "erased" if status is None else status or f"no answer ({reason})"
    again = f"; again in {pause * PAUSE_SECS} s" if pause else ""
    return f"{event['created_at'][11:19]}  {event['type']:<24} {to[0]:<32} {said}{again}"


def stop(*_):
    """Ends the script as Ctrl-C does. `make` repeats the signal, which must not disturb the deletion."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description="Forwards the events of webhooks to a program on this machine.")
    parser.add_argument("forward", metavar="URL", help="the address of your program, for example http://127.0.0.1:3000/hook")
    parser.add_argument("--events", default=",".join(EVENTS), help="the types, separated by commas")
    given = parser.parse_args()
    if not given.forward.startswith(("http://", "https://")):
        raise Trouble("FORWARD must be a URL such as http://127.0.0.1:3000/hook.")
    listener = Listener(*settings(os.environ, ENV), given.forward, given.events.split(","))
    made = listener.create()
    signal.signal(signal.SIGTERM, stop)
    print(f"Signing secret  {listener.secret}\nForwarding to   {given.forward}\n"
          f"Emails accepted from {made.get('active_at', 'now')} on are certain to be told; Ctrl-C ends.", flush=True)
    try:
        while True:
            try:
                for event, answer, pause in listener.forward_new():
                    print(line(event, answer, pause), flush=True)
            except Unavailable as trouble:
                print(f"{trouble} (trying again)", flush=True)
            time.sleep(PAUSE_SECS)
    except KeyboardInterrupt:
        print()
    finally:
        print("The webhook is deleted." if listener.delete() else "The webhook is not deleted; it ends after 24 hours.")


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(str(trouble))
