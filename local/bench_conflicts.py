"""Measures a paused queue under DynamoDB's transaction conflicts: park, purge, restore.

Role: behind `local/bench`, which starts the stack with TRANSACTION_WINDOW_MS=8: an item of a transaction stays busy for
that time and refuses every other write.
It measures the counts of the queue in the API, which are at most a few seconds old. It counts failed invocations and
failed records in the functions' logs.
Limits: parked within 60 s, purged within 120 s, restored within 120 s, and no failed invocation.
"""

import json
import os
import sys
import time

from bench_api import email, good, keep, tenant

EMAILS = int(os.environ.get("EMAILS", "1000"))
BATCH = 500
LIMITS_SECS = {"set_aside": 60, "purged": 120, "restored": 120}
# The timeout of a step.
PATIENCE_SECS = int(os.environ.get("PATIENCE_SECS", "600"))
QUEUE = "/queues/paused"


def held(key):
    return good(key, "GET", QUEUE)["counts"]["held"]


def until(condition):
    """Seconds until a condition holds, or None after the timeout."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_SECS:
        if condition():
            return round(time.monotonic() - began, 1)
        time.sleep(0.5)
    return None


def failures():
    """Failed invocations and failed records of all functions, from their logs, and the latest errors."""
    import boto3
    from botocore.config import Config

    logs = boto3.client(
        "logs", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"], config=Config(proxies={})
    )
    invocations, records, errors = 0, 0, []
    for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{os.environ['MAILQUEUE_STACK']}-")["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for line in (event["message"] for page in pages for event in page["events"]):
            try:
                said = json.loads(line)
            except ValueError:
                continue
            message = said.get("message")
            failed = int(said.get("failed") or 0) if message == "batch processed" else 0
            records += failed
            invocations += message == "a run failed" or (failed > 0 and failed == said.get("records"))
            if said.get("level") == "ERROR":
                errors.append(f"{group['logGroupName']}: {line.strip()[:300]}")
    return invocations, records, errors


def main():
    key = tenant("conflicts")
    good(key, "POST", "/queues", {"name": "paused"})
    good(key, "POST", f"{QUEUE}/pause", {})
    # Every sender applies the pause by then.
    time.sleep(6)
    for begin in range(0, EMAILS, BATCH):
        batch = [email(f"reader-{number}@example.com") | {"queue": "paused"} for number in range(begin, min(begin + BATCH, EMAILS))]
        good(key, "POST", "/emails/batch", batch)
    took = {"set_aside": until(lambda: held(key) == EMAILS)}
    jobs = {}
    for name, ask, holds in (("purged", "purge", lambda: held(key) == 0), ("restored", "restore", lambda: held(key) == EMAILS)):
        job = good(key, "POST", f"{QUEUE}/{ask}", {})["id"]
        took[name] = until(holds)
        jobs[name] = good(key, "GET", f"{QUEUE}/jobs/{job}")
    invocations, records, errors = failures()
    keep(
        "conflicts",
        {
            "emails": EMAILS,
            "window_ms": os.environ.get("TRANSACTION_WINDOW_MS"),
            "seconds": took,
            "held_at_last": held(key),
            "jobs": jobs,
            "failed_invocations": invocations,
            "failed_records": records,
            "errors": len(errors),
            "last_errors": errors[-3:],
        },
    )
    late = [name for name, limit in LIMITS_SECS.items() if took[name] is None or took[name] > limit]
    if late or invocations:
        sys.exit(f"Steps above their limits: {', '.join(late) or 'none'}. Failed invocations: {invocations}.")


if __name__ == "__main__":
    main()
