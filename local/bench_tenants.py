"""Tenants on the running stack: one sends now and then, others flood, one beyond its daily cap and one beyond its rate.

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
# Recipients in a day, and in a second, that a flooding tenant may send to; it tries eight times as many in a second.
FLOOD_CAP = 20
FLOOD_RATE = 5
# What SES takes in a second.
ACCOUNT_RATE = 200
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


def beside_a_flood(quiet, flooding):
    """The quiet tenant's figures while another one floods, and what the flood was answered."""
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
    took = quiet_part(quiet)
    over.set()
    for flooder in flooders:
        flooder.join()
    return figures(took) | {"flood": {str(status): count for status, count in sorted(answers.items())}}


def let_ses_take(recipients_per_second):
    """Sets the rate of the account, and waits until the queue knows it: `promote` asks every minute."""
    body = json.dumps({"max_send_rate": recipients_per_second, "max_24_hour_send": None}).encode()
    request = urllib.request.Request(f"{os.environ['INBOX_URL']}/account", data=body, method="PUT", headers={"content-type": "application/json"})
    DIRECT.open(request, timeout=10).close()
    time.sleep(65)


def main():
    quiet = tenant("quiet")
    capped, rated = tenant("capped", daily_cap=FLOOD_CAP), tenant("rated", rate=FLOOD_RATE)
    # The account takes more than both together may send: SES's own rate is not what is measured.
    let_ses_take(ACCOUNT_RATE)
    # New environments, first connections; and the cap is spent: before anything is measured.
    for _ in range(10):
        sent_after(quiet, good(quiet, "POST", "/emails", email("first@example.com"))["id"])
    while call(capped, "POST", "/emails", email("cap@example.com"))[0] == 200:
        pass
    parts = {"alone": figures(quiet_part(quiet))}
    parts["beside_a_flood_beyond_the_cap"] = beside_a_flood(quiet, capped)
    parts["beside_a_flood_beyond_the_rate"] = beside_a_flood(quiet, rated)

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    result = {
        "emails": EMAILS,
        "parts": parts,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
    }
    (ROOT / ".local" / "bench.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    beside = parts["beside_a_flood_beyond_the_cap"]
    if beside["flood"].get("429", 0) < EMAILS:
        sys.exit("The flood was none: too little of it was refused.")
    if beside["p99_ms"] > 2 * parts["alone"]["p99_ms"]:
        sys.exit("Beside a flood beyond its cap the quiet tenant's 99th percentile is more than twice its own.")


if __name__ == "__main__":
    main()
