"""Two tenants on the running stack: one sends now and then, one floods.

Role: behind `local/bench`, which starts the stack.
Measured is what the API says of each email of the quiet tenant: from `created_at` to `sent_at`, in milliseconds.
"""

import json
import os
import platform
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
URL = os.environ["MAILQUEUE_URL"]
EMAILS = int(os.environ.get("EMAILS", "200"))
PAUSE_SECS = 0.25
FLOODERS = 4
FLOOD_PAUSE_SECS = 0.1
# Recipients a second that the flooding tenant may send to; it tries eight times as many.
FLOOD_RATE = 5
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(key, method, path, body=None):
    """(status, JSON) of a call."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{URL}{path}", data=data, method=method, headers=headers)
    try:
        with DIRECT.open(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def good(key, method, path, body=None):
    status, answer = call(key, method, path, body)
    if status not in (200, 201):
        sys.exit(f"{method} {path} answered {status}: {answer}")
    return answer


def tenant(name, **limits):
    """Makes a tenant; returns a key of it."""
    deployer = os.environ["MAILQUEUE_DEPLOYER_KEY"]
    good(deployer, "POST", "/tenants", {"name": name, "from_domains": ["mailqueue.example"], **limits})
    return good(deployer, "POST", "/api-keys", {"name": "bench", "tenant": name})["token"]


def email(to):
    return {"from": "shop@mailqueue.example", "to": to, "subject": "Hello", "text": "Hello!"}


def millis(text):
    return datetime.fromisoformat(text).timestamp() * 1000


def sent_after(key, email_id):
    """Waits until an email is sent; how long it took."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        shown = good(key, "GET", f"/emails/{email_id}")
        if shown["status"] == "sent":
            return millis(shown["sent_at"]) - millis(shown["created_at"])
        time.sleep(0.2)
    sys.exit(f"Email {email_id} was not sent in two minutes.")


def quiet_part(key):
    """Sends the quiet tenant's emails, one after the other; how long each took to `sent`, shortest first."""
    ids = []
    for number in range(EMAILS):
        ids.append(good(key, "POST", "/emails", email(f"quiet-{number}@example.com"))["id"])
        time.sleep(PAUSE_SECS)
    return sorted(sent_after(key, email_id) for email_id in ids)


def percentile(sorted_values, percent):
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]


def figures(took):
    return {name: round(percentile(took, percent)) for name, percent in (("p50_ms", 50), ("p99_ms", 99))}


def main():
    quiet, flooding = tenant("quiet"), tenant("flooding", rate=FLOOD_RATE)
    # New environments, first connections: before anything is measured.
    for _ in range(10):
        sent_after(quiet, good(quiet, "POST", "/emails", email("first@example.com"))["id"])
    alone = quiet_part(quiet)

    answers, over, counting = {}, threading.Event(), threading.Lock()

    def flood(number):
        while not over.is_set():
            status, _ = call(flooding, "POST", "/emails", email(f"flood-{number}@example.com"))
            with counting:
                answers[status] = answers.get(status, 0) + 1
            time.sleep(FLOOD_PAUSE_SECS)

    flooders = [threading.Thread(target=flood, args=(number,)) for number in range(FLOODERS)]
    for flooder in flooders:
        flooder.start()
    beside = quiet_part(quiet)
    over.set()
    for flooder in flooders:
        flooder.join()

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    result = {
        "tenants": {
            "emails": EMAILS,
            "alone": figures(alone),
            "beside_a_flood": figures(beside),
            "flood": {str(status): count for status, count in sorted(answers.items())},
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
    }
    (ROOT / ".local" / "bench.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if answers.get(429, 0) < answers.get(200, 0):
        sys.exit("The flood was none: most of it was accepted.")
    if percentile(beside, 99) > 2 * percentile(alone, 99):
        sys.exit("Beside the flood the quiet tenant's 99th percentile is more than twice its own.")


if __name__ == "__main__":
    main()
