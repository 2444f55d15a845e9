"""Measures emails of a tenant while another tenant has a slow queue of the same priority.

Role: behind `local/bench`, which starts the stack. One tenant has 2,000 emails waiting in a queue with a rate of one
recipient per second. Another tenant sends single emails of the same priority, before and while they wait.
It measures the time from `created_at` to `sent_at` of each single email in the API.
Limit: the slow queue at most doubles the median.
"""

import os
import sys
import time

from bench_api import email, good, keep, let_ses_take, percentile, sent_after, tenant

WAITING = int(os.environ.get("WAITING", "2000"))
SINGLE = 30
PAUSE_SECS = 0.5
BATCH = 500
# Recipients per second of SES, high enough that the account's rate has no effect.
ACCOUNT_RATE = 200
# An email counts as delayed if it takes this much longer than the median without load.
HELD_UP_MS = 2000


def single_emails(key, name):
    """Sends the single emails in sequence; returns their durations in milliseconds, shortest first."""
    ids = []
    for number in range(SINGLE):
        ids.append(good(key, "POST", "/emails", email(f"{name}-{number}@example.com") | {"priority": "low"})["id"])
        time.sleep(PAUSE_SECS)
    # In a blocked priority queue, an email waits until the slow queue is empty.
    return sorted(sent_after(key, email_id, patience_secs=WAITING + 300) for email_id in ids)


def figures(took):
    return {"p50_ms": round(percentile(took, 50)), "max_ms": round(took[-1])}


def main():
    newsletter, shop = tenant("newsletter"), tenant("shop")
    good(newsletter, "POST", "/queues", {"name": "slow", "rate_per_second": 1, "priority": "low"})
    let_ses_take(ACCOUNT_RATE)
    # Excludes new environments and first connections from the measurement.
    for _ in range(10):
        sent_after(shop, good(shop, "POST", "/emails", email("first@example.com") | {"priority": "low"})["id"])
    quiet = single_emails(shop, "quiet")
    for begin in range(0, WAITING, BATCH):
        batch = [email(f"reader-{number}@example.com") | {"queue": "slow"} for number in range(begin, min(begin + BATCH, WAITING))]
        good(newsletter, "POST", "/emails/batch", batch)
    time.sleep(5)
    beside = single_emails(shop, "beside")
    median = percentile(quiet, 50)
    held_up = sum(took > median + HELD_UP_MS for took in beside)
    keep("slow_queue", {"waiting": WAITING, "single": SINGLE, "quiet": figures(quiet), "beside": figures(beside), "held_up": held_up})
    if percentile(beside, 50) > 2 * median:
        sys.exit(f"With the slow queue, the median is more than twice the median without it; {held_up} of {SINGLE} emails were delayed.")


if __name__ == "__main__":
    main()
