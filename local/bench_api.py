"""Shared code of the benchmarks: calls of the API on the running stack, and the file of results.

Role: imported by the other `bench_*.py` files, which `local/bench` runs.
"""

import json
import os
import platform
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
URL = os.environ["MAILQUEUE_URL"]
FIGURES = ROOT / ".local" / "bench.json"
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
    if status not in (200, 201, 202):
        sys.exit(f"{method} {path} answered {status}: {answer}")
    return answer


def tenant(name, **limits):
    """Creates a tenant; returns an API key of it."""
    deployer = os.environ["MAILQUEUE_DEPLOYER_KEY"]
    good(deployer, "POST", "/tenants", {"name": name, "from_domains": ["mailqueue.example"], **limits})
    return good(deployer, "POST", "/api-keys", {"name": "bench", "tenant": name})["token"]


def email(to):
    return {"from": "shop@mailqueue.example", "to": to, "subject": "Hello", "text": "Hello!"}


def millis(text):
    return datetime.fromisoformat(text).timestamp() * 1000


def sent_after(key, email_id, patience_secs=120):
    """Waits until an email is sent; returns the duration."""
    deadline = time.monotonic() + patience_secs
    while time.monotonic() < deadline:
        shown = good(key, "GET", f"/emails/{email_id}")
        if shown["status"] == "sent":
            return millis(shown["sent_at"]) - millis(shown["created_at"])
        time.sleep(0.2)
    sys.exit(f"Email {email_id} was not sent in {patience_secs} s.")


def percentile(sorted_values, percent):
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]


def let_ses_take(recipients_per_second):
    """Sets the account's rate and waits until the queue applies it: `promote` reads the rate every minute."""
    body = json.dumps({"max_send_rate": recipients_per_second, "max_24_hour_send": None}).encode()
    request = urllib.request.Request(f"{os.environ['INBOX_URL']}/account", data=body, method="PUT", headers={"content-type": "application/json"})
    DIRECT.open(request, timeout=10).close()
    time.sleep(65)


def keep(part, result):
    """Adds the results of a part to the file of results, and prints them."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    result |= {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
    }
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    # An older format had the results of one part without a name.
    kept = {name: figures for name, figures in kept.items() if isinstance(figures, dict) and "at" in figures}
    FIGURES.write_text(json.dumps(kept | {part: result}, indent=2) + "\n")
    print(json.dumps({part: result}, indent=2))
